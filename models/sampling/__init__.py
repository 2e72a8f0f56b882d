"""Lot sampling by attributes after ISO 2859-1: which plan, which units, what it says, and what the next lot gets."""
