"""Empties the spool into `/v1/events`: in order for each sender, the new ahead of the late, and nothing lost."""
