"""A plant to ask: the web service over a store with an office, a shop and orders; for benchmarks/api.py.

python -m benchmarks.api_plant        the service alone, until its standard input ends; it prints its port
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.schema import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "oracles"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "services"))

from mariadb_server import MariaDbServer
from office import ROOT as ADMIN
from office import open_office, submitted, who
from shop import ASSEMBLY, ready_shop, released

from api.keys import KeyRing, rotate
from api.serving import Service
from api.tokens import Tokens
from benchmarks.http_load import request
from benchmarks.ingest import broker
from connectors.kafka.address import KafkaAddress
from connectors.sql import credentials, migrate, units
from connectors.sql.secrecy import Secrets
from connectors.sql.work import Store, Work
from models.identity import Principal, Role, line_of
from sipe import logs
from sipe.clock import Clock, SystemClock
from sipe.settings import load

ROOT = Path(__file__).resolve().parents[1]
ORDERS = tuple(f"LOAD-{number}" for number in range(10))
PIN = "246813"
"""Ana's, who decides."""
_JSON = {"content-type": "application/json"}


@dataclass
class Plant:
    """A service over one store, and everybody's tokens."""

    kind: str
    store: Store
    kafka: KafkaAddress
    port: int
    tokens: Tokens
    clock: Clock
    keys: Iterator[int] = field(default_factory=count)
    sheets: Iterator[int] = field(default_factory=count)

    def person(self, name: str) -> str:
        """An access token of an engineer."""
        return self._token_of(identity=name, kind="person", roles=frozenset({Role("engineer")}))

    def device(self, station: str) -> str:
        """An access token of a station's device."""
        at = {"identity": f"device-{station[-5:]}", "station": station}
        return self._token_of(kind="device", roles=frozenset({Role("station", line_of(station))}), **at)

    def _token_of(self, **who: Any) -> str:
        family = "benchmark.1"
        return self.tokens.issue(Principal(token=family, authenticated_ms=0, **who))

    def post(self, path: str, token: str, body: Any = None, **headers: str) -> bytes:
        """A POST with a key of its own."""
        given = {**_JSON, **headers, "idempotency-key": f"benchmark-{os.getpid()}-{next(self.keys)}"}
        return request("POST", path, token, json.dumps(body or {}).encode(), given)

    def rows(self, table: Table, *those: ColumnElement[bool]) -> int:
        """How many there are in the store."""
        with self.store.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(table).where(*those)).scalar_one())

    def entered_units(self, qty: int) -> list[str]:
        """At least so many units that are in work at the assembly, of one order after the other."""
        each = [self.store.work(ADMIN, _entered, order, -(-qty // len(ORDERS))) for order in ORDERS]
        return [serial for some in zip(*each, strict=True) for serial in some]

    def submitted_sheets(self, qty: int) -> list[str]:
        """So many sheets that wait for their first level."""
        return [submitted(self.store, f"TS-LOAD-{next(self.sheets)}").ref.number for _ in range(qty)]


def _entered(work: Work, order: str, qty: int) -> list[str]:
    begun = units.begin(work, order, qty)
    return [units.enter(work, ASSEMBLY, unit.serial).unit.serial for unit in begun]


@contextmanager
def a_plant(kind: str) -> Iterator[Plant]:
    """A store of a kind, `sqlite` or `mariadb`, and the service over it in a process of its own."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = f"sqlite:///{directory / 'store.sqlite3'}"
        if kind == "mariadb":
            url = stack.enter_context(MariaDbServer(directory)).url
        clock = SystemClock()
        store = Store(url, clock)
        stack.callback(store.close)
        _fill(store)
        rotate(directory / "keys", clock.now_ms())
        kafka = stack.enter_context(broker("embedded"))
        environ = os.environ | {
            "SIPE_SQL_URL": url,
            "SIPE_KEYS_DIR": str(directory / "keys"),
            "SIPE_KAFKA_URL": kafka.bootstrap,
            "SIPE_API_PORT": "0",
            "SIPE_LOG_LEVEL": "error",
            "SIPE_INGEST_EVENTS_PER_S": "1000000",
        }
        command = (sys.executable, "-m", "benchmarks.api_plant")
        pipe = subprocess.PIPE
        with subprocess.Popen(command, cwd=ROOT, env=environ, stdin=pipe, stdout=pipe) as service:
            port = int(service.stdout.readline()) if service.stdout else 0
            yield Plant(
                kind, store, kafka, port, Tokens(KeyRing(directory / "keys", 0, may_create=False), clock), clock
            )


def _fill(store: Store) -> None:
    migrate.upgrade(store.transactions.engine)
    open_office(store)
    ready_shop(store)
    for order in ORDERS:
        released(store, order, 90_000)
    store.work(ADMIN, credentials.set_badge, "ana", "badge of ana")
    credentials.set_pin(store, Secrets(), who("ana"), "ana", PIN)  # her own: a given one signs nothing


def serve() -> None:
    """The service, until whoever has started it leaves."""
    logs.configure("api", "error", service=True)
    with Service(load()) as service:
        print(service.port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    serve()
