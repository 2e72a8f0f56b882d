"""Proves with full counts what CI proves with few, and writes docs/reliability.md: `make prove`.

    python tests/oracles/prove.py [--quick] [--fresh] [--only WORDS]

What is done is kept under `.prove/`, by the code it was done on, so a second call goes on where the first one stopped,
and two calls with `--only` share the work of two cores. The page is written when all that make faults have passed;
those that try more of what makes none, units or examples of a property, have no row in it.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import fault_record
import reliability_page

ROOT = Path(__file__).resolve().parents[2]
DONE = ROOT / ".prove"
LAST_LINES = 30
LINE_TEST = "tests/edge/sim/test_line_truth.py"
SPOOL_TEST = "tests/edge/spool"  # faults and properties both


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How much of everything."""

    seeds: int
    seeds_at_once: int
    kill_rounds: int
    kills_per_round: int
    store_down_s: int
    line_blocks: int
    """Of 10,000 simulated units each."""
    line_blocks_at_once: int
    office_away_h: int
    full: bool


FULL = Counts(
    seeds=1_000, seeds_at_once=50, kill_rounds=10, kills_per_round=20, store_down_s=120, line_blocks=100,
    line_blocks_at_once=10, office_away_h=72, full=True,
)  # fmt: skip
QUICK = Counts(
    seeds=50, seeds_at_once=50, kill_rounds=1, kills_per_round=6, store_down_s=20, line_blocks=2,
    line_blocks_at_once=2, office_away_h=6, full=False,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Step:
    """One call of pytest: its name, its words, and its environment."""

    name: str
    words: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)
    is_in_the_table: bool = True
    """Whether it makes faults; the page waits for all that do."""


def steps(counts: Counts) -> Iterator[Step]:
    """All there is to do, the quick things first."""
    common = {
        "STORE_DOWN_S": str(counts.store_down_s),
        "OFFICE_AWAY_H": str(counts.office_away_h),
        "KILLS": str(counts.kills_per_round),
    }
    if counts.full:
        common["SIPE_PROVE"] = "1"
    for first in range(1, counts.seeds + 1, counts.seeds_at_once):
        yield Step(
            name=f"simulation, seeds {first} to {first + counts.seeds_at_once - 1}",
            words=("tests/simulation", "-k", "every_run"),
            environ={"SIMULATION_FIRST": str(first), "SIMULATION_SEEDS": str(counts.seeds_at_once)},
        )
    for first in range(1, counts.line_blocks + 1, counts.line_blocks_at_once):
        yield Step(
            name=f"simulated units, blocks {first} to {first + counts.line_blocks_at_once - 1}",
            words=(LINE_TEST, "-k", "every_unit", "-n", "2", "--dist", "worksteal"),
            environ={"LINE_FIRST": str(first), "LINE_BLOCKS": str(counts.line_blocks_at_once)},
            is_in_the_table=False,
        )
    yield Step(name="the gateway's spool", words=(SPOOL_TEST,), environ=common)
    for path in fault_tests():
        rounds = counts.kill_rounds if path.endswith("test_kills.py") else 1
        for number in range(1, rounds + 1):
            name = f"{Path(path).stem}, {number} of {rounds}" if rounds > 1 else Path(path).stem
            yield Step(name=name, words=(path, "-m", "fault"), environ=common)
    if counts.full:
        for path in property_tests():
            words = (path, "-m", "not fault", "-n", "2", "--dist", "worksteal")
            yield Step(name=f"properties, {Path(path).stem}", words=words, environ=common, is_in_the_table=False)


def fault_tests() -> list[str]:
    """The files that hold fault tests."""
    words = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "fault"]
    found = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    return sorted({line.partition("::")[0] for line in found.splitlines() if "::" in line})


