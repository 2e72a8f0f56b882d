"""Watchdogs: whatever hangs is ended, what it hung on is known, and whoever started us hears that all is well."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

from edge.agent.watch import EXIT_HUNG, HUNG_FILE, LoopGuard, Supervisor, cause_of_last_end

HANGS = """
import sys, time
from pathlib import Path
from edge.agent.watch import LoopGuard
guard = LoopGuard(Path(sys.argv[1]), after_s=0.5)
guard.start()
for _ in range(20):
    guard.beat()
    time.sleep(0.05)
print("well", flush=True)
def where_it_hangs():
    time.sleep(60)
where_it_hangs()
"""


def test_a_loop_that_hangs_is_ended_and_it_is_known_where(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", HANGS, tmp_path], check=False, capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, ended.stdout) == (EXIT_HUNG, "well\n")
    assert "where_it_hangs" in (tmp_path / HUNG_FILE).read_text()
    assert cause_of_last_end(tmp_path).startswith("the event loop stood still for ")
    assert not cause_of_last_end(tmp_path), "it is told once"
    assert "where_it_hangs" in (tmp_path / f"last-{HUNG_FILE}").read_text()


def test_a_loop_that_turns_is_let_be(tmp_path: Path) -> None:
    codes: list[int] = []
    guard = LoopGuard(tmp_path, after_s=5.0, end=codes.append)
    guard.start()
    time.sleep(1.0)
    guard.stop()
    assert not codes
    assert not (tmp_path / HUNG_FILE).exists()


def test_a_supervisor_hears_what_it_is_told_and_none_is_fine(tmp_path: Path) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(path))
        systemd.settimeout(10)
        Supervisor({"NOTIFY_SOCKET": str(path)}).say("READY=1")
        assert systemd.recv(100) == b"READY=1"
    Supervisor({"NOTIFY_SOCKET": str(path)}).say("READY=1")
    Supervisor({}).say("READY=1")
