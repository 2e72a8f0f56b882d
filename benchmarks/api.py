"""How fast the web service answers: contract, begin, pass, decide and ingest, on SQLite and on MariaDB.

    python benchmarks/api.py [--stores sqlite mariadb] [--clients 50 500] [--seconds 5] [--rounds 3] [--json]

The service is a process of its own, with everything that `sipe api` has but the relay's broker; this process asks it,
on the same machine. A contract is also asked for at 200 requests a second, whatever the answers do (an open loop).
Printed are requests per second, the median over the rounds and its spread (max - min) / median, p50 and p99 over all
rounds, and the load of the machine before. Any answer but the expected one ends it with 1: refusals are quick.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "oracles"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "services"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # before this folder, where `api` would be this file

from mariadb_server import MariaDbServer
from office import ROOT as ADMIN
from office import open_office, submitted, who
from shop import ASSEMBLY, CALIBRATION, ready_shop, released

from api.keys import KeyRing, rotate
from api.serving import Service
from api.tokens import Tokens
from benchmarks.http_load import NOT_NOW, UNMEASURED, Measured, Next, closed_loop, open_loop, request
from benchmarks.ingest import broker
from connectors.sql import credentials, migrate, units
from connectors.sql.secrecy import Secrets
from connectors.sql.work import Store
from models.identity import Principal, Role, line_of
from sipe import logs
from sipe.clock import Clock, SystemClock
from sipe.contracts.codec import encode
from sipe.contracts.events import CycleCompleted
from sipe.settings import load

WARM_UP_CLIENTS = 32
CONTRACTS_PER_S = 200
ORDERS = 10
UNITS_PER_S = 1_000
SHEETS_PER_S = 40
"""More than this machine works on; a decision takes one slow hash, on purpose."""
EVENTS_A_BATCH = 500
BATCHES = 400
PIN = "246813"
JSON_BODY = {"content-type": "application/json"}


class Row(NamedTuple):
    """One line of the report."""

    store: str
    what: str
    clients: str
    per_s: float
    spread: float
    p50_ms: float
    p99_ms: float
    told_to_wait: int


@dataclass
class Plant:
    """A service over one store, and everybody's tokens."""

    kind: str
    url: str
    port: int
    tokens: Tokens
    clock: Clock
    keys: Iterator[int] = field(default_factory=count)
    sheets: int = 0

    def person(self, name: str) -> str:
        """An access token of an engineer."""
        return self._token(identity=name, kind="person", roles=frozenset({Role("engineer")}))

    def device(self, station: str) -> str:
        """An access token of a station's device."""
        at = {"identity": f"device-{station[-5:]}", "station": station}
        return self._token(kind="device", roles=frozenset({Role("station", line_of(station))}), **at)

    def _token(self, **who: Any) -> str:
        return self.tokens.issue(Principal(token="benchmark.1", authenticated_ms=0, **who))  # noqa: S106  its name

    def post(self, path: str, token: str, body: Any = None, **headers: str) -> bytes:
        """A POST with a key of its own."""
        given = {**JSON_BODY, **headers, "idempotency-key": f"benchmark-{os.getpid()}-{next(self.keys)}"}
        return request("POST", path, token, json.dumps(body or {}).encode(), given)


def contracts(plant: Plant, _: int) -> Iterator[bytes]:
    """What a station has to do for an order."""
    asked = request("GET", f"/v1/stations/{CALIBRATION}/contract?order=OP-1", plant.device(CALIBRATION))
    while True:
        yield asked


def begins(plant: Plant, number: int) -> Iterator[bytes]:
    """Units are begun, of several orders."""
    token = plant.device(ASSEMBLY)
    while True:
        yield plant.post(f"/v1/stations/{ASSEMBLY}/units", token, {"order": f"LOAD-{number % ORDERS}"})


def passes(plant: Plant, serials: list[str], clients: int, number: int) -> Iterator[bytes]:
    """Units that wait enter the assembly, which is not measured, and pass it."""
    token = plant.device(ASSEMBLY)
    for serial in serials[number::clients]:
        path = f"/v1/stations/{ASSEMBLY}/units/{serial}"
        yield UNMEASURED + plant.post(f"{path}/enter", token)
        yield plant.post(f"{path}/pass", token)


