"""The agent: keeps for each station its spool, its post and its courier going, and takes a changed file in.

No station stops another: a post that fails is made anew after a pause, with the cause on the status page. A file that
is changed is read again; what is wrong in it changes nothing but the status page. What is to end is let finish first: a
unit in work comes to its end and is kept.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edge.agent.page import StationView, View
from edge.agent.post import NotEnrolled, Post, Shared, connect, home_of, login_of, token_file
from edge.agent.settings import GatewayFile, read_file
from edge.agent.watch import LoopGuard, Supervisor, cause_of_last_end
from edge.channels.channel import BEAT_MS, monotonic_ms
from edge.client.login import Refreshed
from edge.spool import Spool, SpoolLimits
from edge.uplink.breaker import Pauses
from edge.uplink.letters import Letters
from edge.uplink.uplink import Uplink, UplinkSettings
from sipe.clock import Clock, SystemClock
from sipe.errors import SipeError, UsageError

_log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
FINISH_TIMEOUT_S = 120.0
"""How long a unit in work may take when the gateway is to stop."""
HUNG_AFTER_MS = 10 * BEAT_MS
NOT_ENROLLED_PAUSE_S = 5.0


@dataclass
class _Seat:
    """A station's place in the gateway: what it was made of, its post while there is one, and how it went before."""

    made_of: object
    spool: Spool | None = None
    login: Refreshed | None = None
    """One for all connections of the station's device: a refresh token can be shown once."""
    post: Post | None = None
    task: asyncio.Task[None] | None = None
    problem: str = ""
    failures: int = 0
    due_s: float = 0.0
    is_served: bool = False
    causes: list[str] = field(default_factory=list)


