"""A station's day: an operator that scans, what the spool holds then, and a unit that is worked on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from desk_post import Post
from msgspec.structs import replace

from edge.channels.channel import monotonic_ms
from edge.client.shapes import Contract, Parameter, Rows
from edge.desk.desk import Unit
from edge.spool import Spool
from edge.stations.day import Day, Tools
from edge.stations.display import Display
from edge.stations.parameterization import Parameterization
from edge.stations.recorder import Notes, Recorder
from edge.stations.station import Job, Station
from sipe.contracts.codec import decode
from sipe.contracts.events import StationEvent

WAIT_S = 90.0


class Hand:
    """An operator that scans these lines, one after the other, and remembers the screen."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = list(lines)
        self.seen: list[tuple[str, str]] = []
        self.has_scanned_all = asyncio.Event()

    async def scan(self) -> str:
        if not self._lines:
            self.has_scanned_all.set()
            await asyncio.Event().wait()
        return self._lines.pop(0)

    def show(self, display: Display) -> None:
        self.seen.append((display.state, display.text))


async def worked(post: Post, job: Job, *lines: str, spool: Spool) -> list[tuple[str, str]]:
    """What the screen showed while these lines were scanned."""
    hand = Hand(lines)
    recorder = Recorder(post.station, "station", spool)
    tools = Tools(post.desk, post.journal, recorder, hand, post.clock, monotonic_ms, post.directory)
    await lived(Station(job, tools), hand.has_scanned_all)
    return hand.seen


async def lived(station: Day, has_ended: asyncio.Event) -> None:
    """Let a station work until its day has ended; what it fails with is raised."""
    running, ended = asyncio.create_task(station.run()), asyncio.create_task(has_ended.wait())
    await asyncio.wait({running, ended}, timeout=WAIT_S, return_when=asyncio.FIRST_COMPLETED)
    for task in (running, ended):
        task.cancel()
    with suppress(asyncio.CancelledError):
        await running


def day(post: Post, job: Job, *lines: str, spool: Spool) -> list[tuple[str, str]]:
    """The same, by itself."""
    return asyncio.run(worked(post, job, *lines, spool=spool))


def events(spool: Spool) -> list[StationEvent]:
    """What the spool holds."""
    found = [decode(waiting.value) for waiting in spool.take()]
    spool.give_back()
    assert all(isinstance(event, StationEvent) for event in found)
    return [event for event in found if isinstance(event, StationEvent)]


class OfSheet(Parameterization):
    """By the shop's sheet, with parameters as the sheets of a parameterization have them."""

    async def work(self, unit: Unit, contract: Contract, notes: Notes) -> str:
        registers = ({"register": "0.9.1", "value": "127", "read_back": "number"}, {"register": "C.1", "value": "A0"})
        told = replace(
            contract,
            parameters=(Parameter(id="serial_register", value="0.0.0"),),
            tables=(Rows(id="meter_parameters", key="register", units={}, rows=registers),),
        )
        return await super().work(unit, told, notes)
