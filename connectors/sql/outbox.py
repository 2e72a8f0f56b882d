"""The outbox: what was told in each transaction, in the order in which others learn it.

Ids are taken before their transactions end, so a row may appear behind one with a higher id. Positions are given to
what is there, one process at a time, and have no gaps: whoever has seen a position has seen everything before it. For
one thing that is told about they follow the order of its changes, for whoever changes it holds it.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, case, delete, exists, func, or_, select, update

from connectors.sql.schema.trail import OUTBOX, OUTBOX_HEAD
from connectors.sql.work import Work

LOT = 500
_HEAD = OUTBOX_HEAD.c.id == 1


class Told(NamedTuple):
    """Something for the others, at its position."""

    position: int
    topic: str
    key: str
    body: str
    created_ms: int


class Head(NamedTuple):
    """The newest position, and the one up to which Kafka has acknowledged."""

    position: int
    told: int


class Waiting(NamedTuple):
    """What Kafka has not acknowledged: how many rows, and when the oldest of them was written, if there is one."""

    rows: int
    oldest_ms: int | None


def has_new(connection: Connection) -> bool:
    """Whether there are rows without a position."""
    return bool(connection.execute(select(exists().where(OUTBOX.c.position.is_(None)))).scalar())


def number(work: Work) -> int:
    """Give up to `LOT` rows that have no position the next ones, in the order of their ids; how many there were."""
    head = work.lock(select(OUTBOX_HEAD).where(_HEAD), "outbox head", 1)
    query = select(OUTBOX.c.id).where(OUTBOX.c.position.is_(None)).order_by(OUTBOX.c.id).limit(LOT)
    positions = {id_: position for position, id_ in enumerate(work.run(query).scalars(), start=head.position + 1)}
    if positions:
        given = case(positions, value=OUTBOX.c.id)
        work.run(update(OUTBOX).where(OUTBOX.c.id.in_(positions)).values(position=given))
        work.run(update(OUTBOX_HEAD).where(_HEAD).values(position=head.position + len(positions)))
    return len(positions)


def behind(connection: Connection, position: int, limit: int = LOT) -> list[Told]:
    """What comes behind a position, in order."""
    columns = OUTBOX.c.position, OUTBOX.c.topic, OUTBOX.c.key, OUTBOX.c.body, OUTBOX.c.created_ms
    query = select(*columns).where(OUTBOX.c.position > position).order_by(OUTBOX.c.position).limit(limit)
    return [Told(*row) for row in connection.execute(query)]


def head(connection: Connection) -> Head:
    """How far positions are given, and told."""
    row = connection.execute(select(OUTBOX_HEAD.c.position, OUTBOX_HEAD.c.told).where(_HEAD)).one()
    return Head(row.position, row.told)


def can_resume(connection: Connection, position: int) -> bool:
    """Whether everything behind a position is still there; one that was never given is not known."""
    newest = head(connection).position
    oldest = connection.execute(select(func.min(OUTBOX.c.position))).scalar()
    return (newest if oldest is None else oldest - 1) <= position <= newest


def acknowledged(work: Work, position: int) -> None:
    """Everything up to a position is in Kafka; it never becomes less."""
    work.run(update(OUTBOX_HEAD).where(_HEAD, OUTBOX_HEAD.c.told < position).values(told=position))


def waiting(connection: Connection) -> Waiting:
    """What Kafka does not have yet."""
    untold = or_(OUTBOX.c.position.is_(None), OUTBOX.c.position > head(connection).told)
    row = connection.execute(select(func.count(), func.min(OUTBOX.c.created_ms)).where(untold)).one()
    return Waiting(row[0], row[1])


def has_told_before(connection: Connection, before_ms: int) -> bool:
    """Whether the oldest row was told, and written before a time: then `prune` has something to do."""
    first = select(OUTBOX.c.position, OUTBOX.c.created_ms).where(OUTBOX.c.position.is_not(None))
    row = connection.execute(first.order_by(OUTBOX.c.position).limit(1)).one_or_none()
    return row is not None and row.created_ms < before_ms and row.position <= head(connection).told


def prune(work: Work, before_ms: int) -> int:
    """Drop up to `LOT` of the oldest rows that were told and written before a time; how many. No gap comes of it."""
    told = select(OUTBOX_HEAD.c.told).where(_HEAD).scalar_subquery()
    oldest = select(OUTBOX.c.position, OUTBOX.c.created_ms).where(OUTBOX.c.position <= told)
    rows = work.run(oldest.order_by(OUTBOX.c.position).limit(LOT)).all()
    old = [row.position for row in rows if row.created_ms < before_ms]
    kept = next((row.position for row in rows if row.created_ms >= before_ms), None)
    gone = [position for position in old if kept is None or position < kept]
    if gone:
        work.run(delete(OUTBOX).where(OUTBOX.c.position <= gone[-1]))
    return len(gone)
