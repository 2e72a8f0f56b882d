"""`sipe certs` from the command line; what the certificates say is shown in tests/connectors/tls."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sipe.cli import main

Answer = Callable[..., Any]


def test_an_authority_and_what_it_signed(answer: Answer, tmp_path: Path) -> None:
    certs = tmp_path / "certs"
    authority = answer("certs", "init", "--dir", certs)
    broker = answer("certs", "issue", "sipe-broker.kafka-1", "--host", "kafka-1", "--host", "::1", "--dir", certs)
    flow = answer("certs", "issue", "sipe-flow", "--days", "90", "--dir", certs)
    assert broker["hosts"] == ["kafka-1", "::1"]
    assert [Path(file).name for file in flow["files"]] == ["sipe-flow.key", "sipe-flow.pem"]
    assert flow["days_left"] in {89, 90}
    assert answer("certs", "ls", "--dir", certs) == [authority, broker, flow]
    assert {stat.S_IMODE(file.stat().st_mode) for file in certs.iterdir()} == {0o600}


def test_one_that_ends_soon_is_told_by_the_exit_code(answer: Answer, tmp_path: Path) -> None:
    answer("certs", "init", "--dir", tmp_path)
    answer("certs", "ls", "--dir", tmp_path)
    answer("certs", "issue", "sipe-flow", "--days", "20", "--dir", tmp_path)
    answer("certs", "ls", "--dir", tmp_path, code=1)


def test_no_key_is_ever_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["init"], ["issue", "sipe-broker", "--host", "kafka"], ["ls"], ["ls", "--json"]):
        assert main(["certs", *words, "--dir", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert "sipe-broker.keystore.pem" in printed.out
    key = (tmp_path / "sipe-broker.key").read_text().splitlines()[1]
    assert len(key) > 40
    assert key[:20] not in printed.out + printed.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["issue", "sipe-flow"], "holds no authority"),
        (["ls"], "holds no certificates"),
        (["init", "--days", "0"], "--days 0 does not lie between"),
        (["issue", "Sipe Flow"], "is no name for a certificate"),
    ],
)
def test_wrong_usage_is_one_line(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["certs", *words, "--dir", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_directory_that_cannot_be_made_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["certs", "init", "--dir", str(tmp_path / "file" / "below")]) == 1
    assert capsys.readouterr().err.startswith(f"sipe: {tmp_path}/file/below cannot be made: ")
