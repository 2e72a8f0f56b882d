"""One folder per outside system, and the embedded stack."""
