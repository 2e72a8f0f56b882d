"""The ground truth of a simulated day, as files to compare a store with."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from models.twin import Day, FactRow, StopRow
from sipe.errors import SipeError

FACTS_FILE = "minute_facts.csv"
STOPS_FILE = "stops.csv"
MANIFEST_FILE = "manifest.json"


def write_truth(day: Day, directory: Path) -> None:
    """Write the rows of both tables as CSV with a header, and what the day was made of as JSON.

    The manifest comes last: where it is, the rows are complete. Raises `SipeError` where nothing can be written.
    """
    manifest = {
        "plant": day.plant.name,
        "seed": day.seed,
        "from_ms": day.from_ms,
        "to_ms": day.to_ms,
        "now_ms": day.now_ms,
        "facts": len(day.truth.facts),
        "stops": len(day.truth.stops),
        "irregularities": day.irregularities,
    }
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / MANIFEST_FILE).unlink(missing_ok=True)
        _write_csv(directory / FACTS_FILE, FactRow._fields, day.truth.facts)
        _write_csv(directory / STOPS_FILE, StopRow._fields, day.truth.stops)
        (directory / MANIFEST_FILE).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise SipeError(f"{directory}: the ground truth cannot be written: {error.strerror}") from error


def _write_csv(path: Path, header: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
