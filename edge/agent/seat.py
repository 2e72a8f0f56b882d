"""A station's place in the gateway: spool, device and courier, and a post that is made anew when it fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from edge.agent.account import Kept, StationAccount, account_of
from edge.agent.page import StationView
from edge.agent.post import NotEnrolled, Post, Shared, connect, connect_uplink, home_of, login_of, token_file
from edge.agent.settings import GatewayFile, GatewaySettings
from edge.channels.channel import BEAT_MS, monotonic_ms
from edge.client.login import Refreshed
from edge.pauses import Draw, Pauses
from edge.spool import Spool, SpoolLimits, SpoolStatus
from edge.uplink.held import HeldOutbox
from edge.uplink.tally import Tally
from edge.uplink.uplink import Uplink
from sipe.clock import Clock
from sipe.errors import SipeError

_log = logging.getLogger(__name__)

FINISH_TIMEOUT_S = 120.0
"""How long a unit in work may take when its station is to end."""
HUNG_AFTER_MS = 10 * BEAT_MS
NOT_ENROLLED_PAUSE_S = 5.0
WELL_S = 600.0
"""A post that went on for so long was well: it is made anew at once, whatever was before."""


class Seat:
    """One station; for the event loop. `look` keeps it going, `leave` ends it."""

    def __init__(self, name: str, file: GatewayFile, shared: Shared, uplink: Uplink, draw: Draw) -> None:
        self._name = name
        self._file = file
        self._shared = shared
        self._uplink = uplink
        self._draw = draw
        self._pauses = Pauses()
        self._home: Path = home_of(shared.directory, name)
        self._spool: Spool | None = None
        self._tally: Tally | None = None
        self._login: Refreshed | None = None
        """One for all connections of the station's device: a refresh token can be shown once."""
        self._post: Post | None = None
        self._task: asyncio.Task[None] | None = None
        self._problem = ""
        self._hung = ""
        self._failures = 0
        self._began_s = self._due_s = 0.0

    @property
    def spool_status(self) -> SpoolStatus | None:
        """How its spool is, while there is one."""
        return self._spool.status if self._spool is not None else None

    def is_made_of(self, file: GatewayFile) -> bool:
        """Whether a file says of this station what it was made of."""
        return self._name in file.stations and file.of_station(self._name) == self._file.of_station(self._name)

    def is_enrolled_anew(self) -> bool:
        """Whether the office has refused its device, and somebody has enrolled another one since."""
        courier = self._uplink.status.get(self._name)
        if courier is None or courier.state != "refused" or self._login is None:
            return False
        return not self._login.is_kept(token_file(self._home).read())

    def look(self) -> None:
        """Make the post when there is none and it is time for it; end it when a channel of it hangs."""
        if self._post is not None and self._task is not None:
            self._end_what_hangs(self._post, self._task)
            if self._task.done():
                self._post = self._task = None
        if self._task is None and asyncio.get_running_loop().time() >= self._due_s:
            self._begin()

    async def leave(self, beat: Callable[[], None]) -> None:
        """Let a unit in work come to its end, and end; what is in the spool waits for the next start."""
        if self._task is not None and self._post is not None:
            await self._finish(self._task, self._post, beat)
        if self._spool is not None:
            await asyncio.to_thread(self._uplink.leave, self._name)
            self._spool.close()
        if self._tally is not None:
            self._tally.close()

    def view(self) -> StationView:
        """What there is to show."""
        program = self._file.stations[self._name].program
        return StationView.of(self._name, program, self._post, self._uplink.status.get(self._name), self._problem)

    def account(self, hours: int) -> StationAccount:
        """Where its events of the last hours are; for a thread of its own. Raises `SipeError`."""
        if self._spool is None or self._tally is None or self._login is None:
            raise SipeError(f"{self._name}: {self._problem or 'it has not begun yet'}")
        with connect(self._shared, self._login) as office:
            return account_of(self._name, Kept(self._spool, self._tally), office, self._shared.clock.now_ms(), hours)

    def _begin(self) -> None:
        try:
            login = self._login = self._login or login_of(self._home, self._name)
            if self._spool is None:
                self._spool = self._served(login)
            post = Post(self._name, self._file, self._shared, login, self._spool)
        except NotEnrolled as error:
            self._problem, self._due_s = str(error), asyncio.get_running_loop().time() + NOT_ENROLLED_PAUSE_S
        except SipeError as error:
            self._failed(str(error))
        else:
            self._post, self._problem = post, ""
            self._began_s = asyncio.get_running_loop().time()
            self._task = asyncio.create_task(post.run(), name=f"station {self._name}")
            self._task.add_done_callback(self._ended)

    def _served(self, login: Refreshed) -> Spool:
        """The spool, from which is sent what waits; raises `SipeError`, and then nothing of it is open."""
        office = connect_uplink(self._shared, self._name, login)
        self._tally = self._tally or open_tally(self._home, self._shared.clock)
        spool = open_spool(self._home, self._file.gateway)
        try:
            outbox = HeldOutbox(spool, self._shared.clock, self._home / "starts.json")
            self._uplink.serve(self._name, office, outbox, self._tally)
        except BaseException:
            spool.close()
            raise
        return spool

    def _ended(self, task: asyncio.Task[None]) -> None:
        """The post has ended: by itself, which none should, or by us."""
        error = None if task.cancelled() else task.exception()
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if error is not None:
            self._failed(str(error) if isinstance(error, SipeError) else repr(error))
        elif self._hung:
            self._failed(self._hung)
            self._hung = ""

    def _failed(self, cause: str) -> None:
        now_s = asyncio.get_running_loop().time()
        was_well = self._post is not None and now_s > self._began_s + WELL_S
        self._failures = 1 if was_well else self._failures + 1
        self._problem = cause
        self._due_s = now_s + self._pauses.after(self._failures, self._draw)
        _log.error("%s has failed, and is made anew: %s", self._name, cause)

    def _end_what_hangs(self, post: Post, task: asyncio.Task[None]) -> None:
        """A channel whose own task does not turn any more takes its station with it, and no other."""
        now_ms = monotonic_ms()
        for channel in post.channels:
            still_ms = now_ms - channel.beaten_ms
            if still_ms > HUNG_AFTER_MS and not self._hung:
                self._hung = f"channel {channel.name} stood still for {still_ms} ms"
                task.cancel()

    async def _finish(self, task: asyncio.Task[None], post: Post, beat: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        until_s = loop.time() + FINISH_TIMEOUT_S
        while post.is_working and not task.done() and loop.time() < until_s:
            beat()
            await asyncio.sleep(0.1)
        task.cancel()
        while not task.done():
            beat()
            await asyncio.wait({task}, timeout=1.0)


def open_spool(home: Path, gateway: GatewaySettings) -> Spool:
    """The spool of a station; raises `SipeError`, such as when a gateway runs on it."""
    return Spool(home / "spool", limits_of(gateway.spool_bytes_max))


def open_tally(home: Path, clock: Clock) -> Tally:
    """What has left the spool of a station; raises `SipeError`."""
    return Tally(home / "sent.sqlite3", clock.now_ms)


def limits_of(bytes_max: int) -> SpoolLimits:
    """How a station's room is shared out: half of it for telemetry, which leaves a sixteenth free in any case."""
    telemetry_bytes_max = bytes_max // 2
    return SpoolLimits(
        bytes_max=bytes_max,
        telemetry_bytes_max=telemetry_bytes_max,
        reserve_bytes=bytes_max // 16,
        segment_bytes_max=min(16_000_000, telemetry_bytes_max // 8),
    )
