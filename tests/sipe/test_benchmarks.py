"""Each benchmark starts and says how it is called: nobody runs them daily, and what they import moves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
COMMANDS = sorted(path for path in BENCHMARKS.glob("*.py") if "ArgumentParser" in path.read_text())

pytestmark = pytest.mark.long


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path.stem)
def test_it_starts_and_says_how_it_is_called(path: Path) -> None:
    asked = subprocess.run([sys.executable, path, "--help"], capture_output=True, text=True, timeout=60, check=False)
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.startswith(f"usage: {path.name}")


def test_they_were_found() -> None:
    assert {"api", "ingest", "soak"} <= {path.stem for path in COMMANDS}
