"""Reads a stream of server-sent events with httpx, as any client does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from web import TLS


@dataclass
class Event:
    """An event as it was dispatched; `id` is the last one that was said by then."""

    kind: str
    id: str
    data: Any


@dataclass
class Stream:
    """An open stream."""

    answer: httpx.Response
    last_id: str = ""
    comments: int = 0
    _lines: Iterator[str] = field(init=False)

    def __post_init__(self) -> None:
        self._lines = self.answer.iter_lines()

    def events(self) -> Iterator[Event]:
        """Every event until the stream ends."""
        kind, data = "message", ""
        for line in self._lines:
            if not line:
                if data:
                    yield Event(kind, self.last_id, json.loads(data))
                kind, data = "message", ""
            name, _, value = line.partition(": ")
            match name:
                case "id":
                    self.last_id = value
                case "event":
                    kind = value
                case "data":
                    data += value
                case "":
                    self.comments += bool(value)

    def take(self, count: int) -> list[Event]:
        """So many events; fewer when the stream ends."""
        return [event for _, event in zip(range(count), self.events(), strict=False)]

    def opened(self) -> str:
        """The id that a stream begins with which resumes nothing."""
        for line in self._lines:
            if line.startswith("id: "):
                self.last_id = line[4:]
            if not line:
                break
        return self.last_id

    def beat(self) -> str:
        """Wait for a sign of life, and give the id that it says."""
        for line in self._lines:
            if line.startswith(": "):
                self.comments += 1
                return self.opened()
        raise AssertionError("the stream has ended")


@contextmanager
def stream(url: str, token: str, last_id: str | None = None, **query: str) -> Iterator[Stream]:
    """Open a stream on a connection of its own."""
    headers = {"authorization": f"Bearer {token}"} | ({"last-event-id": last_id} if last_id is not None else {})
    with (
        httpx.Client(timeout=30, verify=TLS) as client,
        client.stream("GET", f"{url}/v1/stream", headers=headers, params=query) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        yield Stream(answer)
