"""The faults that are proved, declared once, and the record that each test leaves of what it met.

`make prove` turns the records into the table of docs/reliability.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from ledger import Balance
from msgspec import Struct

RECORD_PATH = "FAULT_RECORD"
"""The environment variable that names the file to which records are appended; without it nothing is kept."""


class Fault(NamedTuple):
    """A kind of fault: what happens, how a test makes it happen, and what shows that it did."""

    title: str
    injected: str
    met: str


FAULTS: dict[str, Fault] = {
    "simulation": Fault(
        "20 kinds of faults at once, from the gateway to the tables",
        "in process, one seed per run, each kind on in a quarter of the runs",
        "faults struck",
    ),
    "spool-killed": Fault("gateway killed", "kill -9 of a process whose threads append, at random moments", "kills"),
    "spool-power-cut": Fault(
        "gateway loses power", "after any write, what is not synced there or not, the last sector torn", "cuts"
    ),
    "spool-damaged": Fault(
        "gateway's spool damaged", "bits, pages, version, length of any of its files", "files damaged"
    ),
    "office-away": Fault(
        "office away for days", "a spool with 72 hours of two stations (6 h with reduced counts)", "late events"
    ),
    "flow-killed": Fault("flow killed while it works", "kill -9 at random moments of a day", "kills"),
    "flow-killed-recovering": Fault("flow killed while it recovers", "kill -9 within 1 s of its start", "kills"),
    "flow-killed-new": Fault("flow killed before its first snapshot", "kill -9 once rows are stored", "kills"),
    "flow-drained": Fault("flow stopped in each phase", "SIGTERM: starting, idle, working, store or DLQ away", "stops"),
    "broker-frozen": Fault("broker frozen for 10 s", "SIGSTOP, SIGCONT", "requests without an answer"),
    "broker-killed": Fault("the only broker killed and restarted", "kill -9, start on the same log", "kills"),
    "broker-of-three-killed": Fault("one of three brokers killed", "kill -9 of a leader", "partitions led by another"),
    "offset-gone": Fault("saved offset gone", "delete_records beyond it", "stops with an alarm"),
    "store-down": Fault("store down", "connections refused (two minutes in the full run)", "attempts that failed"),
    "store-killed": Fault("store killed and restarted", "kill -9 of the server", "kills"),
    "answer-lost": Fault("answer lost after a successful insert", "TCP proxy cuts the answer off", "answers cut off"),
    "wrong-password": Fault("wrong password", "the flow started with another one", "stops with an alarm"),
    "column-missing": Fault("schema lacks a column", "column renamed, and back", "stops with an alarm"),
    "duplicates": Fault("everything ten times, shuffled", "each event sent 10 times in random order", "duplicates"),
    "clock-ahead": Fault("clock a year ahead", "a device's events a year in the future", "events rejected"),
    "clock-behind": Fault("clock an hour behind", "a device's events an hour in the past", "events behind"),
    "poison": Fault("poison among good events", "bytes that are no event, every reason", "messages rejected"),
    "all-poison": Fault("100 % poison (a bad deploy)", "nothing but invalid messages", "stops with an alarm"),
    "dlq-not-writable": Fault("dead letter topic not writable", "topic away, then there", "attempts that failed"),
    "recovery-disk-full": Fault(
        "recovery directory's disk full", "a file system of a few hundred KiB", "failed writes"
    ),
    "recovery-corrupt": Fault("recovery directory corrupt", "bytes of its files overwritten", "refusals"),
    "recovery-lost": Fault("recovery directory lost", "deleted while the flow is down", "states rebuilt"),
    "relay-killed": Fault(
        "relay killed when Kafka has a batch and the store does not know",
        "kill -9 while it waits for the store's lock",
        "kills",
    ),
    "relay-broker-killed": Fault("broker killed while changes are told", "kill -9, start on the same log", "kills"),
    "bridge-killed": Fault(
        "MQTT bridge killed when Kafka has a batch and MQTT does not know", "kill -9 between the two", "kills"
    ),
    "schema-versions": Fault("producers of schema v1 and v2 mixed", "unknown fields and an unknown type", "v2 events"),
}
"""In the order of the way through the house."""


class Record(Struct, frozen=True, kw_only=True):
    """What one test met and measured."""

    fault: str
    runs: int
    met: int
    lost: int | None
    """None where no ledger could be closed: the flow stopped, or a file was set aside."""
    doubled: int | None
    recovery_s: tuple[float, ...] = ()
    """From the end of the fault until everything sent before is stored, once per run that measured it."""


def record(
    fault: str, balance: Balance | None = None, *, met: int, runs: int = 1, recovery_s: Sequence[float] = ()
) -> None:
    """Keep what a test met; a fault that is not declared, or was not met, is an error of the test."""
    assert fault in FAULTS, f"{fault} is not declared in fault_record.FAULTS"
    assert met > 0, f"{fault}: the fault did not happen, so nothing was proved"
    path = os.environ.get(RECORD_PATH)
    if path:
        lost, doubled = (len(balance.lost), len(balance.doubled)) if balance else (None, None)
        times = tuple(round(time_s, 2) for time_s in recovery_s)
        entry = Record(fault=fault, runs=runs, met=met, lost=lost, doubled=doubled, recovery_s=times)
        with Path(path).open("ab") as file:
            file.write(msgspec.json.encode(entry) + b"\n")


def read(path: Path) -> list[Record]:
    """The records of a file, in the order in which they were made; none when there is no file."""
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [msgspec.json.decode(line, type=Record) for line in lines]


def of_fault(fault: str, records: Iterable[Record]) -> Record:
    """All records of one fault as one."""
    same = [entry for entry in records if entry.fault == fault]
    return Record(
        fault=fault,
        runs=sum(entry.runs for entry in same),
        met=sum(entry.met for entry in same),
        lost=_sum(entry.lost for entry in same),
        doubled=_sum(entry.doubled for entry in same),
        recovery_s=tuple(time_s for entry in same for time_s in entry.recovery_s),
    )


def _sum(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
