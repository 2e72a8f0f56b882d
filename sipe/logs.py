"""Logs: what a service tells of its work, one event per line, to stderr.

Every part logs through the standard library: `_log.warning("what happened", extra={...})` with the fields below. A
terminal shows coloured `key=value` lines, anything else gets one JSON object per line. Times are UTC. Control
characters are escaped, so that no message of a producer can forge a line, and a password in a URL is masked.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, MutableMapping
from typing import Any

from sipe.errors import UsageError

FIELDS: dict[str, str] = {
    "station": "site.area.line.station",
    "partition": "number of a partition of the station events",
    "epoch": "which log the offsets count in",
    "offset": "position in a partition",
    "records": "how many records",
    "stations": "how many stations",
    "table": "table of the store",
    "topic": "Kafka topic",
    "attempt": "which attempt, counted from 1",
    "wait_s": "seconds until the next attempt",
    "seconds": "how long it took",
    "reason": "why, in one word",
    "error": "what failed, as a person reads it",
    "port": "TCP port",
    "path": "file or directory",
    "pid": "process id",
    "duty": "what one process at a time does",
    "position": "position in the outbox",
}
"""Every field that a log line may have beside the event; one name for one thing."""

LEVELS = ("debug", "info", "warning", "error")

CLIENTS = ("librdkafka",)
"""Loggers of client libraries: a service shows what they say, a command has its own words for it."""

Line = MutableMapping[str, Any]

_PASSWORD = re.compile(r"(://[^:/@\s]*:)\S*@")


def configure(process: str, level: str, *, service: bool = False) -> None:
    """Send what this process logs to stderr; may be called again. Raises `UsageError` on an unknown level."""
    if level not in LEVELS:
        raise UsageError(f"SIPE_LOG_LEVEL={level!r} is none of {', '.join(LEVELS)}")
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Stderr)]:
        root.removeHandler(handler)
    root.addHandler(_Stderr(process))
    root.setLevel(level.upper())
    for name in CLIENTS:
        logging.getLogger(name).setLevel(logging.NOTSET if service else logging.CRITICAL)


class _Stderr(logging.Handler):
    """Writes to what stderr is at that moment; structlog, which is slow to import, comes with the first line."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; a line that cannot be written never stops the work."""
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except Exception:
            self.handleError(record)

    def format(self, record: logging.LogRecord) -> str:
        """One line; on a terminal a traceback takes more."""
        if self.formatter is None:
            self.formatter = _formatter(self._process, is_terminal=sys.stderr.isatty())
        return self.formatter.format(record)


def _formatter(process: str, *, is_terminal: bool) -> logging.Formatter:
    from structlog import dev, processors, stdlib  # noqa: PLC0415  see _Stderr

    def named(_: object, __: str, line: Line) -> Line:
        return {**line, "process": process}

    chain: list[Callable[[Any, str, Line], Any]] = [
        stdlib.add_log_level,
        stdlib.add_logger_name,
        stdlib.ExtraAdder(allow=FIELDS),
        processors.TimeStamper(fmt="iso", utc=True),
        named,
        processors.format_exc_info,
        _clean,
    ]
    renderer = dev.ConsoleRenderer(colors=True) if is_terminal else processors.JSONRenderer(default=str)
    return stdlib.ProcessorFormatter(
        processors=[stdlib.ProcessorFormatter.remove_processors_meta, renderer], foreign_pre_chain=chain
    )


def _clean(_: object, __: str, line: Line) -> Line:
    return {name: _safe(value, name) if isinstance(value, str) else value for name, value in line.items()}


def _safe(text: str, name: str) -> str:
    """The text without passwords and control characters; a traceback keeps its lines."""
    kept = "\n" if name == "exception" else ""
    text = _PASSWORD.sub(r"\1***@", text)
    return "".join(
        char if char.isprintable() or char in kept else char.encode("unicode_escape").decode() for char in text
    )
