from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.embedded.lock import alive
from connectors.embedded.process import LOG_BYTES_MAX, ChildServer
from sipe.errors import SipeError

DEADLINE_S = 10.0
BROKER = "connectors.embedded.broker"


def ended(pid: int) -> bool:
    """Whether the process ends within the deadline; a zombie has ended, whoever has yet to reap it."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Writes a server of our own with the given body; gives its module name."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def write(body: str) -> str:
        (tmp_path / "server_under_test.py").write_text(body)
        return "server_under_test"

    return write


@pytest.mark.stack
def test_a_broker_is_there_while_its_context_is(tmp_path: Path) -> None:
    server = ChildServer(BROKER, "topic:1", log_path=tmp_path / "logs" / "broker.log")
    with server:
        pid = server.pid
        assert server.ready["bootstrap"].startswith("127.0.0.1:")
        assert alive(pid)
        server.check()
    assert not alive(pid)
    server.stop()


def test_a_long_log_is_set_aside_at_a_start(module: Callable[[str], str], tmp_path: Path) -> None:
    log_path = tmp_path / "logs" / "server.log"
    log_path.parent.mkdir()
    log_path.write_bytes(b"x" * (LOG_BYTES_MAX + 1))
    name = module("import sys\nprint('{}', flush=True)\nsys.stderr.write('hello\\n')\nsys.stdin.read()")
    for _ in range(2):
        server = ChildServer(name, log_path=log_path)
        with server:
            pass
        assert server.said() == ["hello"]
    assert log_path.read_text() == "hello\n" * 2
    assert log_path.with_suffix(".log.1").stat().st_size == LOG_BYTES_MAX + 1


@pytest.mark.stack
def test_a_child_dies_with_its_killed_parent(
    start_owner: Callable[..., tuple[subprocess.Popen[str], dict[str, Any]]], tmp_path: Path
) -> None:
    owner, ready = start_owner("broker", tmp_path / "broker.log")
    assert alive(ready["pid"])
    owner.kill()
    assert ended(ready["pid"])


@pytest.mark.stack
def test_a_child_is_started_again_after_it_was_stopped(tmp_path: Path) -> None:
    server = ChildServer(BROKER, "topic:1", log_path=tmp_path / "broker.log")
    pids = set()
    for _ in range(2):
        with server:
            pids.add(server.pid)
    assert len(pids) == 2


def test_a_child_that_fails_is_quoted(module: Callable[[str], str], tmp_path: Path) -> None:
    log_path = tmp_path / "server.log"
    log_path.write_text("from an earlier start\n")
    body = "import sys\nfor n in range(9): print('line', n, file=sys.stderr)\nsys.exit('no room on the disk')\n"
    server = ChildServer(module(body), log_path=log_path)
    with pytest.raises(SipeError) as caught:
        server.start()
    assert str(caught.value) == (
        "server_under_test ended before it was ready, with exit code 1: "
        f"line 5 | line 6 | line 7 | line 8 | no room on the disk (log: {log_path})"
    )
    assert log_path.read_text().startswith("from an earlier start\n")


def test_a_child_without_words_is_reported_without_those_of_the_last_start(
    module: Callable[[str], str], tmp_path: Path
) -> None:
    log_path = tmp_path / "server.log"
    log_path.write_text("from an earlier start\n")
    server = ChildServer(module("import sys; sys.exit(3)\n"), log_path=log_path)
    with pytest.raises(SipeError, match="with exit code 3: it said nothing"):
        server.start()


def test_a_child_that_is_never_ready_is_ended(module: Callable[[str], str], tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    body = f"import os, sys\nopen({str(pid_file)!r}, 'w').write(str(os.getpid()))\nsys.stdin.read()\n"
    server = ChildServer(module(body), log_path=tmp_path / "server.log", start_timeout_s=1.0)
    with pytest.raises(SipeError, match="server_under_test was not ready within 1 s: it said nothing"):
        server.start()
    assert not alive(int(pid_file.read_text()))


@pytest.mark.parametrize("line", ["hello", "[1]", "{"])
def test_a_child_that_breaks_the_protocol_is_refused(module: Callable[[str], str], tmp_path: Path, line: str) -> None:
    body = f"import sys\nprint({line!r}, flush=True)\nsys.stdin.read()\n"
    server = ChildServer(module(body), log_path=tmp_path / "server.log")
    with pytest.raises(SipeError, match="instead of one JSON object"):
        server.start()


def test_a_child_that_ends_by_itself_is_noticed(module: Callable[[str], str], tmp_path: Path) -> None:
    body = "import os, sys\nprint('{}', flush=True)\nos.write(2, b'out of memory')\nos._exit(7)\n"
    server = ChildServer(module(body), log_path=tmp_path / "server.log")
    with server:
        assert ended(server.pid)
        with pytest.raises(SipeError, match="server_under_test ended with exit code 7: out of memory"):
            server.check()


def test_a_child_that_ignores_the_end_of_its_stdin_is_ended_all_the_same(
    module: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.embedded.process.STOP_TIMEOUT_S", 0.2)
    body = (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('{}', flush=True)\ntime.sleep(600)\n"
    )
    server = ChildServer(module(body), log_path=tmp_path / "server.log")
    server.start()
    pid = server.pid
    server.stop()
    assert not alive(pid)


def test_what_the_parent_passes_on_reaches_the_child(module: Callable[[str], str], tmp_path: Path) -> None:
    body = (
        "import json, os, sys\n"
        "os.fstat(int(sys.argv[1]))\n"
        "print(json.dumps({'secret': os.environ['SECRET']}), flush=True)\nsys.stdin.read()\n"
    )
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        server = ChildServer(
            module(body), str(fd), log_path=tmp_path / "server.log", environ={"SECRET": "s"}, pass_fds=[fd]
        )
        with server:
            assert server.ready == {"secret": "s"}
    finally:
        os.close(fd)


def test_a_child_ends_when_it_finds_that_it_has_failed(module: Callable[[str], str], tmp_path: Path) -> None:
    body = (
        "from connectors.embedded.process import serve_until_parent_leaves\n"
        "def check():\n    raise SystemExit('a loop has failed')\n"
        "serve_until_parent_leaves({}, check)\n"
    )
    server = ChildServer(module(body), log_path=tmp_path / "server.log")
    with server:
        assert ended(server.pid)
        with pytest.raises(SipeError, match="server_under_test ended with exit code 1: a loop has failed"):
            server.check()
