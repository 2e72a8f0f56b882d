"""The gateway on the shop floor; installs without the server packages."""
