"""What cannot be had again from the store or the log, copied while it is in use, and put back.

A backup is a directory: a manifest, and a directory for each part: the flow's saved state, and the transactional store
when it is a file. A restored state may be older than what is stored: the flow reads again what came since, and writes
the same rows. A state of another version is left out, as it is rebuilt; orders are not.
"""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import msgspec

from connectors.sql import place
from pipelines.runtime.recovery import STATE_VERSION, epoch_dir, move_aside, ours_alone, state_dir
from sipe.clock import Clock, SystemClock
from sipe.errors import SipeError
from sipe.private_files import check_private_dir, write_new

FORMAT = 1
MANIFEST = "manifest.json"
MANIFEST_BYTES_MAX = 1_000_000

Report = Callable[[int, int], None]
"""Called with how many files are done, and of how many."""


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a backup; the path is within the backup."""

    path: str
    size_bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds, and what may read it."""

    format: int
    created_at: str
    sipe_version: str
    state_version: int
    log_epoch: int
    files: tuple[File, ...]


class Part(NamedTuple):
    """Something that is backed up: where its files are, which they are, and how one of them is copied."""

    name: str
    directory: Callable[[Path, int], Path]
    pattern: str
    copy: Callable[[Path, Path], None]


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a database as it is at one moment, while others write to it."""
    uri = f"{source.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as database, closing(sqlite3.connect(target)) as copy:
        database.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, that a digest can stand for


RECOVERY = "recovery"
PARTS: tuple[Part, ...] = (
    Part(RECOVERY, state_dir, r"part-[0-9]{1,4}\.sqlite3", copy_sqlite),
    Part("orders", lambda data_dir, _: place.directory_of(data_dir), re.escape(place.FILE), copy_sqlite),
)


def back_up(
    data_dir: Path, epoch: int, target: Path, *, report: Report | None = None, clock: Clock | None = None
) -> Manifest:
    """Copy every part into a new directory; raises `SipeError` when there is nothing to copy, or no room."""
    sources = [(part, path) for part in PARTS for path in _files(part, part.directory(data_dir, epoch))]
    if not sources:
        raise SipeError(f"{state_dir(data_dir, epoch)} holds no saved state of this program: has a flow run there?")
    draft = target.with_name(f"{target.name}.new")
    try:
        if target.exists() or draft.exists():
            raise SipeError(f"{target} is there already, or {draft.name} beside it: name a new directory")
        draft.mkdir(mode=0o700, parents=True)
        files = []
        for done, (part, source) in enumerate(sources, 1):
            (draft / part.name).mkdir(mode=0o700, exist_ok=True)
            copy = draft / part.name / source.name
            os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            part.copy(source, copy)
            files.append(_described(copy, draft))
            if report:
                report(done, len(sources))
        at = datetime.fromtimestamp((clock or SystemClock()).now_ms() / 1000, UTC)
        manifest = Manifest(
            format=FORMAT,
            created_at=at.isoformat(timespec="seconds"),
            sipe_version=version("sipe"),
            state_version=STATE_VERSION,
            log_epoch=epoch,
            files=tuple(files),
        )
        write_new(draft / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
        draft.rename(target)
    except (OSError, sqlite3.Error) as error:
        raise SipeError(f"cannot back up into {target} ({error}): nothing else was changed; {draft} may go") from error
    return manifest


def put_back(source: Path, data_dir: Path, *, force: bool = False, report: Report | None = None) -> Manifest:
    """Put every part of a backup back; what is there already is refused, or with `force` set aside.

    Raises `SipeError` also when a file is not what the manifest says, and while a flow uses what would be replaced.
    """
    manifest = _read_manifest(source)
    check_private_dir(source)
    may_be_loaded = _files_to_restore(source, manifest)
    files = [(_directory_of(source, file, data_dir, manifest.log_epoch), file) for file in may_be_loaded]
    directory = epoch_dir(data_dir, manifest.log_epoch)
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_private_dir(directory)
        with ours_alone(directory), place.alone(data_dir):
            _put_back(source, files, force=force, report=report)
    except OSError as error:
        raise SipeError(f"cannot restore into {data_dir} ({error}): check the disk and the rights") from error
    return manifest


def _put_back(source: Path, files: list[tuple[Path, File]], *, force: bool, report: Report | None) -> None:
    for directory in {directory for directory, _ in files}:
        if _holds_something(directory) and not force:
            raise SipeError(f"{directory} is there already: `--force` sets it aside and restores the backup")
    with ExitStack() as drafts:
        made: dict[Path, Path] = {}
        for done, (directory, file) in enumerate(files, 1):
            if directory not in made:
                draft = tempfile.TemporaryDirectory(dir=directory.parent, prefix=f"{directory.name}.restored-")
                made[directory] = Path(drafts.enter_context(draft)) / directory.name
                made[directory].mkdir(mode=0o700)
            _copy_checked(source / file.path, made[directory] / Path(file.path).name, file)
            if report:
                report(done, len(files))
        for directory, draft_path in made.items():
            if _holds_something(directory):
                move_aside(directory)
            elif directory.exists():
                directory.rmdir()
            draft_path.rename(directory)


def _holds_something(directory: Path) -> bool:
    return directory.exists() and any(directory.iterdir())


def _copy_checked(source: Path, target: Path, file: File) -> None:
    content = source.read_bytes()
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise SipeError(f"{source} is not what was backed up: its digest is another one")
    write_new(target, content)


def _read_manifest(source: Path) -> Manifest:
    path = source / MANIFEST
    try:
        with path.open("rb") as file:
            manifest = msgspec.json.decode(file.read(MANIFEST_BYTES_MAX), type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise SipeError(f"{path} is not the manifest of a backup ({error}): name the directory of one") from error
    if manifest.format != FORMAT:
        raise SipeError(f"{path} is of format {manifest.format}, this program reads {FORMAT}")
    return manifest


def _files_to_restore(source: Path, manifest: Manifest) -> list[File]:
    """All but a state that this program cannot load; raises `SipeError` when nothing is left."""
    if manifest.state_version == STATE_VERSION:
        return list(manifest.files)
    others = [file for file in manifest.files if not file.path.startswith(f"{RECOVERY}/")]
    if not others:
        raise SipeError(
            f"{source} holds a state of version {manifest.state_version}, this program knows {STATE_VERSION}: "
            "restore it with the program that made it, or restore nothing: the state is rebuilt from the archive"
        )
    return others


def _directory_of(source: Path, file: File, data_dir: Path, epoch: int) -> Path:
    """Where a file belongs. It will be loaded like code: its name has to be one of ours."""
    for part in PARTS:
        if re.fullmatch(f"{part.name}/{part.pattern}", file.path):
            return part.directory(data_dir, epoch)
    raise SipeError(f"{source / MANIFEST} names {file.path!r}, which no backup of this program holds")


def _files(part: Part, directory: Path) -> Iterator[Path]:
    if directory.is_dir():
        yield from sorted(path for path in directory.iterdir() if re.fullmatch(part.pattern, path.name))


def _described(path: Path, base: Path) -> File:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return File(path=path.relative_to(base).as_posix(), size_bytes=path.stat().st_size, sha256=digest)
