"""Approval of documents: levels with a quorum each, one decision per person and level, duties kept apart."""
