from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from connectors.files.interval_log import (
    IntervalLog,
    events_in_completion_order,
    read_interval_log,
    script,
)
from connectors.files.mapping import LogMapping, load_mapping
from sipe.contracts.codec import build, decode, encode
from sipe.contracts.events import IntervalReported, StandardTimeSet
from sipe.contracts.script import Tick
from sipe.errors import UsageError

ReadRows = Callable[..., IntervalLog]

HEADER = "case,part,activity,machine,report_type,start,end,qty_completed,qty_mrb,rework"
GOOD = "C1,Plug,Turning,Press 1,D,2012-01-02T06:00:00,2012-01-02T07:00:00,10,2,"
SIX_MS = 1_325_484_000_000  # 2012-01-02T06:00:00Z
HOUR_MS = 3_600_000


def test_the_real_log_becomes_one_event_per_row(real_log: IntervalLog, real_log_path: Path) -> None:
    assert len(real_log.events) == 1820
    assert real_log.source == f"log-{hashlib.sha256(real_log_path.read_bytes()).hexdigest()[:16]}"
    with real_log_path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [event.display for event in real_log.events] == [row["machine"] for row in rows]
    assert [event.order for event in real_log.events] == [row["case"] for row in rows]
    assert [event.product for event in real_log.events] == [row["part"] for row in rows]
    assert [event.step for event in real_log.events] == [row["activity"] for row in rows]
    minutes = [(event.ts_ms - event.from_ts_ms) / 60_000 for event in real_log.events]
    assert minutes == [float(row["minutes"]) for row in rows]
    states = {"D": "executing", "S": "setup", "B": "down"}
    assert [event.state for event in real_log.events] == [states[row["report_type"]] for row in rows]
    assert sum(event.scrap for event in real_log.events) == sum(int(row["qty_mrb"]) for row in rows)


def test_the_real_log_has_twenty_stations_numbered_without_gaps(real_log: IntervalLog) -> None:
    displays = real_log.displays
    assert len(displays) == len(set(displays.values())) == 20
    assert displays["plant.machining.shop.machine-7-laser-marking"] == "Machine 7- Laser Marking"
    for station in displays:
        mine = [event for event in real_log.events if event.station == station]
        assert [event.seq for event in mine] == list(range(1, len(mine) + 1))
        assert {(event.boot, event.source) for event in mine} == {(1, real_log.source)}


def test_every_event_survives_the_wire(real_log: IntervalLog) -> None:
    assert all(decode(encode(event)) == event for event in real_log.events)


def test_reading_twice_gives_the_same(real_log: IntervalLog, real_log_path: Path, mapping: LogMapping) -> None:
    assert read_interval_log(real_log_path, mapping) == real_log


def test_the_order_of_the_rows_decides_nothing_but_seq_and_source(
    tmp_path: Path, real_log: IntervalLog, real_log_path: Path, mapping: LogMapping
) -> None:
    header, *rows = real_log_path.read_text().splitlines(keepends=True)
    rows.sort(key=lambda row: hashlib.sha256(row.encode()).digest())  # a shuffle that is the same each time
    shuffled_path = tmp_path / "shuffled.csv"
    shuffled_path.write_text(header + "".join(rows))
    shuffled = read_interval_log(shuffled_path, mapping)
    assert shuffled.source != real_log.source
    assert shuffled.displays == real_log.displays

    def contents(log: IntervalLog) -> Counter[IntervalReported]:
        return Counter(msgspec.structs.replace(event, seq=1, source="log") for event in log.events)

    def ids(log: IntervalLog) -> set[tuple[str, int]]:
        return {(event.station, event.seq) for event in log.events}

    assert contents(shuffled) == contents(real_log)
    assert ids(shuffled) == ids(real_log)


