"""The oracle against a log so small that its numbers can be worked out by hand."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from production_log_oracle import minute_facts, station_facts

ROOT = Path(__file__).resolve().parents[2]
REAL_LOG = ROOT / "../shared/data/production-log-2012.csv"
REAL_STANDARDS = ROOT / "examples/production-log-standards.csv"

MINUTE_MS = 60_000
DAY_MS = 1_325_376_000_000  # 2012-01-01T00:00:00Z

# Minutes after midnight:  0    1    2    3    4    5    6    7    8
#   A1 D Plug              |---------|                                  2 minutes, 4 completed, 1 of them scrap
#   A2 S Plug                   |---------|                             overlaps A1 by one minute: setup wins, conflict
#   A3 B Ring                                  |----|                   from 4:30; down
#   A4 D Ring                                  |---------|              from 4:30 to 6:30; loses to A3 until 5:30
#   A5 D Ring, rework                                        | at 7     lasts no time, 3 pieces
#   A6 D Nut                                                 |----|     no standard
TINY = """\
case,part,activity,machine,report_type,start,end,qty_completed,qty_mrb,rework
A1,Plug,Turn,M,D,2012-01-01T00:00:00,2012-01-01T00:02:00,4,1,
A2,Plug,Turn,M,S,2012-01-01T00:01:00,2012-01-01T00:03:00,0,0,
A3,Ring,Turn,M,B,2012-01-01T00:04:30,2012-01-01T00:05:30,1,0,
A4,Ring,Turn,M,D,2012-01-01T00:04:30,2012-01-01T00:06:30,0,2,
A5,Ring,Turn,M,D,2012-01-01T00:07:00,2012-01-01T00:07:00,3,0,Y
A6,Nut,Turn,M,D,2012-01-01T00:07:00,2012-01-01T00:08:00,5,0,
B1,Nut,Pack,Quiet,S,2012-01-01T00:00:00,2012-01-01T00:00:30,0,0,
C1,Nut,Pack,Instant,D,2012-01-01T00:00:30,2012-01-01T00:00:30,2,0,
"""
STANDARDS = """\
part,activity,planned_cycle_ms
Plug,Turn,20000
Ring,Turn,5000
Ring,Pack,1
"""


@pytest.fixture
def tiny(tmp_path: Path) -> tuple[Path, Path]:
    log, standards = tmp_path / "log.csv", tmp_path / "standards.csv"
    log.write_text(TINY)
    standards.write_text(STANDARDS)
    return log, standards


def test_a_station_worked_out_by_hand(tiny: tuple[Path, Path]) -> None:
    instant, machine, quiet = station_facts(*tiny)
    times = {
        "pbt_ms": 480_000,
        "apt_ms": 60_000 + 60_000 + 60_000,  # A1 until 1:00, A4 from 5:30, A6
        "aust_ms": 120_000,
        "adet_ms": 60_000,
        "adot_ms": 0,
        "unknown_ms": 90_000 + 30_000,  # 3:00 to 4:30, 6:30 to 7:00
        "conflict_ms": 60_000 + 60_000,
    }
    pieces = {"pq": 15, "gq": 3 + 1 + 5, "sq": 1 + 2, "rq": 3, "planned_run_ms": 4 * 20_000 + 6 * 5_000}
    assert {key: machine[key] for key in times} == times
    assert {key: machine[key] for key in pieces} == pieces
    oee = 180 / 480 * (110 / 180) * (9 / 15)
    ratios = {
        "standard_coverage": 10 / 15,
        "availability": 180 / 480,
        "effectiveness": 110 / 180,
        "quality": 9 / 15,
        "oee": oee,
        "oee_low": oee,
        "oee_high": oee * 300 / 180,
        "coverage": 1 - 120 / 480,
    }
    assert {key: machine[key] for key in ratios} == pytest.approx(ratios, rel=1e-15)

    assert (quiet["pbt_ms"], quiet["aust_ms"], quiet["availability"], quiet["coverage"]) == (30_000, 30_000, 0, 1)
    undefined = ("effectiveness", "quality", "standard_coverage", "oee", "oee_low", "oee_high")
    assert [quiet[key] for key in undefined] == [None] * len(undefined)

    assert (instant["pbt_ms"], instant["pq"], instant["quality"], instant["standard_coverage"]) == (0, 2, 1, 0)
    assert [instant[key] for key in ("availability", "effectiveness", "oee", "oee_high", "coverage")] == [None] * 5


def test_minutes_worked_out_by_hand(tiny: tuple[Path, Path]) -> None:
    names = ["apt_ms", "aust_ms", "adet_ms", "unknown_ms", "conflict_ms", "good", "scrap", "rework"]
    names += ["planned_run_ms", "pieces_with_standard"]
    expected = {
        (0, "A1", "Plug"): {"apt_ms": 60_000},
        (1, "A1", "Plug"): {"good": 3, "scrap": 1, "planned_run_ms": 80_000, "pieces_with_standard": 4},
        (1, "A2", "Plug"): {"aust_ms": 60_000, "conflict_ms": 60_000},
        (2, "A2", "Plug"): {"aust_ms": 60_000},
        (3, "", ""): {"unknown_ms": 60_000},
        (4, "", ""): {"unknown_ms": 30_000},
        (4, "A3", "Ring"): {"adet_ms": 30_000, "conflict_ms": 30_000},
        (5, "A3", "Ring"): {
            "adet_ms": 30_000,
            "conflict_ms": 30_000,
            "good": 1,
            "planned_run_ms": 5_000,
            "pieces_with_standard": 1,
        },
        (5, "A4", "Ring"): {"apt_ms": 30_000},
        (6, "", ""): {"unknown_ms": 30_000},
        (6, "A4", "Ring"): {"apt_ms": 30_000, "scrap": 2, "planned_run_ms": 10_000, "pieces_with_standard": 2},
        (6, "A5", "Ring"): {"rework": 3, "planned_run_ms": 15_000, "pieces_with_standard": 3},
        (7, "A6", "Nut"): {"apt_ms": 60_000, "good": 5},
    }
    facts = minute_facts(*tiny, "M")
    found = {
        ((row["minute_ms"] - DAY_MS) // MINUTE_MS, row["order"], row["product"]): {
            name: row[name] for name in names if row[name]
        }
        for row in facts.iter_rows(named=True)
    }
    assert found == expected
    assert facts.columns == ["minute_ms", "order", "product", *names]


@pytest.mark.parametrize(
    ("rows", "winner"),
    [
        (("Z,P,06:00,09:00", "A,P,06:01,09:00"), ("Z", "P")),  # the earliest start wins over the order's name
        (("B,P,06:00,09:00", "A,Q,06:00,08:30"), ("A", "Q")),  # then the order
        (("A,Q,06:00,09:00", "A,P,06:00,09:00"), ("A", "P")),  # then the product
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_orders_that_share_a_state_are_told_apart_by_content(
    tmp_path: Path, rows: tuple[str, str], winner: tuple[str, str], *, turned: bool
) -> None:
    lines = [TINY.splitlines()[0]]
    for row in reversed(rows) if turned else rows:
        order, product, start, end = row.split(",")
        lines.append(f"{order},{product},Turn,M,D,2012-01-01T{start}:00,2012-01-01T{end}:00,0,0,")
    log, standards = tmp_path / "log.csv", tmp_path / "standards.csv"
    log.write_text("\n".join(lines))
    standards.write_text(STANDARDS)
    shared = minute_facts(log, standards, "M").filter(pl.col("minute_ms") == DAY_MS + (7 * 60 + 30) * MINUTE_MS)
    assert shared.select("order", "product").rows() == [winner]
    assert shared["apt_ms"].to_list() == [MINUTE_MS]
    assert shared["conflict_ms"].to_list() == [0]


def test_the_real_log_adds_up() -> None:
    facts = station_facts(REAL_LOG, REAL_STANDARDS)
    assert len(facts) == 20
    raw = pl.read_csv(REAL_LOG)
    assert sum(int(fact["sq"] or 0) for fact in facts) == raw["qty_mrb"].sum()
    made = raw.select(pl.max_horizontal("qty_completed", "qty_mrb").sum()).item()
    assert sum(int(fact["pq"] or 0) for fact in facts) == made
    for fact in facts:
        assert fact["pbt_ms"] == sum(
            int(fact[key] or 0) for key in ("apt_ms", "aust_ms", "adet_ms", "adot_ms", "unknown_ms")
        )


@pytest.mark.parametrize("machine", ["Quality Check 1", "Machine 9 - Turning & Milling", "other"])
def test_the_minutes_of_a_real_machine_add_up_to_the_station(machine: str) -> None:
    (station,) = (fact for fact in station_facts(REAL_LOG, REAL_STANDARDS) if fact["machine"] == machine)
    minutes = minute_facts(REAL_LOG, REAL_STANDARDS, machine)
    total = minutes.select(pl.exclude("minute_ms", "order", "product").sum()).row(0, named=True)
    for name in ("apt_ms", "aust_ms", "adet_ms", "unknown_ms", "conflict_ms", "planned_run_ms"):
        assert total[name] == station[name]
    assert (total["good"], total["scrap"], total["rework"]) == (station["gq"], station["sq"], station["rq"])
    per_minute = minutes.group_by("minute_ms").agg(
        pl.sum_horizontal(pl.col("apt_ms", "aust_ms", "adet_ms", "unknown_ms").sum()).alias("planned_ms")
    )
    assert per_minute["planned_ms"].max() == MINUTE_MS


def test_a_machine_that_is_not_in_the_log_is_an_error(tiny: tuple[Path, Path]) -> None:
    with pytest.raises(ValueError, match="no machine 'N'"):
        minute_facts(*tiny, "N")
