"""The table of docs/reliability.md out of the records of a proof. What stands outside of its two marks stays."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from pathlib import Path

from fault_record import FAULTS, Record, of_fault

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- proof: written by `make prove` -->", "<!-- end of proof -->"
HEAD = """\
| fault | how injected | runs | fault met | lost | doubled | recovery, median / max |
| --- | --- | --- | --- | --- | --- | --- |"""


def table(records: Iterable[Record]) -> str:
    """A row per declared fault; one that no test has met yet says so."""
    records = list(records)
    return "\n".join([HEAD, *(_row(fault, of_fault(fault, records)) for fault in FAULTS)])


def write(records: Iterable[Record], *, commit: str, date: str, command: str, path: Path = PAGE) -> None:
    """Put the table, and where it comes from, between the marks."""
    before, _, rest = path.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    made = f"Commit `{commit}`, {date}, by `{command}`."
    path.write_text(f"{before}{BEGIN}\n\n{made}\n\n{table(records)}\n\n{END}{after}")


def _row(fault: str, found: Record) -> str:
    title, injected, met = FAULTS[fault]
    if not found.runs:
        return f"| {title} | {injected} | not run | | | | |"
    times = found.recovery_s
    recovery = f"{statistics.median(times):.1f} s / {max(times):.1f} s" if times else ""
    lost, doubled = ("no ledger" if count is None else f"{count:,}" for count in (found.lost, found.doubled))
    numbers = f"{found.runs:,} | {met}: {found.met:,} | {lost} | {doubled}"
    return f"| {title} | {injected} | {numbers} | {recovery} |"
