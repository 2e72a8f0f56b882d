"""Where the transactional store is when no server is named: a file in the data directory, and who uses it.

orders/sipe.db       the store; SQLite puts two files beside it
orders.lock          held by each process that has it open, and alone by whoever puts a backup in its place
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sipe.errors import SipeError
from sipe.private_files import check_own_dir

FILE = "sipe.db"


def directory_of(data_dir: Path) -> Path:
    """Its directory, which holds nothing else."""
    return data_dir / "orders"


@contextmanager
def shared(data_dir: Path, *, may_make: bool) -> Iterator[Path]:
    """The file, for its owner alone; what SQLite puts beside it takes over its mode. Raises `SipeError`."""
    if not may_make and not (directory_of(data_dir) / FILE).exists():
        raise SipeError(f"no orders are kept in {data_dir}: name another directory, or a store in SIPE_SQL_URL")
    with _locked(data_dir, fcntl.LOCK_SH):
        path = directory_of(data_dir) / FILE
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600))
        yield path


@contextmanager
def alone(data_dir: Path) -> Iterator[None]:
    """Keep every process out; raises `SipeError` while one is in."""
    with _locked(data_dir, fcntl.LOCK_EX):
        yield


@contextmanager
def _locked(data_dir: Path, kind: int) -> Iterator[None]:
    directory = directory_of(data_dir)
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_own_dir(directory)
        lock = os.open(directory.with_suffix(".lock"), os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise SipeError(f"{directory} cannot be used ({error.strerror}): name another one in SIPE_DATA_DIR") from error
    try:
        _take(lock, kind, directory)
        yield
    finally:
        os.close(lock)


def _take(lock: int, kind: int, directory: Path) -> None:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SipeError(f"{directory} is in use by another process: stop `sipe up` and `sipe api` first") from None
