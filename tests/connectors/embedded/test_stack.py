from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.embedded.stack import EmbeddedStack, running
from connectors.kafka.address import KafkaAddress
from connectors.kafka.sender import EventSender
from sipe.contracts.topics import STATION_EVENTS_TOPIC
from sipe.errors import SipeError

StartOwner = Callable[..., tuple[subprocess.Popen[str], dict[str, Any]]]

pytestmark = pytest.mark.stack


def test_a_running_stack_is_found_and_a_stopped_one_is_not(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    assert running(data_dir) is None
    with EmbeddedStack(data_dir) as stack:
        stack.check()
        assert running(data_dir) == stack.address
        assert stack.address.pid == os.getpid()
        assert stack.address.clickhouse_url not in repr(stack.address)
        assert stat.S_IMODE((data_dir / "stack.json").stat().st_mode) == 0o600
        assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
        with EventSender(KafkaAddress(stack.address.kafka_url)) as sender:
            sender.tick(1)
            assert sender.ends() == dict.fromkeys(range(STATION_EVENTS_TOPIC.partitions), 1)
    assert running(data_dir) is None
    assert not (data_dir / "stack.json").exists()
    with pytest.raises(SipeError, match="is not started"):
        _ = stack.address


def test_a_directory_in_use_is_refused_by_the_name_of_its_owner(tmp_path: Path) -> None:
    with EmbeddedStack(tmp_path) as first:
        with pytest.raises(SipeError, match=rf"{tmp_path} is in use by process {os.getpid()}: .*SIPE_DATA_DIR"):
            EmbeddedStack(tmp_path).start()
        first.check()
        assert running(tmp_path) == first.address
        assert (tmp_path / "log_epoch").read_text() == "1\n", "a refused start counts no epoch"


def test_a_killed_stack_is_gone_and_the_next_one_starts_a_new_log(start_owner: StartOwner, tmp_path: Path) -> None:
    owner, address = start_owner("stack", tmp_path)
    assert msgspec.to_builtins(running(tmp_path)) == address
    assert address["log_epoch"] == 1
    owner.kill()
    owner.wait()
    assert running(tmp_path) is None
    with EmbeddedStack(tmp_path) as stack:  # waits until the children of the killed one have let go
        assert stack.address.log_epoch == 2
        assert stack.address.clickhouse_url != address["clickhouse_url"], "a new password for each start"
        assert running(tmp_path) == stack.address


def test_a_server_that_dies_is_noticed(tmp_path: Path) -> None:
    with EmbeddedStack(tmp_path) as stack:
        broker = stack._children[0]
        os.kill(broker.pid, 9)
        os.waitid(os.P_PID, broker.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(SipeError, match=r"embedded\.broker ended with exit code -9"):
            stack.check()


def test_each_epoch_has_a_recovery_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = EmbeddedStack(tmp_path)
    for epoch in range(1, 6):
        if epoch == 5:
            (tmp_path / "log_epoch").unlink()  # lost: the recovery directories still tell
        with stack:
            assert stack.address.log_epoch == epoch
            assert stack.recovery_dir.name == f"epoch-{epoch}"
            assert list(stack.recovery_dir.iterdir()) == []
            (stack.recovery_dir / "part-0.sqlite3").touch()
    assert sorted(path.name for path in (tmp_path / "recovery").iterdir()) == ["epoch-3", "epoch-4", "epoch-5"]


def test_an_epoch_that_is_no_number_is_not_guessed(tmp_path: Path) -> None:
    (tmp_path / "log_epoch").write_text("seven\n")
    with pytest.raises(SipeError, match="log_epoch holds 'seven' instead of a number"):
        EmbeddedStack(tmp_path).start()
    assert running(tmp_path) is None
