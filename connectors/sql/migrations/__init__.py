"""The migrations of the transactional store."""
