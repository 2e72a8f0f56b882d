from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("owner_program.py")
StartOwner = Callable[..., tuple[subprocess.Popen[str], dict[str, Any]]]


@pytest.fixture
def start_owner() -> Iterator[StartOwner]:
    """Starts a process that owns servers; gives it and the line it printed when they were ready."""
    with ExitStack() as owners:

        def start(what: str, path: Path) -> tuple[subprocess.Popen[str], dict[str, Any]]:
            arguments = [sys.executable, str(PROGRAM), what, str(path)]
            owner = owners.enter_context(subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True))
            owners.callback(owner.kill)
            assert owner.stdout is not None
            line = owner.stdout.readline()
            assert line, "the owner did not start its servers"
            return owner, json.loads(line)

        yield start
