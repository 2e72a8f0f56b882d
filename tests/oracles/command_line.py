"""The command line as its user runs it, and the real log in whole or in part."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOG = ROOT / "../shared/data/production-log-2012.csv"
MAPPING = ROOT / "examples/production-log.toml"
STANDARDS = ROOT / "examples/production-log-standards.csv"
PLANT = ROOT / "examples/plant.toml"

Rows = list[dict[str, str]]


def environment() -> dict[str, str]:
    """That of this process, without settings of SIPE but one: the web service takes a free port."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("SIPE_")}
    return others | {"SIPE_API_PORT": "0"}


def sipe(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `sipe` to its end."""
    words = [sys.executable, "-m", "sipe.cli", *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, timeout=150, check=False, env=environment())


def log_of(path: Path, machines: set[str] | None = None, reorder: Callable[[Rows], Rows] = lambda rows: rows) -> Path:
    """Write the production log of some machines (None: of all) to `path`, its rows in the order asked for."""
    with LOG.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows = reorder([row for row in reader if machines is None or row["machine"] in machines])
        header = list(reader.fieldnames or ())
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, header)
        writer.writeheader()
        writer.writerows(rows)
    return path
