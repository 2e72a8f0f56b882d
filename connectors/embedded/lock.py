"""One owner per data directory, known by its process id."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from sipe.errors import SipeError
from sipe.private_files import check_own_dir

_LIVING_OWNER_WAIT_S = 1.0
"""`held` takes the lock for an instant, which must not turn an owner away."""
_DEAD_OWNER_WAIT_S = 15.0
"""The children of a killed owner hold the lock until they have let go of the data."""
_STEP_S = 0.02


class DirectoryLock:
    """An exclusive lock that the kernel releases when its owner and every child that inherited `fd` are gone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.fd = -1

    def acquire(self) -> None:
        """Own the lock, in a directory made if missing; raises `SipeError` that names the process that has it."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            check_own_dir(self._path.parent)
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise SipeError(
                f"{self._path.parent} cannot be used ({error.strerror}): name another directory in SIPE_DATA_DIR"
            ) from error
        try:
            self._wait_for(fd)
            os.ftruncate(fd, 0)
            os.pwrite(fd, str(os.getpid()).encode(), 0)
        except BaseException:
            os.close(fd)
            raise
        self.fd = fd

    def release(self) -> None:
        """Give the lock up; releasing twice is fine."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _wait_for(self, fd: int) -> None:
        start_s = time.monotonic()
        while not _try(fd, fcntl.LOCK_EX):
            owner = os.pread(fd, 20, 0).decode()
            living = owner.isdecimal() and alive(int(owner))
            if time.monotonic() - start_s > (_LIVING_OWNER_WAIT_S if living else _DEAD_OWNER_WAIT_S):
                raise SipeError(
                    f"{self._path.parent} is in use by process {owner or 'unknown'}: stop it, or name another "
                    "directory in SIPE_DATA_DIR"
                )
            time.sleep(_STEP_S)


def held(path: Path) -> bool:
    """Whether somebody owns the lock."""
    try:
        fd = os.open(path, os.O_RDWR)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        return not _try(fd, fcntl.LOCK_SH)
    finally:
        os.close(fd)


def alive(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _try(fd: int, operation: int) -> bool:
    try:
        fcntl.flock(fd, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
