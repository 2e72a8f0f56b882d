"""The commands where nothing runs: what they refuse, and that they say so in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import PLANT

from connectors.kafka import cluster
from sipe.cli import main

Answer = Callable[..., Any]


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (["kpi"], 1, "nothing runs over "),
        (["migrate", "plan"], 1, "nothing runs over "),
        (["plant", "apply", "absent.toml"], 2, "absent.toml: cannot be read: No such file or directory"),
        (["simulate", "--scale", "2"], 2, "--scale 2 does not lie above 0 and up to 1"),
        (["simulate", "--hours", "0"], 2, "--hours 0 does not lie between 1 and 168"),
        (["simulate", "--hours", "nan"], 2, "--hours nan does not lie between 1 and 168"),
        (["simulate", "--speed", "-1"], 2, "--speed -1 is not 0 or more"),
        (["simulate", "--plant", "absent.toml"], 2, "absent.toml: cannot be read"),
        (["plant", "apply", str(PLANT), "--from", "soon"], 2, "--from 'soon' is no time"),
    ],
)
def test_one_line_and_the_right_code(
    capsys: pytest.CaptureFixture[str], command: list[str], code: int, words: str
) -> None:
    assert main(command) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("sipe: ")
    assert words in printed.err
    assert printed.err.count("\n") == 1


def test_the_embedded_broker_makes_its_own_topics(capsys: pytest.CaptureFixture[str], answer: Answer) -> None:
    assert main(["topics", "plan"]) == 0
    assert capsys.readouterr().out.startswith("the embedded broker makes its own topics")
    assert answer("topics", "apply") == {"embedded": True, "topics": []}


def test_a_broker_that_does_not_answer_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "CONNECT_TIMEOUT_S", 0.5)
    monkeypatch.setenv("SIPE_KAFKA_URL", "127.0.0.1:1")
    assert main(["topics", "apply"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("sipe: no Kafka broker answers at 127.0.0.1:1")
    assert said.count("\n") == 1


@pytest.mark.parametrize("command", [["kpi", "--by", "moon"], ["migrate", "undo"], ["plant"], ["replay", "x.csv"]])
def test_what_the_parser_does_not_know_is_wrong_usage(command: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(command)
    assert stopped.value.code == 2


def test_the_doctor_has_nothing_against_a_machine_on_which_nothing_runs_yet(answer: Answer) -> None:
    checks = {check["name"]: check for check in answer("doctor")}
    assert checks.pop("servers")["status"] == "skipped"
    assert {check["status"] for check in checks.values()} == {"ok"}


def test_the_doctor_names_each_server_that_does_not_answer(answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_TIMEOUT_S", 0.5)
    monkeypatch.setenv("SIPE_KAFKA_URL", "127.0.0.1:1")
    monkeypatch.setenv("SIPE_CLICKHOUSE_URL", "clickhouse://sipe:secret@127.0.0.1:1/sipe")
    failed = {check["name"]: check["detail"] for check in answer("doctor", code=1) if check["status"] == "failed"}
    assert failed.keys() == {"broker", "store"}
    assert "no Kafka broker answers at 127.0.0.1:1" in failed["broker"]
    assert "ClickHouse at 127.0.0.1:1/sipe does not answer" in failed["store"]
    assert "secret" not in str(failed)


def test_the_doctor_finds_a_directory_that_cannot_be_made(
    answer: Answer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("SIPE_DATA_DIR", str(file / "below"))
    checks = {check["name"]: check for check in answer("doctor", code=1)}
    assert checks["data directory"]["status"] == "failed"
    assert "SIPE_DATA_DIR" in checks["data directory"]["hint"]
