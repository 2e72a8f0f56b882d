"""`sipe audit`: a trail goes out of the store, and whatever is done to it afterwards is found and named."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.sql import trail
from connectors.sql.opening import open_store
from connectors.sql.work import Work
from models.audit import Who
from sipe.cli import main
from sipe.clock import SystemClock
from sipe.commands.audit import EXIT_FOUND
from sipe.contracts.changes import Anchor
from sipe.settings import Settings

GIL = Who("gil", "engineer", "t-1")
ENTRIES = 30


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a store with a trail; no test changes it."""
    data_dir = tmp_path_factory.mktemp("audit") / "data"
    with open_store(Settings(data_dir=data_dir), SystemClock()) as store:
        for number in range(ENTRIES):
            store.work(GIL, note, number)
    return data_dir


@pytest.fixture
def data_dir(kept: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIPE_DATA_DIR", str(kept))
    return kept


@pytest.fixture
def export(data_dir: Path, tmp_path: Path) -> Path:
    """A trail of a store, exported."""
    assert data_dir.is_dir()
    path = tmp_path / "trail.jsonl"
    assert main(["audit", "export", str(path)]) == 0
    return path


@pytest.fixture
def anchors(export: Path, data_dir: Path, tmp_path: Path) -> Path:
    """The anchors of entry 10 and of the newest."""
    with open_store(Settings(data_dir=data_dir), SystemClock()) as store, store.reading() as connection:
        lines = [msgspec.json.decode(text) for text in trail.export(connection)]
    made = [Anchor(seq=seq, seal=lines[seq - 1]["seal"], at_ms=1) for seq in (10, ENTRIES)]
    path = tmp_path / "anchors.jsonl"
    path.write_bytes(b"\n".join(map(msgspec.json.encode, made)))
    return path


def note(work: Work, number: int) -> None:
    work.note("looked", f"thing/{number}", after={"number": number})


def verify(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, Any]:
    capsys.readouterr()
    code = main(["audit", "verify", *map(str, words), "--json"])
    said = capsys.readouterr()
    return code, json.loads(said.out) if said.out else said.err


def change(path: Path, how: Callable[[list[bytes]], list[bytes]]) -> None:
    path.write_bytes(b"".join(how(path.read_bytes().splitlines(keepends=True))))


def test_an_untouched_trail_is_well(export: Path, anchors: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert stat.S_IMODE(export.stat().st_mode) == 0o600
    assert main(["audit", "verify", str(export), "--anchors", str(anchors)]) == 0
    said = capsys.readouterr().out
    assert "30 entries, all as they were sealed" in said
    assert "anchored up to entry 30" in said
    assert verify(capsys, export, "--anchors", anchors) == (
        0,
        {"file": str(export), "entries": 30, "anchors": 2, "found": []},
    )


def test_without_anchors_it_says_what_cannot_be_seen(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(export, lambda lines: lines[:20])
    assert main(["audit", "verify", str(export)]) == 0
    assert "without anchors: a trail that was cut off" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("how", "found"),
    [
        (lambda lines: [*lines[:6], lines[6].replace(b"looked", b"locked"), *lines[7:]], ("edited", 7, 7)),
        (lambda lines: lines[:6] + lines[8:], ("missing", 7, 8)),
        (lambda lines: lines[:25], ("cut_off", 26, 30)),
        (lambda lines: [*lines[:6], b"{}\n", *lines[7:]], ("unreadable", 7, 7)),
    ],
)
def test_what_was_done_to_it_is_named_with_its_entry(
    export: Path,
    anchors: Path,
    capsys: pytest.CaptureFixture[str],
    how: Callable[[list[bytes]], list[bytes]],
    found: tuple[str, int, int],
) -> None:
    what, first, last = found
    change(export, how)
    code, said = verify(capsys, export, "--anchors", anchors)
    assert (code, said["found"]) == (EXIT_FOUND, [{"what": what, "first": first, "last": last}])
    assert main(["audit", "verify", str(export), "--anchors", str(anchors)]) == EXIT_FOUND
    shown = capsys.readouterr().out
    assert what in shown
    assert (str(first) if first == last else f"{first} to {last}") in shown


def test_a_part_of_the_trail_takes_the_anchor_before_it(
    export: Path, anchors: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part = tmp_path / "part.jsonl"
    assert main(["audit", "export", str(part), "--from", "11"]) == 0
    assert verify(capsys, part, "--from", "11", "--anchors", anchors)[0] == 0
    assert verify(capsys, part, "--from", "11")[1]["found"][0]["what"] == "unanchored"
    assert verify(capsys, part, "--anchors", anchors)[1]["found"][0] == {"what": "missing", "first": 1, "last": 10}


def test_anchors_that_contradict_each_other_are_found(
    export: Path, anchors: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = Anchor(seq=10, seal="f" * 64, at_ms=2)
    anchors.write_bytes(anchors.read_bytes() + b"\n" + msgspec.json.encode(forged))
    code, said = verify(capsys, export, "--anchors", anchors)
    assert (code, said["found"]) == (EXIT_FOUND, [{"what": "contradicted", "first": 10, "last": 10}])


def test_errors_say_what_to_do(export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "export", str(export)]) == 2
    assert "is there already: name a new file" in capsys.readouterr().err
    assert main(["audit", "export", str(tmp_path / "new"), "--from", "99"]) == 2
    assert "the newest entry is 30" in capsys.readouterr().err
    assert main(["audit", "verify", str(tmp_path / "nothing")]) == 1
    assert "No such file" in capsys.readouterr().err
    (tmp_path / "bad").write_text("{}\n")
    assert main(["audit", "verify", str(export), "--anchors", str(tmp_path / "bad")]) == 2
    assert "bad:1 is no anchor" in capsys.readouterr().err
    assert main(["audit", "export", str(tmp_path / "new"), "--data", str(tmp_path / "empty")]) == 1
    assert "no orders are kept in" in capsys.readouterr().err
    assert not (tmp_path / "empty").exists()
    assert main(["audit", "verify", str(export), "--from", "0"]) == 2
    assert main(["audit", "verify", str(export), "--from-clickhouse"]) == 2
    assert "SIPE_CLICKHOUSE_URL is not set" in capsys.readouterr().err