class Agent:
    """A gateway; `run` ends when `stop` is called."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock | None = None,
        supervisor: Supervisor | None = None,
        draw: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """Raises `UsageError` for a file that is wrong, `SipeError` for a directory that cannot be used."""
        self._path = path
        self._clock = clock or SystemClock()
        self._supervisor = supervisor or Supervisor()
        self._draw = draw
        self._file = read_file(path)
        self._read_at = _stamp(path)
        self._file_problem = ""
        directory = Path(self._file.gateway.directory)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._last_end = cause_of_last_end(directory)
        self._shared = Shared(directory, self._file.office, self._clock)
        self._letters = Letters(directory / "dead-letters")
        settings = UplinkSettings(late_events_per_s=self._file.gateway.late_events_per_s)
        self._uplink = Uplink(self._letters, settings, clock=self._clock)
        self._guard = LoopGuard(directory)
        self._pauses = Pauses()
        self._seats = {name: _Seat(self._file.of_station(name)) for name in self._file.stations}
        self._stopping = asyncio.Event()
        self.view = self._looked_at()

    @property
    def file(self) -> GatewayFile:
        """What is in force."""
        return self._file

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
                self._supervisor.say("READY=1\nWATCHDOG=1\nSTATUS=" + self.view.summary)
                await self._pause()
        finally:
            self._supervisor.say("STOPPING=1")
            await asyncio.gather(*(self._empty(seat) for seat in self._seats.values()))
            await asyncio.to_thread(self._uplink.stop)
            self._guard.stop()
            for seat in self._seats.values():
                if seat.spool is not None:
                    seat.spool.close()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def _look(self) -> None:
        if _stamp(self._path) != self._read_at:
            await self._take_in_the_file()
        for name in self._enrolled_anew():
            await self._empty(self._seats[name])
            self._forget(name)
            self._seats[name] = _Seat(self._file.of_station(name))
        for name, seat in self._seats.items():
            self._end_what_hangs(name, seat)
            if seat.task is not None and seat.task.done():
                self._ended(name, seat)
            if seat.task is None and asyncio.get_running_loop().time() >= seat.due_s:
                self._seat(name, seat)

    async def _take_in_the_file(self) -> None:
        self._read_at = _stamp(self._path)
        try:
            file = read_file(self._path)
        except UsageError as error:
            self._file_problem = str(error)
            _log.error("the changed file is not taken in: %s", error)
            return
        restart = file.gateway != self._file.gateway or file.office != self._file.office
        self._file_problem = "start the gateway again: [gateway] or [office] has changed" if restart else ""
        gone = [name for name, seat in self._seats.items() if _made_of(file, name) != seat.made_of]
        await asyncio.gather(*(self._empty(self._seats[name]) for name in gone))
        for name in gone:
            self._forget(name)
        self._file = GatewayFile(
            gateway=self._file.gateway, office=self._file.office, channels=file.channels, stations=file.stations
        )
        for name in file.stations:
            self._seats.setdefault(name, _Seat(file.of_station(name)))
        _log.info("the file was taken in: %d stations, %d of them anew", len(file.stations), len(gone))

    def _enrolled_anew(self) -> list[str]:
        """The stations whose device the office has refused, and for which somebody has enrolled another since."""
        refused = [name for name, status in self._uplink.status.items() if status.state == "refused"]
        return [
            name
            for name in refused
            if (login := self._seats[name].login)
            and not login.is_kept(token_file(home_of(self._shared.directory, name)).read())
        ]

    def _forget(self, name: str) -> None:
        seat = self._seats.pop(name)
        if seat.is_served:
            self._uplink.leave(name)
        if seat.spool is not None:
            seat.spool.close()

    def _seat(self, name: str, seat: _Seat) -> None:
        """Make a station's post, and have its events brought to the office."""
        try:
            home = home_of(self._shared.directory, name)
            login = seat.login = seat.login or login_of(home, name)
            spool = seat.spool = seat.spool or Spool(home / "spool", limits_of(self._file.gateway.spool_bytes_max))
            if not seat.is_served:
                self._uplink.serve(name, connect(self._shared, login), spool)
                seat.is_served = True
            seat.post = Post(name, self._file, self._shared, login, spool)
        except NotEnrolled as error:
            seat.problem, seat.due_s = str(error), asyncio.get_running_loop().time() + NOT_ENROLLED_PAUSE_S
        except SipeError as error:
            self._failed(name, seat, str(error))
        else:
            seat.problem = ""
            seat.task = asyncio.create_task(seat.post.run(), name=f"station {name}")

    def _ended(self, name: str, seat: _Seat) -> None:
        """A post ended by itself, which none should."""
        assert seat.task is not None  # noqa: S101  the caller has looked
        error = None if seat.task.cancelled() else seat.task.exception()
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        cause = seat.causes[-1] if seat.task.cancelled() and seat.causes else repr(error)
        seat.post = seat.task = None
        self._failed(name, seat, cause)

    def _failed(self, name: str, seat: _Seat, cause: str) -> None:
        seat.failures += 1
        seat.problem = cause
        seat.causes = [*seat.causes[-9:], cause]
        seat.due_s = asyncio.get_running_loop().time() + self._pauses.after(seat.failures, self._draw)
        _log.error("%s has failed, and is made anew: %s", name, cause)

    def _end_what_hangs(self, name: str, seat: _Seat) -> None:
        """A channel whose own task does not turn any more takes its station with it, and no other."""
        if seat.post is None or seat.task is None:
            return
        now_ms = monotonic_ms()
        for channel in seat.post.channels:
            still_ms = now_ms - channel.beaten_ms
            if still_ms > HUNG_AFTER_MS:
                seat.causes = [*seat.causes[-9:], f"channel {channel.name} stood still for {still_ms} ms"]
                seat.task.cancel()

    async def _empty(self, seat: _Seat) -> None:
        """Let a unit in work come to its end, then end the post."""
        task, post = seat.task, seat.post
        if task is None or post is None:
            return
        until_s = asyncio.get_running_loop().time() + FINISH_TIMEOUT_S
        while post.is_working and not task.done() and asyncio.get_running_loop().time() < until_s:
            self._guard.beat()
            await asyncio.sleep(0.1)
        task.cancel()
        while not task.done():
            self._guard.beat()
            await asyncio.wait({task}, timeout=1.0)
        seat.post = seat.task = None

    def _looked_at(self) -> View:
        couriers = self._uplink.status
        spools = [seat.spool.status for seat in self._seats.values() if seat.spool is not None]
        return View(
            at_ms=self._clock.now_ms(),
            waiting_bytes=sum(status.traceability_bytes + status.telemetry_bytes for status in spools),
            full=[name for name, seat in self._seats.items() if seat.spool and seat.spool.status.is_full],
            damaged_files=sum(status.damaged_files for status in spools),
            file_problem=self._file_problem,
            last_end=self._last_end,
            stations=[
                StationView.of(name, self._file.stations[name].program, seat.post, couriers.get(name), seat.problem)
                for name, seat in self._seats.items()
            ],
        )


def limits_of(bytes_max: int) -> SpoolLimits:
    """How a station's room is shared out: half of it for telemetry, and a sixteenth that telemetry leaves free."""
    telemetry_bytes_max = bytes_max // 2
    return SpoolLimits(
        bytes_max=bytes_max,
        telemetry_bytes_max=telemetry_bytes_max,
        reserve_bytes=bytes_max // 16,
        segment_bytes_max=min(16_000_000, telemetry_bytes_max // 8),
    )


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _made_of(file: GatewayFile, name: str) -> object:
    return file.of_station(name) if name in file.stations else None
