"""The flow's saved state on disk: a directory for each log epoch and version of the state, opened whole or refused.

    recovery/epoch-N/state-V/part-0.sqlite3

A program never loads a state of another version than its own. It leaves it where it is and begins without one, which
means that the state is rebuilt from the archive.
"""

from __future__ import annotations

import logging
import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import count
from pathlib import Path

from bytewax.recovery import init_db_dir

from connectors.embedded.lock import DirectoryLock
from sipe.errors import SipeError
from sipe.private_files import check_private_dir

STATE_VERSION = 4
"""Grows whenever what the flow saves changes its shape; tests/pipelines/test_state_shape.py knows when it does."""
OLDER_KEPT = 2
"""So many states of earlier versions stay, for a way back to the program that wrote them."""
HEAL = "start once with `sipe up --rebuild-state`: it sets the saved state aside and rebuilds it from the archive"

LOCK = "process-{}.lock"
FIRST_PROCESS_S = 60.0
"""So long the other processes of a cluster wait for the first one to make what they share."""
_SQLITE_FAILURE = re.compile(r'SqliteFailure\(.*?Some\("(.*?)"\)\)', re.DOTALL)
_FIRST_VERSION = 1
"""Lay in the epoch's directory itself."""
_PARTS = "part-*.sqlite3*"
_log = logging.getLogger(__name__)


def epoch_dir(data_dir: Path, epoch: int) -> Path:
    """Where the states of one log are kept."""
    return data_dir / "recovery" / f"epoch-{epoch}"


def state_dir(data_dir: Path, epoch: int) -> Path:
    """Where this program's state of one log is."""
    return epoch_dir(data_dir, epoch) / f"state-{STATE_VERSION}"


def open_recovery(data_dir: Path, epoch: int) -> Path:
    """The directory of this program's saved state for a log, made if missing.

    Raises `SipeError` when it belongs to a newer program, when it is damaged, and when it cannot be used.
    """
    directory, state = epoch_dir(data_dir, epoch), state_dir(data_dir, epoch)
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_private_dir(directory)
        _give_the_first_its_place(directory)
        versions = _versions(directory)
        if any(version > STATE_VERSION for version in versions):
            raise SipeError(
                f"{directory} holds a saved state of version {max(versions)}, this program knows {STATE_VERSION}: it "
                f"is older than the state. Run the newer program, or move state-{max(versions)} away to rebuild"
            )
        if not _parts(state):
            _tell_why_new(directory, versions)
            _create(state)
        check_private_dir(state)
        _forget_old(directory, versions)
    except OSError as error:
        raise SipeError(
            f"the saved state in {directory} cannot be used ({error.strerror or error}): check the disk and the "
            "rights, or name another directory in SIPE_DATA_DIR"
        ) from error
    for part in _parts(state):
        _check_part(part)
    return state


@contextmanager
def opened(data_dir: Path, epoch: int, process: int = 1) -> Iterator[Path]:
    """The directory of `open_recovery`, for one process of a cluster; an error of its store becomes a `SipeError`.

    The first process makes it, the others wait for it. Nobody else may be the same process at the same time.
    """
    directory = epoch_dir(data_dir, epoch)
    with DirectoryLock(directory / LOCK.format(process)):
        if process > 1:
            _wait_for(state_dir(data_dir, epoch))
        state = open_recovery(data_dir, epoch)
        with _explained(state):
            yield state


@contextmanager
def ours_alone(directory: Path) -> Iterator[None]:
    """Keep every flow out of an epoch's directory; raises `SipeError` while one is in."""
    with ExitStack() as locks:
        for path in {directory / LOCK.format(1), *directory.glob(LOCK.format("*"))}:
            locks.enter_context(DirectoryLock(path))
        yield


