"""A station of the gateway with all that belongs to it: its device, its desk, its channels and its program."""

from __future__ import annotations

import asyncio
import logging
import ssl
from contextlib import AsyncExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from edge.agent.operator import ScannerOperator
from edge.agent.programs import Begin, Equipment, on_line, program_of
from edge.agent.settings import GatewayFile, OfficeSettings
from edge.channels.byte_channel import ByteChannel
from edge.channels.channel import monotonic_ms
from edge.channels.opening import open_channel
from edge.client.calls import Client
from edge.client.login import Refreshed, TokenFile
from edge.client.session import Patience
from edge.clock import GatewayClock
from edge.desk.desk import Desk, Room
from edge.desk.journal import Journal
from edge.spool import Spool
from edge.stations.day import Tools
from edge.stations.recorder import Fact, Recorder
from edge.uplink.settings import UplinkSettings
from edge.uplink.uplink import EventsOffice
from sipe.contracts.events import Heartbeat, StationBorn
from sipe.errors import SipeError, UsageError

_log = logging.getLogger(__name__)

TELL_EVERY_S = 5.0
LEASE_EVERY_S = 5.0
TIME_EVERY_S, TIME_UNSET_EVERY_S = 600.0, 5.0
"""How often the office is asked what time it is there, and how often while nobody knows."""
ONCE = Patience(attempts_max=1)
"""Whoever waits at a station is told at once that the office does not answer; results are told again anyway."""
SOURCE, AGENT = "station", "gateway"
"""Who numbers what happens to units, and who the signs of life."""


class Shared(NamedTuple):
    """What the stations of a gateway share."""

    directory: Path
    office: OfficeSettings
    tls: ssl.SSLContext | None
    """Read once: the authorities of a machine are many."""
    clock: GatewayClock
    uplink: UplinkSettings | None = None
    """Where events go by MQTT; None, and they go to the office like all else."""


class NotEnrolled(SipeError):
    """The office does not know a device at this station yet."""


def home_of(directory: Path, station: str) -> Path:
    """The directory of all that a station keeps, made if there is none; raises `SipeError`."""
    home = directory / station
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SipeError(f"{home} cannot be made: {error.strerror}; run this as the user of the gateway") from error
    return home


def token_file(home: Path) -> TokenFile:
    """Where the token of a station's device is kept."""
    return TokenFile(home / "token")


def login_of(home: Path, station: str) -> Refreshed:
    """How a station's device goes on being known; raises `NotEnrolled`."""
    kept = token_file(home)
    token = kept.read()
    if token is None:
        raise NotEnrolled(f"not enrolled: have a code made, then `sipe gateway enrol --station {station}`")
    return Refreshed(token, keep=kept.keep)


def tls_of(office: OfficeSettings) -> ssl.SSLContext | None:
    """How the office is recognised, None without TLS; raises `UsageError` for a file that holds no certificate."""
    if not office.url.startswith("https:"):
        return None
    try:
        return ssl.create_default_context(cafile=office.ca_file)
    except OSError as error:  # an SSLError is one, too
        raise UsageError(f"office.ca_file: no certificates in {office.ca_file}: {error.strerror or error}") from error


def connect(shared: Shared, login: Refreshed) -> Client:
    """A connection to the office, for one thread; all of a station's are of one device."""
    office = shared.office
    timeout_s = office.timeout_ms / 1000
    return Client(office.url, login, timeout_s=timeout_s, patience=ONCE, tls=shared.tls, hear=shared.clock.hear)


def connect_uplink(shared: Shared, name: str, login: Refreshed) -> EventsOffice:
    """The way that a station's events take, for one thread; raises `UsageError`."""
    if shared.uplink is None:
        return connect(shared, login)
    try:
        from edge.uplink.mqtt_office import MqttOffice  # noqa: PLC0415  its library is another extra's
    except ModuleNotFoundError as error:
        raise UsageError(f"uplink: {error.name} is not installed: pip install 'sipe[edge-mqtt]'") from error
    return MqttOffice(shared.uplink, name)


