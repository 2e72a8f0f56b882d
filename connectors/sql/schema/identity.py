"""How somebody proves who they are after they have signed in or enrolled: devices, codes and refresh tokens.

No table holds a code or a token, only its SHA-256: whoever reads the store can use none of them.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index, UniqueConstraint

from connectors.sql.schema.columns import key, number, table, to

DEVICES = table(
    "devices",
    key("id", primary_key=True),
    key("station", chars=131),
    number("enrolled_ms"),
    number("revoked_ms", nullable=True),
    Index(None, "station"),
)

ENROLMENT_CODES = table(
    "enrolment_codes",
    key("digest", primary_key=True),
    key("station", chars=131),
    key("created_by", to("people.id")),
    number("created_ms"),
    number("expires_ms"),
    number("used_ms", nullable=True),
    key("device", to("devices.id"), nullable=True),
)

# The parent that every change of its tokens locks first: all that followed from one sign-in or enrolment.
TOKEN_FAMILIES = table(
    "token_families",
    key("id", primary_key=True),
    key("person", to("people.id"), nullable=True),
    key("device", to("devices.id"), nullable=True),
    number("authenticated_ms"),
    number("revoked_ms", nullable=True),
    key("revoked_reason", nullable=True),
    CheckConstraint("(person IS NULL) <> (device IS NULL)", name="of_one"),
    Index(None, "person"),
    Index(None, "device"),
)

REFRESH_TOKENS = table(
    "refresh_tokens",
    key("digest", primary_key=True),
    key("family", to("token_families.id")),
    number("number"),  # within the family: two successors of one token are impossible
    number("issued_ms"),
    number("expires_ms"),
    number("used_ms", nullable=True),
    UniqueConstraint("family", "number"),
    Index(None, "expires_ms"),
)