def _wait_for(state: Path) -> None:
    deadline_s = time.monotonic() + FIRST_PROCESS_S
    while not _parts(state):
        if time.monotonic() > deadline_s:
            raise SipeError(
                f"{state} was not made for {FIRST_PROCESS_S:g} s: the processes of a cluster share one data directory; "
                "does the first one run?"
            )
        time.sleep(0.1)


@contextmanager
def _explained(state: Path) -> Iterator[None]:
    """Bytewax's Rust part panics when its store fails, and says what SQLite said in the middle of a longer text."""
    try:
        yield
    except BaseException as error:
        if found := _SQLITE_FAILURE.search(str(error)):
            raise broken(state, found[1]) from error
        raise


def set_aside(data_dir: Path, epoch: int) -> Path | None:
    """Give the saved state of this program's version another name, so that it is rebuilt; returns the new place.

    Raises `SipeError` while a flow uses it.
    """
    state = state_dir(data_dir, epoch)
    if not state.exists():
        return None
    with ours_alone(state.parent):
        return move_aside(state)


def move_aside(directory: Path) -> Path:
    """Give a directory a name under which nobody looks for it; returns it."""
    places = (directory.with_name(f"{directory.name}.aside-{n}") for n in count(1))
    try:
        return directory.rename(next(place for place in places if not place.exists()))
    except OSError as error:
        raise SipeError(f"{directory} cannot be set aside ({error.strerror}): move it away by hand") from error


def broken(state: Path, why: str) -> SipeError:
    """What to say and do when a saved state cannot be read or written."""
    reason = " ".join(why.split())
    return SipeError(f"the saved state in {state} cannot be used ({reason}): check the disk and the rights; {HEAL}")


def _versions(directory: Path) -> dict[int, Path]:
    found = ((re.fullmatch(r"state-(\d{1,9})", path.name), path) for path in directory.iterdir())
    return {int(match[1]): path for match, path in found if match and _parts(path)}


def _parts(state: Path) -> list[Path]:
    return sorted(state.glob("part-*.sqlite3"))


def _give_the_first_its_place(directory: Path) -> None:
    parts = sorted(directory.glob(_PARTS))
    first = directory / f"state-{_FIRST_VERSION}"
    if parts:
        first.mkdir(mode=0o700, exist_ok=True)
    for part in parts:
        part.rename(first / part.name)


def _tell_why_new(directory: Path, versions: dict[int, Path]) -> None:
    if versions:
        _log.warning(
            "%s: the newest saved state is of version %d, this program's is %d: the state is rebuilt from the archive, "
            "the older one stays",
            directory, max(versions), STATE_VERSION,
        )  # fmt: skip
    else:
        _log.warning("%s: no saved state; what the archive holds of this log is the state", directory)


def _create(state: Path) -> None:
    """Make the directory whole before it gets its name, so that a crash leaves no half of it."""
    draft = state.with_name(f"{state.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    with _explained(state):
        init_db_dir(draft, 1)  # type: ignore[no-untyped-call]  # Bytewax's Rust part has no types
    if state.exists():
        state.rmdir()  # empty, else it would have parts or something that is none of ours
    draft.rename(state)


def _forget_old(directory: Path, versions: dict[int, Path]) -> None:
    older = sorted(version for version in versions if version < STATE_VERSION)
    for version in older[:-OLDER_KEPT]:
        shutil.rmtree(directory / f"state-{version}")


def _check_part(part: Path) -> None:
    """Ask SQLite whether the file is whole: Bytewax would find out with a panic in the middle of its work."""
    try:
        with closing(sqlite3.connect(f"{part.resolve().as_uri()}?mode=rw", uri=True, timeout=5.0)) as database:
            [answer] = database.execute("PRAGMA quick_check(1)").fetchone()
            database.execute("BEGIN IMMEDIATE")  # it can be written, and nobody else does
            database.rollback()
    except sqlite3.Error as error:
        raise broken(part, str(error)) from error
    if answer != "ok":
        raise broken(part, str(answer))
