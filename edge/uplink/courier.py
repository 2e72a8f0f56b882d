"""The courier of one station: brings its events to the office, batch after batch, and never two at a time.

Within a sender (station, source, boot) they go in order. After an outage there is a lot that is late, and what is new
must not wait behind it: so the gateway begins a new boot then, whatever waits of older ones is late, and what is late
goes in a lane of its own, at a limited rate, behind each batch of what is new.

An event leaves the outbox when the office has it for good, or when the office has said that it will never take it; then
it is a dead letter first. What is neither goes on waiting: a batch that is refused as a whole is halved until it is
known which event it was, and an answer that is not the office's own, such as a proxy's, refuses nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal, NamedTuple, Protocol

from edge.client.problems import NO_PROBLEM_DOCUMENT, ApiError, Forbidden, Invalid, Unauthenticated
from edge.client.shapes.events import Batch
from edge.pauses import Draw, Pauses
from edge.uplink.batch import body_of, fitting, verdict_of
from edge.uplink.breaker import Breaker
from edge.uplink.bucket import Bucket
from edge.uplink.letters import Letter
from edge.uplink.outbox import Outbox, Waiting
from edge.uplink.tally import Noting, Outcome
from sipe.errors import SipeError

_log = logging.getLogger(__name__)

State = Literal["idle", "sending", "away", "refused"]
"""Nothing waits; something is on its way; the office does not answer; the office does not take this device."""

_OF_THE_WAY = frozenset({NO_PROBLEM_DOCUMENT, "coding", "truncated"})
"""Reasons that speak of what came between us and the office, and say nothing of any event."""
_NOT_SENT = "not_sent"
"""Our own word for a batch of which the office has taken a part."""


class Office(Protocol):
    """Where the events go; each call is one attempt, by `Patience(attempts_max=1)`."""

    def send_events(self, body: bytes) -> Batch:
        """Send a batch; raises `ApiError`."""


class Keeping(Protocol):
    """Where dead letters are kept."""

    def keep(self, letters: list[Letter]) -> None:
        """On the disk when it returns."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How much at once, how often to look, and when what waits is late."""

    events_max: int = 500
    look_every_s: float = 0.25
    late_after_s: float = 30.0
    """An outage that was shorter is caught up with in one go."""
    refused_pause_s: float = 60.0
    """A device that the office does not know any more asks again after this: somebody may have enrolled it."""


class Tools(NamedTuple):
    """What the couriers of a gateway share."""

    letters: Keeping
    breaker: Breaker
    bucket: Bucket
    pauses: Pauses
    draw: Draw
    monotonic_s: Callable[[], float]
    wall_ms: Callable[[], int]


@dataclass(frozen=True, kw_only=True)
class CourierStatus:
    """What a status page shows of a station."""

    state: State
    delivered: int
    letters: int
    late: bool
    """Whether something of before an outage still waits."""
    problem: str
    """What went wrong last; nothing when the last batch was taken."""


