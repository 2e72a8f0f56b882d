"""What comes from stations, files and servers is shown, and never obeyed: by the terminal or the file system."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

from connectors.embedded.lock import DirectoryLock
from sipe.cli import main
from sipe.commands import _output
from sipe.commands._kpi_table import kpi_table
from sipe.commands._output import note, out, print_json, visible
from sipe.errors import SipeError

ATTACKS = {
    "moves the cursor": "\x1b[2J\x1b[1;1H",
    "sets the title": "\x1b]0;owned\x07",
    "one-byte escape": "\x9b31m",
    "goes back": "honest\rforged",
    "erases": "abc\x08\x08\x08",
    "turns round": "abc\u202etxt.exe",
    "ends the text": "abc\x00def",
}
each_attack = pytest.mark.parametrize("text", ATTACKS.values(), ids=ATTACKS.keys())


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a terminal with colours is sent, on stdout and on stderr."""
    shown = io.StringIO()
    for stream in (out(), err := _output.err()):
        monkeypatch.setattr(stream, "_file", shown)  # `file` would be restored to what it was worth here
        monkeypatch.setattr(stream, "_force_terminal", True)
    assert err.is_terminal
    return shown


def controls(text: str) -> set[str]:
    return {char for char in text if not char.isprintable() and char != "\n"}


@each_attack
def test_a_name_is_printed_and_not_obeyed(text: str, terminal: io.StringIO) -> None:
    out().print(text, style="red")
    note(text)
    table = Table("name")
    table.add_row(Text(text))
    out().print(table)
    out().print(kpi_table([], {text: lambda row: row[text]}, title=text))
    written = terminal.getvalue()
    for style in ("\x1b[31m", "\x1b[0m", "\x1b[2m", "\x1b[1m", "\x1b[3m"):
        written = written.replace(style, "")  # what rich itself writes for colours
    assert not controls(written), repr(written)
    assert any(part in written for part in ("�", "honestforged", "abc"))


@each_attack
def test_json_gives_the_text_back_and_nothing_for_a_terminal(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"display": text})
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"display": text}
    assert not controls(printed)


def test_text_beyond_ascii_is_shown_as_it_is() -> None:
    assert visible("Montagem Nº 3 - São José\n日本") == "Montagem Nº 3 - São José\n日本"


@pytest.mark.parametrize("text", [text for text in ATTACKS.values() if "\0" not in text])  # no argument holds a NUL
def test_an_error_that_quotes_is_one_clean_line(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plant", "apply", f"{text}\nsipe: all is well"]) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert not controls(printed)


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("precious")
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / "lock").symlink_to(elsewhere)
    with pytest.raises(SipeError, match="cannot be used"):
        DirectoryLock(tmp_path / "data" / "lock").acquire()
    assert elsewhere.read_text() == "precious"


def test_no_server_starts_over_a_directory_that_everybody_can_write_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    assert main(["up", "--data", str(shared)]) == 1
    assert "every user of this machine can write to" in capsys.readouterr().err
    assert not list(shared.iterdir())
