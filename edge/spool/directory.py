"""The directory of a spool: locked, of the version that this program knows, and rid of what was left half done.

`spool.sqlite3` says of which version the directory is. In version 1 it was the whole spool; now it is empty, and makes
a gateway of version 1 refuse, which looks nowhere else. From version 2 on, its `application_id` is a checksum of its
`user_version`, so that one flipped bit makes no newer version.
"""

from __future__ import annotations

import fcntl
import logging
import sqlite3
import zlib
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import IO

from edge.spool import segment_file
from edge.spool.chain import numbers_in, segment_path
from edge.spool.errors import SqliteErrors, is_damage
from edge.spool.quarantine import log_of, set_aside
from edge.spool.segment_file import VERSION
from sipe.errors import SipeError
from sipe.private_files import sync_directory

MARK = "spool.sqlite3"

_log = logging.getLogger(__name__)


def prepare(directory: Path) -> IO[bytes]:
    """Make the directory ready for this process alone, until the file that is returned is closed.

    Raises `SipeError` when it cannot be used, or a newer version has written it.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (directory / "lock").open("ab")
        try:
            _lock(lock, directory)
            _sweep(directory)
            _see_to_the_version(directory / MARK)
        except BaseException:
            lock.close()
            raise
    except (OSError, sqlite3.Error) as error:
        raise SipeError(f"the spool {directory} cannot be used: {error}") from error
    return lock


def checksum_of(version: int) -> int:
    """What `application_id` has to be beside a version."""
    return zlib.crc32(b"sipe spool %d" % version) & 0x7FFF_FFFF


def _lock(lock: IO[bytes], directory: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SipeError(f"the spool {directory} is locked; does another gateway run on it?") from None


def _sweep(directory: Path) -> None:
    """Delete drafts, and logs whose file is gone."""
    for path in [*directory.glob("*.new*"), *directory.glob("*-wal")]:
        if ".new" in path.name or not path.with_name(path.name.removesuffix("-wal")).exists():
            path.unlink(missing_ok=True)  # a draft's log is in both lists


def _see_to_the_version(mark: Path) -> None:
    if mark.exists():
        try:
            if _is_marked(mark):
                return
            _carry_over(mark)
        except SqliteErrors as error:
            if not is_damage(error):
                raise
            names = (mark.with_name(f"spool.damaged-{n}.sqlite3") for n in count(1))
            set_aside(mark, next(name for name in names if not name.exists()), str(error))
    try:
        segment_file.make(mark, _mark)
    except (OSError, sqlite3.Error) as error:  # it can wait for the next start: what waits has to be delivered
        _log.warning("the version of the spool could not be noted", extra={"path": str(mark), "error": str(error)})


def _mark(db: sqlite3.Connection) -> None:
    db.execute("BEGIN")
    db.execute(f"PRAGMA application_id = {checksum_of(VERSION)}")
    db.execute(f"PRAGMA user_version = {VERSION}")
    db.execute("COMMIT")


def _is_marked(mark: Path) -> bool:
    """Whether this is the mark of this version; raises `SipeError` when it is that of a newer one."""
    with closing(sqlite3.connect(mark, timeout=0.0, isolation_level=None)) as db:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        (checksum,) = db.execute("PRAGMA application_id").fetchone()
    if checksum == checksum_of(version):
        if version > VERSION:
            raise SipeError(f"the spool {mark.parent} was written by a newer gateway: run that version, or a newer one")
        return True
    return False


def _carry_over(spool: Path) -> None:
    """The one file of version 1 becomes the first segment of all."""
    segment = segment_path(spool.parent, "traceability", 0)
    if 0 in numbers_in(spool.parent, "traceability", damaged=True):
        raise SipeError(f"{segment} is there, and {spool} of an older gateway too: move the latter away")
    segment_file.connect(spool).close()
    if log_of(spool).exists():
        raise SipeError(f"there is no room to carry {spool} over to this version: make some")
    spool.rename(segment)
    sync_directory(spool.parent)
