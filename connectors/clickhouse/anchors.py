"""Anchors of the audit trail in ClickHouse: inserted once a minute, and read when a trail is verified."""

from __future__ import annotations

from connectors.clickhouse.client import DRIVER_ERRORS, Address, Warehouse, driver, explained
from sipe.contracts.changes import Anchor

TIMEOUT_S = 10.0


def keep(address: Address, anchor: Anchor) -> None:
    """Insert one; raises `SipeError`."""
    asking = driver(address, timeout_s=TIMEOUT_S)
    try:
        row = (anchor.seq, anchor.seal, anchor.at_ms)
        asking.execute("INSERT INTO audit_anchors (seq, seal, at_ms) VALUES", [row])
    except DRIVER_ERRORS as error:
        raise explained(error, address) from error
    finally:
        asking.disconnect()


def read(address: Address) -> list[Anchor]:
    """Every anchor, in the order of the trail; raises `SipeError`."""
    with Warehouse(address) as warehouse:
        rows = warehouse.tuples("SELECT seq, seal, at_ms FROM audit_anchors FINAL ORDER BY seq, at_ms")
    return [Anchor(seq=seq, seal=seal, at_ms=at_ms) for seq, seal, at_ms in rows]
