"""A log line is one line, whatever it quotes; its fields have declared names; passwords are masked."""

from __future__ import annotations

import ast
import json
import logging
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sipe import logs
from sipe.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("sipe", "models", "connectors", "pipelines", "edge", "api")

PROGRAM = """
import logging
from sipe import logs
logs.configure("test", "info")
logging.getLogger("part").warning("it failed\\n%s", "\\x1b[31mred", extra={"station": "a.b.c.d", "wait_s": 1.5})
"""


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_is_json_with_its_fields_and_the_time_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("flow", "info")
    logging.getLogger("part").info("restored", extra={"partition": 3, "stations": 12})
    [line] = logged(capsys)
    at = datetime.fromisoformat(line.pop("timestamp"))
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)
    assert line == {
        "event": "restored", "level": "info", "logger": "part", "process": "flow", "partition": 3, "stations": 12,
    }  # fmt: skip


def test_a_quoted_message_cannot_forge_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("flow", "info")
    evil = 'x"}\n{"level": "info"}\r\x1b[2J\u2028\x85'
    logging.getLogger("part").error("refused %s", evil, extra={"error": evil})
    printed = capsys.readouterr().err
    assert printed.isascii()
    assert printed.count("\n") == 1
    line = json.loads(printed)
    assert line["error"] == 'x"}\\n{"level": "info"}\\r\\x1b[2J\\u2028\\x85'
    assert line["event"] == f"refused {line['error']}"


def test_a_password_in_a_url_is_masked(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("flow", "info")
    url = "clickhouse://sipe:p@canary-77@store:9000/sipe"  # the last @ ends a password
    try:
        raise ValueError(url)
    except ValueError:
        logging.getLogger("part").exception("cannot use %s", url, extra={"error": f"no {url}"})
    printed = capsys.readouterr().err
    assert "canary-77" not in printed
    assert printed.count("://sipe:***@store") == 3


def test_the_level_is_as_set(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("flow", "error")
    logging.getLogger("part").warning("quiet")
    assert logged(capsys) == []
    logs.configure("flow", "debug")
    logging.getLogger("part").debug("loud")
    assert [line["event"] for line in logged(capsys)] == ["loud"], "configured twice, told once"
    with pytest.raises(UsageError, match=r"SIPE_LOG_LEVEL='loud' is none of debug, info, warning, error"):
        logs.configure("flow", "loud")


def test_client_libraries_speak_in_services_only(capsys: pytest.CaptureFixture[str]) -> None:
    for service in (False, True):
        logs.configure("flow", "info", service=service)
        logging.getLogger("librdkafka").error("broker down")
        assert len(logged(capsys)) == service


def test_a_terminal_gets_colours_and_key_value() -> None:
    reading, writing = pty.openpty()
    try:
        subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, stderr=writing, timeout=60, check=True)
        printed = os.read(reading, 10_000).decode()
    finally:
        os.close(writing)
        os.close(reading)
    assert "\x1b[" in printed
    assert "\\x1b[31mred" in printed
    assert printed.count("\n") == 1
    assert "station" in printed
    assert "a.b.c.d" in printed
    assert not printed.startswith("{")


def test_every_field_that_is_logged_is_declared() -> None:
    used = set()
    texts = {path: path.read_text() for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    for path, text in texts.items():
        for node in ast.walk(ast.parse(text)) if "_log = logging" in text else ():
            match node:
                case ast.keyword(arg="extra", value=ast.Dict(keys=keys)):
                    used |= {key.value for key in keys if isinstance(key, ast.Constant)}
                case ast.keyword(arg="extra", value=ast.Name(id=name)):
                    assert name == "told", f"{path}:{node.lineno}: call it told, so that this test finds its fields"
                case ast.Assign(targets=[ast.Name(id="told")], value=ast.Dict(keys=keys)):
                    used |= {key.value for key in keys if isinstance(key, ast.Constant)}
    assert len(used) > 5
    assert used <= logs.FIELDS.keys()


def test_no_field_takes_the_place_of_what_every_record_has() -> None:
    record = logging.LogRecord("n", logging.INFO, "p", 1, "m", None, None)
    assert not logs.FIELDS.keys() & {*vars(record), "message", "asctime", "event", "timestamp", "level", "logger"}
