from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from command_line import environment

from sipe.cli import main

Answer = Callable[..., Any]
StartUp = Callable[..., tuple[subprocess.Popen[str], dict[str, Any]]]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of the machine, and a data directory over which nothing runs."""
    for name in os.environ.keys() - environment().keys():
        monkeypatch.delenv(name)
    monkeypatch.setenv("SIPE_API_PORT", "0")
    monkeypatch.setenv("SIPE_DATA_DIR", str(tmp_path / "nothing-runs-here"))


@pytest.fixture
def answer(capsys: pytest.CaptureFixture[str]) -> Answer:
    """Runs `sipe ... --json` in this process; gives what it printed when it ended with the code expected."""

    def run(*arguments: str | Path, code: int = 0) -> Any:
        capsys.readouterr()
        assert main([*map(str, arguments), "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return run


@pytest.fixture(scope="module")
def start_up() -> Iterator[StartUp]:
    """Starts `sipe up` on a data directory; gives the process and the addresses that it printed."""
    with ExitStack() as started:

        def start(data_dir: Path, **settings: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
            words = [sys.executable, "-m", "sipe.cli", "up", "--json", "--data", str(data_dir)]
            process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment() | settings)
            started.enter_context(process)
            started.callback(process.kill)
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, "sipe up did not start"
            return process, json.loads(line)

        yield start
