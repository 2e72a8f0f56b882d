"""The command line starts lean, and what a person reads of a failure is one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sipe import cli
from sipe.cli import COMMANDS, Command, main

HEAVY = {
    "msgspec",
    "structlog",
    "prometheus_client",
    "rich",
    "bytewax",
    "polars",
    "numpy",
    "confluent_kafka",
    "clickhouse_driver",
    "chdb",
}


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_the_top_level_imports_nothing_heavy_and_no_command() -> None:
    done = python("-c", "import sys, sipe.cli; print(*sys.modules)")
    imported = set(done.stdout.split())
    assert "sipe.cli" in imported, done.stderr
    assert not imported & HEAVY
    assert not any(name.startswith("sipe.commands") for name in imported)


def test_help_lists_every_command_and_imports_none() -> None:
    done = python("-X", "importtime", "-m", "sipe.cli", "--help")
    assert done.returncode == 0
    assert all(command.name in done.stdout for command in COMMANDS)
    assert "sipe.commands" not in done.stderr


def test_the_version_is_printed() -> None:
    done = python("-m", "sipe.cli", "--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "sipe")


@pytest.mark.parametrize("arguments", [[], ["brew"], ["--brew"]])
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage: sipe" in capsys.readouterr().err


COMMAND_MODULE = """
from sipe.errors import SipeError, UsageError

def configure(parser):
    parser.add_argument("how")

def run(args):
    if args.how == "fail":
        raise SipeError("broker localhost:1 does not answer;\\nstart it, \\x1b[31mor not")
    if args.how == "misuse":
        raise UsageError("plant.toml, line 3: no such station")
    if args.how == "interrupt":
        raise KeyboardInterrupt
    if args.how == "bug":
        raise ZeroDivisionError
    print("x" * int(args.how))
    return 7
"""


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command of our own beside the others, as a module that is found on the path."""
    (tmp_path / "sipe_test_command.py").write_text(COMMAND_MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(cli, "COMMANDS", (*COMMANDS, Command("try", "fail on request", "sipe_test_command")))


@pytest.mark.usefixtures("command")
@pytest.mark.parametrize(
    ("how", "code", "err"),
    [
        ("3", 7, ""),
        ("fail", 1, "sipe: broker localhost:1 does not answer; start it,  [31mor not\n"),
        ("misuse", 2, "sipe: plant.toml, line 3: no such station\n"),
        ("interrupt", 130, ""),
    ],
)
def test_how_a_command_ends_is_its_exit_code(how: str, code: int, err: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["try", how]) == code
    assert capsys.readouterr().err == err


@pytest.mark.usefixtures("command")
def test_a_bug_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        main(["try", "bug"])


@pytest.mark.usefixtures("command")
def test_a_command_has_its_own_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["try", "--help"])
    assert stopped.value.code == 0
    assert "usage: sipe try" in capsys.readouterr().out


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "sipe_test_command.py").write_text(COMMAND_MODULE)
    program = (
        "import sys; from sipe import cli;"
        "cli.COMMANDS = (cli.Command('try', 'print', 'sipe_test_command'),);"
        "sys.exit(cli.main(['try', '1000000']))"
    )
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing) as pipe:
        done = subprocess.run(
            [sys.executable, "-c", program],
            stdout=pipe,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (cli.EXIT_BROKEN_PIPE, b"")
