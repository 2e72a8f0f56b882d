"""Time before the floor folded again from the archive, beside the live flow, and swapped in."""
