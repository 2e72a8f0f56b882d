"""The story of a line is told to its end, by `sipe up` and `sipe gateway` as they are installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STORY = ROOT / "examples" / "line-story.py"
pytestmark = [pytest.mark.long, pytest.mark.stack]


def test_it_tells_of_a_cut_network_and_swapped_covers_and_ends_with_the_account() -> None:
    environ = {name: text for name, text in os.environ.items() if not name.startswith("SIPE_")}
    done = subprocess.run(
        [sys.executable, STORY], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=170, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    cut = [
        done.stdout.index(words)
        for words in ("The network is cut.", "results have waited for it.", "The office has them.", "each once.")
    ]
    assert cut == sorted(cut)
    assert done.stdout.count("WRONG_SERIAL: the meter says another serial than its cover") == 2
    assert "2 of 4 meters are packed; the 2 whose covers were swapped were caught." in done.stdout
    assert "\x1b" not in done.stdout, "colours are for terminals"