@pytest.mark.parametrize(
    ("cells", "pieces"),
    [
        ("10,2,", (8, 2, 0)),
        ("10,2,Y", (0, 2, 8)),
        ("10,0,", (10, 0, 0)),
        ("2,76,", (0, 76, 0)),
        ("0,5,Y", (0, 5, 0)),
        ("0,0,Y", (0, 0, 0)),
    ],
)
@pytest.mark.parametrize("code", ["D", "S", "B"])
def test_scrap_comes_first_and_the_rest_is_good_or_rework(
    read_rows: ReadRows, code: str, cells: str, pieces: tuple[int, int, int]
) -> None:
    event = read_rows(f"C1,Plug,Turning,Press 1,{code},2012-01-02T06:00:00,2012-01-02T07:00:00,{cells}").events[0]
    assert (event.good, event.scrap, event.rework) == pieces


def test_a_row_without_order_product_and_step_has_none(read_rows: ReadRows) -> None:
    event = read_rows(" ,, ,Press 1,S,2012-01-02T06:00:00,2012-01-02T06:00:00,0,0,").events[0]
    assert (event.order, event.product, event.step) == (None, None, None)
    assert event.from_ts_ms == event.ts_ms == SIX_MS


def test_forty_eight_hours_are_the_longest_interval(read_rows: ReadRows) -> None:
    event = read_rows(GOOD.replace("2012-01-02T07", "2012-01-04T06")).events[0]
    assert event.ts_ms - event.from_ts_ms == 48 * HOUR_MS


def test_spreadsheets_may_add_a_mark_and_blank_lines(tmp_path: Path, mapping: LogMapping, read_rows: ReadRows) -> None:
    plain = read_rows(GOOD).events
    text = (tmp_path / "log.csv").read_text()
    (tmp_path / "saved.csv").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode() + b"\r\n\r\n")
    saved = read_interval_log(tmp_path / "saved.csv", mapping)
    assert [msgspec.structs.replace(event, source="log") for event in saved.events] == [
        msgspec.structs.replace(event, source="log") for event in plain
    ]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (",D,", ",X,", "'report_type': 'X' is no state code of the mapping; [states] has 'D', 'S', 'B'"),
        (",D,", ",,", "'report_type': '' is no state code"),
        ("2012-01-02T06:00:00", "2012-01-02", "'start': '2012-01-02' is not a time written as"),
        ("2012-01-02T06:00:00", "2012-02-30T06:00:00", "'start': '2012-02-30T06:00:00' is not a time"),
        ("2012-01-02T06:00:00", "", "'start': '' is not a time"),
        ("2012-01-02T07:00:00", "soon", "'end': 'soon' is not a time"),
        ("2012-01-02T07", "2012-01-02T05", "'end': '2012-01-02T05:00:00' lies before the start '2012-01-02T06:00:00'"),
        ("2012-01-02T07:00:00", "2012-01-04T06:00:01", "'end': '2012-01-04T06:00:01' lies more than 48 h after"),
        ("2012-01-02", "1969-12-31", "'start': '1969-12-31T06:00:00' is not between 1970 and 2100"),
        ("2012-01-02", "2100-01-02", "'start': '2100-01-02T06:00:00' is not between 1970 and 2100"),
        (
            "2012-01-02T06:00:00,2012-01-02",
            "2099-12-31T23:00:00,2100-01-01",
            "'end': '2100-01-01T07:00:00' is not betw",
        ),
        (",10,2,", ",ten,2,", "'qty_completed': 'ten' is not a whole number of pieces"),
        (",10,2,", ",10.5,2,", "'qty_completed': '10.5' is not a whole number of pieces"),
        (",10,2,", ",-1,2,", "'qty_completed': '-1' is not a whole number of pieces"),
        (",10,2,", ",\u0663,2,", "'qty_completed': '\u0663' is not a whole number of pieces"),  # a digit, but not ours
        (",10,2,", ",10,,", "'qty_mrb': '' is not a whole number of pieces"),
        (",10,2,", ",1000000001,0,", "'qty_completed': '1000000001' is more than 1000000000 pieces"),
        (",10,2,", ",0,1000000001,", "'qty_mrb': '1000000001' is more than 1000000000 pieces"),
        (",10,2,", ",1000000001,0,Y", "'qty_completed': '1000000001' is more than 1000000000 pieces"),
        (",10,2,", ",10,2,maybe", "'rework': 'maybe' is neither yes ('Y',) nor no ('',)"),
        ("Press 1", " ", "'machine': '' names no station"),
        ("Press 1", "p" * 65, f"'machine': '{'p' * 60}...' is not a name of 1 to 64 characters"),
        ("C1", "C" * 65, f"'case': '{'C' * 60}...' is not a name of 1 to 64 characters"),
        ("Plug", "Pl\x07ug", "'part': 'Pl\\x07ug' is not a name of 1 to 64 characters"),
        ("Turning", '"Tur\nning"', "'activity': 'Tur\\nning' is not a name of 1 to 64 characters"),
    ],
)
def test_a_mistake_in_a_row_names_file_line_column_and_value(
    tmp_path: Path, read_rows: ReadRows, old: str, new: str, says: str
) -> None:
    assert old in GOOD
    with pytest.raises(UsageError) as caught:
        read_rows(GOOD, GOOD.replace(old, new), GOOD)
    assert str(caught.value).startswith(f"{tmp_path / 'log.csv'} line 3, column {says}")
    assert "\n" not in str(caught.value)


