"""What a person types into a filter is compared, never run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.clickhouse.client import Warehouse
from pipelines.runtime.system import Runtime
from sipe.cli import main
from sipe.commands._reading import Selection
from sipe.commands.kpi import HEADINGS, kpi_rows
from sipe.errors import SipeError
from sipe.settings import Settings

STATION, DISPLAY = "plant.final.line-1.test", "Bob's %(x)s \\' OR 1=1 -- [a]"
INSERT = """
INSERT INTO stations (station, display, last_ts, version) SELECT %(station)s, %(display)s, now64(3), 1
"""
FILTERS = (
    "' OR 1 = 1 --",
    "*' OR '1' = '1",
    "\\",
    "%(stations)s",
    "x\x00y",
    "*\n; DROP TABLE stations",
    "[" * 200,
    "*" * 200 + "x",
    "?" * 10_000,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A store that knows one station, with an awkward name."""
    data_dir = tmp_path_factory.mktemp("filters") / "data"
    with Runtime(Settings(data_dir=data_dir), serve=True, flow=False) as runtime:
        store = runtime.store()
        store.run(INSERT, {"station": STATION, "display": DISPLAY})
        yield store


@pytest.mark.stack
@pytest.mark.parametrize("by", HEADINGS)
@pytest.mark.parametrize("pattern", FILTERS)
def test_a_filter_that_matches_nothing_finds_nothing(store: Warehouse, by: str, pattern: str) -> None:
    with pytest.raises(SipeError, match="no station matches"):
        kpi_rows(store, by, Selection(pattern=pattern))
    assert store.rows("SELECT display FROM stations_current") == [{"display": DISPLAY}]


@pytest.mark.stack
@pytest.mark.parametrize("by", HEADINGS)
def test_an_awkward_name_is_found_by_itself(store: Warehouse, by: str) -> None:
    assert kpi_rows(store, by, Selection(pattern="bob's %(x)s*")) == []


@pytest.mark.parametrize("option", ["--from", "--to"])
@pytest.mark.parametrize("text", ["' OR 1=1", "2026-01-01'; --", "0", "now()", "9" * 5_000, "2026-13-01"])
def test_a_time_that_is_none_is_refused(
    option: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["kpi", option, text, "--data", str(tmp_path)]) == 2
    assert f"{option} " in capsys.readouterr().err
