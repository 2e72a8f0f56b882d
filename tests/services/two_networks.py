"""Two networks on this machine, a plant's and an office's, and the one line between them, which swallows on command.

with TwoNetworks() as networks:
    listener = networks.office.run(lambda: socket.create_server((OFFICE, 8443)))
    networks.black_hole()
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from types import TracebackType
from typing import Self, TypeVar

R = TypeVar("R")

PLANT, OFFICE = "10.91.0.1", "10.91.0.2"
_CLONE_NEWNET = 0x4000_0000
_TIMEOUT_S = 30.0


class Network:
    """A network namespace, as long as its thread lives; sockets that are opened there and threads begun there stay."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        self.run(_leave)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown()

    def run(self, act: Callable[[], R]) -> R:
        """Do something there."""
        return self._thread.submit(act).result(_TIMEOUT_S)

    def ip(self, words: str) -> None:
        """`ip WORDS`, there."""
        self.run(lambda: subprocess.run(["ip", *words.split()], check=True, capture_output=True))  # noqa: S607  whatever ip there is


class TwoNetworks:
    """A plant at `PLANT`, an office at `OFFICE`."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.plant, self.office = Network(), Network()

    def __enter__(self) -> Self:
        for network in (self.plant, self.office):
            self._stack.enter_context(network)
        there = self.office.run(threading.get_native_id)
        self.plant.ip(f"link add line type veth peer name line netns {there}")
        for network, address in ((self.plant, PLANT), (self.office, OFFICE)):
            network.ip(f"address add {address}/30 dev line")
            network.ip("link set line up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def black_hole(self) -> None:
        """Nothing comes back to the plant any more, no refusal either."""
        self.office.ip(f"route add blackhole {PLANT}/32")

    def heal(self) -> None:
        """The line is as it was."""
        self.office.ip(f"route delete blackhole {PLANT}/32")


def why_not() -> str:
    """What this machine lacks for it; nothing when it can be done."""
    if shutil.which("ip") is None:
        return "this machine has no ip (iproute2)"
    try:
        with Network():
            return ""
    except OSError as error:
        return f"this user may make no network namespaces: {error.strerror}"


def _leave() -> None:
    """Have the calling thread leave the network it is in for a new one."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