def test_a_missing_column_is_named_with_the_key_that_asks_for_it(read_rows: ReadRows) -> None:
    asked_by = {
        "machine": "[station] column",
        "case": "[columns] order",
        "qty_mrb": "[quantities] scrap",
        "rework": "[quantities] rework_when.column",
    }
    for column, key in asked_by.items():
        with pytest.raises(UsageError) as caught:
            read_rows(GOOD, header=HEADER.replace(column, "x"))
        assert f"log.csv line 1, column '{column}': no such column (asked by {key}); it has '" in str(caught.value)


def test_a_log_without_rows_is_a_mistake(read_rows: ReadRows) -> None:
    with pytest.raises(UsageError, match=r"log\.csv line 2: no rows below the header"):
        read_rows()


OTHER_PLANT = r"""
convention = "counts apart"
[file]
delimiter = ";"
[time]
zone = "Europe/Berlin"
format = "%d.%m.%Y %H:%M"
[station]
column = "Anlage"
site = "werk-1"
area = "smt"
line = "linie-2"
[columns]
state = "Status"
start = "von"
end = "bis"
reason = "Grund"
[states]
"läuft" = "executing"
"steht still" = "down"
[quantities]
good = "gut"
scrap = "Ausschuss"
rework = "Nacharbeit"
"""


@pytest.fixture
def other_plant(tmp_path: Path) -> Callable[[str], IntervalLog]:
    def read(rows: str) -> IntervalLog:
        (tmp_path / "map.toml").write_text(OTHER_PLANT)
        (tmp_path / "log.csv").write_text("Anlage;Status;von;bis;Grund;gut;Ausschuss;Nacharbeit\n" + rows)
        return read_interval_log(tmp_path / "log.csv", load_mapping(tmp_path / "map.toml"))

    return read


def test_another_plant_needs_another_mapping_and_nothing_else(other_plant: Callable[[str], IntervalLog]) -> None:
    log = other_plant(
        "Bestücker;läuft;02.07.2024 06:00;02.07.2024 07:00;;5;1;2\n"
        'Bestücker;steht still;02.07.2024 07:00;02.07.2024 07:20;"Düse; verstopft";0;0;0\n'
    )
    first, second = log.events
    assert first == build(
        {
            "type": "interval_reported",
            "station": "werk-1.smt.linie-2.bestucker",
            "source": log.source,
            "boot": 1,
            "seq": 1,
            "state": "executing",
            "from_ts_ms": 1_719_892_800_000,
            "ts_ms": 1_719_896_400_000,
            "good": 5,
            "scrap": 1,
            "rework": 2,
            "display": "Bestücker",
        }
    )
    assert (second.state, second.reason, second.seq) == ("down", "Düse; verstopft", 2)


