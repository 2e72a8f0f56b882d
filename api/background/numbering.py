"""Positions for what was told; any process may give them, whenever it wants to know them."""

from __future__ import annotations

from connectors.sql import outbox
from connectors.sql.duties import SERVICE
from connectors.sql.work import Store


def give_positions(store: Store) -> None:
    """Give positions to every row that has none."""
    with store.reading() as connection:
        has_new = outbox.has_new(connection)
    while has_new:
        has_new = store.work(SERVICE, outbox.number) == outbox.LOT
