"""`sipe replay` of the real log: equal to a naive recomputation, however the log comes."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
from command_line import LOG, MAPPING, STANDARDS, Rows, log_of, sipe
from production_log_oracle import minute_facts, station_facts

from connectors.clickhouse.client import Warehouse
from connectors.files.interval_log import events_in_completion_order, read_interval_log, script
from connectors.files.mapping import load_mapping
from connectors.files.standards import read_standards, standard_events
from pipelines.runtime.system import Runtime
from sipe.cli import main
from sipe.commands.replay import FIELDS, station_rows
from sipe.contracts.script import Tick
from sipe.settings import Settings

SOME = {"Packing", "Machine 14 - Milling", "Machine 15 - Turning", "Quality Check 1"}
NEVER = "clickhouse://sipe:secret@127.0.0.1:1/sipe"


def assert_equal_to_oracle(rows: list[dict[str, Any]], log: Path) -> None:
    """Every machine, every number: whole numbers exactly, ratios but for the last bit of a double."""
    expected = [{"station": row.pop("machine"), **row} for row in station_facts(log, STANDARDS)]
    got = [{name: value for name, value in row.items() if name != "station_id"} for row in rows]
    assert [list(row) for row in got] == [list(row) for row in expected]
    for mine, theirs in zip(got, expected, strict=True):
        for name, value in theirs.items():
            assert mine[name] == (pytest.approx(value, rel=1e-12, abs=0) if isinstance(value, float) else value), (
                f"{name} of {theirs['station']}"
            )


def assert_minutes_equal_oracle(store: Warehouse, station: str, machine: str, log: Path) -> None:
    expected = minute_facts(log, STANDARDS, machine)
    columns = ", ".join(f"`{name}`" for name in expected.columns if name != "minute_ms")
    rows = store.rows(
        f"SELECT toUnixTimestamp(minute) * 1000 AS minute_ms, {columns} FROM minute_facts_current "  # noqa: S608  declared names
        "WHERE station = %(station)s ORDER BY minute_ms, `order`, product",
        {"station": station},
    )
    assert expected.height > 1000
    assert pl.DataFrame(rows, schema=expected.schema).equals(expected)


class Replayed(NamedTuple):
    data_dir: Path
    first: str
    second: str


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """What `sipe replay --json` of the whole log printed, twice into one data directory."""
    data_dir = tmp_path_factory.mktemp("replayed")
    printed = []
    for _ in range(2):
        done = sipe("replay", LOG, "--mapping", MAPPING, "--json", "--data", data_dir)
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout)
    return Replayed(data_dir, *printed)


@pytest.mark.stack
@pytest.mark.slow
class TestRealLog:
    def test_every_machine_is_as_the_oracle_says(self, replayed: Replayed) -> None:
        rows = json.loads(replayed.first)
        assert_equal_to_oracle(rows, LOG)
        assert all(list(row) == list(FIELDS) for row in rows)

    def test_a_second_replay_into_the_same_store_changes_nothing(self, replayed: Replayed) -> None:
        assert replayed.second == replayed.first

    def test_the_minutes_are_as_the_oracle_says(self, replayed: Replayed) -> None:
        with Runtime(Settings(data_dir=replayed.data_dir), flow=False) as runtime:
            store = runtime.store()
            log = read_interval_log(LOG, load_mapping(MAPPING))
            ids = {display: station for station, display in log.displays.items()}
            for machine in ("Quality Check 1", "Machine 9 - Turning & Milling"):
                assert_minutes_equal_oracle(store, ids[machine], machine, LOG)
            sent = store.rows(
                "SELECT epoch, countIf(outcome = 'accepted') AS new, count() AS n FROM events GROUP BY epoch"
            )
        first, second = sorted(sent, key=lambda row: row["epoch"])
        assert first["new"] == first["n"] == second["n"] > len(log.events), "the second replay sent all of it again"
        assert second["new"] == 0


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with Runtime(Settings(data_dir=tmp_path_factory.mktemp("replays"))) as runtime:
        yield runtime


def mapping_to(line: str, path: Path) -> Path:
    """The mapping with the stations on a line of their own, so that several replays share a store."""
    text = MAPPING.read_text().replace('line = "shop"', f'line = "{line}"')
    path.write_text(text.replace('file = "production', f'file = "{MAPPING.parent}/production'))
    return path


@pytest.mark.stack
@pytest.mark.long
def test_rows_shuffled_within_each_day_of_completion_give_the_same(runtime: Runtime, tmp_path: Path) -> None:
    def shuffle_days(rows: Rows) -> Rows:
        shuffled: Rows = []
        for _, day in groupby(sorted(rows, key=lambda row: row["end"]), key=lambda row: row["end"][:10]):
            of_day = list(day)
            random.Random(7).shuffle(of_day)
            shuffled += of_day
        return shuffled

    log = log_of(tmp_path / "shuffled.csv", reorder=shuffle_days)
    assert log.read_bytes() != log_of(tmp_path / "plain.csv").read_bytes()
    mapping = mapping_to("shuffled", tmp_path / "map.toml")
    done = sipe("replay", log, "--mapping", mapping, "--json", "--data", runtime.data_dir)
    assert done.returncode == 0, done.stderr
    assert_equal_to_oracle(json.loads(done.stdout), LOG)


@pytest.mark.stack
@pytest.mark.long
def test_every_event_sent_twice_and_all_of_it_again_gives_the_same(runtime: Runtime, tmp_path: Path) -> None:
    mapping = load_mapping(mapping_to("doubled", tmp_path / "map.toml"))
    path = log_of(tmp_path / "some.csv", SOME)
    log = read_interval_log(path, mapping)
    standards = read_standards(mapping)
    assert standards is not None
    events = events_in_completion_order([*standard_events(standards, log.events), *log.events])
    for _ in range(2):
        with runtime.sender() as sender:
            for item in script(events):
                if isinstance(item, Tick):
                    sender.tick(item.now_ms)
                else:
                    sender.send(item)
                    sender.send(item)
            ends = sender.ends()
        runtime.wait_until_stored(ends)
    store = runtime.store()
    rows = station_rows(store, log)
    assert_equal_to_oracle([{field: row[column] for field, column in FIELDS.items()} for row in rows], path)
    for row in rows:
        assert_minutes_equal_oracle(store, row["station"], row["display"], path)
    counted = store.rows(
        "SELECT sum(accepted) AS accepted, sum(duplicates) AS duplicates, sum(late) AS late "
        "FROM stations_current WHERE station IN %(stations)s",
        {"stations": tuple(log.displays)},
    )
    assert counted == [{"accepted": len(events), "duplicates": 3 * len(events), "late": 0}]


@pytest.mark.stack
def test_the_table_is_for_people(runtime: Runtime, tmp_path: Path) -> None:
    log = log_of(tmp_path / "two.csv", {"Packing", "Machine 16 - Milling"})
    mapping = mapping_to("printed", tmp_path / "map.toml")
    done = sipe("replay", log, "--mapping", mapping, "--data", runtime.data_dir)
    assert done.returncode == 0, done.stderr
    table = done.stdout.partition("Hours:")[0].splitlines()
    assert max(map(len, table)) <= 120
    assert "146.0*" in next(line for line in table if "Packing" in line), "above 100 % is shown and flagged"
    assert "Convention of the mapping: RQ counts pieces reworked" in done.stdout
    assert "planned around the clock from the first start to the last end" in done.stdout
    assert "\x1b" not in done.stdout, "no colours without a terminal"
    assert done.stderr.startswith("working with the embedded stack that runs: ")
    assert done.stderr.count("\n") == 1


class TestBadInput:
    @pytest.fixture
    def one_row(self, tmp_path: Path) -> Path:
        return log_of(tmp_path / "log.csv", {"Packing"})

    def fails(self, capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str]:
        code = main(["replay", *map(str, arguments)])
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.count("\n") == 1
        return code, printed.err

    def test_a_missing_log(self, capsys: pytest.CaptureFixture[str]) -> None:
        code, line = self.fails(capsys, "absent.csv", "--mapping", MAPPING)
        assert (code, line) == (2, "sipe: absent.csv: cannot read the file: No such file or directory\n")

    def test_a_missing_mapping(self, capsys: pytest.CaptureFixture[str]) -> None:
        code, line = self.fails(capsys, LOG, "--mapping", "absent.toml")
        assert (code, line) == (2, "sipe: absent.toml: cannot read the mapping: No such file or directory\n")

    def test_a_file_that_is_no_log(self, capsys: pytest.CaptureFixture[str]) -> None:
        code, line = self.fails(capsys, MAPPING, "--mapping", MAPPING)
        assert code == 2
        assert str(MAPPING) in line

    def test_an_unknown_state_code(self, capsys: pytest.CaptureFixture[str], one_row: Path) -> None:
        one_row.write_text(one_row.read_text().replace(",D,", ",X,", 1))
        code, line = self.fails(capsys, one_row, "--mapping", MAPPING)
        assert code == 2
        assert f"{one_row} line 2, column 'report_type': 'X' is no state code of the mapping" in line

    def test_a_setting_without_its_pair(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, one_row: Path
    ) -> None:
        monkeypatch.setenv("SIPE_KAFKA_URL", "127.0.0.1:1")
        code, line = self.fails(capsys, one_row, "--mapping", MAPPING)
        assert code == 2
        assert line.startswith("sipe: SIPE_CLICKHOUSE_URL is not set")

    def test_a_data_directory_that_is_a_file(self, capsys: pytest.CaptureFixture[str], one_row: Path) -> None:
        code, line = self.fails(capsys, one_row, "--mapping", MAPPING, "--data", one_row)
        assert (code, line) == (2, f"sipe: --data {one_row}: not a directory\n")

    def test_servers_that_are_not_there(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, one_row: Path
    ) -> None:
        monkeypatch.setenv("SIPE_KAFKA_URL", "127.0.0.1:1")
        monkeypatch.setenv("SIPE_CLICKHOUSE_URL", NEVER)
        assert main(["replay", str(one_row), "--mapping", str(MAPPING)]) == 1
        last = capsys.readouterr().err.splitlines()[-1]
        assert last.startswith("sipe: ClickHouse at 127.0.0.1:1/sipe does not answer")
        assert "secret" not in last
