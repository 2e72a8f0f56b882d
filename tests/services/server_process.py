"""A real server as a child process of the tests: it can be stopped, killed, frozen, and never outlives the test run."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from sipe.errors import SipeError

START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 30.0
POLL_S = 0.02
_LOG_LINES = 15
_given: set[int] = set()

# A shell becomes the server, so the server has the shell's process id. Before that it leaves a watcher behind, which
# reads the pipe that only the test process holds: when that ends, whatever way, the server is killed.
_WATCHED = 'exec 3<&0; (read -r _ <&3; kill -KILL $$) & exec "$@" 3<&- </dev/null'


class ServerProcess:
    """One server: started and stopped any number of times, with all that it says in `log_path`."""

    def __init__(
        self, name: str, command: Sequence[str | Path], *, log_path: Path, environ: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self._command = [str(word) for word in command]
        self._log_path = log_path
        self._environ = environ or {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id; raises `SipeError` when it is not started."""
        if self._process is None:
            raise SipeError(f"{self.name} is not started")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended; a frozen one is running."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the program; it may not be ready yet."""
        if self.running:
            raise SipeError(f"{self.name} is running already")
        self._reap()
        self._log_path.parent.mkdir(parents=True, exist_ok=True)
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _WATCHED, "watched", *self._command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._environ},
                start_new_session=True,
            )
        # Once the shell has become the server, it is watched, whatever is done to it next.
        while self.running and not self._became_server():
            time.sleep(POLL_S / 10)

    def run(self, timeout_s: float) -> int:
        """Start a program that ends by itself and return its exit code."""
        self.start()
        assert self._process is not None
        try:
            return self._process.wait(timeout_s)
        finally:
            self._reap()

    def wait_until(self, holds: Callable[[], bool], what: str, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait for a condition; raises `SipeError` with the end of the log when the server ends, or takes too long."""
        deadline = time.monotonic() + timeout_s
        while not holds():
            if not self.running:
                raise SipeError(f"{self.name} ended before {what}: {self.last_words()}")
            if time.monotonic() > deadline:
                raise SipeError(f"{self.name}: no {what} within {timeout_s:g} s: {self.last_words()}")
            time.sleep(POLL_S)

    def stop(self) -> None:
        """SIGTERM and wait; a server that does not go is killed and is an error. Stopping twice is fine."""
        if self._process is None:
            return
        try:
            if self.running:
                self.thaw()
                self._process.terminate()
                self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise SipeError(f"{self.name} did not stop within {STOP_TIMEOUT_S:g} s: {self.last_words()}") from None
        finally:
            self._reap()

    def kill(self) -> None:
        """SIGKILL: it writes nothing more and says goodbye to nobody."""
        if not self.running:
            raise SipeError(f"{self.name} is not running, so it cannot be killed: {self.last_words()}")
        self._reap()

    def freeze(self) -> None:
        """SIGSTOP, and wait until it is stopped: its connections stay open and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)
        self.wait_until(lambda: self._thread_states() == {"T"}, "standstill")

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def last_words(self) -> str:
        """The end of its log, for error messages."""
        text = self._log_path.read_text(errors="replace") if self._log_path.exists() else ""
        return "\n".join(text.splitlines()[-_LOG_LINES:]) or "it said nothing"

    def _became_server(self) -> bool:
        words = Path(f"/proc/{self.pid}/cmdline").read_bytes()  # empty for a moment, while one replaces the other
        return words != b"" and _WATCHED.encode() not in words

    def _thread_states(self) -> set[str]:
        """One by one they stop; until the last has, the server may still answer."""
        tasks = Path(f"/proc/{self.pid}/task").glob("*/stat")
        return {task.read_text().rpartition(")")[2].split()[0] for task in tasks}

    def _reap(self) -> None:
        """Kill what is left of the process group (the watcher, at least) and let go of it."""
        process, self._process = self._process, None
        if process is None:
            return
        with process:  # closes the pipe, once nobody is left to act on it
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(STOP_TIMEOUT_S)


def free_port() -> int:
    """A free loopback port that no outgoing connection is ever given, so that a server can come back on it.

    Linux takes the ports of outgoing connections from 32768 up. A server's port from there could be taken while it is
    down, even by a client that keeps trying to reach it. No other call is given it either, in this process or in
    another one of this user, for as long as this process lives.
    """
    while True:
        port = random.SystemRandom().randint(20_000, 32_000)
        with socket.socket() as probe:
            try:
                fcntl.lockf(_given_file(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)  # a byte of the file per port
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port


@cache
def _given_file() -> IO[bytes]:
    return (Path(tempfile.gettempdir()) / f"sipe-test-ports-{os.getuid()}").open("wb")


def accepts(port: int) -> bool:
    """Whether something listens on the loopback port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return True
    except OSError:
        return False


class RealServer:
    """A server that is one process over a directory of its own; a subclass says when it is ready."""

    def __init__(self, process: ServerProcess) -> None:
        self.process = process

    def ready(self) -> bool:
        """Whether it answers."""
        raise NotImplementedError

    def start(self) -> None:
        """Start it, again too, on the same port and data; returns when it answers."""
        try:
            self.process.start()
            self.process.wait_until(self.ready, "answer")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """SIGTERM. Stopping twice is fine."""
        self.process.stop()

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def write_private(path: Path, text: str) -> None:
    """Write a file that holds a password: for its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)
