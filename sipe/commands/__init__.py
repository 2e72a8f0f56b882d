"""A module per command: `configure(parser)` declares its options, `run(args)` does the work and gives the exit code."""
