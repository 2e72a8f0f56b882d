"""What all tables are made of.

Keys are compared byte by byte, so 'AB1' is not 'ab1 '; times are whole milliseconds, Unix, UTC; what is a value of the
domain is kept as canonical JSON, which no statement looks into.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData, String, Table, Text
from sqlalchemy.dialects.mysql import LONGTEXT
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

COLLATION = "utf8mb4_nopad_bin"
"""MariaDB's: binary, and a trailing space counts."""

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

NUMBER: TypeEngine[int] = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts a primary key up only when it is called INTEGER; it holds 64 bits there, too."""
DOCUMENT: TypeEngine[str] = Text().with_variant(LONGTEXT(), "mariadb")


MARIADB: dict[str, Any] = {
    "mariadb_engine": "InnoDB",
    "mariadb_default_charset": "utf8mb4",
    "mariadb_collate": COLLATION,
}
"""Of every table, so that no server's default decides."""
KEPT: dict[str, Any] = {"ondelete": "RESTRICT", "onupdate": "RESTRICT"}
"""A reference that can never dangle: what is referred to is not deleted."""


def table(name: str, *items: SchemaItem) -> Table:
    """A table of the store."""
    return Table(name, METADATA, *items, **MARIADB)


def key(name: str, *items: SchemaItem, chars: int = 64, **options: Any) -> Column[Any]:
    """A short text that tells one thing from another."""
    return Column(name, String(chars), *items, nullable=options.pop("nullable", False), **options)


def to(target: str) -> ForeignKey:
    """A reference to a column."""
    return ForeignKey(target, **KEPT)


def number(name: str, *items: SchemaItem, **options: Any) -> Column[Any]:
    """A whole number: a count, a version, a time in milliseconds."""
    return Column(name, NUMBER, *items, nullable=options.pop("nullable", False), **options)


def document(name: str, **options: Any) -> Column[Any]:
    """Canonical JSON, or prose."""
    return Column(name, DOCUMENT, nullable=options.pop("nullable", False), **options)
