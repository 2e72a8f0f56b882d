"""What SQLite does to its files, seen and refused from outside: its own functions, wrapped for all connections.

SQLite reaches its files through a table of functions, the VFS (https://www.sqlite.org/vfs.html), and through another
for each open file. This replaces entries of both in the library that Python has loaded, and puts them back.
"""

from __future__ import annotations

import ctypes
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

OK = sqlite3.SQLITE_OK
OPEN_CREATE = 0x4
OPEN_WAL = 0x80000

_POINTER = ctypes.c_void_p
_Open = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, _POINTER, _POINTER, ctypes.c_int, _POINTER)
_Delete = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, _POINTER, ctypes.c_int)
_Close = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER)
_Write = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, _POINTER, ctypes.c_int, ctypes.c_int64)
_Truncate = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, ctypes.c_int64)
_Sync = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, ctypes.c_int)


class _Vfs(ctypes.Structure):
    """The beginning of `sqlite3_vfs`."""

    _fields_ = (
        ("version", ctypes.c_int), ("file_bytes", ctypes.c_int), ("path_bytes_max", ctypes.c_int), ("next", _POINTER),
        ("name", ctypes.c_char_p), ("data", _POINTER), ("open", _POINTER), ("delete", _POINTER),
    )  # fmt: skip


class _Methods(ctypes.Structure):
    """`sqlite3_io_methods` of version 3."""

    _fields_ = (
        ("version", ctypes.c_int), ("close", _POINTER), ("read", _POINTER), ("write", _POINTER),
        ("truncate", _POINTER), ("sync", _POINTER), ("others", _POINTER * 13),
    )  # fmt: skip


class Watcher(Protocol):
    """What is told before SQLite does something to a file; a result other than `OK` is what SQLite gets instead."""

    def opened(self, file: int, path: str, flags: int) -> int:
        """`file` is what the others are about from now on."""

    def closed(self, file: int) -> None:
        """It will not be heard of again."""

    def written(self, file: int, offset: int, content: bytes) -> int:
        """Bytes at an offset."""

    def truncated(self, file: int, size_bytes: int) -> int:
        """A new length."""

    def synced(self, file: int) -> int:
        """What was written has to be on the disk."""

    def deleted(self, path: str) -> int:
        """A file is deleted."""


class _Wrapped(NamedTuple):
    """A table of an open file in our version, and what keeps its functions alive."""

    methods: _Methods
    functions: tuple[Any, ...]


def _library() -> Any:
    """The library that Python's module uses; None when it is built into Python and cannot be found."""
    sqlite3.connect(":memory:").close()
    for line in Path("/proc/self/maps").read_text().splitlines():
        if "/libsqlite3." in line:
            return ctypes.CDLL(line.split(maxsplit=5)[5])
    return None


def can_be_watched() -> bool:
    """Whether SQLite is a library of its own here."""
    return Path("/proc/self/maps").exists() and _library() is not None


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Tell a watcher of all that SQLite does to files that are opened from now on."""
    library = _library()
    library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    vfs = library.sqlite3_vfs_find(None).contents
    open_before, delete_before = vfs.open, vfs.delete
    really_open, really_delete = _Open(open_before), _Delete(delete_before)  # names stay where they are: more follows
    wrapped: dict[int, _Wrapped] = {}

    def opens(vfs: int, name: int | None, file: int, flags: int, out: int) -> int:
        result: int = really_open(vfs, name, file, flags, out)
        if result != OK or name is None:
            return result
        table = _POINTER.from_address(file)
        if table.value not in wrapped:
            wrapped[table.value or 0] = _wrap(table.value or 0, watcher)
        refused = watcher.opened(file, ctypes.string_at(name).decode(), flags)
        if refused != OK:
            _Close(_Methods.from_address(table.value or 0).close)(file)
            table.value = None
            return refused
        table.value = ctypes.addressof(wrapped[table.value or 0].methods)
        return OK

    def deletes(vfs: int, name: int, sync_directory: int) -> int:
        result: int = watcher.deleted(ctypes.string_at(name).decode()) or really_delete(vfs, name, sync_directory)
        return result

    functions = _Open(opens), _Delete(deletes)
    vfs.open, vfs.delete = (ctypes.cast(function, _POINTER).value for function in functions)
    try:
        yield
    finally:
        vfs.open, vfs.delete = open_before, delete_before
        _KEPT.extend([functions, wrapped])


_KEPT: list[object] = []
"""Files that are still open go on to call our functions."""


def _wrap(address: int, watcher: Watcher) -> _Wrapped:
    real = _Methods.from_address(address)
    mine = _Methods.from_buffer_copy(real)
    really_close, really_write = _Close(real.close), _Write(real.write)
    really_truncate, really_sync = _Truncate(real.truncate), _Sync(real.sync)

    def close(file: int) -> int:
        watcher.closed(file)
        result: int = really_close(file)
        return result

    def write(file: int, data: int, amount: int, offset: int) -> int:
        result: int = watcher.written(file, offset, ctypes.string_at(data, amount)) or really_write(
            file, data, amount, offset
        )
        return result

    def truncate(file: int, size_bytes: int) -> int:
        result: int = watcher.truncated(file, size_bytes) or really_truncate(file, size_bytes)
        return result

    def sync(file: int, flags: int) -> int:
        result: int = watcher.synced(file) or really_sync(file, flags)
        return result

    wraps: tuple[tuple[str, Any], ...] = (
        ("close", _Close(close)), ("write", _Write(write)), ("truncate", _Truncate(truncate)), ("sync", _Sync(sync)),
    )  # fmt: skip
    for name, function in wraps:
        setattr(mine, name, ctypes.cast(function, _POINTER).value)
    return _Wrapped(mine, tuple(function for _, function in wraps))
