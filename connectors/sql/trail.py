"""The audit trail in the store: entries are added under the lock of its head, and read for an export."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, select, update

from connectors.sql.schema.trail import AUDIT, AUDIT_HEAD
from models.audit import Entry, Sealed, Who, line, seal

_HEAD = 1
_LOT = 1_000


class Note(NamedTuple):
    """What becomes an entry once its number is known."""

    action: str
    on: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str


class Head(NamedTuple):
    """The newest entry's number and seal."""

    seq: int
    seal: str


def append(connection: Connection, who: Who, at_ms: int, notes: Sequence[Note]) -> None:
    """Seal the notes onto the trail."""
    if not notes:
        return
    # The first statement locks the row, on every database alike; whoever else adds entries waits here.
    of_head = update(AUDIT_HEAD).where(AUDIT_HEAD.c.id == _HEAD)
    connection.execute(of_head.values(seq=AUDIT_HEAD.c.seq + len(notes)))
    newest, before = head(connection)
    rows: list[dict[str, Any]] = []
    for seq, note in enumerate(notes, start=newest - len(notes) + 1):
        sealed = seal(before, Entry(seq=seq, at_ms=at_ms, who=who, **note._asdict()))
        before = sealed.seal
        rows.append({"seq": seq, "seal": sealed.seal, "entry": bytes(sealed.entry).decode()})
    connection.execute(AUDIT.insert(), rows)
    connection.execute(of_head.values(seal=before))


def head(connection: Connection) -> Head:
    """What an anchor says."""
    row = connection.execute(select(AUDIT_HEAD.c.seq, AUDIT_HEAD.c.seal).where(AUDIT_HEAD.c.id == _HEAD)).one()
    return Head(row.seq, row.seal)


def export(connection: Connection, first: int = 1) -> Iterator[bytes]:
    """Lines for `models.audit.verify`, from an entry on."""
    while rows := connection.execute(select(AUDIT).where(AUDIT.c.seq >= first).order_by(AUDIT.c.seq).limit(_LOT)).all():
        for row in rows:
            yield line(Sealed(row.seal, msgspec.Raw(row.entry.encode())))
        first = rows[-1].seq + 1
