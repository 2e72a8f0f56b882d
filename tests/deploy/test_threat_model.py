"""The threat model names tests that exist, for every foundational requirement and every risk of the list."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/threat-model.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if re.match(r"\| (FR|API)\d", line)
]
PROOF = re.compile(r"tests/[\w/]+\.py::test_\w+")


def test_every_requirement_and_every_risk_has_a_row() -> None:
    named = {row[0].split()[0] for row in ROWS}
    assert named == {*(f"FR{number}" for number in range(1, 8)), *(f"API{number}" for number in range(1, 11))}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1])
def test_each_row_is_proved_by_tests_that_exist_or_says_when_it_will_be(row: list[str]) -> None:
    assert len(row) == 4
    _, threat, answer, proof = row
    assert threat
    if re.fullmatch(r"comes with the [a-z ]+", proof):
        assert not answer, "what is done has a test"
        return
    assert answer
    for name in proof.split(", "):
        assert PROOF.fullmatch(name), name
        path, _, function = name.partition("::")
        tree = ast.parse((ROOT / path).read_text())
        assert function in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, name


def test_the_zones_and_their_conduits_are_there() -> None:
    for zone in ("station", "cell gateway", "server", "office"):
        assert re.search(rf"^\| {zone} \|", PAGE, re.MULTILINE)
    assert len(re.findall(r"SL \d", PAGE)) == 4
