"""`sipe up` and the commands that work with what runs: plant, simulate, kpi, doctor, migrate."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from command_line import MAPPING, PLANT, log_of, sipe
from stored import assert_store_is
from waiting import until

from connectors.clickhouse.client import connect
from connectors.clickhouse.kpi_sql import VIEWS
from connectors.embedded.stack import running
from connectors.files.plant import read_plant
from models.twin import simulate
from sipe.cli import main
from sipe.contracts.codec import encode
from sipe.contracts.events import Heartbeat

pytestmark = pytest.mark.stack

StartUp = Callable[[Path], tuple[subprocess.Popen[str], dict[str, Any]]]
Answer = Callable[..., Any]
DAY = ("--seed", "3", "--hours", "2", "--scale", "0.2")


class Up(NamedTuple):
    data_dir: Path
    process: subprocess.Popen[str]
    addresses: dict[str, Any]


@pytest.fixture(scope="module")
def up(start_up: StartUp, tmp_path_factory: pytest.TempPathFactory) -> Up:
    """A system that runs, with a short simulated day in it."""
    data_dir = tmp_path_factory.mktemp("up")
    started = start_up(data_dir)
    done = sipe("simulate", *DAY, "--data", data_dir)
    assert done.returncode == 0, done.stderr
    return Up(data_dir, *started)


def test_the_addresses_hold_no_password(up: Up) -> None:
    address = running(up.data_dir)
    assert address is not None
    assert up.addresses["kafka"] == address.kafka_url
    assert up.addresses["pid"] == address.pid == up.process.pid
    password = address.clickhouse_url.split(":")[2].split("@")[0]
    assert password not in json.dumps(up.addresses)


def test_the_web_service_runs_beside_it_and_takes_events_in(up: Up, monkeypatch: pytest.MonkeyPatch) -> None:
    password = "a long enough one"  # noqa: S105  of a test
    monkeypatch.setattr("sys.stdin", StringIO(f"{password}\n"))
    assert main(["admin", "m-1", "--data", str(up.data_dir)]) == 0
    with httpx.Client(base_url=up.addresses["api"], timeout=60) as client:
        granted = client.post("/v1/sign-in", json={"person": "m-1", "secret": password}).json()
        bearer = {"authorization": f"Bearer {granted['access_token']}"}
        station = "manaus.final.line-1.over-http"
        code = client.post("/v1/devices/codes", json={"station": station}, headers=bearer).json()["code"]
        device = client.post("/v1/enrolments", json={"code": code}).json()
        alive = Heartbeat(station=station, boot=1, seq=1, ts_ms=1_772_445_600_000)
        bearer = {"authorization": f"Bearer {device['access_token']}"}
        for known in (False, True):
            told = client.post("/v1/events", content=encode(alive), headers=bearer).json()
            assert told["known" if known else "accepted"] == [{"first": 1, "last": 1}]
        bomb = gzip.compress(b"\n" * 50_000_000)
        refused = client.post("/v1/events", content=bomb, headers=bearer | {"content-encoding": "gzip"})
        assert (refused.status_code, refused.json()["type"]) == (413, "urn:sipe:problem:too_big")
    address = running(up.data_dir)
    assert address is not None
    with connect(address.clickhouse_url) as store:
        question = "SELECT count() AS events FROM events FINAL WHERE station = %(station)s"
        until(lambda: store.rows(question, {"station": station})[0]["events"] == 1, "the event is archived", 60)


def test_the_simulated_day_is_stored_as_its_truth_says(up: Up) -> None:
    address = running(up.data_dir)
    assert address is not None
    with connect(address.clickhouse_url) as store:
        assert_store_is(store, simulate(read_plant(PLANT), seed=3, hours=2, scale=0.2))


def test_the_same_day_again_is_nothing_new(up: Up, answer: Answer, tmp_path: Path) -> None:
    summary = answer("simulate", *DAY, "--data", up.data_dir, "--truth", tmp_path / "truth")
    assert summary["sent"] == summary["duplicates"] > 1000
    assert summary["accepted"] == summary["late"] == 0
    assert json.loads((tmp_path / "truth" / "manifest.json").read_text())["seed"] == 3


@pytest.mark.parametrize("by", ["station", "line", "order", "shift", "hour"])
def test_kpis_by_group_add_up_to_the_same_pieces(up: Up, answer: Answer, by: str) -> None:
    rows = answer("kpi", "--by", by, "--data", up.data_dir)
    assert rows
    assert all(set(VIEWS[f"kpi_by_{by}"]) <= row.keys() for row in rows)
    stations = answer("kpi", "--data", up.data_dir)
    assert sum(row["pq"] for row in rows) == sum(row["pq"] for row in stations) > 0


def test_kpis_of_some_stations_and_some_time(up: Up, answer: Answer) -> None:
    names = {row["display"] for row in answer("kpi", "--station", "*REFLOW*", "--data", up.data_dir)}
    assert names == {"SMT 1, reflow oven"}
    hour = ("--from", "2026-03-02T06:00-04:00", "--to", "2026-03-02T11:00")
    rows = answer("kpi", "--by", "hour", *hour, "--data", up.data_dir)
    assert {row["hour"] for row in rows} == {"2026-03-02T10:00:00+00:00"}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--station", "*nowhere*"], 1, "no station matches '*nowhere*'"),
        (["--from", "yesterday"], 2, "--from 'yesterday' is no time"),
        (["--from", "2026-03-02", "--to", "2026-03-01"], 2, "--to 2026-03-01 does not lie after --from 2026-03-02"),
    ],
)
def test_odd_questions(up: Up, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str) -> None:
    assert main(["kpi", *arguments, "--data", str(up.data_dir)]) == code
    assert words in capsys.readouterr().err


def test_the_health_of_a_simulated_day_adds_up(up: Up, answer: Answer) -> None:
    address = running(up.data_dir)
    assert address is not None
    with connect(address.clickhouse_url) as store:
        totals = {row["station"]: row for row in store.rows("SELECT * FROM stations_current")}
    by_station = answer("health", "--data", up.data_dir)
    minutes = answer("health", "--by", "minute", "--data", up.data_dir)
    assert {row["station"] for row in by_station} == totals.keys()
    for row in by_station:
        of_minutes = [minute for minute in minutes if minute["station"] == row["station"]]
        for name in ("accepted", "duplicates", "late", "missing"):
            assert totals[row["station"]][name] == row[name] == sum(minute[name] for minute in of_minutes), name
        assert row["received"] == row["accepted"] + row["duplicates"] + row["late"] + row["rejected"]
        assert row["latency_p50_ms"] is None, "a simulated day lies in the past"
        assert row["events"] == row["accepted"]
        assert 0 <= row["record_latency_p50_ms"] <= row["record_latency_max_ms"]
    assert sum(row["duplicates"] for row in by_station) > 0
    some = answer("health", "--station", "*smt*", "--to", "2026-03-02T10:30", "--data", up.data_dir)
    assert 0 < len(some) < len(by_station)


def test_health_as_a_table(up: Up, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["health", "--by", "minute", "--data", str(up.data_dir)]) == 0
    printed = capsys.readouterr().out
    assert "received" in printed
    assert max(len(line) for line in printed.splitlines() if not line.startswith("Received")) <= 120


def test_the_doctor_finds_all_well(up: Up, answer: Answer) -> None:
    checks = answer("doctor", "--data", up.data_dir)
    orders = checks.pop([check["name"] for check in checks].index("orders"))
    assert orders["status"] == "ok" or orders["hint"] == "`sipe admin PERSON` makes the first"
    anchors = checks.pop([check["name"] for check in checks].index("anchors"))
    assert anchors["status"] == "ok" or anchors["hint"] == "`sipe api` makes one each minute"
    names = [check["name"] for check in checks]
    assert names[:3] == ["python", "packages", "data directory"]
    assert {"broker", "store", "migrations", "retention", "flow", "ticker"} <= set(names)
    assert {"rejects", "refolds", "outbox", "clock", "recovery"} <= set(names)
    assert {check["status"] for check in checks} == {"ok"}, checks


def test_nothing_is_left_to_migrate(up: Up, answer: Answer) -> None:
    plan = answer("migrate", "plan", "--data", up.data_dir)
    assert plan["pending"] == []
    assert plan["applied"][0] == "0001_tables.sql"
    assert all(rule["applied"] for rule in plan["retention"])
    assert answer("migrate", "--data", up.data_dir) == plan


def test_a_second_up_on_the_directory_is_refused(up: Up) -> None:
    done = sipe("up", "--data", up.data_dir)
    assert done.returncode == 1
    assert f"is in use by process {up.process.pid}" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.long
def test_killed_and_started_again_it_goes_on(start_up: StartUp, answer: Answer, tmp_path: Path) -> None:
    data = ("--data", tmp_path / "data")
    log = log_of(tmp_path / "log.csv", {"Machine 16 - Milling"})
    killed, _ = start_up(tmp_path / "data")
    first = answer("replay", log, "--mapping", MAPPING, *data)
    killed.kill()
    killed.wait()

    process, addresses = start_up(tmp_path / "data")
    assert addresses["log_epoch"] == 2
    assert answer("kpi", *data)[0]["oee"] == first[0]["oee"]
    answer("replay", log_of(tmp_path / "other.csv", {"Machine 14 - Milling"}), "--mapping", MAPPING, *data)
    assert answer("replay", log, "--mapping", MAPPING, *data) == first
    before = answer("kpi", *data)
    assert len(before) == 2

    process.terminate()
    assert process.wait(20) == 0
    assert running(tmp_path / "data") is None
    assert answer("kpi", *data) == before, "what is stored can be read when nothing runs any more"


@pytest.mark.long
def test_a_plant_applied_again_replaces_the_one_before(start_up: StartUp, answer: Answer, tmp_path: Path) -> None:
    process, _ = start_up(tmp_path)
    sent = answer("plant", "apply", PLANT, "--data", tmp_path)
    assert sent["events"]["calendar_assigned"] == sent["stations"] == 15
    answer("plant", "apply", PLANT, "--data", tmp_path)
    address = running(tmp_path)
    assert address is not None
    with connect(address.clickhouse_url) as store:
        boots = store.rows("SELECT boot, count() AS n FROM events WHERE outcome = 'accepted' GROUP BY boot")
    assert [row["n"] for row in boots] == [sum(sent["events"].values())] * 2, "the second one counts as well"
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
