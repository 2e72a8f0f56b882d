"""The commands with servers that are named by URL, as in production."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import MAPPING, environment, log_of

from connectors.embedded.stack import EmbeddedStack
from sipe.cli import main

Answer = Callable[..., Any]


@pytest.mark.stack
def test_from_an_empty_store_to_kpis(
    answer: Answer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with EmbeddedStack(tmp_path / "servers") as stack:
        named = {"SIPE_KAFKA_URL": stack.address.kafka_url, "SIPE_CLICKHOUSE_URL": stack.address.clickhouse_url}
        for name, url in named.items():
            monkeypatch.setenv(name, url)

        assert answer("topics", "apply") == {"embedded": True, "topics": []}
        assert answer("migrate", "plan")["applied"] == []
        assert main(["up"]) == 1
        assert "migrations: apply them with `sipe migrate`" in capsys.readouterr().err
        assert main(["kpi"]) == 1
        assert "create it with `sipe migrate`" in capsys.readouterr().err
        assert answer("migrate")["pending"] == []

        environ = environment() | named | {"SIPE_DATA_DIR": str(tmp_path / "recovery")}
        words = [sys.executable, "-m", "sipe.cli", "up"]
        with subprocess.Popen(words, env=environ, stdout=subprocess.PIPE, text=True) as up:
            assert up.stdout is not None
            assert up.stdout.readline().split() == ["Kafka", stack.address.kafka_url]
            log = log_of(tmp_path / "log.csv", {"Machine 16 - Milling"})
            rows = answer("replay", log, "--mapping", MAPPING)
            up.terminate()
            rest = up.stdout.read()
        assert up.returncode == 0
        assert "password" not in rest
        assert [row["station"] for row in rows] == ["Machine 16 - Milling"]
        assert answer("kpi")[0]["oee"] == rows[0]["oee"]
        assert os.listdir(tmp_path / "recovery" / "recovery") == ["epoch-1"]
