from __future__ import annotations

import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from connectors.files.interval_log import IntervalLog
from connectors.files.mapping import LogMapping, StandardsTable
from connectors.files.standards import StandardTimes, read_standards, standard_events
from sipe.contracts.codec import decode, encode
from sipe.errors import UsageError

ROOT = Path(__file__).resolve().parents[3]
HEADER = "part,activity,planned_cycle_ms\n"


def test_the_committed_standards_are_what_the_committed_command_prints(real_log_path: Path, mapping_path: Path) -> None:
    words = [sys.executable, "examples/derive_standards.py", str(real_log_path), str(mapping_path)]
    printed = subprocess.run(words, cwd=ROOT, check=True, capture_output=True).stdout
    assert printed == (ROOT / "examples/production-log-standards.csv").read_bytes()


Command = Callable[[list[str]], int]


@pytest.fixture(scope="module")
def command() -> Command:
    main: Command = runpy.run_path(str(ROOT / "examples/derive_standards.py"))["main"]
    return main


def test_the_command_says_what_is_wrong(command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "no.toml"
    assert command(["log.csv", str(missing)]) == 2
    assert capsys.readouterr() == (
        "",
        f"derive_standards: {missing}: cannot read the mapping: No such file or directory\n",
    )


def test_the_percentile_is_that_of_a_spreadsheet(
    command: Command, tmp_path: Path, mapping_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Five rows of 1, 2, 3, 4 and 5 minutes per piece: PERCENTILE.INC(0.1) is 1.4 minutes."""
    start = "2012-01-02T00:00:00"
    rows = [
        *(f"C,Plug,Turning,M,D,{start},2012-01-02T00:{2 * pace:02}:00,2,0," for pace in (5, 3, 1, 2, 4)),
        f"C,Plug,Turning,M,S,{start},2012-01-02T00:00:01,9,0,",  # setup: not its pace
        f"C,Plug,Turning,M,D,{start},2012-01-02T09:00:00,0,0,",  # no pieces: no pace
        f"C,Plug,Milling,M,D,{start},2012-01-02T00:00:01,0,3,",  # scrap counts: 333.3 ms a piece
        f"C,Plug,Boring,M,D,{start},{start},7,0,",  # pieces in no time: no standard
        f"C,Plug,Honing,M,B,{start},2012-01-02T09:00:00,7,0,",
    ]
    log = tmp_path / "log.csv"
    log.write_text("case,part,activity,machine,report_type,start,end,qty_completed,qty_mrb,rework\n" + "\n".join(rows))
    assert command([str(log), str(mapping_path)]) == 0
    assert capsys.readouterr().out == HEADER + "Plug,Milling,333\nPlug,Turning,84000\n"


def test_the_real_standards_reach_each_station_before_its_rows(real_log: IntervalLog, mapping: LogMapping) -> None:
    standards = read_standards(mapping)
    assert standards is not None
    events = standard_events(standards, real_log.events)
    sent = {(event.station, event.product, event.step): event for event in events}
    assert len(sent) == len(events)
    in_log = {(event.station, event.product or "", event.step or "") for event in real_log.events}
    assert sent.keys() == {key for key in in_log if key[1:] in standards.planned_cycle_ms}
    for station in real_log.displays:
        first_ms = min(event.from_ts_ms for event in real_log.events if event.station == station)
        mine = [event for event in events if event.station == station]
        assert [event.seq for event in mine] == list(range(1, len(mine) + 1))
        assert all((event.ts_ms, event.valid_from_ms) == (first_ms, 0) for event in mine)
        assert all(event.planned_cycle_ms == standards.planned_cycle_ms[event.product, event.step] for event in mine)
    assert all(decode(encode(event)) == event for event in events)
    assert {event.source for event in events} == {standards.source}
    assert standard_events(standards, reversed(real_log.events)) == events


def test_a_log_without_standards_sends_none(mapping: LogMapping, real_log: IntervalLog) -> None:
    assert read_standards(msgspec.structs.replace(mapping, standards=None)) is None
    assert standard_events(StandardTimes(source="standards-0", planned_cycle_ms={}), real_log.events) == []


@pytest.fixture
def read_text(tmp_path: Path, mapping: LogMapping) -> Callable[[str], StandardTimes | None]:
    def read(text: str) -> StandardTimes | None:
        path = tmp_path / "standards.csv"
        path.write_text(text)
        return read_standards(msgspec.structs.replace(mapping, standards=StandardsTable(file=path)))

    return read


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("part,step,planned_cycle_ms\n", "line 1, column 'activity': no such column"),
        ("part,activity,cycle\n", "line 1, column 'planned_cycle_ms': no such column"),
        (HEADER + "Plug,Turning,0\n", "line 2, column 'planned_cycle_ms': '0' is not a whole number of milliseconds"),
        (HEADER + "Plug,Turning,1.5\n", "line 2, column 'planned_cycle_ms': '1.5' is not a whole number"),
        (HEADER + "Plug,Turning,\n", "line 2, column 'planned_cycle_ms': '' is not a whole number"),
        (HEADER + f"Plug,Turning,{367 * 86_400_000}\n", "line 2, column 'planned_cycle_ms': '31708800000' is not"),
        (HEADER + "Plug,Turning,1\nPlug,Turning,1\n", "line 3, column 'activity': 'Turning' has a standard time for"),
    ],
)
def test_a_mistake_in_the_standards_names_its_place(
    tmp_path: Path, read_text: Callable[[str], StandardTimes | None], text: str, says: str
) -> None:
    with pytest.raises(UsageError) as caught:
        read_text(text)
    assert str(caught.value).startswith(f"{tmp_path / 'standards.csv'} {says}")


def test_the_longest_standard_time_fits_the_contract(
    read_text: Callable[[str], StandardTimes | None], real_log: IntervalLog
) -> None:
    event = real_log.events[0]
    standards = read_text(HEADER + f"{event.product},{event.step},{366 * 86_400_000}\n")
    assert standards is not None
    assert standard_events(standards, [event])[0].planned_cycle_ms == 366 * 86_400_000
