"""An operator at a station of a gateway: scans what is on a label, and looks at the screen."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import msgspec

from edge.agent.page import HOST
from edge.sim.bus import Talker
from edge.sim.line.fixture import Fixture
from edge.stations.display import Display

LOOK_S = 0.2
AGAIN_S = 3.0
"""Whose scan changes nothing scans again: the station may not have listened."""
SCANS_MORE, PAUSE_S = 3, 5.0
"""Of a unit that may not come. A station tells each five seconds what it could not tell, in order with the others."""
_ENDED = {"passed", "failed", "stopped"}
_LISTENS = {"idle", "active"}


class Screens:
    """The screens of a gateway's stations, as its status page tells them."""

    def __init__(self, port: int) -> None:
        self._url = f"http://{HOST}:{port}/status.json"

    async def look(self, station: str) -> Display | None:
        """A station's screen; None while it is dark, or nothing is connected to its scanner."""
        return await asyncio.to_thread(self._look, station)

    async def all(self) -> list[dict[str, Any]]:
        """What the page tells of all stations; nothing while the gateway is down."""
        return await asyncio.to_thread(self._all)

    def _look(self, station: str) -> Display | None:
        found = next((one for one in self._all() if one["name"] == station), None)
        if found is None or found["display"] is None or found["channels"][0]["state"] not in _LISTENS:
            return None
        return msgspec.convert(found["display"], Display)

    def _all(self) -> list[dict[str, Any]]:
        try:
            with urllib.request.urlopen(self._url, timeout=5) as answer:  # noqa: S310  of http, by its name
                told: list[dict[str, Any]] = json.load(answer)["stations"]
        except (OSError, ValueError):
            return []
        return told


class Stand:
    """One station, with whoever works there. It makes no difference to them whether the gateway goes down meanwhile."""

    def __init__(
        self, station: str, order: str, scan: Callable[[str], None], screens: Screens, fixture: Fixture | None = None
    ) -> None:
        """`scan` has the scanner say a line."""
        self.station = station
        self._order = order
        self._scan = scan
        self._screens = screens
        self._fixture = fixture
        self.dark = 0
        """How often the screen went dark while a unit was scanned."""

    async def at_order(self) -> Display:
        """Have the order at work, by scanning it when it is not; the screen then."""
        loop = asyncio.get_running_loop()
        again_s = 0.0
        while True:
            screen = await self._screens.look(self.station)
            if screen is not None and screen.order == self._order:
                return screen
            if screen is not None and loop.time() >= again_s:
                self._scan(self._order)
                again_s = loop.time() + AGAIN_S
            await asyncio.sleep(LOOK_S)

    async def begin(self) -> Display:
        """Begin the next unit, by scanning the order once more."""
        return await self.scanned(self._order)

    async def work_on(self, label: str, meter: Talker | None = None) -> Display:
        """Put the meter on, where there is a fixture, scan its label, and see what comes of it.

        What may not come is scanned some times more: other stations may not have told yet what they did.
        """
        async with AsyncExitStack() as stack:
            if self._fixture is not None and meter is not None:
                await stack.enter_async_context(self._fixture.holding(meter))
            screen = await self.scanned(label)
            for _ in range(SCANS_MORE):
                if screen.state != "stopped":
                    break
                await asyncio.sleep(PAUSE_S)
                screen = await self.scanned(label)
            return screen

    async def scanned(self, text: str) -> Display:
        """What the screen shows in the end; when it goes dark, order and unit are scanned again as it asks for."""
        while (screen := await self._scanned(text)) is None:
            self.dark += 1
        return screen

    async def _scanned(self, text: str) -> Display | None:
        before = await self.at_order()
        while True:
            self._scan(text)
            screen = await self._ended(before)
            says_the_same = before.state == "stopped" and text in before.text
            if screen != before or says_the_same:
                return screen

    async def _ended(self, before: Display) -> Display | None:
        """The screen when it shows an end; as before when nothing changes for a while, None when it goes dark."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + AGAIN_S
        while True:
            await asyncio.sleep(LOOK_S)
            screen = await self._screens.look(self.station)
            if screen is None or screen.order != self._order:
                return None
            if screen == before and loop.time() >= until_s:
                return before
            if screen != before and screen.state in _ENDED:
                return screen
