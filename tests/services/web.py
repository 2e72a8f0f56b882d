"""The web service to test with, over the office and the shop, and a client for each of their people and stations."""

from __future__ import annotations

import asyncio
import itertools
import ssl
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn
from httpx import Client, Response
from office import ROOT, STAFF
from office import who as person_as
from server_process import free_port
from shop import ASSEMBLY, CALIBRATION, LINE, PACKING, REPAIR
from waiting import until

from api.app import create_app
from api.keys import KeyRing
from api.live.live import Live
from api.services import Services
from api.serving import TRIES, TRIES_PER_S
from api.tokens import Tokens
from connectors.clickhouse.client import Address
from connectors.ingest.inlet import Inlet
from connectors.ingest.rate import Rates
from connectors.sql import credentials, devices
from connectors.sql.contracts import NO_COPIES, Copies
from connectors.sql.identity import Shown, sign_in
from connectors.sql.secrecy import Cost, Secrets
from connectors.sql.work import Store
from models.identity import Role
from sipe.clock import Clock

STATIONS = {"asm": ASSEMBLY, "cal": CALIBRATION, "pack": PACKING, "fix": REPAIR}
ON_THE_LINE = {"pia": "planner", "sara": "supervisor", "otto": "operator"}
EXTRA = {
    **{person: (Role(role, LINE),) for person, role in ON_THE_LINE.items()},
    "quim": (Role("quality", "manaus.final.line-2"),),
    "lia": (Role("supervisor", "manaus.final.line-2"), Role("planner", "manaus.final.line-2")),
}
"""Whom the office lacks: people of the shop's line, and two of another."""
PIN = "246813"
TLS = ssl.create_default_context()
"""Not needed here, but each client would read all of the machine's authorities anew."""
CHEAP = Cost(passes=1, memory_kib=8, lanes=1)


class _Server(uvicorn.Server):
    """One that ends at once: uvicorn looks ten times a second whether it is to end, and there are hundreds of tests."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ended = threading.Event()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await asyncio.to_thread(self._ended.wait)
        await asyncio.sleep(0.005)  # to see that the client has hung up: for whoever has not, it waits 100 ms

    def end(self) -> None:
        self.should_exit = True
        self._ended.set()


class Web:
    """A server on a port of its own: `with Web(store, clock, tmp_path) as web: web.get("ana", "/v1/sheets")`."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        directory: Path,
        copies: Copies = NO_COPIES,
        redis_url: str | None = None,
        *,
        inlet: Inlet | None = None,
        clickhouse: Address | None = None,
    ) -> None:
        self._store = store
        self._secrets = Secrets(CHEAP)
        keys = KeyRing(directory / "keys", clock.now_ms(), may_create=True)
        self._tokens = Tokens(keys, clock)
        self._signed_in: dict[str, str] = {}
        self.live = Live(store)
        self.services = Services(
            store=store,
            clock=clock,
            keys=keys,
            tokens=self._tokens,
            secrets=self._secrets,
            strangers=Rates(TRIES_PER_S, TRIES),
            copies=copies,
            live=self.live,
            redis_url=redis_url,
            inlet=inlet,
            clickhouse=clickhouse,
        )
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(create_app(self.services), port=self.port, lifespan="off", log_config=None, ws="none")
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._server.run)
        self.client = Client(base_url=self.url, timeout=30, verify=TLS)
        self._keys = itertools.count(1)

    def __enter__(self) -> Self:
        self._thread.start()
        until(lambda: self._server.started, "the server is up", 30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
        self.live.close()
        self._server.end()
        self._thread.join()

    def token(self, who: str) -> str:
        """An access token: people sign in with badge and PIN, stations enrol; whoever is neither has none."""
        if who not in self._signed_in:
            self._signed_in[who] = self._sign_in(who)
        return self._signed_in[who]

    def _sign_in(self, who: str) -> str:
        store, secrets = self._store, self._secrets
        if who in STATIONS:
            session = devices.enrol(store, secrets, store.work(ROOT, devices.offer, secrets, STATIONS[who]).text)
        elif who in STAFF or who in EXTRA:
            store.work(ROOT, credentials.set_badge, who, f"badge of {who}")
            credentials.set_pin(store, secrets, person_as(who), who, PIN)
            session = sign_in(store, secrets, Shown(badge=f"badge of {who}", secret=PIN))
        else:
            return who
        return self._tokens.issue(session.principal)

    def send(self, who: str | None, method: str, path: str, body: Any = None, **headers: str) -> Response:
        """A request of somebody, who signs in first; an idempotency key of its own unless one is given."""
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        if who is not None:
            sent["authorization"] = f"Bearer {self.token(who)}"
        if method == "POST":
            sent.setdefault("idempotency-key", f"test-key-{next(self._keys)}")
        with self.client.stream(method, path, json=body, headers=sent) as answer:
            if answer.headers.get("content-type", "").partition(";")[0] != "text/event-stream":  # which never ends
                answer.read()
        return answer

    def get(self, who: str | None, path: str) -> Response:
        """A GET of somebody."""
        return self.send(who, "GET", path)

    def post(self, who: str | None, path: str, body: Any = None, **headers: str) -> Response:
        """A POST of somebody."""
        return self.send(who, "POST", path, body, **headers)


def problem(answer: Response, status: int, reason: str) -> str:
    """The words of a problem that is the expected one."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    told = answer.json()
    assert (told["type"], told["status"]) == (f"urn:sipe:problem:{reason}", status)
    return str(told["detail"])
