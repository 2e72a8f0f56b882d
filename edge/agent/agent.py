"""The agent: a seat for each station of a gateway's file, kept going, and a file that is taken in when it changes.

No station stops another: a post that fails is made anew after a pause, with the cause on the status page. A file that
is changed is read again; what is wrong in it changes nothing but the status page. What is to end is let finish first: a
unit in work comes to its end and is kept.
"""

from __future__ import annotations

import asyncio
import logging
import random
from pathlib import Path

import msgspec

from edge.agent.account import StationAccount
from edge.agent.page import View
from edge.agent.post import Shared, tls_of
from edge.agent.seat import Seat
from edge.agent.settings import GatewayFile, read_file
from edge.agent.watch import LoopGuard, Supervisor, cause_of_last_end
from edge.clock import GatewayClock, in_words
from edge.pauses import Draw
from edge.uplink.letters import Letters
from edge.uplink.uplink import Uplink
from sipe.errors import SipeError, UsageError

_log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0


class Agent:
    """A gateway; `run` ends when `stop` is called."""

    def __init__(
        self,
        path: Path,
        *,
        clock: GatewayClock | None = None,
        draw: Draw = random.uniform,
    ) -> None:
        """Raises `UsageError` for a file that is wrong, `SipeError` for a directory that cannot be used."""
        self._path = path
        self._clock = clock or GatewayClock()
        self._supervisor = Supervisor()
        self._draw = draw
        self._file = read_file(path)
        self._read_at = _stamp(path)
        self._file_problem = ""
        directory = _made(Path(self._file.gateway.directory))
        self._last_end = cause_of_last_end(directory)
        self._shared = Shared(directory, self._file.office, tls_of(self._file.office), self._clock, self._file.uplink)
        letters = Letters(directory / "dead-letters")
        self._uplink = Uplink(letters, self._file.gateway.late_events_per_s, self._clock, draw)
        self._guard = LoopGuard(directory)
        self._seats = {name: self._seat(name) for name in self._file.stations}
        self._stopping = asyncio.Event()
        self.view = self._looked_at()

    @property
    def file(self) -> GatewayFile:
        """What is in force."""
        return self._file

    def account(self, station: str, hours: int) -> StationAccount:
        """Where a station's events of the last hours are; for a thread of its own. Raises `SipeError`."""
        seat = self._seats.get(station)
        if seat is None:
            raise SipeError(f"there is no station {station!r} here; there are {', '.join(self._seats)}")
        return seat.account(hours)

    def stop(self) -> None:
        """Let what is in work finish, and end."""
        self._stopping.set()

    async def run(self) -> None:
        """Keep everything going; raises `SipeError` for what only a new start can mend."""
        self._guard.start()
        try:
            while not self._stopping.is_set():
                self._guard.beat()
                await self._look()
                self._uplink.check()
                self.view = self._looked_at()
                self._supervisor.say(f"READY=1\nWATCHDOG=1\nSTATUS={self.view.summary}")
                await self._pause()
        finally:
            self._supervisor.say("STOPPING=1")
            await self._leave(list(self._seats))
            self._guard.stop()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def _look(self) -> None:
        if _stamp(self._path) != self._read_at:
            await self._take_in_the_file()
        anew = [name for name, seat in self._seats.items() if seat.is_enrolled_anew()]
        await self._leave(anew)
        for name in anew:
            self._seats[name] = self._seat(name)
        for seat in self._seats.values():
            seat.look()

    async def _take_in_the_file(self) -> None:
        self._read_at = _stamp(self._path)
        try:
            file = read_file(self._path)
        except UsageError as error:
            self._file_problem = str(error)
            _log.error("the changed file is not taken in: %s", error)
            return
        kept = msgspec.structs.replace(
            file, gateway=self._file.gateway, office=self._file.office, uplink=self._file.uplink
        )
        anew = "start the gateway again: [gateway], [office] or [uplink] has changed"
        self._file_problem = anew if kept != file else ""
        await self._leave([name for name, seat in self._seats.items() if not seat.is_made_of(file)])
        self._file = kept
        new = file.stations.keys() - self._seats.keys()
        self._seats |= {name: self._seat(name) for name in file.stations if name in new}
        _log.info("the file was taken in: %d stations, %d of them anew", len(file.stations), len(new))

    def _seat(self, name: str) -> Seat:
        return Seat(name, self._file, self._shared, self._uplink, self._draw)

    async def _leave(self, names: list[str]) -> None:
        await asyncio.gather(*(self._seats.pop(name).leave(self._guard.beat) for name in names))

    def _looked_at(self) -> View:
        spools = {name: status for name, seat in self._seats.items() if (status := seat.spool_status) is not None}
        clock = self._clock.status
        return View(
            at_ms=self._clock.now_ms(),
            waiting_bytes=sum(one.traceability_bytes + one.telemetry_bytes for one in spools.values()),
            full=[name for name, one in spools.items() if one.is_full],
            damaged_files=sum(one.damaged_files for one in spools.values()),
            file_problem=self._file_problem,
            last_end=self._last_end,
            clock=clock.quality,
            skew_ms=clock.skew_ms,
            clock_problem=in_words(clock),
            stations=[seat.view() for seat in self._seats.values()],
        )


def _made(directory: Path) -> Path:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SipeError(f"gateway.directory: {directory} cannot be made: {error.strerror}") from error
    return directory


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
