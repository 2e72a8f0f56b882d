"""A server of ours that is kept running: it never outlives its parent, and comes back after a crash."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from connectors.embedded.process import ChildServer
from sipe.errors import SipeError
from sipe.settings import FILE_SUFFIX, PREFIX, Settings, secret_names

CRASHES_MAX = 5
"""In a row; the last one is the end."""
FIRST_PAUSE_S = 0.5
PAUSE_MAX_S = 10.0
STEADY_S = 30.0
"""A process that ran so long before it crashed has not crashed in a row."""

_log = logging.getLogger(__name__)


class KeptProcess:
    """Runs `python -m module *args` with these settings; its stderr goes to `log_path`.

    Whoever waits for it calls `check` again and again, which is what brings it back after a crash. `name` is what it is
    called in errors; the last line on its stderr that begins with `sipe NAME: ` says why it had to stop.
    """

    def __init__(
        self,
        name: str,
        module: str,
        *args: str,
        settings: Settings,
        log_path: Path,
        crashes_max: int = CRASHES_MAX,
        on_restart: Callable[[], None] = lambda: None,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._crashes_max = crashes_max
        self._on_restart = on_restart
        self._log_path = log_path
        self._monotonic_s = monotonic_s
        self._server = ChildServer(module, *args, log_path=log_path, environ=environ(settings))
        self._started_s = 0.0
        self._restart_s: float | None = None
        self._crashes = 0

    @property
    def pid(self) -> int:
        """The process id while it runs; raises `SipeError` while there is none."""
        return self._server.pid

    @property
    def ready(self) -> Mapping[str, Any]:
        """What it said when it was ready to serve."""
        return self._server.ready

    def start(self) -> None:
        """Start it; raises `SipeError` when it ends before it is ready."""
        try:
            self._start()
        except SipeError as error:
            raise self._failure(error) from error

    def check(self) -> None:
        """Start it again when it has crashed and its pause is over; raises `SipeError` after too many in a row."""
        now_s = self._monotonic_s()
        try:
            if self._restart_s is None:
                self._server.check()
            elif now_s >= self._restart_s:
                self._on_restart()
                self._start()
        except SipeError as error:
            self._server.stop()
            self._crashes = 1 if now_s - self._started_s >= STEADY_S else self._crashes + 1
            if self._crashes >= self._crashes_max:
                raise self._failure(error) from error
            pause_s = min(PAUSE_MAX_S, FIRST_PAUSE_S * 2 ** (self._crashes - 1))
            self._restart_s = now_s + pause_s
            told = {"error": str(self._failure(error)), "wait_s": pause_s, "path": str(self._log_path)}
            _log.warning("the %s stopped and will be started again", self._name, extra=told)

    def stop(self) -> None:
        """Let it drain, and end. Stopping twice is fine."""
        self._server.stop()

    def _start(self) -> None:
        self._started_s = self._monotonic_s()
        self._restart_s = None
        self._server.start()

    def _failure(self, error: SipeError) -> SipeError:
        """What it said itself last, or else what its end looked like from outside."""
        prefix = f"sipe {self._name}: "
        said = [line.removeprefix(prefix) for line in self._server.said() if line.startswith(prefix)]
        tries = f" {self._crashes} times in a row" if self._crashes > 1 else ""
        return SipeError(f"the {self._name} stopped{tries}: {said[-1]} (log: {self._log_path})") if said else error


def environ(settings: Settings) -> dict[str, str]:
    """The environment that a child loads these settings from; secrets are read already, so it looks into no file."""
    values = {field: getattr(settings, field.name) for field in fields(settings)}
    texts = {
        PREFIX + field.name.upper(): "" if value == field.default else _text(value) for field, value in values.items()
    }
    return texts | {name + FILE_SUFFIX: "" for name in secret_names()}


def _text(value: object) -> str:
    return str(int(value) if isinstance(value, bool) else value)
