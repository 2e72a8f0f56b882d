"""A station's desk: whether a unit may come, what it is worked on by, and what came of it.

    desk.look_up(line)             what was scanned: an order, a unit, or neither
    desk.contract(order)           what to do, with which parameters
    desk.begin(order)              the next unit of an order
    desk.enter(order, serial)      a unit that comes
    desk.finish(unit, "passed")    kept for good when it returns
    desk.tell()                    the office hears what it has not heard yet

The office is asked as long as it answers. While it does not, a unit comes under a lease, and without one not at all; a
unit that is in work is finished in any case. Nothing is decided here but by the signed lease: every refusal is the
office's, or says that it cannot be asked.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Literal, NamedTuple
from uuid import uuid4

import msgspec

from edge.client.calls import Client
from edge.client.problems import ApiError, Unreached
from edge.client.shapes import Contract, Entering, ForOrder, Scanning
from edge.desk.journal import Journal, Result, Visited
from edge.desk.leases import Leases
from edge.desk.refusal import NoStart
from edge.desk.telling import FINAL, Telling
from edge.pauses import Draw
from models import barcodes
from models.barcodes import BarcodeError
from models.production import lease as leasing
from models.production.lease import Lease
from models.refusal import Refused
from sipe.clock import Clock

WRONG_REVISION = "wrong_revision"
"""What was shown is not the setup sheet in force: read the contract anew."""
AWAY_MS = 10_000
"""For so long an office that has not answered is not asked by the line; who tells it results finds it again."""
TOLD_KEPT_MS = 30 * 86_400_000


class Found(NamedTuple):
    """What a scanned line is about; of a unit that is unknown here the office says what to do with it."""

    kind: Literal["order", "unit", "other"]
    name: str


class Unit(NamedTuple):
    """A unit that is in work at the station."""

    serial: str
    visit: Visited
    warning: str = ""
    """What the office would have refused, where a station is only observed or warned."""


class Room(NamedTuple):
    """What a lease leaves to be done without the office: how many units, of how many, and from when to when."""

    units: int
    of: int
    from_ms: int
    until_ms: int


class Desk:
    """The desk of one station; for one thread."""

    def __init__(
        self,
        station: str,
        client: Client,
        journal: Journal,
        clock: Clock,
        *,
        monotonic_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000,
        draw: Draw = random.uniform,
    ) -> None:
        self._station = station
        self._client = client
        self._journal = journal
        self._clock = clock
        self._monotonic_ms = monotonic_ms
        self._away_until_ms = 0
        self._telling = Telling(station, client, journal, clock, monotonic_ms=monotonic_ms, draw=draw)
        self.leases = Leases(station, client, journal, clock)

    def look_up(self, line: str) -> Found:
        """What a scanned line is about; without the office, as far as leases know. Raises `NoStart` for a bad line.

        A line that says a serial is about a unit, whether or not anybody knows it.
        """
        try:
            read = barcodes.scan(line)
            with self._asking() as office:
                said = office.look_up_scan(self._station, Scanning(text=line))
        except Unreached:
            is_order = read.text in self.leases.orders()
            return Found("order", read.text) if is_order else Found("unit", read.serial or read.text)
        except (BarcodeError, ApiError) as error:
            raise NoStart(str(error), error.reason) from error
        if said.kind == "order" and said.order:
            return Found("order", said.order)
        if said.kind in {"unit", "unknown"}:
            return Found("unit", said.serial or said.text)
        return Found("other", f"{said.kind} {said.text}")

    def contract(self, order: str) -> Contract:
        """What to do for an order; raises `NoStart`."""
        try:
            with self._asking() as office:
                return office.station_contract(self._station, order=order).contract
        except Unreached as error:
            lease = self._lease(order, error)
            return msgspec.convert(msgspec.to_builtins(lease.contract), Contract)
        except ApiError as error:
            raise NoStart(str(error), error.reason) from error

    def begin(self, order: str) -> Unit:
        """The next unit of an order, with a serial of its own, in work here; raises `NoStart`."""
        return self._start(order, None, None)

    def enter(self, order: str, serial: str, setup_digest: str | None = None) -> Unit:
        """A unit that comes, in work here; one that was in work here when the power went still is. Raises `NoStart`."""
        for visit in self._journal.visits("working"):
            if visit.serial == serial:
                return Unit(serial, visit)
        return self._start(order, serial, setup_digest)

    def in_work(self) -> list[Unit]:
        """The units that came and of which nothing came yet."""
        return [Unit(visit.serial, visit) for visit in self._journal.visits("working") if visit.serial]

    def finish(self, unit: Unit, result: Result, reason: str = "", said: Sequence[bytes] = ()) -> None:
        """Keep what came of a unit, whether or not anybody can be told; `reason` says why it failed.

        `said` are the events about it, for the spool.
        """
        self._journal.finish(unit.visit, result, reason, self._clock.now_ms(), said)

    def tell(self) -> int:
        """Tell the office what it has not heard; how many visits it has heard. Raises `ApiError` as `Telling.tell`."""
        heard = self._telling.tell(self._found)
        self._journal.prune(self._clock.now_ms() - TOLD_KEPT_MS)
        return heard

    def untold(self) -> int:
        """How many results the office has not heard."""
        return len(self._journal.visits("finished"))

    def ask_time(self) -> None:
        """Have the office say something, if it can be asked: each answer tells what time it is there."""
        with suppress(ApiError), self._asking() as office:
            office.public_keys()

    def renew_lease(self, order: str, units: int) -> Room | None:
        """Have a lease for so many units of an order, and give others back; one that is half used up is replaced.

        What there is then; an office that cannot be asked, or gives none, is no error.
        """
        room = self._room(order)
        if room is not None and 2 * room.units > room.of and 2 * self._clock.now_ms() < room.from_ms + room.until_ms:
            return room
        with suppress(ApiError, NoStart), self._asking():
            self.leases.close(but=self.leases.take(order, units).id)
        return self._room(order)

    def _room(self, order: str) -> Room | None:
        try:
            lease = self.leases.good(order)
        except NoStart:
            return None
        used = len(self._journal.of_lease(lease.id))
        return Room(lease.qty - used, lease.qty, lease.issued_ms, lease.expires_ms)

    def _found(self) -> None:
        """The office answers again."""
        self._away_until_ms = 0

    @contextmanager
    def _asking(self) -> Iterator[Client]:
        """The office, unless it did not answer a moment ago: nobody at the line waits for that with every unit."""
        if self._monotonic_ms() < self._away_until_ms:
            raise Unreached(503, "away", "the office did not answer a moment ago")
        try:
            yield self._client
        except Unreached:
            self._away_until_ms = self._monotonic_ms() + AWAY_MS
            raise

    def _start(self, order: str, serial: str | None, setup_digest: str | None) -> Unit:
        asked = self._asked(order, serial)
        try:
            with self._asking() as office:
                if serial is None:
                    now = office.begin_unit(self._station, ForOrder(order=order), key=asked.key)
                else:
                    body = Entering(order=order, setup_digest=setup_digest)
                    now = office.enter_unit(self._station, serial, body, key=asked.key)
        except Unreached as error:
            return self._start_under_lease(asked, setup_digest, error)
        except ApiError as error:
            is_final = isinstance(error, FINAL)
            if is_final:
                self._journal.forget(asked)
            raise NoStart(str(error), error.reason, is_final=is_final) from error
        return Unit(now.serial, self._journal.work(asked, now.serial, self._clock.now_ms()), now.warning)

    def _asked(self, order: str, serial: str | None) -> Visited:
        """The question as it was asked before, when its answer was lost; else a new one."""
        for visit in self._journal.visits("asking"):
            if (visit.order, visit.serial) == (order, serial):
                return visit
        return self._journal.ask(uuid4().hex, order, serial, self._clock.now_ms())

    def _start_under_lease(self, asked: Visited, setup_digest: str | None, cause: Unreached) -> Unit:
        """Without the office. Of a next unit it may have begun one, and its answer is lost: the question stays."""
        order, serial = asked.order, asked.serial
        lease = self._lease(order, cause)
        if setup_digest not in {None, lease.contract.setup_digest}:
            raise NoStart("the lease is for another setup sheet than the one shown here", WRONG_REVISION)
        now_ms = self._clock.now_ms()
        used = [visit.serial for visit in self._journal.of_lease(lease.id) if visit.serial]
        if serial is None:
            serial = next((one for one in lease.serials if one not in used), None) if lease.begins else None
            if serial is None:
                raise NoStart(f"{cause}; and the lease has no serial left") from cause
            asked = self._journal.ask(uuid4().hex, order, serial, now_ms)
        try:
            leasing.check_may_enter(lease, serial, used, now_ms)
            self._check_comes_first(lease, serial)
        except Refused as refused:
            self._journal.forget(asked)
            raise NoStart(f"{refused}; and the office cannot be asked: {cause}", refused.reason) from refused
        return Unit(serial, self._journal.work(asked, serial, now_ms, lease.id))

    def _check_comes_first(self, lease: Lease, serial: str) -> None:
        """Raise `Refused` for a unit that this station is done with: the lease is older, and knows nothing of it.

        What has failed may have been mended meanwhile; only the office can say so.
        """
        if done := self._journal.result_since(serial, lease.issued_ms):
            raise Refused(str(done.result), f"{serial} has {done.result} here already")

    def _lease(self, order: str, cause: Unreached) -> Lease:
        try:
            return self.leases.good(order)
        except NoStart as error:
            raise NoStart(f"{cause}; {error}") from cause
