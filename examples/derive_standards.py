"""Derives standard times from an interval log: the pace that a station has shown it can hold.

python examples/derive_standards.py LOG.csv examples/production-log.toml > examples/production-log-standards.csv

For each product and step: the 10th percentile of milliseconds per piece over the rows in state executing that have
pieces (good, scrap and rework), each row one value. Between two values it is interpolated linearly, as Excel's
PERCENTILE.INC does, and then rounded half up to whole milliseconds. A pair without such rows has no standard time, nor
has one whose percentile is zero.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

from connectors.files.interval_log import read_interval_log
from connectors.files.mapping import load_mapping
from connectors.files.standards import CYCLE_COLUMN
from sipe.errors import SipeError


def derive(log_path: Path, mapping_path: Path) -> str:
    """The standard times as CSV text, sorted by product and step; raises `UsageError`."""
    mapping = load_mapping(mapping_path)
    events = read_interval_log(log_path, mapping).events
    rows = pl.DataFrame(
        {
            mapping.columns.product or "product": [event.product for event in events],
            mapping.columns.step or "step": [event.step for event in events],
            "state": [event.state for event in events],
            "duration_ms": [event.ts_ms - event.from_ts_ms for event in events],
            "pieces": [event.good + event.scrap + event.rework for event in events],
        }
    )
    product, step = rows.columns[:2]
    standards = (
        rows.drop_nulls([product, step])
        .filter(pl.col("state") == "executing", pl.col("pieces") > 0)
        .group_by(product, step)
        .agg((pl.col("duration_ms") / pl.col("pieces")).quantile(0.1, interpolation="linear").alias("ms_per_piece"))
        .with_columns((pl.col("ms_per_piece") + 0.5).floor().cast(pl.Int64).alias(CYCLE_COLUMN))
        .filter(pl.col(CYCLE_COLUMN) > 0)
        .select(product, step, CYCLE_COLUMN)
        .sort(product, step)
    )
    return standards.write_csv()


def main(arguments: list[str]) -> int:
    """Print the CSV and give the exit code."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python examples/derive_standards.py LOG.csv MAPPING.toml\n")
        return 2
    try:
        sys.stdout.write(derive(Path(arguments[0]), Path(arguments[1])))
    except SipeError as error:
        sys.stderr.write(f"derive_standards: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
