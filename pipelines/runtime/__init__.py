"""A working system around the commands: its servers, its flow, and how far the store is."""
