"""A proof goes on where it stopped, and what failed proves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from fault_record import read
from prove import FULL, QUICK, Counts, Proof, Step, property_tests, steps

TEST = """
from pathlib import Path
from fault_record import record

def test_something():
    record("store-down", met=1)
    assert Path({flag!r}).exists()
"""


def step_of(directory: Path) -> Step:
    path = directory / "test_something.py"
    path.write_text(TEST.format(flag=str(directory / "flag")))
    return Step(name="something", words=("-c", "pyproject.toml", "--rootdir", ".", str(path)))


@pytest.mark.long
def test_what_failed_is_done_again_and_what_passed_is_not(tmp_path: Path) -> None:
    step, directory = step_of(tmp_path), tmp_path / "proof"
    proof = Proof(directory)
    assert not proof.run(step)
    assert not proof.is_done(step)
    assert read(proof.records) == [], "a test that failed proves nothing"
    assert "assert False" in proof.last_words(step)
    (tmp_path / "flag").touch()
    assert proof.run(step)
    again = Proof(directory)
    assert again.is_done(step)
    assert [entry.fault for entry in read(again.records)] == ["store-down"]


@pytest.mark.parametrize(("counts", "seeds", "kills", "blocks"), [(FULL, 1_000, 200, 100), (QUICK, 50, 6, 2)])
def test_the_counts_are_those_that_are_promised(
    counts: Counts, seeds: int, kills: int, blocks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "prove.fault_tests", lambda: ["tests/faults/test_kills.py", "tests/faults/test_store_faults.py"]
    )
    todo = list(steps(counts))
    assert len({step.name for step in todo}) == len(todo), "what is done is known by its name"
    assert sum(int(step.environ.get("SIMULATION_SEEDS", 0)) for step in todo) == seeds
    assert sum(int(step.environ.get("LINE_BLOCKS", 0)) for step in todo) == blocks
    assert sum(int(step.environ["KILLS"]) for step in todo if "test_kills.py" in step.words[0]) == kills


def test_every_file_with_properties_is_a_step_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prove.fault_tests", list)
    assert {"tests/models/test_approval.py", "tests/models/test_fold.py"} <= set(property_tests())
    todo = {step.words[0]: step for step in steps(FULL) if step.name.startswith("properties")}
    assert list(todo) == property_tests()
    assert all(step.environ["SIPE_PROVE"] == "1" for step in todo.values()), "which is what gives 5,000 examples"
