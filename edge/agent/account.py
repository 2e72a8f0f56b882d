"""An account of a station's events: asked of the office, and held against spool and tally, for page and command."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from msgspec import Struct

from edge.agent.post import AGENT, SOURCE
from edge.client.shapes.events import ReceivedEvents
from edge.spool import Spool
from edge.uplink.reconcile import EXPLAINED, UNEXPLAINED, Finding, Here, reconciled
from edge.uplink.tally import HOUR_MS, Run, Tally, runs_of
from sipe.contracts.codec import CLOCK_SET_MS_MIN
from sipe.errors import SipeError

HOURS_MAX = 24 * 92
ASK_MS = 24 * HOUR_MS
"""The office is asked about so much time at once, and about less when that is too much."""
READ_ROWS = 5_000
ON_THE_WAY_MS = 60_000
"""So much longer than the office is behind, an event may take from Kafka to the store."""


class HourAccount(Struct, frozen=True, kw_only=True):
    """How many events of an hour are known on either side, and where they are."""

    hour_ms: int
    here: int
    there: int
    found: dict[Finding, int]


class Unexplained(Struct, frozen=True, kw_only=True):
    """Events that are not where they have to be."""

    source: str
    boot: int
    first: int
    last: int
    hour_ms: int
    finding: Finding


class StationAccount(Struct, frozen=True, kw_only=True):
    """A station, hour by hour of its events' own time."""

    station: str
    hours: list[HourAccount]
    unexplained: list[Unexplained]


class Office(Protocol):
    """Who says what has come."""

    def received_events(self, station: str, *, from_ms: int, to_ms: int) -> ReceivedEvents:
        """Which events of this time have come; raises `ApiError`."""


class Kept(NamedTuple):
    """What a gateway keeps of a station's events: those that wait, and what became of the others."""

    spool: Spool
    tally: Tally


def account_of(station: str, kept: Kept, office: Office, now_ms: int, hours: int) -> StationAccount:
    """The account of the last hours, the one that goes on included; raises `SipeError`."""
    this_hour_ms = now_ms - now_ms % HOUR_MS
    from_ms, to_ms = this_hour_ms - (hours - 1) * HOUR_MS, this_hour_ms + HOUR_MS
    # What was made before the clock was set bears no hour yet.
    runs = (
        run if run.hour_ms >= CLOCK_SET_MS_MIN else run._replace(hour_ms=this_hour_ms) for run in _waiting(kept.spool)
    )
    waiting = [run for run in runs if from_ms <= run.hour_ms < to_ms]
    here = Here(waiting, kept.tally.runs(from_ms, to_ms), kept.tally.began_ms, frozenset({SOURCE, AGENT}))
    answers = list(_asked(station, office, from_ms, to_ms))
    # Where nothing was read yet, all may be on the way.
    behind_ms = max(now_ms if answer.behind_ms is None else answer.behind_ms for answer in answers)
    found = reconciled(here, [run for answer in answers for run in answer.runs], now_ms - behind_ms - ON_THE_WAY_MS)
    return StationAccount(
        station=station,
        hours=[
            HourAccount(hour_ms=hour.hour_ms, here=hour.here, there=hour.there, found=dict(hour.found))
            for hour in found.hours
        ],
        unexplained=[Unexplained(**trouble._asdict()) for trouble in found.troubles],
    )


def words_of(finding: Finding) -> str:
    """What a finding means."""
    return {**EXPLAINED, **UNEXPLAINED}[finding]


def _waiting(spool: Spool) -> Iterator[Run]:
    after = 0
    while rows := spool.read(after, READ_ROWS):
        yield from runs_of(rows, "taken", 0)
        after = rows[-1].position


def _asked(station: str, office: Office, from_ms: int, to_ms: int) -> Iterator[ReceivedEvents]:
    step_ms = ASK_MS
    while from_ms < to_ms:
        answer = office.received_events(station, from_ms=from_ms, to_ms=min(from_ms + step_ms, to_ms))
        if answer.is_complete:
            yield answer
            from_ms += step_ms
        elif step_ms > HOUR_MS:
            step_ms = HOUR_MS
        else:
            raise SipeError(f"the numbers of {station} have so many holes that the office does not tell them all")
