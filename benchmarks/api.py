"""How fast the web service answers: contract, begin, pass, decide and ingest, on SQLite and on MariaDB.

    python benchmarks/api.py [--stores sqlite mariadb] [--what contract pass ...] [--clients 50 500] [--seconds 5]
                             [--rounds 3] [--json]

The service is a process of its own, with everything that `sipe api` has but the relay's broker; this process asks it,
on the same machine. What is asked about, such as units in work, is made before the time begins. A contract is also
asked for at 200 requests a second, whatever the answers do (an open loop). Printed are requests per second, the median
over the rounds and its spread (max - min) / median, p50 and p99 over all rounds, and the load of the machine before.

It ends with 1 at any answer but the expected one, for refusals are quick; when the store or the topic has not got what
was answered as done; and when there was too little to ask about.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "services"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # before this folder, where `api` would be this file

from shop import ASSEMBLY, CALIBRATION

from benchmarks.api_plant import ORDERS, PIN, Plant, a_plant
from benchmarks.http_load import NOT_NOW, Measured, Next, closed_loop, open_loop, request
from benchmarks.ingest import stored
from connectors.sql.schema.production import UNIT_STEPS, UNITS
from connectors.sql.schema.sheets import DECISIONS
from sipe.contracts.codec import encode
from sipe.contracts.events import CycleCompleted

WARM_UP_CLIENTS = 32
CONTRACTS_PER_S = 200
UNITS_PER_S = 1_000
SHEETS_PER_S = 40
"""More than this machine works on; a decision takes one slow hash, on purpose."""
EVENTS_A_BATCH = 500
BATCHES = 400


class TooFew(Exception):
    """What was prepared did not last for the time that was to be measured."""


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


def contracts(plant: Plant, clients: int, seconds: float) -> Next:
    """What a station has to do for an order."""
    asked = request("GET", f"/v1/stations/{CALIBRATION}/contract?order=OP-1", plant.device(CALIBRATION))

    def next_of(_: int) -> Iterator[bytes]:
        while True:
            yield asked

    return next_of


def begins(plant: Plant, clients: int, seconds: float) -> Next:
    """Units are begun, of several orders."""
    token = plant.device(ASSEMBLY)

    def next_of(number: int) -> Iterator[bytes]:
        while True:
            yield plant.post(f"/v1/stations/{ASSEMBLY}/units", token, {"order": ORDERS[number % len(ORDERS)]})

    return next_of


def passes(plant: Plant, clients: int, seconds: float) -> Next:
    """Units that are in work at the assembly pass it."""
    token = plant.device(ASSEMBLY)
    serials = plant.entered_units(clients + int(seconds * UNITS_PER_S))
    return shared(plant.post(f"/v1/stations/{ASSEMBLY}/units/{serial}/pass", token) for serial in serials)


def decisions(plant: Plant, clients: int, seconds: float) -> Next:
    """Sheets are approved at their first level, each signed with a PIN."""
    token = plant.person("ana")
    voice = {"kind": "approve", "level": "check", "secret": PIN}
    sheets = plant.submitted_sheets(clients + int(seconds * SHEETS_PER_S))
    return shared(
        plant.post(f"/v1/sheets/{sheet}/1/decisions", token, voice, **{"if-match": '"2"'}) for sheet in sheets
    )


def shared(questions: Iterable[bytes]) -> Next:
    """Each question is asked once, by whichever client comes first; raises `TooFew` when there is none left."""
    waiting = iter(list(questions))

    def next_of(_: int) -> Iterator[bytes]:
        yield from waiting
        raise TooFew("there was too little to ask about: nothing was measured")

    return next_of


def batches(plant: Plant, clients: int, seconds: float) -> Next:
    """Events of a station of each client's own, as a gateway sends them: so many, however long it takes."""
    made = [[batch(plant, number) for _ in range(max(1, BATCHES // clients))] for number in range(clients)]
    return lambda number: iter(made[number])


def batch(plant: Plant, number: int) -> bytes:
    """A request with events that nobody has sent before."""
    station = f"manaus.final.line-1.bench-{number}"
    first, now_ms = (next(plant.keys) + 1) * EVENTS_A_BATCH, plant.clock.now_ms()
    events = (
        CycleCompleted(
            station=station, boot=7, seq=first + at, ts_ms=now_ms, order="OP-1", product="MTR-100",
            step="calibration", qty=1, result="good", cycle_ms=900 + at,
        )
        for at in range(EVENTS_A_BATCH)
    )  # fmt: skip
    headers = {"content-type": "application/x-ndjson", "content-encoding": "gzip"}
    lines = gzip.compress(b"\n".join(encode(event) for event in events), 1)
    return request("POST", "/v1/events", plant.device(station), lines, headers)


class Act(NamedTuple):
    """What is asked for, and how often it was done by what the service has kept; reading is kept nowhere."""

    title: str
    prepare: Callable[[Plant, int, float], Next]
    kept: Callable[[Plant], int] | None = None


ACTS = {
    "contract": Act("contract", contracts),
    "begin": Act("begin", begins, lambda plant: plant.rows(UNITS)),
    "pass": Act("pass", passes, lambda plant: plant.rows(UNIT_STEPS, UNIT_STEPS.c.result == "passed")),
    "decide": Act("decide", decisions, lambda plant: plant.rows(DECISIONS)),
    "ingest": Act(
        f"ingest, {EVENTS_A_BATCH} events each", batches, lambda plant: stored(plant.kafka) // EVENTS_A_BATCH
    ),
}


def measure(plant: Plant, acts: list[str], clients: list[int], seconds: float, rounds: int) -> Iterator[Row]:
    """All of it on one store."""
    told = contracts(plant, 1, seconds)
    closed_loop(plant.port, WARM_UP_CLIENTS, seconds, told)
    if "contract" in acts:
        found = [open_loop(plant.port, CONTRACTS_PER_S, seconds, told(0)) for _ in range(rounds)]
        yield row_of(plant.kind, "contract", f"{CONTRACTS_PER_S}/s", found)
    for at_once in clients:
        for act in (ACTS[name] for name in acts):
            found = [one_round(plant, act, at_once, seconds) for _ in range(rounds)]
            yield row_of(plant.kind, act.title, str(at_once), found)


def one_round(plant: Plant, act: Act, clients: int, seconds: float) -> Measured:
    """Prepare, ask, and compare what was answered with what was kept; exits with 1 when it is less."""
    questions = act.prepare(plant, clients, seconds)
    before = act.kept(plant) if act.kept else 0
    found = closed_loop(plant.port, clients, seconds, questions)
    if act.kept and not found.done <= (kept := act.kept(plant) - before) <= found.statuses.total():
        sys.exit(f"{act.title} on {plant.kind} with {clients} clients: {found.done} were answered, {kept} were kept")
    return found


def row_of(store: str, what: str, clients: str, found: list[Measured]) -> Row:
    """The rounds as one row; exits with 1 when an answer was another than the expected one."""
    statuses = sum((one.statuses for one in found), start=Counter[int]())
    done, waited = sum(one.done for one in found), sum(statuses[status] for status in NOT_NOW)
    if done + waited != statuses.total():
        sys.exit(f"{what} on {store} with {clients} clients: not all were done: {dict(statuses)}")
    together = Measured(latencies_s=[latency for one in found for latency in one.latencies_s])
    rates = [one.per_s for one in found]
    middle = statistics.median(rates)
    spread = (max(rates) - min(rates)) / middle
    return Row(store, what, clients, middle, spread, together.percentile_ms(50), together.percentile_ms(99), waited)


def line_of(row: Row) -> str:
    """A row for people."""
    times = f"{row.p50_ms:,.1f} | {row.p99_ms:,.1f} | {row.told_to_wait}"
    return f"| {row.store} | {row.what} | {row.clients} | {row.per_s:,.0f} | {row.spread:.0%} | {times} |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stores", nargs="+", default=["sqlite", "mariadb"], choices=["sqlite", "mariadb"])
    parser.add_argument("--what", nargs="+", default=list(ACTS), choices=list(ACTS))
    parser.add_argument("--clients", nargs="+", type=int, default=[50, 500])
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    load_before = os.getloadavg()[0]
    rows = []
    if not args.json:
        print(f"load {load_before:.1f} before, {os.cpu_count()} cores, {args.rounds} rounds of {args.seconds:g} s")
        print("| store | what | clients | requests/s | spread | p50 ms | p99 ms | told to wait |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for kind in args.stores:
        with a_plant(kind) as plant:
            try:
                for row in measure(plant, args.what, args.clients, args.seconds, args.rounds):
                    rows.append(row)
                    if not args.json:
                        print(line_of(row), flush=True)
            except TooFew as error:
                sys.exit(str(error))
    if args.json:
        print(json.dumps({"load_before": load_before, "rows": [row._asdict() for row in rows]}, indent=2))


if __name__ == "__main__":
    main()
