"""The tables of the transactional store, declared once; the migrations are held against them by a test.

Whoever imports one of them has them all: a migration or a right is of every table, so none may be missing.
"""

from connectors.sql.schema import (
    contracts,
    duties,
    identity,
    leases,
    people,
    production,
    release,
    requests,
    sheets,
    trail,
)

__all__ = [
    "contracts",
    "duties",
    "identity",
    "leases",
    "people",
    "production",
    "release",
    "requests",
    "sheets",
    "trail",
]
