"""The page of promises lists every fault that is declared, and its table is written from records."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fault_record import FAULTS, RECORD_PATH, Record, of_fault, read, record
from ledger import Balance
from reliability_page import BEGIN, END, PAGE, table, write

WITHOUT_LEDGER = ("spool-damaged", "offset-gone")
"""A file set aside is lost as it was declared; a flow that stops leaves the books open."""


def rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


def test_the_page_lists_every_declared_fault_once_and_in_order() -> None:
    _, _, rest = PAGE.read_text().partition(BEGIN)
    proof, _, _ = rest.partition(END)
    titles = [row[0] for row in rows(proof)[2:]]
    assert titles == [fault.title for fault in FAULTS.values()]
    assert re.search(r"Commit `[0-9a-f]{7,}( with changes)?`, 20\d\d-\d\d-\d\d, by `make prove", proof)


def test_nothing_on_the_page_was_lost_or_doubled() -> None:
    _, _, rest = PAGE.read_text().partition(BEGIN)
    proof, _, _ = rest.partition(END)
    measured = [row for row in rows(proof)[2:] if row[2] != "not run"]
    assert measured
    assert {row[0] for row in measured if "no ledger" in row} <= {FAULTS[name].title for name in WITHOUT_LEDGER}
    assert {count for row in measured for count in row[4:6]} <= {"0", "no ledger"}


def test_every_guarantee_of_a_gateway_names_tests_that_are_there() -> None:
    _, _, rest = PAGE.read_text().partition("## What a gateway guarantees")
    guarantees = rows(rest.partition("\n## ")[0])[2:]
    assert [row[0] for row in guarantees] == [f"G{number}" for number in range(1, 18)]
    for _, _, shown_by in guarantees:
        named = re.findall(r"`([^`]+\.py)`", shown_by)
        assert named
        assert not [path for path in named if not (PAGE.parents[1] / path).is_file()]


def test_every_test_of_a_fault_names_one_that_is_declared() -> None:
    """And every declared fault has a test that records it."""
    tests = Path(__file__).resolve().parents[1]
    named = {
        name
        for path in tests.rglob("test_*.py")
        for name in re.findall(r"\brecord\(\s*\"([a-z-]+)\"", path.read_text())
        if path != Path(__file__).resolve()
    }
    assert named == FAULTS.keys()


def test_records_of_a_fault_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "records.jsonl"
    monkeypatch.setenv(RECORD_PATH, str(path))
    record("store-down", Balance(), met=3, recovery_s=[1.0, 4.0])
    record("store-down", Balance(lost=["x"]), met=4, runs=2, recovery_s=[2.5])
    record("answer-lost", Balance(doubled=["x", "y"]), met=1)
    record("offset-gone", met=1)
    summed = Record(fault="store-down", runs=3, met=7, lost=1, doubled=0, recovery_s=(1.0, 4.0, 2.5))
    assert of_fault("store-down", read(path)) == summed
    by_title = {row[0]: row[2:] for row in rows(table(read(path)))}
    assert by_title["store down"] == ["3", "attempts that failed: 7", "1", "0", "2.5 s / 4.0 s"]
    assert by_title["answer lost after a successful insert"][3] == "2"
    assert by_title["saved offset gone"][2:4] == ["no ledger", "no ledger"]
    assert by_title["wrong password"][0] == "not run"


def test_a_fault_that_did_not_happen_or_is_not_declared_is_no_record() -> None:
    with pytest.raises(AssertionError, match="store-down: the fault did not happen"):
        record("store-down", Balance(), met=0)
    with pytest.raises(AssertionError, match="gremlins is not declared"):
        record("gremlins", Balance(), met=1)


def test_what_stands_outside_of_the_marks_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"above\n\n{BEGIN}\nof before\n{END}\n\nbelow\n")
    for _ in range(2):
        write([], commit="abc1234", date="2026-11-23", command="make prove", path=page)
    text = page.read_text()
    assert text.startswith(f"above\n\n{BEGIN}\n\nCommit `abc1234`, 2026-11-23, by `make prove`.\n\n| fault |")
    assert text.endswith(f"|\n\n{END}\n\nbelow\n")
    assert "of before" not in text
