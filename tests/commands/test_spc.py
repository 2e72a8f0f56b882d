"""`sipe spc`: what is found in values whose story is known, and what is said of values that are none."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sipe.cli import main

Answer = Callable[..., Any]

CLEAN, SHIFTED = 300, 60


def written(path: Path, cells: list[str], header: str = "error_percent") -> Path:
    path.write_text("\n".join([header, *cells]) + "\n")
    return path


@pytest.fixture
def shifted(tmp_path: Path) -> Path:
    """A calibration error that drifts away after 300 meters, by one and a half standard deviations."""
    draw = random.Random(4)
    values = [draw.gauss(0.02, 0.05) for _ in range(CLEAN)] + [draw.gauss(0.095, 0.05) for _ in range(SHIFTED)]
    return written(tmp_path / "values.csv", [f"{value:.4f}" for value in values])


def test_a_drift_is_found_soon_and_before_anything_is_outside(shifted: Path, answer: Answer) -> None:
    told = answer("spc", shifted, "--low", "-0.5", "--high", "0.5", "--rules", "we1")
    assert told["values"] == CLEAN + SHIFTED
    assert told["center"] == pytest.approx(0.02, abs=0.02)
    assert told["sigma"] == pytest.approx(0.05, rel=0.2)
    found = [one for one in told["signals"] if one["signal"] == "cusum_high"]
    assert CLEAN < found[0]["first"] < CLEAN + 20, "within twenty meters"
    assert found[0]["first_line"] == found[0]["first"] + 1, "under the header"
    assert found[-1]["last"] == CLEAN + SHIFTED
    assert told["capability"]["ppk"] > 1.3, "no meter was wrong"


def test_it_is_told_for_people_too(shifted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spc", str(shifted), "--high", "0.5"]) == 0
    told = capsys.readouterr().out
    assert "error_percent: 360 values" in told
    assert "cp -, cpk" in told, "one limit has no cp"
    assert "cusum_high" in told


def test_values_that_are_left_alone_are_in_control(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw = random.Random(1)
    path = written(tmp_path / "values.csv", [f"{draw.gauss(10.0, 1.0):.3f}" for _ in range(60)])
    assert main(["spc", str(path), "--rules", "we1"]) == 0
    assert "in control: no chart signals" in capsys.readouterr().out


def test_empty_cells_are_counted_and_passed_over(tmp_path: Path, answer: Answer) -> None:
    path = written(tmp_path / "values.csv", ["1,a", ",b", "3,c", "2,d"], "value,who")
    told = answer("spc", path, "--column", "value")
    assert (told["values"], told["empty"], told["center"], told["capability"]) == (3, 1, 2.0, None)


@pytest.mark.parametrize(
    ("text", "options", "why"),
    [
        ("value\n1\ntwo", (), "line 3, column 'value': 'two' is no number"),
        ("value\n1\ninf", (), "line 3, column 'value': 'inf' is no finite number"),
        ("a,b\n1,2", (), "it has the columns a, b: say which by --column"),
        ("a\n1", ("--column", "b"), "no such column"),
        ("value\n1", (), "1 values: limits want two at least"),
        ("value\n5\n5\n5", (), "all values are the same"),
        ("value\n1\n2", ("--rules", "we1,we9"), "there is no rule 'we9'"),
        ("value\n1\n2", ("--low", "3", "--high", "2"), "--low 3 is not below --high 2"),
    ],
)
def test_what_cannot_be_charted_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, options: tuple[str, ...], why: str
) -> None:
    path = tmp_path / "values.csv"
    path.write_text(text)
    assert main(["spc", str(path), *options]) == 2
    assert why in capsys.readouterr().err


def test_the_charts_are_drawn(shifted: Path, tmp_path: Path, answer: Answer) -> None:
    pytest.importorskip("matplotlib", reason="pictures are an extra")
    answer("spc", shifted, "--low", "-0.5", "--high", "0.5", "--png", tmp_path / "charts.png")
    assert (tmp_path / "charts.png").read_bytes().startswith(b"\x89PNG")
    assert main(["spc", str(shifted), "--png", str(tmp_path / "nowhere" / "charts.png")]) == 1
