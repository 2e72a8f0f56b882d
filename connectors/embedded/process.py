"""Our own servers as child processes that never outlive their parent.

The protocol is two lines long. The child prints one JSON object on stdout when it is ready to serve, and it exits when
its stdin reaches the end, which the kernel sees to even when the parent was killed with SIGKILL.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from sipe.errors import SipeError

STOP_TIMEOUT_S = 5.0
CHECK_EVERY_S = 1.0
LOG_BYTES_MAX = 10_000_000
_LOG_LINES = 5
_LOG_TAIL_BYTES = 8192


def serve_until_parent_leaves(ready: Mapping[str, Any], check: Callable[[], None] | None = None) -> None:
    """The child's half of the protocol: say that it is ready, then return when the parent is gone.

    `check` is called now and then meanwhile; what it raises ends the wait.
    """
    print(json.dumps(ready), flush=True)  # noqa: T201 - the line is the protocol
    while True:
        readable, _, _ = select.select([sys.stdin.fileno()], [], [], CHECK_EVERY_S if check else None)
        if readable and not os.read(sys.stdin.fileno(), 1):  # unbuffered: a thread may wait while the interpreter ends
            return
        if check:
            check()


def open_log(path: Path) -> BinaryIO:
    """The log of a child, to be appended to; what is there already and long is moved to `.log.1`."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_BYTES_MAX:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")


class ChildServer:
    """One `python -m module *args` that is ready to serve once started and gone once stopped.

    Its stderr is appended to `log_path`; at a start, what is there already and long is moved to `.log.1`. `pass_fds`
    stay open in the child, which is how a lock outlives the parent until the last child has let go of the data.
    """

    def __init__(
        self,
        module: str,
        *args: str,
        log_path: Path,
        environ: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        start_timeout_s: float = 30.0,
    ) -> None:
        self.module = module
        self.ready: dict[str, Any] = {}
        self._args = args
        self._log_path = log_path
        self._environ = environ or {}
        self._pass_fds = pass_fds
        self._start_timeout_s = start_timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int:
        """The process id of the started child."""
        if self._process is None:
            raise SipeError(f"{self.module} is not started")
        return self._process.pid

    def start(self) -> dict[str, Any]:
        """Start the child and return what it said when it was ready; raises `SipeError` with its last words."""
        with open_log(self._log_path) as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.module, *self._args],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **self._environ},
                pass_fds=self._pass_fds,
                start_new_session=True,  # Ctrl-C is for the parent, which stops its children in order
            )
        try:
            self.ready = self._read_ready(self._process)
        except BaseException:
            self.stop()
            raise
        return self.ready

    def check(self) -> None:
        """Raise `SipeError` with its last words when the child has ended by itself."""
        if self._process is not None and (code := self._process.poll()) is not None:
            raise self._error(f"ended with exit code {code}")

    def stop(self) -> None:
        """End the child: by the end of its stdin, then SIGTERM, then SIGKILL. Stopping twice is fine."""
        process, self._process = self._process, None
        if process is None:
            return
        with process:  # closes the pipes
            if process.stdin is not None:
                process.stdin.close()
            for insist in (process.terminate, process.kill):
                try:
                    process.wait(STOP_TIMEOUT_S)
                    break
                except subprocess.TimeoutExpired:
                    insist()

    def _read_ready(self, process: subprocess.Popen[bytes]) -> dict[str, Any]:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        deadline = time.monotonic() + self._start_timeout_s
        line = b""
        while not line.endswith(b"\n"):
            readable, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not readable:
                raise self._error(f"was not ready within {self._start_timeout_s:g} s")
            chunk = os.read(process.stdout.fileno(), 4096)
            if not chunk:
                raise self._error(f"ended before it was ready, with exit code {process.wait(STOP_TIMEOUT_S)}")
            line += chunk
        try:
            ready = json.loads(line)
        except ValueError:
            ready = None
        if not isinstance(ready, dict):
            raise self._error(f"printed {line[:200]!r} instead of one JSON object")
        return ready

    def said(self) -> list[str]:
        """The lines that it has written since its start."""
        with self._log_path.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace").splitlines()

    def _error(self, what: str) -> SipeError:
        return SipeError(f"{self.module} {what}: {self._last_words()} (log: {self._log_path})")

    def _last_words(self) -> str:
        with self._log_path.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, end - _LOG_TAIL_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
        return " | ".join(line.strip() for line in lines[-_LOG_LINES:] if line.strip()) or "it said nothing"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
