"""Bytewax dataflows; each file reads as a table of contents."""
