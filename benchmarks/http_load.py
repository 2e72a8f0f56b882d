"""Asks an HTTP service as many clients at once do, and says how long each answer took: for benchmarks/api.py.

A client is one connection that is kept. In a closed loop each client asks again when it has its answer; in an open loop
questions come at a fixed rate whether or not the earlier ones are answered, and an answer's time counts from when its
question was due: a service that stalls is not forgiven the questions that had to wait.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

Next = Callable[[int], Iterator[bytes]]
"""What a client, by its number, asks one after the other."""
DONE = frozenset({200, 201})
NOT_NOW = frozenset({429, 503})
"""Asked again, as a client does, but sooner; the time that it takes until the service does it counts."""
PAUSE_S = 0.05


def request(
    method: str, path: str, token: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> bytes:
    """A request as it travels."""
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", f"authorization: Bearer {token}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body is not None:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


@dataclass
class Measured:
    """What came of it; times in seconds."""

    took_s: float = 0.0
    latencies_s: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def done(self) -> int:
        """How many answers say that it was done."""
        return sum(self.statuses[status] for status in DONE)

    @property
    def per_s(self) -> float:
        """Measured answers per second."""
        return len(self.latencies_s) / self.took_s

    def percentile_ms(self, share: int) -> float:
        """The latency that so many percent of the answers stay within, in milliseconds."""
        if len(self.latencies_s) < 2:
            return sum(self.latencies_s) * 1_000
        return statistics.quantiles(self.latencies_s, n=100, method="inclusive")[share - 1] * 1_000


class Connection:
    """One kept connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, asked: bytes) -> tuple[int, bytes]:
        """The status and the body of the answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(asked)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        body = await reader.readexactly(length)
        if b"connection: close" in head:
            self.close()
        return int(head[9:12]), body

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


def closed_loop(port: int, clients: int, seconds: float, questions: Next) -> Measured:
    """So many clients at once, until the time is over or their questions are."""
    return asyncio.run(_closed_loop(port, clients, seconds, questions))


async def _closed_loop(port: int, clients: int, seconds: float, questions: Next) -> Measured:
    found = Measured()
    began = time.perf_counter()

    async def client(number: int) -> None:
        connection = Connection(port)
        for asked in questions(number):
            sent = time.perf_counter()
            if sent - began > seconds:
                break
            status, _ = await connection.ask(asked)
            while status in NOT_NOW:
                found.statuses[status] += 1
                if time.perf_counter() - began > seconds:
                    return
                await asyncio.sleep(PAUSE_S)
                status, _ = await connection.ask(asked)
            found.statuses[status] += 1
            found.latencies_s.append(time.perf_counter() - sent)
        connection.close()

    await asyncio.gather(*(client(number) for number in range(clients)))
    found.took_s = time.perf_counter() - began
    return found


def open_loop(port: int, per_s: float, seconds: float, questions: Iterator[bytes]) -> Measured:
    """So many questions a second, each of them when it is due."""
    return asyncio.run(_open_loop(port, per_s, seconds, questions))


async def _open_loop(port: int, per_s: float, seconds: float, questions: Iterator[bytes]) -> Measured:
    found, idle = Measured(), list[Connection]()
    began = time.perf_counter()

    async def one(due: float, question: bytes) -> None:
        connection = idle.pop() if idle else Connection(port)
        status, _ = await connection.ask(question)
        found.statuses[status] += 1
        found.latencies_s.append(time.perf_counter() - due)
        idle.append(connection)

    async with asyncio.TaskGroup() as tasks:
        for number in range(int(per_s * seconds)):
            due = began + number / per_s
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.create_task(one(due, next(questions)))
    found.took_s = time.perf_counter() - began
    for connection in idle:
        connection.close()
    return found
