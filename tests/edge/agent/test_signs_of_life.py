"""A station says that it lives, and how often it will: once for each boot, also when one begins amid its day."""

from __future__ import annotations

import asyncio
import tomllib
from contextlib import suppress
from pathlib import Path

from waiting import until

from edge.agent.post import Post, Shared
from edge.agent.settings import parse
from edge.client.login import Refreshed
from edge.clock import GatewayClock
from edge.spool import Spool
from sipe.contracts.codec import decode
from sipe.contracts.events import Heartbeat, StationBorn

STATION = "manaus.final.line-1.pack-1"
FILE = f"""
[office]
url = "http://127.0.0.1:9"
[[channel]]
name = "scanner-1"
kind = "tcp"
host = "127.0.0.1"
port = 9
[[station]]
name = "{STATION}"
program = "scan"
scanner = "scanner-1"
heartbeat_ms = 1_000
"""


def test_each_boot_begins_with_a_birth(tmp_path: Path) -> None:
    file = parse(tomllib.loads(FILE))
    with Spool(tmp_path / "spool") as spool:

        def said() -> list[tuple[type, int]]:
            events = [decode(row.message) for row in spool.read(0, 100)]
            return [(type(event), event.boot) for event in events if isinstance(event, StationBorn | Heartbeat)]

        async def day() -> None:
            shared = Shared(tmp_path, file.office, None, GatewayClock())
            going = asyncio.create_task(Post(STATION, file, shared, Refreshed("a token"), spool).run())
            await asyncio.to_thread(until, lambda: len(said()) >= 2, "a birth and a sign of life", 30)
            spool.new_boot()
            await asyncio.to_thread(until, lambda: said()[-1] == (Heartbeat, spool.boot), "the next boot goes on", 30)
            going.cancel()
            with suppress(asyncio.CancelledError):
                await going

        asyncio.run(day())
        boots = sorted({boot for _, boot in said()})
        assert len(boots) == 2
        for boot in boots:
            kinds = [kind for kind, of in said() if of == boot]
            assert (kinds[0], kinds.count(StationBorn)) == (StationBorn, 1)


def test_signs_of_life_say_how_good_the_time_is(tmp_path: Path) -> None:
    file = parse(tomllib.loads(FILE))
    clock = GatewayClock(system_ms=lambda: 5_000, uptime_ms=lambda: 180_000, is_synchronized=lambda: False)

    with Spool(tmp_path / "spool") as spool:

        def said() -> list[tuple[int, str | None, int | None]]:
            events = [decode(row.message) for row in spool.read(0, 100)]
            signs = [event for event in events if isinstance(event, StationBorn | Heartbeat)]
            return [(sign.ts_ms, sign.clock, sign.skew_ms) for sign in signs]

        async def day() -> None:
            shared = Shared(tmp_path, file.office, None, clock)
            going = asyncio.create_task(Post(STATION, file, shared, Refreshed("a token"), spool).run())
            await asyncio.to_thread(until, lambda: len(said()) == 1, "a birth", 30)
            clock.hear("Tue, 24 Nov 2026 02:00:00 GMT", 0.0)
            await asyncio.to_thread(until, lambda: len(said()) >= 2, "a sign of life", 30)
            going.cancel()
            with suppress(asyncio.CancelledError):
                await going

        asyncio.run(day())
        heard_ms = 1_795_485_600_500
        assert said()[0] == (180_000, "unset", None), "the time since the machine's start"
        assert said()[1] == (heard_ms, "office", 5_000 - heard_ms)
