"""Redis holds only what may be lost."""
