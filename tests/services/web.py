"""The web service to test with, over the office and the shop, and a client for each of their people and stations."""

from __future__ import annotations

import itertools
import threading
from types import TracebackType
from typing import Any, Self

import uvicorn
from httpx import Client, Response
from office import STAFF
from server_process import free_port
from shop import ASSEMBLY, CALIBRATION, PACKING, REPAIR
from waiting import until

from api.app import create_app
from api.services import Services
from connectors.sql.work import Store
from models.identity import Principal, Role
from models.refusal import Forbidden, Refused
from sipe.clock import Clock

STATIONS = {"asm": ASSEMBLY, "cal": CALIBRATION, "pack": PACKING, "fix": REPAIR}
ROLES = {**STAFF, "pia": ["planner"], "sara": ["supervisor"], "otto": ["operator"], "root": ["admin"]}
PIN = "246810"


def principal_of(token: str) -> Principal:
    """Tokens of the tests are names: how tokens are made and checked is tested where they are."""
    roles = ["station"] if token in STATIONS else ROLES.get(token)
    if roles is None:
        raise Refused("token", "this token is none of ours")
    return Principal(
        identity=token,
        kind="device" if token in STATIONS else "person",
        roles=frozenset(map(Role, roles)),
        station=STATIONS.get(token),
        token=token,
        authenticated_ms=0,
    )


def verify_again(principal: Principal, secret: str) -> None:
    """Everybody in the tests has one PIN."""
    if secret != PIN:
        raise Forbidden("signature", f"this is not the PIN of {principal.identity}")


class Web:
    """A server on a port of its own: `with Web(store, clock) as web: web.post("ana", "/v1/sheets", {...})`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        services = Services(store=store, clock=clock, principal_of=principal_of, verify_again=verify_again)
        port = free_port()
        config = uvicorn.Config(create_app(services), port=port, lifespan="off", log_config=None, ws="none")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)
        self.client = Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
        self._keys = itertools.count(1)

    def __enter__(self) -> Self:
        self._thread.start()
        until(lambda: self._server.started, "the server is up", 30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
        self._server.should_exit = True
        self._thread.join()

    def send(self, who: str | None, method: str, path: str, body: Any = None, **headers: str) -> Response:
        """A request of somebody; an idempotency key of its own unless one is given."""
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        if who is not None:
            sent["authorization"] = f"Bearer {who}"
        if method == "POST":
            sent.setdefault("idempotency-key", f"test-key-{next(self._keys)}")
        return self.client.request(method, path, json=body, headers=sent)

    def get(self, who: str | None, path: str) -> Response:
        """A GET of somebody."""
        return self.send(who, "GET", path)

    def post(self, who: str | None, path: str, body: Any = None, **headers: str) -> Response:
        """A POST of somebody."""
        return self.send(who, "POST", path, body, **headers)
