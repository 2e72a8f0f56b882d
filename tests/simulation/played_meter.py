"""A simulated meter of IEC 62056-21 at a port, a channel to it, and the driver that works on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from virtual_time import virtual_ms

from edge.channels.byte_channel import ByteChannel
from edge.channels.channel import monotonic_ms
from edge.channels.opening import open_channel
from edge.channels.settings import SerialSettings, TcpSettings
from edge.drivers.iec62056 import Iec62056Driver, Settings
from edge.protocols.iec62056.characters import SIGN_ON_BD
from edge.sim.bus import Bus, Talker, Talks
from edge.sim.faults import Fault, unharmed
from edge.sim.meters import PASSWORD, Stubborn, iec62056
from edge.sim.playing import loop_ms, played
from edge.sim.ports import DirectPort, Port, TcpPort

WAIT_S = 30.0
SERIAL = "WA000001"
STANDARD = Settings()


@dataclass(kw_only=True)
class Bench:
    """What a test chooses; `registers` and `talks` are those of the meter on the bench."""

    keeps: Mapping[str, str] | None = None
    password: str = PASSWORD
    told_password: str | None = PASSWORD
    maker: str = "SIP"
    rate_id: str = "5"
    refusal: str = "error"
    wraps: Callable[[Callable[[], Talks]], Talks] = lambda make: make()
    others: tuple[Talks, ...] = ()
    to_meters: Fault = unharmed
    to_port: Fault = unharmed
    echo: bool = False
    settings: Settings = STANDARD
    port: Port | None = None

    def __post_init__(self) -> None:
        contents: dict[str, str | list[str]] = {"0.0.0": "", "0.9.1": "000000", "C.1": "?", "1.8.0": "000000.4*kWh"}
        self.registers = Stubborn(contents, self.password, self.keeps)
        if self.port is None:
            self.port = DirectPort()

    def meter(self) -> Talks:
        return iec62056(self.registers, maker=self.maker, rate_id=self.rate_id, refusal=self.refusal)

    def channel(self) -> tuple[ByteChannel, Callable[[], int]]:
        if isinstance(self.port, DirectPort):
            settings = SerialSettings(name="line", port="direct")
            return ByteChannel(settings, self.port.connect, settings.line, monotonic_ms=virtual_ms), virtual_ms
        assert self.port is not None
        told: Any = SerialSettings(name="line", port=self.port.where)
        if isinstance(self.port, TcpPort):
            told = TcpSettings(name="line", host="127.0.0.1", port=self.port.port)
        channel = open_channel(told)
        assert isinstance(channel, ByteChannel)
        return channel, monotonic_ms

    @asynccontextmanager
    async def driver(self) -> AsyncIterator[Iec62056Driver]:
        assert self.port is not None
        sessions = (self.wraps(self.meter), *self.others)
        talkers = [Talker(session, SIGN_ON_BD) for session in sessions]
        bus = Bus(talkers, loop_ms(), to_meters=self.to_meters, to_port=self.to_port, echo=self.echo)
        async with played(bus, self.port):
            channel, clock = self.channel()
            async with channel:
                async with asyncio.timeout(WAIT_S):
                    while not channel.tally.connects:
                        await asyncio.sleep(0.01)
                yield Iec62056Driver(self.settings, channel, clock, self.told_password)
