"""Events that the office will never take, kept on the gateway with the reason, for a person to look at.

One JSON object a line, in files that are begun anew when they are big; the oldest go when there are too many, and are
counted: a line that sends nonsense all day must not fill the disk that the results need.
"""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from sipe.errors import SipeError
from sipe.private_files import sync_directory

FILE_BYTES_MAX = 4_000_000
FILES_MAX = 16
_PATTERN = "letters-*.jsonl"


class Letter(NamedTuple):
    """An event that was refused: when, of whom, why in one word and in a sentence, and its untouched bytes."""

    at_ms: int
    station: str
    reason: str
    detail: str
    value: bytes


class Letters:
    """The dead letters of a gateway, in a directory; for any thread."""

    def __init__(self, directory: Path, *, file_bytes_max: int = FILE_BYTES_MAX, files_max: int = FILES_MAX) -> None:
        """Go on with what is there; raises `SipeError` when the directory cannot be used."""
        self._directory = directory
        self._file_bytes_max = file_bytes_max
        self._files_max = files_max
        self._keeping = threading.Lock()
        self.dropped_files = 0
        """How many files were deleted to make room for newer ones, since the start."""
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SipeError(f"{directory}: no dead letters can be kept here: {error.strerror}") from error

    def keep(self, letters: list[Letter]) -> None:
        """On the disk when it returns; raises `SipeError` when the disk takes nothing."""
        try:
            with self._keeping:
                # A line that a power cut has torn must not swallow the next: so each begins with an end of line, too.
                self._append(b"".join(b"\n" + line_of(letter) + b"\n" for letter in letters))
        except OSError as error:
            raise SipeError(f"{self._directory}: the disk takes no dead letter: {error.strerror}") from error

    def _append(self, lines: bytes) -> None:
        path = self._current()
        is_new = not path.exists()
        with path.open("ab") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            sync_directory(self._directory)

    def __iter__(self) -> Iterator[Letter]:
        """All of them, the oldest first; a line that a power cut has torn is passed over."""
        for path in self._files():
            for line in path.read_bytes().splitlines():
                try:
                    told = msgspec.json.decode(line, type=_Told)
                except msgspec.MsgspecError:
                    continue
                yield Letter(told.at_ms, told.station, told.reason, told.detail, told.raw())

    def _current(self) -> Path:
        """The file to append to."""
        files = self._files()
        if files and files[-1].stat().st_size < self._file_bytes_max:
            return files[-1]
        while len(files) >= self._files_max:
            files.pop(0).unlink()
            self.dropped_files += 1
        number = int(files[-1].stem.partition("-")[2]) + 1 if files else 1
        return self._directory / f"letters-{number:08}.jsonl"

    def _files(self) -> list[Path]:
        return sorted(self._directory.glob(_PATTERN))


class _Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """A letter as its line has it: the event as text, or in base64 where it is none."""

    at_ms: int
    station: str
    reason: str
    detail: str
    event: str = ""
    base64: str = ""

    def raw(self) -> bytes:
        return base64.b64decode(self.base64) if self.base64 else self.event.encode()


def line_of(letter: Letter) -> bytes:
    """A letter as a JSON object on one line: its event as text, or in base64 where it is none."""
    text, coded = "", ""
    try:
        text = letter.value.decode()
    except UnicodeDecodeError:
        coded = base64.b64encode(letter.value).decode()
    return msgspec.json.encode(_Told(letter.at_ms, letter.station, letter.reason, letter.detail, text, coded))
