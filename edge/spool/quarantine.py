"""The files that were set aside as damaged: for somebody to look at, and never more than a few."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path

FILES_MAX = 8
"""So that a card that dies slowly does not fill itself with what nobody looks at."""

_log = logging.getLogger(__name__)


def damaged_files(directory: Path) -> list[Path]:
    """What was set aside, now and before, the oldest first."""
    return sorted(directory.glob("*.damaged*.sqlite3"), key=lambda path: (path.stat().st_mtime_ns, path.name))


def set_aside(path: Path, aside: Path, reason: str) -> None:
    """Rename a file of the spool, and its log, so that it is not looked at any more, and say so; raises `OSError`."""
    log = log_of(path)
    path.rename(aside)
    if log.exists():  # what was appended last may be nowhere else
        log.rename(log_of(aside))
    _log.error("a file of the spool is set aside", extra={"path": str(aside), "error": reason})
    for old in damaged_files(path.parent)[:-FILES_MAX]:
        with suppress(OSError):
            old.unlink()
            log_of(old).unlink(missing_ok=True)
            _log.error("a damaged file of the spool is deleted, as there are too many", extra={"path": str(old)})


def log_of(path: Path) -> Path:
    """Where SQLite keeps what it has not yet taken over into a file."""
    return path.with_name(f"{path.name}-wal")
