"""The embedded stack: broker and store as child processes over one data directory.

lock                 who owns the directory, by process id
log_epoch            how many logs there have been; the broker keeps its log in memory, so each start is a new one
stack.json           the addresses while the stack runs, with the password of this start
recovery/epoch-N     the flow's recovery store for log N, never used with another log
clickhouse/, logs/   what the servers store and say
"""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from connectors.embedded.lock import DirectoryLock, alive, held
from connectors.embedded.process import ChildServer
from sipe.contracts.topics import TOPICS
from sipe.errors import SipeError
from sipe.private_files import replace_durably

BROKER = "connectors.embedded.broker"
CLICKHOUSE = "connectors.embedded.clickhouse"
PASSWORD_VARIABLE = "SIPE_EMBEDDED_PASSWORD"  # noqa: S105 - the name of the variable
RECOVERIES_KEPT = 2
"""Recovery directories of earlier logs that are kept, for a look at what went wrong."""


@dataclass(frozen=True, kw_only=True)
class StackAddress:
    """Where a running stack is reached; the URLs are those of the settings."""

    pid: int
    kafka_url: str
    clickhouse_url: str = field(repr=False)
    log_epoch: int


class EmbeddedStack:
    """Owns the data directory and serves Kafka and ClickHouse on loopback until stopped, or until this process dies."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.resolve()
        self._lock = DirectoryLock(_lock_path(self.data_dir))
        self._children: list[ChildServer] = []
        self._address: StackAddress | None = None

    @property
    def address(self) -> StackAddress:
        """Where the servers are reached."""
        if self._address is None:
            raise SipeError(f"the embedded stack over {self.data_dir} is not started")
        return self._address

    @property
    def recovery_dir(self) -> Path:
        """The flow's recovery store for the log of this start."""
        return self.data_dir / "recovery" / f"epoch-{self.address.log_epoch}"

    def start(self) -> StackAddress:
        """Start the servers under a new log epoch; raises `SipeError` when the directory is in use or one fails."""
        self._lock.acquire()
        try:
            # Counted for good before the new log exists: no two logs ever share an epoch.
            log_epoch = self._count_epoch()
            topics = [f"{topic.name}:{topic.partitions}" for topic in TOPICS]
            broker = self._start_child(BROKER, *topics)
            password = secrets.token_urlsafe(24)
            store_dir = str(self.data_dir / "clickhouse")
            store = self._start_child(CLICKHOUSE, "--path", store_dir, environ={PASSWORD_VARIABLE: password})
            self._address = StackAddress(
                pid=os.getpid(),
                kafka_url=broker["bootstrap"],
                clickhouse_url=f"clickhouse://sipe:{password}@127.0.0.1:{store['port']}/sipe",
                log_epoch=log_epoch,
            )
            replace_durably(_address_path(self.data_dir), msgspec.json.encode(self._address))
        except BaseException:
            self.stop()
            raise
        return self._address

    @property
    def pids(self) -> list[int]:
        """The processes of the servers."""
        return [child.pid for child in self._children]

    def check(self) -> None:
        """Raise `SipeError` with its last words when a server has ended by itself."""
        for child in self._children:
            child.check()

    def stop(self) -> None:
        """Stop the servers, the last one first, and give the directory up. Stopping twice is fine."""
        if self._lock.fd < 0:
            return
        _address_path(self.data_dir).unlink(missing_ok=True)
        self._address = None
        try:
            while self._children:
                self._children.pop().stop()
        finally:
            self._lock.release()

    def _start_child(self, module: str, *args: str, environ: dict[str, str] | None = None) -> dict[str, str]:
        log_path = self.data_dir / "logs" / f"{module.rpartition('.')[2]}.log"
        child = ChildServer(module, *args, log_path=log_path, environ=environ, pass_fds=[self._lock.fd])
        self._children.append(child)
        return child.start()

    def _count_epoch(self) -> int:
        """Count the next log epoch for good, and set the recovery directories of earlier ones aside."""
        counter, recovery = self.data_dir / "log_epoch", self.data_dir / "recovery"
        text = counter.read_text().strip() if counter.exists() else "0"
        if not text.isdecimal():
            raise SipeError(
                f"{counter} holds {text!r} instead of a number: write the newest epoch of the store into it"
            )
        used = {int(number): path for path in recovery.glob("epoch-*") if (number := path.name[6:]).isdecimal()}
        log_epoch = max(int(text), *used, 0) + 1
        replace_durably(counter, f"{log_epoch}\n".encode())
        for used_epoch, path in used.items():
            if used_epoch < log_epoch - RECOVERIES_KEPT:
                shutil.rmtree(path)
        (recovery / f"epoch-{log_epoch}").mkdir(mode=0o700, parents=True)
        return log_epoch

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def running(data_dir: Path) -> StackAddress | None:
    """The stack that runs over this directory, if one does."""
    data_dir = data_dir.resolve()
    if not held(_lock_path(data_dir)):
        return None
    try:
        address = msgspec.json.decode(_address_path(data_dir).read_bytes(), type=StackAddress)
    except FileNotFoundError:
        return None  # it is just starting or stopping
    except msgspec.MsgspecError as error:
        raise SipeError(f"{_address_path(data_dir)}: {error}; stop `sipe up` and start it again") from error
    return address if alive(address.pid) else None


def _lock_path(data_dir: Path) -> Path:
    return data_dir / "lock"


def _address_path(data_dir: Path) -> Path:
    return data_dir / "stack.json"
