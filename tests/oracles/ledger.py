"""The ledger: what was sent, and where every message of it ended up. One checker closes every fault test.

    sent = stored (by identity) + dead-lettered (by exact bytes) + spooled + declared lost (by a gap)

Each message stands in one of these places, each place in the log once, each event counts once, and nothing is there
that nobody sent. The rows made of it are those of a naive batch recomputation. Whatever does not hold is named by its
first difference.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from connectors.clickhouse.client import Warehouse
from models.twin.link import Identity, identity
from models.twin.truth import truth_of
from sipe.contracts.codec import encode
from sipe.contracts.events import GapDetected, StationEvent

COUNTED = ("accepted", "late")
"""What the flow says of an event that it saw for the first time."""

Position = tuple[int, int, int]
"""Where a record stands: (log epoch, partition, offset)."""


class Stored(NamedTuple):
    """A row of the archive."""

    identity: Identity
    digest: str
    outcome: str
    position: Position


class DeadLetter(NamedTuple):
    """A message that was no event, or of which the flow would not have it."""

    digest: str
    position: Position


class Found(NamedTuple):
    """Where messages were found after a storm."""

    stored: Sequence[Stored]
    dead_letters: Sequence[DeadLetter]
    spooled: Sequence[str] = ()
    """The digests of what still waits in a spool."""
    declared: Callable[[Identity], bool] = lambda _: False
    """Whether a gap declares an event lost."""


class LedgerError(AssertionError):
    """The books do not close; the text names the first difference."""


@dataclass
class Balance:
    """How the books stand; each list holds one line per message, the first of them in the order of sending."""

    sent: int = 0
    stored: int = 0
    dead_lettered: int = 0
    spooled: int = 0
    declared: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)

    def close(self) -> Balance:
        """This balance, if the books close; raises `LedgerError` that says how many messages differ and the first."""
        for what in ("lost", "doubled", "strange"):
            lines = getattr(self, what)
            if lines:
                raise LedgerError(f"{len(lines)} of {self.sent} messages {what}, the first: {lines[0]}")
        return self


class Ledger:
    """What a sender writes down before it sends: the identity of an event, and a digest of the bytes."""

    def __init__(self) -> None:
        self._copies: Counter[str] = Counter()
        self._events: dict[str, StationEvent] = {}

    def event(self, event: StationEvent, value: bytes | None = None) -> None:
        """Note an event that is sent, as these bytes (None: as the codec writes it)."""
        digest = digest_of(encode(event) if value is None else value)
        self._copies[digest] += 1
        self._events[digest] = event

    def raw(self, value: bytes) -> None:
        """Note bytes that are sent and are no event."""
        self._copies[digest_of(value)] += 1

    @property
    def sent(self) -> int:
        """How many messages were sent, each copy counted."""
        return self._copies.total()

    def balance(self, found: Found) -> Balance:
        """Hold what was found against what was sent."""
        stored_copies = Counter(row.digest for row in found.stored)
        dead_copies = Counter(letter.digest for letter in found.dead_letters)
        spooled_copies = Counter(found.spooled)
        counted = Counter(row.identity for row in found.stored if row.outcome in COUNTED)
        elsewhere = dead_copies + spooled_copies
        balance = Balance(sent=self.sent, doubled=list(_twice(found, counted)), strange=list(self._strange(found)))
        for digest, copies in self._copies.items():
            event = self._events.get(digest)
            in_store, dead, spooled = stored_copies[digest], dead_copies[digest], spooled_copies[digest]
            declared = event is not None and not in_store + dead + spooled and found.declared(identity(event))
            balance.stored += in_store
            balance.dead_lettered += dead
            balance.spooled += spooled
            balance.declared += copies * declared
            missing = 0 if declared else copies - in_store - dead - spooled
            if missing > 0:
                balance.lost.append(f"{self._name(digest)}, sent {copies} times, found {copies - missing} times")
            elif event is not None and in_store and not counted[identity(event)] and not elsewhere[digest]:
                balance.lost.append(f"{self._name(digest)} is stored as a duplicate of an event that is not there")
        return balance

    def batch(self, found: Found) -> list[StationEvent]:
        """The events that count, as they were sent: what a batch recomputation starts from."""
        counted = {row.digest for row in found.stored if row.outcome == "accepted"}
        return [event for digest, event in self._events.items() if digest in counted]

    def _strange(self, found: Found) -> Iterable[str]:
        for row in found.stored:
            event = self._events.get(row.digest)
            if event is None:
                yield f"{_place(row.position)} holds {'/'.join(map(str, row.identity))} as bytes that were not sent"
            elif identity(event) != row.identity:
                yield f"{_place(row.position)} holds {self._name(row.digest)} as {'/'.join(map(str, row.identity))}"
        for letter in found.dead_letters:
            if letter.digest not in self._copies:
                yield f"{_place(letter.position)} is dead-lettered with bytes that were not sent ({letter.digest})"
        for digest in found.spooled:
            if digest not in self._copies:
                yield f"the spool holds bytes that were not sent ({digest})"

    def _name(self, digest: str) -> str:
        event = self._events.get(digest)
        return "/".join(map(str, identity(event))) if event else f"the message {digest}"


def _twice(found: Found, counted: Counter[Identity]) -> Iterable[str]:
    """Events that count twice, and places of the log that are filled twice."""
    for event, times in counted.items():
        if times > 1:
            yield f"{'/'.join(map(str, event))} counts {times} times"
    places = Counter([row.position for row in found.stored] + [letter.position for letter in found.dead_letters])
    for position, times in places.items():
        if times > 1:
            yield f"{_place(position)} is stored or dead-lettered {times} times"


def _place(position: Position) -> str:
    epoch, partition, offset = position
    return f"epoch {epoch} partition {partition} offset {offset}"


def digest_of(value: bytes) -> str:
    """What tells messages apart: the first half of their SHA-256, in hexadecimal."""
    return hashlib.sha256(value).hexdigest()[:32]


def gaps(events: Iterable[StationEvent]) -> Callable[[Identity], bool]:
    """Whether one of the gaps among these events declares an event lost."""
    spans = [
        (event.station, event.source, event.boot, event.first_missing, event.last_missing)
        for event in events
        if isinstance(event, GapDetected)
    ]
    return lambda lost: any(span[:3] == lost[:3] and span[3] <= lost[3] <= span[4] for span in spans)


_STORED = """
SELECT station, source, boot, seq, lower(left(hex(SHA256(raw)), 32)) AS digest, outcome, epoch, partition, offset
FROM events FINAL
"""
_DEAD = "SELECT lower(left(hex(SHA256(raw)), 32)) AS digest, epoch, partition, offset FROM rejects FINAL"


def found_in(store: Warehouse) -> Found:
    """What the tables hold, doubled rows merged by their key; digests are the server's own, of the bytes it keeps."""
    stored = [
        Stored((row["station"], row["source"], row["boot"], row["seq"]), row["digest"], row["outcome"], _position(row))
        for row in store.rows(_STORED)
    ]
    return Found(stored, [DeadLetter(row["digest"], _position(row)) for row in store.rows(_DEAD)])


