"""What a run without a server looks like: skipped and said once, or failed where every server has to be there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS_WITH_REDIS = ("tests/services/test_debian_servers.py", "-k", "redis")


def run_without_programs(*options: str, required: bool) -> subprocess.CompletedProcess[str]:
    """The tests that need Redis, on a machine whose PATH leads nowhere."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("SIPE_", "PYTEST_"))}
    environ |= {"PATH": "/nonexistent"} | ({"SIPE_REQUIRE_SERVICES": "1"} if required else {})
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *TESTS_WITH_REDIS, *options]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.long
@pytest.mark.parametrize("processes", ["0", "2"])
def test_what_is_left_out_is_said_once_with_the_command_that_installs_it(processes: str) -> None:
    done = run_without_programs("-n", processes, "-m", "not fault and not long", required=False)
    assert done.returncode == 0, done.stdout
    _, _, left_out = done.stdout.partition(" left out ")
    assert left_out.splitlines()[1:3] == [
        "1 test: this machine has no Redis (missing: redis-server); install it: make services",
        "the long tests, faults above all; run them: make long faults",
    ]


def test_a_missing_server_is_a_failure_where_all_have_to_be_there() -> None:
    done = run_without_programs("-n", "0", required=True)
    assert done.returncode == 1
    assert "this machine has no Redis (missing: redis-server), and SIPE_REQUIRE_SERVICES is set: make services" in (
        done.stdout
    )
