"""Couriers in virtual time, between a list as outbox and an office that does all that offices and networks do."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from edge.client.problems import NO_PROBLEM_DOCUMENT, Invalid, Unauthenticated, Unreached
from edge.client.shapes.events import Batch, Lines, RejectedLine
from edge.pauses import Draw, Pauses
from edge.uplink.breaker import Breaker
from edge.uplink.bucket import Bucket
from edge.uplink.courier import Courier, Pace, Tools
from edge.uplink.letters import Letter
from edge.uplink.tally import Tally
from sipe.errors import SipeError

STATION = "manaus.final.line-1.cal-1"
OWN = "gateway"
"""The source whose boots the gateway itself counts."""
TS_MS = 1_700_000_000_000


class Row(NamedTuple):
    position: int
    source: str
    boot: int
    seq: int
    message: bytes
    ts_ms: int
    first_missing: int = 0


class Time:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def monotonic_s(self) -> float:
        return self.now_s

    def wall_ms(self) -> int:
        return int(1_700_000_000_000 + self.now_s * 1_000)


class Shelf:
    """An outbox in memory: an event's bytes name it."""

    def __init__(self) -> None:
        self.rows: dict[int, Row] = {}
        self.boot = 1
        self.seqs: Counter[tuple[str, int]] = Counter()
        self.position = 0
        self.is_full = False

    def add(self, source: str = OWN, boot: int | None = None, mark: str = "") -> bytes:
        boot = boot if boot is not None else self.boot
        self.position += 2
        self.seqs[source, boot] += 1
        seq = self.seqs[source, boot]
        value = f"{mark}{source} {boot} {seq}".encode()
        self.rows[self.position] = Row(self.position, source, boot, seq, value, TS_MS)
        return value

    def read(self, after: int, limit: int) -> list[Row]:
        found = (row for at, row in self.rows.items() if at > after)
        return list(islice(found, limit))

    def boots(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for row in self.rows.values():
            found[row.source] = max(found.get(row.source, 0), row.boot)
        return found

    def new_boot(self) -> None:
        self.boot += 1

    def delivered(self, positions: Iterable[int]) -> None:
        if self.is_full:
            raise SipeError("the disk is full")
        for position in positions:
            del self.rows[position]


class Kept:
    def __init__(self) -> None:
        self.letters: list[Letter] = []

    def keep(self, letters: list[Letter]) -> None:
        self.letters += letters


class Office:
    """Takes lines, unless `trouble` says what else happens to the next batches."""

    def __init__(self, time: Time, lines_max: int = 10_000) -> None:
        self._time = time
        self.seen: list[bytes] = []
        self.came_s: dict[bytes, float] = {}
        """When each came for the first time."""
        self.trouble: list[str] = []
        self.asked = 0
        self.lines_max = lines_max
        self.largest = 0

    def send_events(self, body: bytes) -> Batch:
        self.asked += 1
        lines = body.split(b"\n")
        trouble = self.trouble.pop(0) if self.trouble else ""
        match trouble:
            case "away":
                raise Unreached(503, "unreached", "nobody there")
            case "page":
                raise Invalid(413, NO_PROBLEM_DOCUMENT, "a proxy's page")
            case "torn":
                raise Invalid(422, "truncated", "the compressed batch ends before it is complete")
            case "stranger":
                raise Unauthenticated(401, "token", "enrol again")
            case "wait":
                raise Unreached(429, "too_fast", "wait", retry_after_s=7.0)
        if any(line.startswith(b"huge ") for line in lines):
            raise Invalid(413, "too_big", "an event is too big")
        if len(lines) > self.lines_max:
            raise Invalid(413, "too_many", "send it in parts")
        self.largest = max(self.largest, len(lines))
        refused = [n for n, line in enumerate(lines, start=1) if line.startswith(b"wrong ")]
        good = [n for n in range(1, len(lines) + 1) if n not in refused]
        kept, lost = (good[: len(good) // 2], good[len(good) // 2 :]) if trouble == "half" else (good, [])
        self.seen += [lines[n - 1] for n in kept]
        for n in kept:
            self.came_s.setdefault(lines[n - 1], self._time.now_s)
        if trouble == "lost":
            raise Unreached(503, "unreached", "no answer")
        return Batch(
            accepted=tuple(Lines(first=n, last=n) for n in kept),
            known=(),
            not_sent=tuple(Lines(first=n, last=n) for n in lost),
            rejected=tuple(RejectedLine(line=n, reason="schema", detail="no event") for n in refused),
        )


class World:
    """A station with its courier and its office; `beside` is another one of the same gateway."""

    def __init__(
        self,
        *,
        late_per_s: float = 1_000.0,
        seed: int = 1,
        time: Time | None = None,
        beside: World | None = None,
        **pace: float,
    ) -> None:
        self.time: Time = beside.time if beside else time or Time()
        self.shelf, self.kept, self.office = Shelf(), Kept(), Office(self.time)
        self.tally = Tally(Path(":memory:"), self.time.wall_ms)
        self.tools: Tools = beside.tools if beside else self._own_tools(late_per_s, random.Random(seed).uniform)
        self.pace = Pace(**pace)  # type: ignore[arg-type]  # numbers, as it wants them
        self.courier = self.reopen()

    def _own_tools(self, late_per_s: float, draw: Draw) -> Tools:
        return Tools(
            letters=self.kept,
            breaker=Breaker(Pauses(), draw, self.time.monotonic_s),
            bucket=Bucket(late_per_s, self.time.monotonic_s),
            pauses=Pauses(),
            draw=draw,
            monotonic_s=self.time.monotonic_s,
            wall_ms=self.time.wall_ms,
        )

    def reopen(self) -> Courier:
        """As after a start of the gateway."""
        self.courier = Courier(STATION, self.office, self.shelf, self.tally, self.tools, pace=self.pace)
        return self.courier

    def go(self, seconds: float) -> None:
        until_s = self.time.now_s + seconds
        while self.time.now_s < until_s:
            self.time.now_s += max(0.01, self.courier.step())

    def empty(self, within_s: float = 3_600.0) -> None:
        until_s = self.time.now_s + within_s
        while self.shelf.rows:
            assert self.time.now_s < until_s, f"{len(self.shelf.rows)} events are stuck: {self.courier.status}"
            self.time.now_s += max(0.01, self.courier.step())

    def first_arrivals(self) -> dict[bytes, list[int]]:
        """By sender, the numbers of its events in the order in which the office saw each for the first time."""
        numbers: dict[bytes, list[int]] = defaultdict(list)
        for value in dict.fromkeys(self.office.seen):
            sender, _, seq = value.rpartition(b" ")
            numbers[sender].append(int(seq))
        return numbers


class Together:
    """Couriers on one clock, each of which goes on when it wants to."""

    def __init__(self, worlds: list[World]) -> None:
        self._worlds = worlds
        self._time = worlds[0].time
        self._lot = random.Random(len(worlds)).random  # who is first of those who want to go on at the same time
        self._due = [(self._time.now_s, self._lot(), number) for number in range(len(worlds))]
        heapify(self._due)

    def go_on(self, seconds: float, meanwhile: Callable[[], None]) -> None:
        """For so long; `meanwhile` is done before each step."""
        end_s = self._time.now_s + seconds
        while self._due[0][0] < end_s:
            at_s, _, number = heappop(self._due)
            self._time.now_s = max(self._time.now_s, at_s)
            meanwhile()
            wait_s = max(0.01, self._worlds[number].courier.step())
            heappush(self._due, (self._time.now_s + wait_s, self._lot(), number))
        self._time.now_s = end_s
