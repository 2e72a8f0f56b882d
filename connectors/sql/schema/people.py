"""Who may do something: people, their roles, and whom they let decide for them."""

from __future__ import annotations

from sqlalchemy import PrimaryKeyConstraint, UniqueConstraint

from connectors.sql.schema.columns import document, key, number, table, to

PEOPLE = table(
    "people",
    key("id", primary_key=True),
    key("display", chars=128),
    key("pseudonym"),  # what operators are called outside of this store; forgotten with the person
    key("badge_digest", nullable=True),
    key("password_hash", chars=255, nullable=True),
    key("pin_hash", chars=255, nullable=True),  # serves together with the badge only
    key("password_by", nullable=True),  # who set it: what somebody else knows, too, signs nothing
    key("pin_by", nullable=True),
    number("failures", server_default="0"),  # wrong answers since the last right one
    number("locked_until_ms", nullable=True),
    number("forgotten_ms", nullable=True),
    number("active"),
    number("version"),
    number("created_ms"),
    UniqueConstraint("pseudonym"),
    UniqueConstraint("badge_digest"),
)

PERSON_ROLES = table(
    "person_roles",
    key("person", to("people.id")),
    key("role"),
    key("line", chars=131),  # site.area.line; empty is every line
    PrimaryKeyConstraint("person", "role", "line"),
)

DELEGATIONS = table(
    "delegations",
    number("id", primary_key=True, autoincrement=True),
    key("by", to("people.id")),
    key("to", to("people.id")),
    number("from_ms"),
    number("until_ms"),
    document("reason"),
)
