"""`sipe meter`: a meter at a port, as somebody without one starts it, and a gateway's own driver at its other end."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from command_line import ROOT

from edge.channels.opening import open_channel
from edge.channels.settings import SerialSettings, TcpSettings
from edge.drivers.registry import DRIVERS, meter_of
from edge.sim.faults import FAULTS
from edge.sim.kinds import KINDS
from sipe.cli import main

KEY = "12345678"
Lines = Callable[[], str]


@contextmanager
def playing(*words: str) -> Iterator[Lines]:
    """Its lines, one for each call; at the end it is asked to end, and does."""
    command = [sys.executable, "-m", "sipe.cli", "meter", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    try:
        yield process.stdout.readline
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    assert (process.returncode, rest) == (0, "")


async def written(channel: Any, table: dict[str, Any]) -> str:
    async with channel, asyncio.timeout(60):
        while not channel.tally.connects:
            await asyncio.sleep(0.01)
        meter = meter_of({"driver": "iec62056-21", **table}, channel)
        try:
            await meter.open()
            await meter.write("0.9.1", "000127")
            return await meter.read("0.9.1")
        finally:
            await meter.close()


@pytest.mark.parametrize("port", ["pty", "tcp"])
def test_a_gateway_writes_a_meter_that_is_played(tmp_path: Path, port: str) -> None:
    file = tmp_path / "password"
    file.write_text(KEY)
    file.chmod(0o600)
    where = ["--link", str(tmp_path / "meter")] if port == "pty" else ["--tcp", "127.0.0.1:0"]
    with ExitStack() as stack:
        line = stack.enter_context(
            playing("iec62056-21", *where, "--echo", "--maker", "SIp", "--wants-password", KEY, "--keeps", "0.9.1=7")
        )
        kind, _, place = line().rstrip("\n").partition(" at ")
        assert kind == "iec62056-21"
        table: dict[str, Any] = {"password_file": str(file)}
        settings: Any = SerialSettings(name="line", port=place)
        if port == "tcp":
            host, _, number = place.partition(":")
            settings, table["sets_rate"] = TcpSettings(name="line", host=host, port=int(number)), False
        assert asyncio.run(written(open_channel(settings), table)) == "7"
        assert line() == "0.9.1 = 7\n"
    assert not (tmp_path / "meter").is_symlink()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--fault", "magic=1"], "--fault magic=1: there is no 'magic'; there are drop, "),
        (["--fault", "drop=much"], "--fault drop=much: 'much' is no number above 0"),
        (["--fault", "rate=nan"], "--fault rate=nan: 'nan' is no number above 0"),
        (["--meters", "0"], "--meters 0 does not lie between 1 and 8"),
        (["--tcp", "4001"], "--tcp 4001: write HOST:PORT"),
        (["--register", "0.9.1"], "--register 0.9.1: write ADDRESS=VALUE"),
        (["--keeps", "=1"], "--keeps =1: write ADDRESS=VALUE"),
        (["--maker", "WASI"], "iec62056-21: 'WASI' is no maker"),
        (["--address", "a/b"], "iec62056-21: 'a/b' is no address"),
        (["--register", "X=a(b"], "iec62056-21: "),
        (["--link", "/absent/meter"], "/absent/meter: no link can be made there"),
    ],
)
def test_what_is_no_meter_and_no_place_is_one_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["meter", "iec62056-21", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"sipe: {said}")


@pytest.mark.parametrize("kind", ["pima", "nbr14522"])
def test_a_serial_that_the_meter_cannot_say_is_one_line(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["meter", kind, "--serial", "WA00000000001"[: 11 if kind == "pima" else 5]]) == 2
    assert capsys.readouterr().err.startswith(f"sipe: {kind}: ")


def test_the_help_names_every_meter_and_every_fault(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["meter", "--help"])
    words = capsys.readouterr().out
    assert all(kind.name in words for kind in KINDS)
    assert all(name in words for name in FAULTS)


def test_the_page_names_every_meter_every_fault_and_every_driver() -> None:
    page = (ROOT / "docs/edge.md").read_text()
    names = [*(kind.name for kind in KINDS), *(driver.name for driver in DRIVERS)]
    assert all(f"`{name}`" in page for name in names)
    assert all(f"`{name}" in page for name in FAULTS)


def test_it_needs_what_a_gateway_has() -> None:
    heavy = {"rich", "numpy", "polars", "bytewax", "confluent_kafka", "clickhouse_driver", "sqlalchemy", "fastapi"}
    program = "import sys, sipe.commands.meter; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not heavy & set(done.stdout.split())
