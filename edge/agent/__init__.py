"""The agent of a gateway: what its file says, put together and kept going. `sipe gateway` runs it."""
