"""Everything that is done to the files of a directory, step by step, and what a power cut would leave of it.

What has been synced is on the disk. Of what was done to a file since, each write may be there or not, the last one also
in part, with nothing sensible in the rest of the sectors that it touches. Names (made, changed, deleted) reach the disk
in their order, as a journal of the file system keeps it, but any number of the last ones may be missing.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from unittest.mock import patch

from sqlite_files import OK, OPEN_CREATE, OPEN_WAL, watched

SECTOR_BYTES = 512
ALL = 1 << 62


class Written(NamedTuple):
    """Bytes of a file."""

    file: int
    offset: int
    content: bytes


class Truncated(NamedTuple):
    """The length of a file."""

    file: int
    size_bytes: int


class Synced(NamedTuple):
    """All that was done to a file is on the disk."""

    file: int


class Named(NamedTuple):
    """What names mean from now on, all at once: a file, or nothing any more."""

    files: dict[str, int | None]


class NamesSynced(NamedTuple):
    """All names are on the disk."""


class Told(NamedTuple):
    """What the test has to say of this moment."""

    what: Any


Step = Written | Truncated | Synced | Named | NamesSynced | Told


class DiskRecord:
    """The steps, while `recording`. What is in the directory at its beginning is on the disk."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.steps: list[Step] = []
        self._names: dict[str, int] = {}
        self._open: dict[int, int] = {}
        self._files = 0
        self._new_logs: set[int] = set()
        for path in directory.iterdir():
            self._whole(path.name, path.read_bytes())
        self.steps.append(NamesSynced())

    def tell(self, what: Any) -> None:
        """Note something of this moment."""
        self.steps.append(Told(what))

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record what SQLite and `os` do."""
        really = {name: getattr(os, name) for name in ("fsync", "rename", "replace", "unlink")}

        def fsync(handle: int) -> None:
            really["fsync"](handle)
            self._fsynced(Path(os.readlink(f"/proc/self/fd/{handle}")))

        def rename(source: Any, target: Any) -> None:
            really["rename"](source, target)
            self._renamed(Path(source), Path(target))

        def replace(source: Any, target: Any) -> None:
            really["replace"](source, target)
            self._renamed(Path(source), Path(target))

        def unlink(path: Any) -> None:
            really["unlink"](path)
            self.deleted(os.fspath(path))

        with (
            patch("os.fsync", fsync), patch("os.rename", rename), patch("os.replace", replace),
            patch("os.unlink", unlink), watched(self),
        ):  # fmt: skip
            yield

    def opened(self, file: int, path: str, flags: int) -> int:
        """SQLite has opened a file, and made it if there was none."""
        name = self._name(path)
        if name is not None:
            if name not in self._names and flags & OPEN_CREATE:
                self._give(name, self._new_file())
                if flags & OPEN_WAL:
                    self._new_logs.add(self._names[name])
            self._open[file] = self._names[name]
        return OK

    def closed(self, file: int) -> None:
        """SQLite has closed a file."""
        self._open.pop(file, None)

    def written(self, file: int, offset: int, content: bytes) -> int:
        """SQLite has written."""
        if file in self._open:
            self.steps.append(Written(self._open[file], offset, content))
        return OK

    def truncated(self, file: int, size_bytes: int) -> int:
        """SQLite has changed a length."""
        if file in self._open:
            self.steps.append(Truncated(self._open[file], size_bytes))
        return OK

    def synced(self, file: int) -> int:
        """SQLite has synced; with the first time for a new log, its name."""
        if file in self._open:
            self.steps.append(Synced(self._open[file]))
            if self._open[file] in self._new_logs:
                self._new_logs.remove(self._open[file])
                self.steps.append(NamesSynced())
        return OK

    def deleted(self, path: str) -> int:
        """A file was deleted."""
        name = self._name(path)
        if name is not None and self._names.pop(name, None) is not None:
            self.steps.append(Named({name: None}))
        return OK

    def _fsynced(self, path: Path) -> None:
        name = self._name(str(path))
        if path == self._directory:
            self.steps.append(NamesSynced())
        elif name is not None and name in self._names:
            self.steps.append(Synced(self._names[name]))
        elif name is not None:
            self._whole(name, path.read_bytes())

    def _renamed(self, source: Path, target: Path) -> None:
        before, after = self._name(str(source)), self._name(str(target))
        if before in self._names and after is not None:
            self._names[after] = self._names.pop(before)
            self.steps.append(Named({before: None, after: self._names[after]}))

    def _whole(self, name: str, content: bytes) -> None:
        """A file whose content was written without anybody noticing."""
        file = self._new_file()
        self._give(name, file)
        self.steps += [Written(file, 0, content), Synced(file)]

    def _give(self, name: str, file: int) -> None:
        self._names[name] = file
        self.steps.append(Named({name: file}))

    def _new_file(self) -> int:
        self._files += 1
        return self._files

    def _name(self, path: str) -> str | None:
        return os.path.basename(path) if os.path.dirname(path) == str(self._directory) else None


def on_disk(steps: list[Step], chance: Random | None = None) -> dict[str, bytes]:
    """The files by name after these steps: all that was done, or, by chance, what a power cut left of it."""
    of_file: dict[int, list[Written | Truncated]] = defaultdict(list)
    safe: dict[int, int] = defaultdict(int)
    names: list[Named] = []
    safe_names = 0
    for step in steps:
        match step:
            case Written(file) | Truncated(file):
                of_file[file].append(step)
            case Synced(file):
                safe[file] = len(of_file[file])
            case Named():
                names.append(step)
            case NamesSynced():
                safe_names = len(names)
    there: dict[str, int | None] = {}
    for step in names[: ALL if chance is None else chance.randint(safe_names, len(names))]:
        there |= step.files
    return {
        name: _content(of_file[file], ALL if chance is None else safe[file], chance)
        for name, file in there.items()
        if file is not None
    }


def _content(done: list[Written | Truncated], safe: int, chance: Random | None) -> bytes:
    content = bytearray()
    for number, step in enumerate(done):
        if number >= safe and chance is not None and chance.random() < 0.5:
            if number == len(done) - 1 and isinstance(step, Written):
                _tear(content, step, chance)
            continue
        if isinstance(step, Truncated):
            del content[step.size_bytes :]
            content.extend(bytes(step.size_bytes - len(content)))
        else:
            _write(content, step.offset, step.content)
    return bytes(content)


def _write(content: bytearray, offset: int, written: bytes) -> None:
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(written)] = written


def _tear(content: bytearray, step: Written, chance: Random) -> None:
    """A part of it, up to the beginning of a sector, and noise in that sector, as far as it is within the file."""
    end = step.offset + len(step.content)
    cut = chance.randrange(step.offset, end) // SECTOR_BYTES * SECTOR_BYTES
    _write(content, step.offset, step.content[: max(0, cut - step.offset)])
    _write(content, cut, chance.randbytes(min(SECTOR_BYTES, end - cut)))
