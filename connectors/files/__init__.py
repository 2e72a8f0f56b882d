"""Files on disk: what people write for SIPE to read, and what SIPE writes beside its tables."""
