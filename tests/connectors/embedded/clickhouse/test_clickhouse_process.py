"""The embedded server as a process: how it starts, what it refuses, what survives it, and that it never stays alone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException

from connectors.clickhouse.client import Address
from connectors.embedded.lock import alive
from connectors.embedded.process import ChildServer
from sipe.errors import SipeError

StartServer = Callable[[Path], tuple[ChildServer, Address]]

pytestmark = pytest.mark.stack

MODULE = "connectors.embedded.clickhouse"
ENVIRON = {"SIPE_EMBEDDED_PASSWORD": "secret"}
DEADLINE_S = 10.0


def client_of(address: Address) -> Client:
    return Client(address.host, port=address.port, user=address.user, password=address.password)


def refused(path: Path, *options: str, environ: Mapping[str, str] = ENVIRON) -> tuple[int, str]:
    """Exit code and last words of a server that does not start."""
    environ = {**os.environ, **environ}
    command = [sys.executable, "-m", MODULE, "--path", str(path), *options]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=environ, text=True, check=False)
    assert ended.stdout == ""
    return ended.returncode, ended.stderr


def test_what_is_stored_survives_kill_and_a_clean_stop_and_half_an_insert_does_not(
    start_server: StartServer, tmp_path: Path
) -> None:
    path = tmp_path / "data"
    killed, address = start_server(path)
    with client_of(address) as client, client_of(address) as half:
        client.execute("CREATE TABLE t (n UInt32) ENGINE = MergeTree ORDER BY n")
        client.execute("INSERT INTO t VALUES", [(1,), (2,)])

        def rows_until_the_server_is_killed() -> Iterator[tuple[int]]:
            yield from ((number,) for number in range(1000))
            os.kill(killed.pid, signal.SIGKILL)
            yield (1000,)

        with pytest.raises((OSError, EOFError)):
            half.execute("INSERT INTO t VALUES", rows_until_the_server_is_killed(), settings={"insert_block_size": 100})

    stopped, address = start_server(path)
    with client_of(address) as client:
        assert client.execute("SELECT n FROM t ORDER BY n") == [(1,), (2,)]
        client.execute("INSERT INTO t VALUES", [(3,)])
        assert list((path / "spool").iterdir()) == []
        code, reason = refused(path)
        assert (code, len(reason.splitlines())) == (1, 1)
        assert f"{path} is in use by process {stopped.pid}" in reason
        client.execute_iter("SELECT sum(sipHash64(number)) FROM numbers(1000000000000)")  # nor does it wait for this
        os.kill(stopped.pid, signal.SIGTERM)
        assert "ended with exit code 0: it said nothing" in last_words(stopped)

    _, address = start_server(path)
    with client_of(address) as client:
        assert client.execute("SELECT n FROM t ORDER BY n") == [(1,), (2,), (3,)]


def test_it_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from connectors.embedded.process import ChildServer\n"
        "path = Path(sys.argv[1])\n"
        "environ = {'SIPE_EMBEDDED_PASSWORD': 'secret'}\n"
        f"child = ChildServer('{MODULE}', '--path', str(path), log_path=path / 'log', environ=environ)\n"
        "child.start()\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True) as parent:
        try:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            assert alive(pid)
        finally:
            parent.kill()
    wait_until_ended(pid)
    assert (tmp_path / "log").read_text() == ""


def test_it_does_not_start_without_a_password(tmp_path: Path) -> None:
    code, reason = refused(tmp_path / "data", environ={"SIPE_EMBEDDED_PASSWORD": ""})
    assert code == 2
    assert reason.startswith("SIPE_EMBEDDED_PASSWORD is not set")
    assert not (tmp_path / "data").exists()


def test_it_does_not_start_where_the_engine_would_see_a_pattern(tmp_path: Path) -> None:
    assert refused(tmp_path / "data*")[0] == 2


def test_it_does_not_start_on_a_port_that_is_taken(embedded: Address, tmp_path: Path) -> None:
    code, reason = refused(tmp_path / "data", "--port", str(embedded.port))
    assert (code, len(reason.splitlines())) == (1, 1)
    assert f"cannot listen on 127.0.0.1:{embedded.port}" in reason


def test_it_listens_on_loopback_only(embedded: Address) -> None:
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines() if " 0A " in line]
    assert f"0100007F:{embedded.port:04X}" in listening
    assert f"00000000:{embedded.port:04X}" not in listening


def test_more_clients_than_it_takes_are_told_so(embedded: Address) -> None:
    connections = [socket.create_connection((embedded.host, embedded.port), timeout=DEADLINE_S) for _ in range(129)]
    try:
        told = connections[-1].recv(4096)
        assert b"128 clients are connected" in told
    finally:
        for connection in connections:
            connection.close()
    deadline_s = time.monotonic() + DEADLINE_S
    with client_of(embedded) as client:
        while True:
            try:
                assert client.execute("SELECT 1") == [(1,)]
                return
            except ServerException:  # it has not seen all of them leave yet
                assert time.monotonic() < deadline_s


def last_words(child: ChildServer) -> str:
    deadline_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline_s:
        try:
            child.check()
        except SipeError as error:
            return str(error)
        time.sleep(0.01)
    return "it runs"


def wait_until_ended(pid: int) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while _runs(pid):
        assert time.monotonic() < deadline_s, f"{pid} has not ended"
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    """A zombie has ended, whoever has yet to reap it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
