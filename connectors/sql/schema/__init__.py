"""The tables of the transactional store, declared once; the migrations are held against them by a test."""
