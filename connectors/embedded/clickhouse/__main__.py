"""Serve the ClickHouse data in a directory to clickhouse-driver, on loopback, until the parent process leaves.

    SIPE_EMBEDDED_PASSWORD=... python -m connectors.embedded.clickhouse --path DIR [--port N]

Prints one JSON line with the port when it is ready. Users are `default` and `sipe`, both with that password. It ends
when its stdin does, or on SIGTERM.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from connectors.embedded.lock import DirectoryLock
from connectors.embedded.process import serve_until_parent_leaves
from sipe.errors import SipeError, UsageError

_PASSWORD_VARIABLE = "SIPE_EMBEDDED_PASSWORD"  # noqa: S105 - the name of the variable
_WILD = frozenset("?*{}")


def main(args: Sequence[str]) -> int:
    """Serve until stdin ends; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m connectors.embedded.clickhouse")
    parser.add_argument("--path", type=Path, required=True, help="the data directory, made when missing")
    parser.add_argument("--port", type=int, default=0, help="the port on 127.0.0.1; a free one when not given")
    options = parser.parse_args(args)
    try:
        _serve(options.path.resolve(), options.port, os.environ.get(_PASSWORD_VARIABLE, ""))
    except SipeError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the parent reads it from the log
        return error.exit_code
    return 0


def _serve(path: Path, port: int, password: str) -> None:
    if not password:
        raise UsageError(f"{_PASSWORD_VARIABLE} is not set: give the server a password for its clients")
    if wild := _WILD & set(str(path)):
        raise UsageError(f"{path}: the engine reads {' '.join(sorted(wild))} as a pattern; name another directory")
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = DirectoryLock(path / "lock")
    lock.acquire()
    _set_zone_to_utc()
    try:
        from connectors.embedded.clickhouse.server import Server  # noqa: PLC0415 - the engine reads the zone on import
    except ImportError as error:
        raise SipeError(
            f"chDB cannot be loaded ({error}): install sipe[embedded], or set SIPE_CLICKHOUSE_URL"
        ) from error
    server = Server(path, port, password)
    try:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        serve_until_parent_leaves({"port": server.port})
    finally:
        server.close()
        lock.release()


def _set_zone_to_utc() -> None:
    os.environ["TZ"] = "UTC"
    time.tzset()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
