"""What Alembic runs: the migrations, on the connection that `connectors.sql.migrate` hands over."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from connectors.sql.schema.columns import DOCUMENT, METADATA, NUMBER

OURS = {NUMBER: "NUMBER", DOCUMENT: "DOCUMENT"}


def render(kind: str, item: Any, autogen: Any) -> str | Literal[False]:
    """Our own types by their names, in a migration that Alembic drafts."""
    if kind != "type" or item not in OURS:
        return False
    autogen.imports.add("from connectors.sql.schema.columns import DOCUMENT, NUMBER")
    return OURS[item]


context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, compare_type=True, render_item=render
)
with context.begin_transaction():
    context.run_migrations()
