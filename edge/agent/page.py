"""The status page of a gateway, on loopback: what a person at the line wants to know, and the same for programs.

`/` for people, `/status.json` for programs, and `/account.json?station=NAME&hours=24` for `sipe gateway reconcile`.
Whoever is not on this machine is not answered, whatever name they used.
"""

from __future__ import annotations

import html
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Annotated, Self
from urllib.parse import parse_qsl

import msgspec
from msgspec import Meta, Struct

from edge.agent.account import HOURS_MAX, StationAccount
from edge.agent.post import Post
from edge.stations.display import Display
from edge.uplink.courier import CourierStatus
from sipe.contracts.fields import ClockQuality
from sipe.errors import SipeError

HOST = "127.0.0.1"
_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
REFRESH_S = 2


class ChannelView(Struct, frozen=True, kw_only=True):
    """A channel as it is now."""

    name: str
    kind: str
    state: str
    cause: str
    bytes_in: int
    connects: int


class StationView(Struct, frozen=True, kw_only=True):
    """A station as it is now."""

    name: str
    program: str
    display: Display | None
    problem: str
    untold: int
    lease_units: int
    """How many units may come while the office does not answer."""
    lease_until_ms: int
    uplink: str
    delivered: int
    letters: int
    is_late: bool
    channels: list[ChannelView]

    @classmethod
    def of(cls, name: str, program: str, post: Post | None, courier: CourierStatus | None, problem: str) -> Self:
        """A station from what is running of it."""
        statuses = [channel.status() for channel in post.channels] if post else []
        return cls(
            name=name,
            program=program,
            display=post.operator.display if post else None,
            problem=problem or (courier.problem if courier else ""),
            untold=post.untold if post else 0,
            lease_units=post.room.units if post and post.room else 0,
            lease_until_ms=post.room.until_ms if post and post.room else 0,
            uplink=courier.state if courier else "none",
            delivered=courier.delivered if courier else 0,
            letters=courier.letters if courier else 0,
            is_late=courier.late if courier else False,
            channels=[
                ChannelView(
                    name=status.name,
                    kind=status.kind,
                    state=status.state.value,
                    cause=status.cause,
                    bytes_in=status.bytes_in,
                    connects=status.connects,
                )
                for status in statuses
            ],
        )


class View(Struct, frozen=True, kw_only=True):
    """A gateway as it was at a moment."""

    at_ms: int
    waiting_bytes: int
    full: list[str]
    """The stations whose spool is full: they start nothing until there is room."""
    damaged_files: int
    """Of spools, for somebody to look at."""
    file_problem: str
    last_end: str
    clock: ClockQuality
    skew_ms: int | None
    """By how much this machine's clock is ahead of the office's."""
    clock_problem: str
    stations: list[StationView]

    @property
    def summary(self) -> str:
        """One line."""
        going = sum(station.display is not None for station in self.stations)
        return f"{going} of {len(self.stations)} stations, {self.waiting_bytes} bytes wait"


Account = Callable[[str, int], StationAccount]
"""Of a station, for so many hours; raises `SipeError`."""


class AskedAccount(Struct, frozen=True, kw_only=True):
    """What an account is asked of."""

    station: str
    hours: Annotated[int, Meta(ge=1, le=HOURS_MAX)] = 24


class StatusPage:
    """Serves the page until it is closed."""

    def __init__(self, port: int, view: Callable[[], View], account: Account) -> None:
        """0 is any port; raises `OSError` when the port is taken."""
        self._server = ThreadingHTTPServer((HOST, port), _handler(view, account))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="status page", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it is."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()


def _handler(view: Callable[[], View], account: Account) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            """Answer with the page, or its data."""
            path, _, query = self.path.partition("?")
            if self.headers.get("Host", "").rpartition(":")[0] not in _NAMES:
                self.send_error(HTTPStatus.MISDIRECTED_REQUEST)  # a name that somebody else has pointed at us
            elif path == "/":
                self._answer("text/html; charset=utf-8", page_of(view()).encode())
            elif path == "/status.json":
                self._answer("application/json", msgspec.json.encode(view()))
            elif path == "/account.json":
                self._account(query)
            else:
                self.send_error(HTTPStatus.NOT_FOUND)

        def _account(self, query: str) -> None:
            try:
                asked = msgspec.convert(dict(parse_qsl(query)), AskedAccount, strict=False)
                self._answer("application/json", msgspec.json.encode(account(asked.station, asked.hours)))
            except msgspec.ValidationError as error:
                self._answer("text/plain; charset=utf-8", str(error).encode(), HTTPStatus.BAD_REQUEST)
            except SipeError as error:
                self._answer("text/plain; charset=utf-8", str(error).encode(), HTTPStatus.SERVICE_UNAVAILABLE)

        def log_message(self, *_: object) -> None:
            """Say nothing: somebody looks every two seconds."""

        def _answer(self, media: str, body: bytes, status: HTTPStatus = HTTPStatus.OK) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
            self.end_headers()
            self.wfile.write(body)

    return Handler


def page_of(view: View) -> str:
    """The page for people."""
    notes = [
        view.file_problem,
        view.last_end,
        view.clock_problem,
        *(f"the spool of {name} is full" for name in view.full),
    ]
    notes.append(f"{view.damaged_files} damaged files in spools" if view.damaged_files else "")
    told = "".join(f'<p class="bad">{html.escape(note)}</p>' for note in notes if note)
    cards = "".join(map(_card, view.stations))
    return _PAGE.format(refresh_s=REFRESH_S, summary=html.escape(view.summary), told=told, cards=cards)


def _card(station: StationView) -> str:
    state = station.display.state if station.display else "down"
    text = station.display.text if station.display else ""
    then = station.display.then if station.display else ""
    late = ", what is late still goes out" if station.is_late else ""
    rows = "".join(
        f"<li>{html.escape(f'{one.name} ({one.kind}): {one.state}')} <small>{html.escape(one.cause)}</small></li>"
        for one in station.channels
    )
    told = f"{station.uplink}{late}; {station.delivered} events sent, {station.letters} refused"
    told += f"; {station.lease_units} units may come without it" if station.lease_units else ""
    told += f"; {station.untold} results to tell" if station.untold else ""
    problem = f'<p class="bad">{html.escape(station.problem)}</p>' if station.problem else ""
    return (
        f'<section class="{state}"><h2>{html.escape(station.name)} <small>{html.escape(station.program)}</small></h2>'
        f"<p class=state>{state}</p><p>{html.escape(text)}</p><p><b>{html.escape(then)}</b></p>{problem}"
        f"<p><small>office: {html.escape(told)}</small></p><ul>{rows}</ul></section>"
    )


_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="{refresh_s}">
<meta name="viewport" content="width=device-width"><title>Gateway</title><style>
body {{ font: 16px system-ui, sans-serif; margin: 1rem; background: #f4f4f2; color: #222 }}
main {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); gap: 1rem }}
section {{ background: #fff; border-left: .6rem solid #888; padding: .5rem 1rem; border-radius: .3rem }}
.state {{ font-size: 2rem; margin: .2rem 0; text-transform: uppercase }}
.passed {{ border-color: #2a7d3f }} .failed, .down {{ border-color: #b3261e }}
.working {{ border-color: #1f5fa8 }} .stopped {{ border-color: #b26a00 }} .bad {{ color: #b3261e }}
h2 {{ font-size: 1.1rem; margin: .2rem 0 }} ul {{ padding-left: 1.1rem }} small {{ color: #666 }}
</style><h1>{summary}</h1>{told}<main>{cards}</main></html>
"""