class Parts(NamedTuple):
    """What a station works with, none of it started."""

    scanner: ByteChannel
    equipment: Equipment | None
    begin: Begin


def parts_of(name: str, file: GatewayFile) -> Parts:
    """What a station works with; raises `UsageError` for what its settings lack or have wrong."""
    settings, channels = file.of_station(name)
    scanner, *more = map(open_channel, channels)
    equipment = more[0] if more else None
    return Parts(on_line(scanner), equipment, program_of(settings, equipment))


class Post:
    """One station, from its start to its end; `run` ends when it is cancelled, or by an error that says why."""

    def __init__(self, name: str, file: GatewayFile, shared: Shared, login: Refreshed, spool: Spool) -> None:
        """Raises `UsageError` for what its settings lack, `SipeError` for a journal that cannot be opened."""
        scanner, equipment, begin = parts_of(name, file)  # first: what is wrong in the file leaves nothing open
        self._settings = file.stations[name]
        self.untold = 0
        """How many results the office has not heard, as of a moment ago."""
        self.room: Room | None = None
        """What may be done without the office, as of a moment ago."""
        self._shared = shared
        home = home_of(shared.directory, name)
        self._journal = Journal(home / "desk.sqlite3")
        self._client = connect(shared, login)
        desk = Desk(name, self._client, self._journal, shared.clock)
        self.channels: list[Equipment] = [scanner] if equipment is None else [scanner, equipment]
        self.operator = ScannerOperator(name, scanner, self._settings.framing, monotonic_ms)
        self._spool = spool
        self._agent = Recorder(name, AGENT, spool)
        tools = Tools(
            desk, self._journal, Recorder(name, SOURCE, spool), self.operator, shared.clock, monotonic_ms, home
        )
        try:
            self._day = begin(tools)
        except BaseException:
            self._hang_up()
            raise

    @property
    def is_working(self) -> bool:
        """Whether a unit is in work just now."""
        return self._day.is_busy

    async def run(self) -> None:
        """The station's day, with all that goes on beside it."""
        try:
            async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
                for channel in self.channels:
                    await stack.enter_async_context(channel)
                group.create_task(self._beat())
                group.create_task(self._tell())
                group.create_task(self._keep_lease())
                group.create_task(self._keep_time())
                group.create_task(self._day.run())
        finally:
            await asyncio.to_thread(self._day.close)
            self._hang_up()

    def _hang_up(self) -> None:
        self._client.close()
        self._journal.close()

    async def _beat(self) -> None:
        """Signs of life, the first of each boot a birth: by them it is known that nothing happens because nothing does.

        A boot may begin while the post goes on: with what is new after an outage.
        """
        firmware, born = f"gateway {version('sipe')}", None
        while True:
            if self._spool.boot != born:
                born = self._spool.boot
                await self._say(StationBorn, firmware=firmware, heartbeat_ms=self._settings.heartbeat_ms)
            else:
                await self._say(Heartbeat)
            await asyncio.sleep(self._settings.heartbeat_ms / 1000)

    async def _say(self, kind: type[Heartbeat | StationBorn], **fields: Any) -> None:
        time = self._shared.clock.status
        sign = {**fields, "clock": time.quality, "skew_ms": time.skew_ms}
        fact = Fact(kind, self._shared.clock.now_ms(), sign)
        await asyncio.to_thread(lambda: self._agent.keep(self._agent.numbered([fact])))

    async def _tell(self) -> None:
        """Results that were finished while the office was away."""
        while True:
            await self._day.tell()
            self.untold = await self._day.untold()
            await asyncio.sleep(TELL_EVERY_S)

    async def _keep_time(self) -> None:
        while True:
            await self._day.ask_time()
            is_unset = self._shared.clock.start_ms() is None
            await asyncio.sleep(TIME_UNSET_EVERY_S if is_unset else TIME_EVERY_S)

    async def _keep_lease(self) -> None:
        while self._settings.lease_units:
            self.room = await self._day.renew_lease(self._settings.lease_units)
            await asyncio.sleep(LEASE_EVERY_S)
