"""Units of work: everything one request changes, its audit entries and what is told to others, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Concatenate, ParamSpec, TypeVar

import msgspec
from sqlalchemy import Connection, CursorResult, Row, Select, Table
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.sql import Executable

from connectors.sql import trail
from connectors.sql.engine import ATTEMPTS, Transactions, is_busy, open_engine, step_aside, unavailable
from connectors.sql.schema.trail import OUTBOX
from models.audit import Who
from models.refusal import NotFound
from sipe.clock import Clock
from sipe.contracts.codec import MESSAGE_BYTES_MAX
from sipe.contracts.topics import CHANGES_TOPIC
from sipe.errors import SipeError

T = TypeVar("T")
P = ParamSpec("P")

_encoder = msgspec.json.Encoder(order="sorted")


def canonical(value: object) -> str:
    """JSON with sorted keys: the same value is the same text."""
    return _encoder.encode(value).decode()


class Work:
    """One transaction of one person or device. What it says about itself is written when it ends, or not at all."""

    def __init__(self, connection: Connection, who: Who, now_ms: int) -> None:
        self.connection = connection
        self.who = who
        self.now_ms = now_ms
        self.dropped: list[str] = []
        """Digests of contracts that no copy is kept of any longer."""
        self._noted: list[trail.Note] = []
        self._told: list[dict[str, Any]] = []

    def run(self, statement: Executable, values: Iterable[Mapping[str, Any]] | None = None) -> CursorResult[Any]:
        """Run a statement, once or for many rows."""
        return self.connection.execute(statement, list(values) if values is not None else None)

    def one(self, statement: Executable) -> Row[Any] | None:
        """The only row, or None."""
        return self.run(statement).one_or_none()

    def insert(self, table: Table, row: Mapping[str, Any]) -> int:
        """A row of a table that counts its key up; the key."""
        (key,) = self.run(table.insert().values(row)).inserted_primary_key or (0,)
        return int(key)

    def lock(self, query: Select[Any], kind: str, key: object) -> Row[Any]:
        """The only row, which nobody else changes until this work ends; raises `NotFound`."""
        row = self.one(query.with_for_update())
        if row is None:
            raise NotFound(kind, key)
        return row

    def note(self, action: str, on: str, *, before: object = None, after: object = None, reason: str = "") -> None:
        """An entry for the audit trail: what is done to what, how it was before and is afterwards, and why."""
        self._noted.append(trail.Note(action, on, _plain(before), _plain(after), reason))

    def tell(self, kind: str, on: str, **body: object) -> None:
        """Something for the others: `kind` of change, on what, and whatever they need to know about it.

        It says its `station`, or at least its `line`, unless it belongs to none: that decides who learns of it.
        """
        change = {"kind": kind, "on": on, "at_ms": self.now_ms, **body}
        told = canonical(change)
        if len(told.encode()) > MESSAGE_BYTES_MAX:  # else it would be kept, and block all that is told behind it
            raise SipeError(f"{kind} of {on} is too long to be told: {len(told)} characters")
        self._told.append({"topic": CHANGES_TOPIC.name, "key": on, "body": told, "created_ms": self.now_ms})

    @property
    def has_told(self) -> bool:
        """Whether there is something for the others."""
        return bool(self._told)

    def drop_copies(self, digests: Iterable[str]) -> None:
        """Once this work stands, have caches keep these contracts no longer."""
        self.dropped += digests

    def end(self) -> None:
        """Write what was noted and told. The trail comes last: whoever holds its head waits for no one else's rows."""
        if self._told:
            self.run(OUTBOX.insert(), self._told)
        trail.append(self.connection, self.who, self.now_ms, self._noted)


class Store:
    """The transactional store: the only way to change something is a unit of work."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.transactions = Transactions(open_engine(url))
        self._clock = clock
        self._listeners: list[Callable[[], None]] = []
        self._droppers: list[Callable[[list[str]], None]] = []

    def when_told(self, ring: Callable[[], None]) -> None:
        """Have something called whenever a unit of work of this process has told something; it must not block."""
        self._listeners.append(ring)

    def when_dropped(self, drop: Callable[[list[str]], None]) -> None:
        """Have something called with the digests of contracts that are not at work any longer; it must not raise."""
        self._droppers.append(drop)

    def work(self, who: Who, what: Callable[Concatenate[Work, P], T], *args: P.args, **options: P.kwargs) -> T:
        """Do something as somebody in one transaction, again where another one was in the way.

        `what` gets the work and the other arguments. It may run several times, so it changes nothing but through its
        work. Raises what it raises, and then nothing was changed; `StoreUnavailable`.
        """
        attempt = 1
        while True:
            try:
                with self.transactions.writing() as connection:
                    work = Work(connection, who, self._clock.now_ms())
                    done = what(work, *args, **options)
                    work.end()
                if work.has_told:
                    for ring in self._listeners:
                        ring()
                if work.dropped:
                    for drop in self._droppers:
                        drop(work.dropped)
                return done
            except IntegrityError:
                if attempt > 1:
                    raise
                # Somebody else inserted that row first: the second attempt sees it, and says what it means.
            except (OperationalError, PoolTimeoutError) as error:
                if not is_busy(error) or attempt == ATTEMPTS:
                    raise unavailable(error) from error
                step_aside(attempt)
            attempt += 1

    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that only reads."""
        return self.transactions.reading()

    def close(self) -> None:
        """Close all connections."""
        self.transactions.close()


def _plain(value: object) -> dict[str, Any] | None:
    return None if value is None else msgspec.to_builtins(value)
