from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import server_process
from server_process import ServerProcess, accepts, free_port

from sipe.errors import SipeError

DEADLINE_S = 20.0
OWNER = """
import pathlib, sys
from server_process import ServerProcess
server = ServerProcess("s", ["sleep", "600"], log_path=pathlib.Path({log!r}))
server.start()
{freeze}
print(server.pid, flush=True)
sys.stdin.read()
"""


def alive(pid: int) -> bool:
    """A zombie has ended, whoever has yet to reap it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until_ended(*pids: int) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while any(map(alive, pids)):
        assert time.monotonic() < deadline, f"still there: {[pid for pid in pids if alive(pid)]}"
        time.sleep(0.01)


def group_of(pid: int) -> list[int]:
    """The two processes of a server: itself, and the watcher that it leaves behind."""
    members = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[2] == str(pid):
            members.append(int(path.parent.name))
    assert len(members) == 2
    return members


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[ServerProcess]:
    server = ServerProcess("sleeper", ["sleep", "600"], log_path=tmp_path / "log")
    yield server
    server.stop()


@pytest.mark.parametrize("end", [ServerProcess.stop, ServerProcess.kill])
def test_a_stopped_server_leaves_nothing_behind_and_can_start_again(sleeper: ServerProcess, end: object) -> None:
    pids = set()
    for _ in range(2):
        sleeper.start()
        group = group_of(sleeper.pid)
        pids.update(group)
        assert callable(end)
        end(sleeper)
        assert not sleeper.running
        until_ended(*group)
    assert len(pids) == 4


def test_a_frozen_server_can_be_stopped(sleeper: ServerProcess) -> None:
    sleeper.start()
    sleeper.freeze()
    assert sleeper.running
    sleeper.stop()
    assert not sleeper.running


@pytest.mark.parametrize("frozen", [False, True])
def test_a_server_dies_with_its_killed_test_process(tmp_path: Path, frozen: bool) -> None:
    path = os.pathsep.join([str(Path(server_process.__file__).parent), str(Path(__file__).parents[2])])
    program = OWNER.format(log=str(tmp_path / "log"), freeze="server.freeze()" if frozen else "")
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    ) as owner:
        assert owner.stdout is not None
        group = group_of(int(owner.stdout.readline()))
        owner.kill()
        until_ended(*group)


def test_a_server_that_ends_or_is_never_ready_is_quoted(tmp_path: Path) -> None:
    server = ServerProcess("talker", ["sh", "-c", "echo no room on the disk"], log_path=tmp_path / "log")
    server.start()
    with pytest.raises(SipeError, match="talker ended before open port: no room on the disk"):
        server.wait_until(lambda: False, "open port")
    with pytest.raises(SipeError, match="talker is not running, so it cannot be killed"):
        server.kill()
    server.stop()
    slow = ServerProcess("slow", ["sleep", "600"], log_path=tmp_path / "slow")
    slow.start()
    with pytest.raises(SipeError, match=r"slow: no open port within 0\.1 s: it said nothing"):
        slow.wait_until(lambda: False, "open port", timeout_s=0.1)
    slow.stop()


def test_a_free_port_is_one_that_no_client_is_given() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    port = free_port()
    assert port < lowest
    assert not accepts(port)
    with socket.create_server(("127.0.0.1", port)):
        assert accepts(port)


def test_a_port_is_given_once() -> None:
    program = "from server_process import free_port; print(*(free_port() for _ in range(2_000))); input()"
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    words = [sys.executable, "-uc", program]
    with subprocess.Popen(words, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        ports = other.stdout.readline().split()
        ports += [str(free_port()) for _ in range(2_000)]
        other.communicate("\n", timeout=30)
    assert len(set(ports)) == len(ports) == 4_000
