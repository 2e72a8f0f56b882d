"""`sipe decode`: what a line said, as JSON lines, and one clear line for what cannot be read."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import ROOT

from edge.protocols.pima import LAYOUTS
from edge.protocols.registry import PROTOCOLS
from edge.protocols.ssu import CRC_ORDERS, FORMATS
from sipe.cli import main

PACKET = bytes.fromhex("AA55010305070905 0A02022222B3D0")
EXTENDED = "00 90 A2 FC 05 04 00 C6 18"
HEAVY = {"rich", "numpy", "polars", "bytewax", "confluent_kafka", "clickhouse_driver", "chdb", "sqlalchemy", "fastapi"}


@pytest.fixture
def decode(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `sipe decode` in this process; gives the records and the line of counts."""

    def run(*words: str | Path) -> tuple[list[dict[str, Any]], str]:
        assert main(["decode", *map(str, words)]) == 0
        printed = capsys.readouterr()
        return [json.loads(line) for line in printed.out.splitlines()], printed.err.strip()

    return run


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that says what is wrong with what was given."""
    assert main(["decode", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def give(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_frames_and_discards_in_the_order_of_the_line(tmp_path: Path, decode: Any) -> None:
    capture = tmp_path / "line.bin"
    capture.write_bytes(b"\x00\x01" + PACKET + PACKET[:-1] + b"\x00" + PACKET[:4])
    records, counts = decode("pima", capture)
    reading = {
        "scope": 10, "index": 2, "data": "022222", "quantity": "active_energy", "unit": "kWh", "value": 22_222,
        "quality": "good",
    }  # fmt: skip
    assert records == [
        {"kind": "discard", "offset": 0, "size_bytes": 2, "reason": "noise"},
        {"kind": "pima.packet", "offset": 2, "size_bytes": 15, "serial": "0103050709", "readings": [reading]},
        {"kind": "discard", "offset": 17, "size_bytes": 15, "reason": "crc"},
        {"kind": "discard", "offset": 32, "size_bytes": 1, "reason": "incomplete"},
        {"kind": "discard", "offset": 33, "size_bytes": 3, "reason": "noise"},
    ]
    assert counts == "pima: 36 bytes; frames: pima.packet 1; bytes discarded: crc 15, incomplete 1, noise 5"


def test_the_bytes_may_be_digits_in_any_lines(tmp_path: Path, decode: Any) -> None:
    capture = tmp_path / "line.txt"
    capture.write_text("aa55 0103050709\n\n 05 0A02\t022222\r\nB3D0\n")
    (packet,), counts = decode("pima", "--hex", capture)
    assert packet["serial"] == "0103050709"
    assert counts.startswith("pima: 15 bytes;")


def test_bytes_come_over_stdin(decode: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, 5_000 * PACKET)
    records, _ = decode("pima", "-")
    assert [record["offset"] for record in records] == list(range(0, 75_000, 15))


def test_digits_come_over_stdin(decode: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, EXTENDED.encode())
    (block,), counts = decode("ssu", "--hex", "-", "--set", "block_format=extended")
    assert (block["kind"], block["quadrant"], block["active_pulses"]) == ("ssu.extended", 2, 1532)
    assert counts == "ssu: 9 bytes; frames: ssu.extended 1; bytes discarded: none"


def test_an_empty_line_says_nothing(decode: Any, tmp_path: Path) -> None:
    (tmp_path / "line.bin").touch()
    assert decode("pima", tmp_path / "line.bin") == ([], "pima: 0 bytes; frames: none; bytes discarded: none")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("AA55\n00 AA5\n", "line 2, column 4: 3 hexadecimal digits, so half a byte is missing"),
        ("AA 0x55", "line 1, column 4: 'x' is no hexadecimal digit"),
        ("AA:55", "line 1, column 1: ':' is no hexadecimal digit"),
        ("\n\n٣٣", "line 3, column 1: '\\xd9' is no hexadecimal digit"),
    ],
)
def test_digits_that_are_none_are_named_with_their_place(
    text: str, what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = tmp_path / "line.txt"
    capture.write_text(text, encoding="utf-8")
    assert refused(["pima", "--hex", str(capture)], capsys) == f"sipe: {capture}, {what}"
    give(monkeypatch, text.encode())
    assert refused(["pima", "--hex", "-"], capsys) == f"sipe: stdin, {what}"


def test_a_file_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "none.bin"
    assert refused(["pima", str(missing)], capsys) == f"sipe: {missing} cannot be read: No such file or directory"
    assert refused(["pima", str(tmp_path)], capsys) == f"sipe: {tmp_path} cannot be read: Is a directory"


@pytest.mark.parametrize(
    ("setting", "what"),
    [
        ("layout", "layout is one of packet, grouped"),
        ("layout=extended", "layout is one of packet, grouped"),
        ("rate=300", "'rate' is no setting of pima, which has layout"),
    ],
)
def test_a_setting_that_is_none_is_named(setting: str, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(["pima", "-", "--set", setting], capsys) == f"sipe: --set {setting}: {what}"


def test_a_protocol_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["decode", "modbus", "-"])
    assert stopped.value.code == 2
    assert "'modbus'" in capsys.readouterr().err


def test_what_control_characters_a_line_has_stay_in_their_strings(decode: Any, tmp_path: Path) -> None:
    capture = tmp_path / "line.bin"
    capture.write_bytes(bytes(range(256)) * 3)
    for protocol in PROTOCOLS:
        records, _ = decode(protocol.name, capture)
        assert sum(record["size_bytes"] for record in records) == 768


def test_the_table_names_what_the_decoders_take() -> None:
    settings = {protocol.name: protocol.settings for protocol in PROTOCOLS}
    assert settings["pima"] == {"layout": LAYOUTS}
    assert settings["ssu"] == {"block_format": FORMATS, "crc_order": CRC_ORDERS}


def test_the_page_names_every_protocol_setting_and_reason() -> None:
    page = (ROOT / "docs/commands.md").read_text().partition("## What a line said")[2]
    for protocol in PROTOCOLS:
        assert f"| `{protocol.name}` |" in page
        for setting, words in protocol.settings.items():
            assert all(f"`{word}`" in page for word in (setting, *words))


def test_it_needs_no_package_of_the_servers() -> None:
    words = ["-c", "import sys; from sipe.cli import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"]
    done = subprocess.run(
        [sys.executable, *words, "decode", "pima", "-"],
        input=PACKET, capture_output=True, timeout=60, check=True, cwd=ROOT,
    )  # fmt: skip
    assert json.loads(done.stdout)["serial"] == "0103050709"
    assert not HEAVY & set(done.stderr.decode().split())
