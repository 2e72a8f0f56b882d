"""A fixture: a port that stays where it is, while one meter after the other is put on and taken off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from edge.sim.bus import Bus, Talker
from edge.sim.faults import Fault, unharmed
from edge.sim.playing import loop_ms, played
from edge.sim.ports import Hear, Port


class Fixture:
    """Put before another port: to whoever plays a meter at it, it opens and closes each time."""

    def __init__(self, port: Port, *, to_meter: Fault = unharmed, to_port: Fault = unharmed) -> None:
        """The faults are the cable's, whichever meter is on."""
        self._port = port
        self._to_meter = to_meter
        self._to_port = to_port
        self._hear: Hear | None = None

    @asynccontextmanager
    async def ready(self) -> AsyncIterator[None]:
        """The port is there, with nothing on it, until the block ends. Raises `UsageError`."""
        await self._port.open(self._pass_on)
        try:
            yield
        finally:
            await self._port.close()

    @asynccontextmanager
    async def holding(self, meter: Talker) -> AsyncIterator[None]:
        """The meter is on, and has just been switched on, until the block ends."""
        bus = Bus([meter], loop_ms(), to_meters=self._to_meter, to_port=self._to_port)
        async with played(bus, self):
            yield

    @property
    def where(self) -> str:
        """See `Port`."""
        return self._port.where

    @property
    def rate_bd(self) -> float | None:
        """See `Port`."""
        return self._port.rate_bd

    async def open(self, hear: Hear) -> None:
        """See `Port`."""
        self._hear = hear

    def say(self, data: bytes) -> None:
        """See `Port`."""
        self._port.say(data)

    async def close(self) -> None:
        """See `Port`."""
        self._hear = None

    def _pass_on(self, data: bytes) -> None:
        if self._hear is not None:
            self._hear(data)
