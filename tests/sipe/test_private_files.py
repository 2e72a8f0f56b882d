"""Secrets come from files that nobody else can read, and directories of saved state belong to us alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sipe import private_files
from sipe.errors import SipeError, UsageError
from sipe.private_files import check_own_dir, check_private_dir, read_secret

CANARY = "canary-9d41"
VARIABLE = "SIPE_CLICKHOUSE_URL_FILE"


@pytest.fixture(autouse=True)
def _open_parents(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the file's own mode counts, unless a test says otherwise: pytest's directories are private."""
    monkeypatch.setattr(private_files, "_is_shut_in", lambda path: False)


def secret(directory: Path, content: bytes, mode: int = 0o600) -> Path:
    path = directory / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("content", [b"p w\\'\xc3\xa9", b"p w\\'\xc3\xa9\n", b"p w\\'\xc3\xa9\r\n"])
def test_a_final_newline_does_not_count(tmp_path: Path, content: bytes) -> None:
    assert read_secret(secret(tmp_path, content), VARIABLE) == "p w\\'é"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "has to hold one line of text"),
        (b"\n", "has to hold one line of text"),
        (b"canary-9d41\n\n", "has to hold one line of text"),
        (b"canary-9d41\nmore", "has to hold one line of text"),
        (b"canary-9d41\x00", "has to hold one line of text"),
        (b"canary-9d41\x1b[2J", "has to hold one line of text"),
        (b"canary-9d41\xff", "is no text in UTF-8"),
        (b"canary-9d41" * 1000, "longer than 4096 bytes"),
    ],
)
def test_what_is_no_secret_is_refused_and_not_shown(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        read_secret(secret(tmp_path, content), VARIABLE)
    assert str(caught.value).startswith(VARIABLE)
    assert CANARY not in str(caught.value)
    assert CANARY not in repr(caught.value.__cause__)


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o444])
def test_a_file_that_everybody_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(UsageError, match=r"every user of this machine can read .+; chmod 600 it"):
        read_secret(secret(tmp_path, b"canary-9d41", mode), VARIABLE)


def test_a_private_directory_shuts_in_what_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    path = secret(tmp_path, b"canary-9d41", 0o444)
    tmp_path.chmod(0o700)
    assert read_secret(path, VARIABLE) == CANARY


def test_a_missing_file_a_directory_and_a_pipe_are_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file or directory"):
        read_secret(tmp_path / "absent", VARIABLE)
    with pytest.raises(UsageError, match="Is a directory"):
        read_secret(tmp_path, VARIABLE)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(UsageError, match="is not a file"):
        read_secret(tmp_path / "pipe", VARIABLE)


def made(tmp_path: Path, mode: int) -> Path:
    path = tmp_path / "recovery"
    path.mkdir()
    path.chmod(mode)
    return path


def linked(tmp_path: Path) -> Path:
    made(tmp_path, 0o700).rename(tmp_path / "elsewhere")
    (tmp_path / "recovery").symlink_to(tmp_path / "elsewhere")
    return tmp_path / "recovery"


def file(tmp_path: Path) -> Path:
    (tmp_path / "recovery").touch(0o700)
    return tmp_path / "recovery"


def test_a_directory_of_our_own_is_private(tmp_path: Path) -> None:
    check_private_dir(made(tmp_path, 0o700))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: made(path, 0o750), "has mode 0750"),
        (lambda path: made(path, 0o701), "has mode 0701"),
        (lambda path: made(path, 0o777), "has mode 0777"),
        (linked, "not a directory of its own"),
        (file, "not a directory of its own"),
    ],
)
def test_a_directory_that_others_could_write_is_refused(
    tmp_path: Path, make: Callable[[Path], Path], words: str
) -> None:
    with pytest.raises(SipeError, match=words):
        check_private_dir(make(tmp_path))


def test_a_directory_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made(tmp_path, 0o700)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(SipeError, match="belongs to user id"):
        check_private_dir(path)


def test_a_data_directory_that_everybody_can_write_to_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made(tmp_path, 0o775)
    check_own_dir(path)
    path.chmod(0o1777)
    with pytest.raises(SipeError, match="every user of this machine can write to"):
        check_own_dir(path)
    path.chmod(0o755)
    if os.geteuid() == 0:
        os.chown(path, 4711, 4711)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(SipeError, match="belongs to user id"):
        check_own_dir(path)