def property_tests() -> list[str]:
    """The other files that try more of something in a full proof, examples or races, the smallest first."""
    files = sorted((ROOT / "tests").rglob("test_*.py"), key=lambda path: (path.stat().st_size, path))
    paths = [str(path.relative_to(ROOT)) for path in files if re.search("from hypothesis|SIPE_PROVE", path.read_text())]
    return [path for path in paths if not path.startswith(SPOOL_TEST)]


def state_of_the_code() -> tuple[str, str]:
    """(what a person calls it, what no other code is called)."""
    commit = _git("rev-parse", "--short", "HEAD")
    changes = _git("diff", "HEAD", "--", ".", f":!{reliability_page.PAGE.relative_to(ROOT)}")
    if not changes:
        return commit, commit
    return f"{commit} with changes", f"{commit}-{hashlib.sha256(changes.encode()).hexdigest()[:12]}"


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S607  whatever git there is


class Proof:
    """The steps that are done on this code, and what they recorded."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._done = directory / "done"
        self.records = directory / "faults.jsonl"
        directory.mkdir(parents=True, exist_ok=True)

    def is_done(self, step: Step) -> bool:
        """Whether the step has passed before."""
        return self._done.exists() and step.name in self._done.read_text().splitlines()

    def run(self, step: Step) -> bool:
        """Run a step; its records count only when it passes."""
        log, records = self._directory / f"{step.name}.log", self._directory / f"{step.name}.running.jsonl"
        records.unlink(missing_ok=True)
        words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout", "7200", *step.words]
        environ = {**os.environ, "SIPE_REQUIRE_SERVICES": "1", **step.environ, fault_record.RECORD_PATH: str(records)}
        with log.open("w") as file:
            done = subprocess.run(words, cwd=ROOT, env=environ, stdout=file, stderr=file, check=False)
        if done.returncode:
            return False
        if records.exists():
            with self.records.open("ab") as kept:
                kept.write(records.read_bytes())
            records.unlink()
        with self._done.open("a") as file:
            file.write(f"{step.name}\n")
        return True

    def last_words(self, step: Step) -> str:
        """The end of what a step said."""
        return "\n".join((self._directory / f"{step.name}.log").read_text().splitlines()[-LAST_LINES:])


def say(text: str, end: str = "\n") -> None:
    """One line, or the beginning of one, at once."""
    print(text, end=end, flush=True)  # noqa: T201  a command prints


def main() -> int:
    """Do what is not done yet; 1 when something fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few of everything, in half an hour")
    parser.add_argument("--fresh", action="store_true", help="do again what is done")
    parser.add_argument("--only", metavar="WORDS", default="", help="steps whose names match this regular expression")
    args = parser.parse_args()
    counts = QUICK if args.quick else FULL
    name, code = state_of_the_code()
    directory = DONE / ("quick" if args.quick else "full") / code
    if args.fresh and directory.exists():
        directory.rename(directory.with_name(f"{code}-before-{int(time.time())}"))
    proof, everything, failed = Proof(directory), list(steps(counts)), []
    todo = [step for step in everything if re.search(args.only, step.name)]
    for number, step in enumerate(todo, start=1):
        began = time.monotonic()
        known = proof.is_done(step)
        say(f"[{number:3}/{len(todo)}] {step.name} ...", end=" ")
        passed = known or proof.run(step)
        word = "done before" if known else f"{'passed' if passed else 'FAILED'}, {time.monotonic() - began:.0f} s"
        say(word)
        if not passed:
            failed.append(step)
            say(proof.last_words(step))
    if failed:
        say(f"{len(failed)} of {len(todo)} steps failed: {'; '.join(step.name for step in failed)}")
        return 1
    left = [step for step in everything if not proof.is_done(step)]
    if any(step.is_in_the_table for step in left):
        say(f"{len(left)} other steps are left; the page is written when all that make faults have passed")
        return 0
    command = "make prove ARGS=--quick" if args.quick else "make prove"
    date = datetime.now(UTC).date().isoformat()
    reliability_page.write(fault_record.read(proof.records), commit=name, date=date, command=command)
    say(f"{reliability_page.PAGE.relative_to(ROOT)} is written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
