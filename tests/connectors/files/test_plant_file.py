from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from connectors.files.plant import read_plant
from connectors.files.truth import FACTS_FILE, MANIFEST_FILE, STOPS_FILE, write_truth
from models.twin import FactRow, StopRow, simulate
from sipe.errors import SipeError, UsageError

EXAMPLE = Path(__file__).resolve().parents[3] / "examples/plant.toml"


def test_the_shipped_example_reads() -> None:
    assert read_plant(EXAMPLE).name == "Meter factory, Manaus"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'name = "x', "not TOML: "),
        (b'name = "\xff"', "not UTF-8 at byte 8"),
        (b'name = "x"\n[calendars]\n', "top level: Object missing required field `stations`"),
        (
            EXAMPLE.read_bytes().replace(b'zone = "America/Manaus"', b'zone = "Manaus"', 1),
            "calendars.two-shifts.zone: ",
        ),
    ],
)
def test_a_bad_file_is_one_line_that_names_it(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "plant.toml"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_plant(path)
    assert str(caught.value).startswith(f"{path}: {says}")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.toml: cannot be read: No such file"):
        read_plant(tmp_path / "nowhere.toml")


def test_truth_files_hold_every_row_and_a_manifest(tmp_path: Path) -> None:
    day = simulate(read_plant(EXAMPLE), seed=3, hours=2, scale=0.05)
    write_truth(day, tmp_path / "truth")
    write_truth(day, tmp_path / "truth")
    assert _rows(tmp_path / "truth" / FACTS_FILE) == [FactRow._fields, *(_texts(row) for row in day.truth.facts)]
    assert _rows(tmp_path / "truth" / STOPS_FILE) == [StopRow._fields, *(_texts(row) for row in day.truth.stops)]
    manifest = json.loads((tmp_path / "truth" / MANIFEST_FILE).read_text())
    assert manifest["seed"] == 3
    assert manifest["facts"] == len(day.truth.facts)
    assert manifest["irregularities"]["lost"] > 0


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    day = simulate(read_plant(EXAMPLE), seed=3, hours=1, scale=0.02)
    with pytest.raises(SipeError, match="file/truth: the ground truth cannot be written"):
        write_truth(day, tmp_path / "file" / "truth")


def _rows(path: Path) -> list[tuple[str, ...]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [tuple(row) for row in csv.reader(file)]


def _texts(row: FactRow | StopRow) -> tuple[str, ...]:
    return tuple(str(value) for value in row)