def _position(row: dict[str, Any]) -> Position:
    return row["epoch"], row["partition"], row["offset"]


def check(store: Warehouse, ledger: Ledger, now_ms: int) -> Balance:
    """Close the books over a store: no message lost or doubled, and every row that of a batch recomputation.

    `now_ms` is the last tick. Raises `LedgerError`.
    """
    found = found_in(store)
    balance = ledger.balance(found).close()
    truth = truth_of(ledger.batch(found), now_ms)
    facts = store.rows("SELECT * EXCEPT (closed, version, is_deleted) FROM minute_facts FINAL")
    stops = store.rows("SELECT * EXCEPT (version, is_deleted) FROM stops FINAL")
    compare("minute_facts", map(_plain, facts), map(tuple, truth.facts))
    compare("stops", map(_plain, stops), map(tuple, truth.stops))
    return balance


def compare(table: str, found: Iterable[tuple[Any, ...]], expected: Iterable[tuple[Any, ...]]) -> None:
    """Raise `LedgerError` with the first row that is found and not expected, or the other way round."""
    of_store, of_batch = Counter(found), Counter(expected)
    more, less = sorted((of_store - of_batch).elements()), sorted((of_batch - of_store).elements())
    if more or less:
        first = "; ".join(
            f"{what} {rows[0]}" for what, rows in (("the store holds", more), ("the batch gives", less)) if rows
        )
        raise LedgerError(f"{table}: {len(more)} rows too many, {len(less)} too few, the first: {first}")


def _plain(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(round(v.timestamp() * 1000) if isinstance(v, datetime) else v for v in row.values())
