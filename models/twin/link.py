"""From what happens at a station to what is sent: heartbeats, numbers, outages, and a line that is not perfect."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from random import Random
from typing import Literal, NamedTuple

import msgspec

from models.plant import PlantStation
from models.twin.drafts import Draft
from sipe.contracts.events import GapDetected, Heartbeat, StateChanged, StationBorn, StationEvent

Identity = tuple[str, str, int, int]
OutageKind = Literal["gateway_dead", "power_loss", "uplink_down"]


class Send(NamedTuple):
    """An event and the simulated time at which it is sent."""

    at_ms: int
    event: StationEvent


class Outage(NamedTuple):
    """A time in which a station is not heard.

    `gateway_dead`: what it says is lost for good. `power_loss`: it says nothing, and starts anew after. `uplink_down`:
    it speaks into a spool that is sent after.
    """

    kind: OutageKind
    from_ms: int
    to_ms: int

    def covers(self, ms: int) -> bool:
        """Whether the moment lies in [from_ms, to_ms)."""
        return self.from_ms <= ms < self.to_ms


def identity(event: StationEvent) -> Identity:
    """What makes an event the same event when it comes again."""
    return (event.station, event.source, event.boot, event.seq)


def device_events(
    station: PlantStation, drafts: Sequence[Draft], outage: Outage | None, to_ms: int
) -> tuple[list[StationEvent], int]:
    """The events that leave a station's device, in the order of their times, and how many were lost for good."""
    if outage is not None and outage.kind == "power_loss":
        before = [draft for draft in drafts if draft.ts_ms < outage.from_ms]
        first = _with_heartbeats(before, station.heartbeat_ms, outage.from_ms)
        second = _with_heartbeats(_after_power_loss(drafts, outage), station.heartbeat_ms, to_ms)
        return number(station.id, "device", first) + number(station.id, "device", second, boot=2), 0
    beating = _with_heartbeats(drafts, station.heartbeat_ms, to_ms)
    if outage is not None and outage.kind == "gateway_dead":
        return _with_gap(station.id, beating, outage)
    return number(station.id, "device", beating), 0


def number(
    station: str, source: str, drafts: Sequence[Draft], *, boot: int = 1, first_seq: int = 1
) -> list[StationEvent]:
    """Events numbered in the order of their times."""
    ordered = sorted(drafts, key=attrgetter("ts_ms"))
    return [
        draft.kind(station=station, source=source, boot=boot, seq=seq, ts_ms=draft.ts_ms, **draft.fields)
        for seq, draft in enumerate(ordered, start=first_seq)
    ]


def _with_heartbeats(drafts: Sequence[Draft], heartbeat_ms: int, until_ms: int) -> list[Draft]:
    """A sign of life whenever a period went by without an event."""
    result = []
    for draft, next_ms in zip(drafts, [draft.ts_ms for draft in drafts[1:]] + [until_ms], strict=True):
        result.append(draft)
        result += [Draft(ms, Heartbeat, {}) for ms in range(draft.ts_ms + heartbeat_ms, next_ms, heartbeat_ms)]
    return result


def _after_power_loss(drafts: Sequence[Draft], outage: Outage) -> list[Draft]:
    """Born again, the device says at once in which state it is."""
    born = next(draft for draft in drafts if draft.kind is StationBorn)
    state = [draft for draft in drafts if draft.kind is StateChanged and draft.ts_ms < outage.to_ms][-1]
    return [
        Draft(outage.to_ms, StationBorn, born.fields),
        Draft(outage.to_ms + 1, StateChanged, state.fields),
        *(draft for draft in drafts if draft.ts_ms > outage.to_ms + 1),
    ]


def _with_gap(station: str, drafts: Sequence[Draft], outage: Outage) -> tuple[list[StationEvent], int]:
    """The gateway owns up to what it lost with the first event after the outage."""
    declared = Draft(outage.to_ms, GapDetected, {"first_missing": 1, "last_missing": 1})
    events = number(station, "device", [declared, *drafts])
    missing = [event.seq for event in events if outage.covers(event.ts_ms)]
    delivered = [
        msgspec.structs.replace(event, first_missing=missing[0], last_missing=missing[-1])
        if isinstance(event, GapDetected)
        else event
        for event in events
        if not outage.covers(event.ts_ms)
    ]
    return delivered, len(missing)


def transmit(events: Sequence[StationEvent], outage: Outage | None, random: Random) -> list[Send]:
    """When each event of one source is sent: in order but for a few stragglers, some twice, a spool at its end."""
    sends = []
    line_ms = 0
    spooled = 0
    for event in events:
        if outage is not None and outage.kind == "uplink_down" and outage.covers(event.ts_ms):
            spooled += 1
            send = Send(outage.to_ms + 20 * spooled, msgspec.structs.replace(event, replayed=True))
        else:
            line_ms = max(line_ms, event.ts_ms + random.randint(20, 250))
            straggles = random.random() < 0.01
            send = Send(line_ms + (random.randint(1_500, 9_000) if straggles else 0), event)
        sends.append(send)
        if random.random() < 0.01:
            again_ms = random.choice((random.randint(500, 5_000), random.randint(60_000, 1_200_000)))
            sends.append(Send(send.at_ms + again_ms, send.event))
    return sends


def overtaken(sends: Sequence[Send]) -> int:
    """How many events come, in sending order, after a younger one of the same station and source."""
    newest: dict[tuple[str, str], int] = {}
    seen: set[Identity] = set()
    count = 0
    for _, event in sends:
        line = (event.station, event.source)
        count += identity(event) not in seen and event.ts_ms < newest.get(line, 0)
        newest[line] = max(newest.get(line, 0), event.ts_ms)
        seen.add(identity(event))
    return count
