from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.files.interval_log import IntervalLog, read_interval_log
from connectors.files.mapping import LogMapping, load_mapping

ROOT = Path(__file__).resolve().parents[3]

HEADER = "case,part,activity,machine,report_type,start,end,qty_completed,qty_mrb,rework"


@pytest.fixture(scope="session")
def real_log_path() -> Path:
    return ROOT / "../shared/data/production-log-2012.csv"


@pytest.fixture(scope="session")
def mapping_path() -> Path:
    return ROOT / "examples/production-log.toml"


@pytest.fixture(scope="session")
def mapping(mapping_path: Path) -> LogMapping:
    return load_mapping(mapping_path)


@pytest.fixture(scope="session")
def real_log(real_log_path: Path, mapping: LogMapping) -> IntervalLog:
    return read_interval_log(real_log_path, mapping)


ReadRows = Callable[..., IntervalLog]


@pytest.fixture
def read_rows(tmp_path: Path, mapping: LogMapping) -> ReadRows:
    """Reads a log of these rows, given as CSV text, below the usual header."""

    def read(*rows: str, header: str = HEADER, as_mapping: LogMapping = mapping) -> IntervalLog:
        path = tmp_path / "log.csv"
        path.write_text("\n".join((header, *rows)) + "\n")
        return read_interval_log(path, as_mapping)

    return read
