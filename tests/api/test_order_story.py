"""The story that newcomers read is told to its end, against a service that it starts as `sipe api`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STORY = ROOT / "examples" / "order-story.py"
pytestmark = pytest.mark.long


def told(*words: str) -> str:
    environ = {name: text for name, text in os.environ.items() if not name.startswith("SIPE_")}
    done = subprocess.run(
        [sys.executable, STORY, *words], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_it_tells_of_a_rejection_a_rework_and_a_recall_and_ends_with_a_passport() -> None:
    story = told()
    at = [
        story.index(words)
        for words in (
            "The preview says of maximum_current_a: 1200 A is above 320.",
            "Caio signs at level 'release': reject: after one minute the sensor still drifts. The sheet is rejected.",
            "Gil begins revision 2: warm_up_min was 1, is 15",
            "Caio signs at level 'release': approve. The sheet is approved.",
            "Refused: manaus.final.line-1.calibration is not set up for order",
            "items of the checklist are open",
            "fails calibration.",
            "passes repair, calibration, packing; it is done.",
            "Caio revokes",
            "is recalled.",
            "is held.",
            "it is scrapped.",
            "is closed: 3 good, 1 scrapped.",
            "100% of what should be known of it is known.",
        )
    ]
    assert at == sorted(at)
    assert "\x1b" not in story, "colours are for terminals"


def test_it_prints_the_passport_for_programs() -> None:
    passport = json.loads(told("--json"))
    assert [(step["step"], step["result"]) for step in passport["steps"]] == [
        ("assembly", "passed"),
        ("calibration", "failed"),
        ("repair", "passed"),
        ("calibration", "passed"),
        ("packing", "passed"),
        ("repair", "passed"),
        ("calibration", "passed"),
        ("packing", "passed"),
    ]
    assert (passport["status"], passport["coverage"], passport["missing"]) == ("done", 1.0, [])
    sheets = {step["sheet"].rpartition("/")[2] for step in passport["steps"] if step["step"] == "calibration"}
    assert sheets == {"2", "3"}