def decisions(plant: Plant, sheets: list[str], clients: int, number: int) -> Iterator[bytes]:
    """Sheets are approved at their first level, each signed with a PIN."""
    token = plant.person("ana")
    voice = {"kind": "approve", "level": "check", "secret": PIN}
    for sheet in sheets[number::clients]:
        yield plant.post(f"/v1/sheets/{sheet}/1/decisions", token, voice, **{"if-match": '"2"'})


def batches(plant: Plant, clients: int, number: int) -> list[bytes]:
    """Events of a station of one's own, as a gateway sends them."""
    station = f"manaus.final.line-1.bench-{number}"
    token = plant.device(station)
    headers = {"content-type": "application/x-ndjson", "content-encoding": "gzip"}
    now_ms = plant.clock.now_ms()
    made = []
    for _ in range(max(1, BATCHES // clients)):
        first = (next(plant.keys) + 1) * EVENTS_A_BATCH
        events = (
            CycleCompleted(
                station=station, boot=7, seq=first + at, ts_ms=now_ms, order="OP-1", product="MTR-100",
                step="calibration", qty=1, result="good", cycle_ms=900 + at,
            )
            for at in range(EVENTS_A_BATCH)
        )  # fmt: skip
        lines = gzip.compress(b"\n".join(encode(event) for event in events), 1)
        made.append(request("POST", "/v1/events", token, lines, headers))
    return made


def measure(plant: Plant, clients: list[int], seconds: float, rounds: int) -> Iterator[Row]:
    """All of it on one store."""

    def loop(at_once: int, questions: Next) -> Measured:
        return closed_loop(plant.port, at_once, seconds, questions)

    told = partial(contracts, plant)
    loop(WARM_UP_CLIENTS, told)
    found = [open_loop(plant.port, CONTRACTS_PER_S, seconds, told(0)) for _ in range(rounds)]
    yield row_of(plant, "contract", f"{CONTRACTS_PER_S}/s", found)
    for at_once in clients:
        yield row_of(plant, "contract", at_once, [loop(at_once, told) for _ in range(rounds)])
        yield row_of(plant, "begin", at_once, [loop(at_once, partial(begins, plant)) for _ in range(rounds)])
        of_units = (partial(passes, plant, waiting_units(plant, seconds), at_once) for _ in range(rounds))
        yield row_of(plant, "pass", at_once, [loop(at_once, asked) for asked in of_units])
        of_sheets = (partial(decisions, plant, waiting_sheets(plant, seconds), at_once) for _ in range(rounds))
        yield row_of(plant, "decide", at_once, [loop(at_once, asked) for asked in of_sheets])
        found = []
        for _ in range(rounds):
            made = [batches(plant, at_once, number) for number in range(at_once)]
            found.append(loop(at_once, lambda number, made=made: iter(made[number])))  # type: ignore[misc]  # Next
        yield row_of(plant, f"ingest, {EVENTS_A_BATCH} events each", at_once, found)


def row_of(plant: Plant, what: str, clients: int | str, found: list[Measured]) -> Row:
    """The rounds as one row; exits with 1 when an answer was another than the expected one."""
    statuses = sum((one.statuses for one in found), start=Counter[int]())
    if wrong := {status: times for status, times in statuses.items() if status not in {200, 201} | NOT_NOW}:
        sys.exit(f"{what} on {plant.kind} with {clients} clients: {wrong} of {statuses.total()} were not done")
    waited = sum(statuses[status] for status in NOT_NOW)
    together = Measured(latencies_s=[latency for one in found for latency in one.latencies_s])
    rates = [one.per_s for one in found]
    middle = statistics.median(rates)
    spread = (max(rates) - min(rates)) / middle
    return Row(
        plant.kind, what, str(clients), middle, spread, together.percentile_ms(50), together.percentile_ms(99), waited
    )


def waiting_units(plant: Plant, seconds: float) -> list[str]:
    """Units that were begun for one round, of one order after the other."""
    with _store(plant.url) as store:
        each = range(int(seconds * UNITS_PER_S / ORDERS / 1_000) + 1)
        begun = [
            [unit for _ in each for unit in store.work(ADMIN, units.begin, f"LOAD-{order}", 1_000)]
            for order in range(ORDERS)
        ]
    return [unit.serial for some in zip(*begun, strict=True) for unit in some]


def waiting_sheets(plant: Plant, seconds: float) -> list[str]:
    """Sheets that were submitted for one round."""
    first = plant.sheets
    plant.sheets += int(seconds * SHEETS_PER_S)
    numbers = [f"TS-LOAD-{number}" for number in range(first, plant.sheets)]
    with _store(plant.url) as store:
        for number in numbers:
            submitted(store, number)
    return numbers


@contextmanager
def _store(url: str) -> Iterator[Store]:
    store = Store(url, SystemClock())
    try:
        yield store
    finally:
        store.close()


@contextmanager
def a_plant(kind: str) -> Iterator[Plant]:
    """A store with an office, a shop and orders, and the service over it."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = f"sqlite:///{directory / 'store.sqlite3'}"
        if kind == "mariadb":
            url = stack.enter_context(MariaDbServer(directory)).url
        with _store(url) as store:
            migrate.upgrade(store.transactions.engine)
            open_office(store)
            ready_shop(store)
            for order in range(ORDERS):
                released(store, f"LOAD-{order}", 90_000)
            store.work(ADMIN, credentials.set_badge, "ana", "badge of ana")
            credentials.set_pin(store, Secrets(), who("ana"), "ana", PIN)  # her own: a given one signs nothing
        rotate(directory / "keys", SystemClock().now_ms())
        kafka = stack.enter_context(broker("embedded"))
        environ = os.environ | {
            "SIPE_SQL_URL": url,
            "SIPE_KEYS_DIR": str(directory / "keys"),
            "SIPE_KAFKA_URL": kafka.bootstrap,
            "SIPE_API_PORT": "0",
            "SIPE_LOG_LEVEL": "error",
            "SIPE_INGEST_EVENTS_PER_S": "1000000",
        }
        command = (sys.executable, __file__, "--serve")
        service = subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        stack.callback(service.wait)
        stack.callback(service.terminate)
        assert service.stdout is not None  # noqa: S101  it is a pipe
        port = int(service.stdout.readline())
        clock = SystemClock()
        tokens = Tokens(KeyRing(directory / "keys", 0, may_create=False), clock)
        yield Plant(kind, url, port, tokens, clock)


def serve() -> None:
    """The service, until whoever has started it leaves."""
    logs.configure("api", "error", service=True)
    with Service(load()) as service:
        print(service.port, flush=True)
        sys.stdin.read()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stores", nargs="+", default=["sqlite", "mariadb"], choices=["sqlite", "mariadb"])
    parser.add_argument("--clients", nargs="+", type=int, default=[50, 500])
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve()
        return
    load_before = os.getloadavg()[0]
    rows = []
    if not args.json:
        print(f"load {load_before:.1f} before, {os.cpu_count()} cores, {args.rounds} rounds of {args.seconds:g} s")
        print("| store | what | clients | requests/s | spread | p50 ms | p99 ms | told to wait |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for kind in args.stores:
        with a_plant(kind) as plant:
            for row in measure(plant, args.clients, args.seconds, args.rounds):
                rows.append(row)
                if not args.json:
                    times = f"{row.p50_ms:,.1f} | {row.p99_ms:,.1f} | {row.told_to_wait}"
                    print(
                        f"| {row.store} | {row.what} | {row.clients} | {row.per_s:,.0f} | {row.spread:.0%} | {times} |",
                        flush=True,
                    )
    if args.json:
        print(json.dumps({"load_before": load_before, "rows": [row._asdict() for row in rows]}, indent=2))


if __name__ == "__main__":
    main()