def test_the_repeated_hour_is_its_second_pass_only_for_an_end_before_its_start(
    other_plant: Callable[[str], IntervalLog],
) -> None:
    log = other_plant(
        "A;läuft;27.10.2024 01:30;27.10.2024 02:30;;0;0;0\n"
        "A;läuft;27.10.2024 02:50;27.10.2024 02:10;;0;0;0\n"
        "A;läuft;27.10.2024 02:10;27.10.2024 03:10;;0;0;0\n"
    )
    assert [event.ts_ms - event.from_ts_ms for event in log.events] == [HOUR_MS, 20 * 60_000, 2 * HOUR_MS]


def test_the_skipped_hour_is_a_mistake_in_the_log(other_plant: Callable[[str], IntervalLog]) -> None:
    with pytest.raises(UsageError, match=r"line 2, column 'bis': '31\.03\.2024 02:30' did not exist in Europe/Berlin"):
        other_plant("A;läuft;31.03.2024 01:00;31.03.2024 02:30;;0;0;0\n")


def test_a_reason_is_at_most_one_long_line(other_plant: Callable[[str], IntervalLog]) -> None:
    with pytest.raises(UsageError, match=r"line 2, column 'Grund': 'x+\.\.\.' is not one line of at most 500 char"):
        other_plant(f"A;läuft;31.03.2024 01:00;31.03.2024 01:30;{'x' * 501};0;0;0\n")


def test_events_are_sent_as_they_were_completed(real_log: IntervalLog) -> None:
    ordered = events_in_completion_order(sorted(real_log.events, key=lambda event: (event.seq, event.station)))
    assert ordered == sorted(real_log.events, key=lambda event: (event.ts_ms, event.station, event.seq))


def test_at_one_moment_standard_times_come_first(read_rows: ReadRows) -> None:
    interval = read_rows(GOOD.replace("2012-01-02T07", "2012-01-02T06")).events[0]
    fields = {"station": "z.z.z.z", "boot": 1, "seq": 9, "ts_ms": interval.ts_ms, "valid_from_ms": interval.ts_ms}
    standard = StandardTimeSet(**fields, product="Plug", step="Turning", planned_cycle_ms=1)  # type: ignore[arg-type]
    assert events_in_completion_order([interval, standard]) == [standard, interval]


def test_ticks_carry_the_time_of_the_log(read_rows: ReadRows) -> None:
    first, second, third = (
        read_rows(GOOD.replace("T07:00:00", end)).events[0] for end in ("T07:00:00", "T08:00:00", "T10:30:00")
    )
    eight, nine, ten = (SIX_MS + hours * HOUR_MS for hours in (2, 3, 4))
    assert list(script([first, second, third], tick_every_ms=HOUR_MS)) == [
        first,
        Tick(eight),
        second,
        Tick(nine),
        Tick(ten),
        third,
        Tick(third.ts_ms + HOUR_MS),
    ]


def test_an_event_out_of_order_never_turns_the_time_back(real_log: IntervalLog) -> None:
    mixed = sorted(real_log.events, key=lambda event: (event.seq, event.station))
    sent = list(script(mixed))
    ticks = [item.now_ms for item in sent if isinstance(item, Tick)]
    assert ticks == sorted(set(ticks))
    assert [item for item in sent if not isinstance(item, Tick)] == mixed
    assert sent[-1] == Tick(max(event.ts_ms for event in mixed) + 6 * HOUR_MS)


def test_no_events_need_no_ticks() -> None:
    assert list(script([])) == []


def test_a_source_is_what_the_contract_calls_a_source(real_log: IntervalLog) -> None:
    assert re.fullmatch(r"log-[0-9a-f]{16}", real_log.source)
