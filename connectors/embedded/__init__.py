"""The embedded stack: production wire protocols, with servers that are child processes on loopback."""
