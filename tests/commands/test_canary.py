"""A password that must never show: not on the terminal, in logs, errors, metrics, saved state or process lists."""

from __future__ import annotations

import argparse
import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from command_line import PLANT, environment
from monitor_page import free_ports

from connectors.embedded.process import ChildServer
from sipe.cli import COMMANDS, main
from sipe.contracts.topics import TOPICS

CANARY = "cAnary-7f3a'\\ %40&"
"""With what quoting, escaping and formatting trip over."""
FORMS = {CANARY, quote(CANARY, safe=""), quote(CANARY), repr(CANARY)[1:-1], CANARY[:12]}
LOOKING = (
    ["doctor", "--json"],
    ["doctor"],
    ["kpi"],
    ["kpi", "--json"],
    ["health"],
    ["migrate", "plan"],
    ["reprocess", "--from", "2026-03-02", "--to", "2026-03-03", "--dry-run"],
    ["reprocess", "--pending"],
    ["topics", "plan"],
)
WORKING = (
    ["migrate"],
    ["plant", "apply", str(PLANT)],
    ["simulate", "--hours", "1", "--scale", "0.05", "--json"],
    *LOOKING,
    ["dlq", "ls"],
    ["dlq", "replay", "--reason", "schema"],
)


def shows(data: bytes | str) -> bool:
    text = data if isinstance(data, str) else data.decode(errors="replace")
    return any(form in text for form in FORMS)


def url(port: int, password: str = CANARY) -> str:
    return f"clickhouse://sipe:{quote(password, safe='')}@127.0.0.1:{port}/sipe"


def secret_file(directory: Path, content: str) -> str:
    path = directory / "url"
    path.write_text(content)
    path.chmod(0o600)
    return str(path)


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[ChildServer, ChildServer]]:
    """A broker, and a store whose password is the canary."""
    topics = [f"{topic.name}:{topic.partitions}" for topic in TOPICS]
    with ExitStack() as stack:
        broker = ChildServer("connectors.embedded.broker", *topics, log_path=tmp_path / "servers/broker.log")
        store = ChildServer(
            "connectors.embedded.clickhouse",
            "--path",
            str(tmp_path / "servers/store"),
            log_path=tmp_path / "servers/store.log",
            environ={"SIPE_EMBEDDED_PASSWORD": CANARY},
        )
        yield stack.enter_context(broker), stack.enter_context(store)


@pytest.mark.stack
@pytest.mark.long
def test_while_all_works_and_when_the_store_dies(servers: tuple[ChildServer, ChildServer], tmp_path: Path) -> None:
    broker, store = servers
    data, monitor_port = tmp_path / "data", free_ports()
    environ = environment() | {
        "SIPE_KAFKA_URL": broker.ready["bootstrap"],
        "SIPE_CLICKHOUSE_URL_FILE": secret_file(tmp_path, url(store.ready["port"]) + "\n"),
        "SIPE_DATA_DIR": str(data),
        "SIPE_MONITOR_PORT": str(monitor_port),
    }
    seen: list[bytes | str] = []

    def run(*arguments: str) -> None:
        words = [sys.executable, "-m", "sipe.cli", *arguments]
        done = subprocess.run(words, env=environ, capture_output=True, timeout=150, check=False)
        seen.extend((done.stdout, done.stderr))

    run("migrate")
    words = [sys.executable, "-m", "sipe.cli", "up"]
    with subprocess.Popen(words, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as up:
        assert up.stdout is not None
        seen.append(up.stdout.readline())
        for arguments in WORKING:
            run(*arguments)
        lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline")]
        seen.extend(line for line in lines if b"sipe" in line or b"connectors" in line)
        for port in (monitor_port, monitor_port + 1):
            for page in ("metrics", "live", "ready"):
                with urlopen(f"http://127.0.0.1:{port}/{page}", timeout=10) as answer:
                    seen.append(answer.read())
        assert any(b"accepted" in part for part in seen if isinstance(part, bytes)), "else nothing worked"
        store.stop()
        for arguments in LOOKING:
            run(*arguments)
        up.terminate()
        seen.extend(up.communicate(timeout=120))
    written = [path for path in (*data.rglob("*"), *(tmp_path / "servers").glob("*.log")) if path.is_file()]
    assert any(path.suffix == ".sqlite3" for path in written)
    assert any(path.name == "flow.log" for path in written)
    assert not [path for path in written if shows(path.read_bytes())]
    assert not [part for part in seen if shows(part)]


@pytest.mark.parametrize("arguments", LOOKING, ids=" ".join)
def test_when_the_password_is_wrong(
    arguments: list[str],
    servers: tuple[ChildServer, ChildServer],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    broker, store = servers
    monkeypatch.setenv("SIPE_KAFKA_URL", broker.ready["bootstrap"])
    monkeypatch.setenv("SIPE_CLICKHOUSE_URL", url(store.ready["port"], CANARY + "x"))
    code = main(arguments)
    printed = "".join(capfd.readouterr())
    assert not shows(printed)
    if arguments[0] != "topics":
        assert code == 1
        assert "refuses user 'sipe'" in printed


MALFORMED = (
    f"clickhouse://sipe:{CANARY}@store:port/sipe",
    f"http://sipe:{CANARY}@store/sipe",
    f"clickhouse://sipe:{CANARY}@[store/sipe",
    f"clickhouse://sipe:{CANARY}/x@store/sipe",
    f"sipe:{CANARY}",
    CANARY,
)


@pytest.mark.parametrize("variable", ["SIPE_CLICKHOUSE_URL", "SIPE_CLICKHOUSE_URL_FILE"])
@pytest.mark.parametrize("value", MALFORMED)
def test_when_the_url_is_no_url(
    variable: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SIPE_KAFKA_URL", "127.0.0.1:1")
    monkeypatch.setattr("connectors.kafka.cluster.CONNECT_TIMEOUT_S", 0.1)
    monkeypatch.setenv(variable, secret_file(tmp_path, value) if variable.endswith("_FILE") else value)
    for arguments in LOOKING:
        assert main(arguments) in {1, 2}
        printed = "".join(capfd.readouterr())
        assert printed
        assert not shows(printed)


def test_no_command_takes_a_secret_as_an_argument() -> None:
    """Arguments show in process lists and in the history of the shell."""
    for command in COMMANDS:
        parser = argparse.ArgumentParser()
        importlib.import_module(command.module).configure(parser)
        assert not re.search(r"--(password|token|secret|url)\b", parser.format_help()), command.name


def test_the_canary_is_found_where_it_is() -> None:
    assert shows(f"clickhouse://sipe:{quote(CANARY, safe='')}@store")
    assert shows(os.fsencode(f"refused {CANARY!r}"))
    assert not shows("refuses user 'sipe'; check user and password")
