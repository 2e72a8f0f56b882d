"""Where the tests of the spool put files."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A directory in memory where there is one: for many small spools, when their syncs are not the subject."""
    shared = Path("/dev/shm")  # noqa: S108  a directory of our own in it
    path = Path(tempfile.mkdtemp(dir=shared)) if shared.is_dir() else tmp_path / "memory"
    path.mkdir(exist_ok=True)
    yield path
    shutil.rmtree(path)
