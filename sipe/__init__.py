"""The kernel of SIPE: contracts, settings, clock and errors. It imports nothing else of the project."""