class Courier:
    """Brings the events of one station to the office; for one thread."""

    def __init__(
        self, station: str, office: Office, outbox: Outbox, notes: Noting, tools: Tools, *, pace: Pace | None = None
    ) -> None:
        self._station = station
        self._office = office
        self._outbox = outbox
        self._notes = notes
        self._tools = tools
        self._pace = pace or Pace()
        self._state: State = "idle"
        self._delivered = self._letters = 0
        self._problem = ""
        self._failures = 0
        self._away_since_s: float | None = None
        self._late_boots = dict(outbox.boots())
        self._new_after = 0

    @property
    def status(self) -> CourierStatus:
        """How it goes; may be asked by any thread."""
        return CourierStatus(
            state=self._state,
            delivered=self._delivered,
            letters=self._letters,
            late=bool(self._late_boots),
            problem=self._problem,
        )

    def step(self) -> float:
        """Send what is new, at most a batch, and then what is late, at most another; how long to wait then, in s."""
        try:
            batches = [rows for rows in (self._new(), self._late()) if rows]
            if not batches:
                self._state = "idle"
                return self._pace.look_every_s
            if wait_s := self._tools.breaker.wait_s():
                return wait_s
            self._state = "sending"
            for rows in batches:
                self._send(rows)
            self._failures = 0
        except ApiError as error:
            return self._troubled(error)
        except SipeError as error:  # the disk, on which this gateway's stations all depend
            self._tools.breaker.failed()
            return self._paused(error)
        return 0.0 if sum(map(len, batches)) >= self._pace.events_max else self._pace.look_every_s

    def _new(self) -> list[Waiting]:
        """The first of what is not late."""
        after = self._new_after if self._late_boots else 0
        while rows := self._outbox.read(after, self._pace.events_max):
            if new := [row for row in rows if not self._is_late(row)]:
                return fitting(new)
            self._new_after = after = rows[-1].position
        return []

    def _late(self) -> list[Waiting]:
        """The first of what is late, as much as may go now; when there is none left, nothing is late any more."""
        after = 0
        while self._late_boots:
            rows = self._outbox.read(after, self._pace.events_max)
            if late := [row for row in rows if self._is_late(row)]:
                return fitting(late[: self._tools.bucket.take(len(late))])
            if rows:
                after = rows[-1].position
            else:
                self._late_boots, self._new_after = {}, 0
        return []

    def _is_late(self, row: Waiting) -> bool:
        return row.boot <= self._late_boots.get(row.source, -1)

    def _send(self, rows: list[Waiting]) -> None:
        """Send a batch, and parts of it when the office can make nothing of the whole."""
        try:
            answer = self._office.send_events(body_of(rows))
        except Invalid as error:
            if error.reason in _OF_THE_WAY:
                raise
            self._came_back()
            if len(rows) == 1:
                self._refuse([(rows[0], error.reason, str(error))])
                return
            half = len(rows) // 2
            self._send(rows[:half])
            self._send(rows[half:])
            return
        self._came_back()
        found = verdict_of(rows, answer)
        if found.refused:
            self._refuse(found.refused)
        self._let_go(found.taken, "taken")
        self._delivered += len(found.taken)
        if answer.not_sent:
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, _NOT_SENT, "the office did not get all of a batch on")

    def _refuse(self, refused: list[tuple[Waiting, str, str]]) -> None:
        now_ms = self._tools.wall_ms()
        self._tools.letters.keep(
            [Letter(now_ms, self._station, reason, detail, row.message) for row, reason, detail in refused]
        )
        for row, reason, detail in refused:
            _log.error("%s: an event of %s is refused for good (%s): %s", self._station, row.source, reason, detail)
        self._letters += len(refused)
        self._let_go([row for row, _, _ in refused], "refused")

    def _let_go(self, rows: list[Waiting], outcome: Outcome) -> None:
        self._notes.note(rows, outcome)
        self._outbox.delivered([row.position for row in rows])

    def _came_back(self) -> None:
        """The office has answered; after an outage, what waits is late, and what comes now is new."""
        self._tools.breaker.answered()
        self._problem = ""
        away_since_s, self._away_since_s = self._away_since_s, None
        if away_since_s is None or self._tools.monotonic_s() - away_since_s < self._pace.late_after_s:
            return
        much = 2 * self._pace.events_max
        if len(self._outbox.read(0, much)) == much:
            self._late_boots, self._new_after = dict(self._outbox.boots()), 0
            self._outbox.new_boot()

    def _troubled(self, error: ApiError) -> float:
        """What the office said instead of taking a batch, or that it said nothing."""
        if self._away_since_s is None:
            self._away_since_s = self._tools.monotonic_s()
        if isinstance(error, Unauthenticated | Forbidden):
            self._tools.breaker.answered()
            self._state, self._problem = "refused", str(error)
            return self._pace.refused_pause_s
        if error.status == HTTPStatus.TOO_MANY_REQUESTS or error.reason == _NOT_SENT:
            # this device is too fast, or its partition of Kafka is away: the others are none the worse
            self._tools.breaker.answered()
            return self._paused(error) + error.retry_after_s
        self._tools.breaker.failed(error.retry_after_s)
        return self._paused(error)

    def _paused(self, error: SipeError) -> float:
        """A pause of this courier's own: where it alone fails, again and again, it must not keep the breaker open."""
        self._failures += 1
        self._state, self._problem = "away", str(error)
        return self._tools.pauses.after(self._failures, self._tools.draw)
