"""Files that are ours alone: secrets that are read, and directories whose content is trusted like code."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from sipe.errors import SipeError, UsageError

SECRET_BYTES_MAX = 4096
CONTAINER_SECRETS = Path("/run/secrets")
"""Where Docker mounts them, readable to every user of the container: there, the container is the border."""


def read_secret(path: Path, variable: str) -> str:
    """The one line in a file, without the newline that editors add.

    Raises `UsageError` that names the variable which named the file, and never shows what is in it: when it cannot be
    read, when every user of the machine could read it too, and when it is not one line of text.
    """
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:  # a pipe without a writer does not hang us
            status = os.fstat(file.fileno())
            content = file.read(SECRET_BYTES_MAX + 1) if stat.S_ISREG(status.st_mode) else b""
    except OSError as error:
        raise UsageError(f"{variable}: {path} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"{variable}: {path} is not a file")
    if status.st_mode & stat.S_IROTH and not _is_shut_in(path.resolve()):
        raise UsageError(f"{variable}: every user of this machine can read {path}; chmod 600 it")
    if len(content) > SECRET_BYTES_MAX:
        raise UsageError(f"{variable}: {path} is longer than {SECRET_BYTES_MAX} bytes: is it the right file?")
    try:
        text = content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise UsageError(f"{variable}: {path} is no text in UTF-8") from None
    if not text or not text.isprintable():
        raise UsageError(f"{variable}: {path} has to hold one line of text, without control characters")
    return text


def write_new(path: Path, content: bytes) -> None:
    """A file that was not there, readable by us alone, and on the disk when this returns; raises `OSError`."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_durably(path: Path, content: bytes) -> None:
    """Replace a file for good: its readers, and a power cut, see the old content or the new, readable by us alone."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    write_new(draft, content)
    draft.replace(path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Have on the disk which files there are; raises `OSError`."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def check_private_dir(path: Path) -> None:
    """Raise `SipeError` unless this is a directory, no link to one, that belongs to us and that nobody else can enter.

    Saved states are pickles: who can write one there runs code as us.
    """
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode) or not stat.S_ISDIR(status.st_mode):
        raise SipeError(f"{path} is not a directory of its own (a link?): saved states are not loaded from there")
    if status.st_uid != os.geteuid():
        raise SipeError(f"{path} belongs to user id {status.st_uid}, not to {os.geteuid()} who runs this: chown it")
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        mode = stat.S_IMODE(status.st_mode)
        raise SipeError(f"{path} has mode {mode:04o}, so others could plant a saved state: look, then chmod 700 it")


def check_own_dir(path: Path) -> None:
    """Raise `SipeError` when everybody could put files or links into this directory: we would write through them."""
    status = path.stat()
    if status.st_uid not in {os.geteuid(), 0}:
        raise SipeError(f"{path} belongs to user id {status.st_uid}, not to {os.geteuid()} who runs this: chown it")
    if status.st_mode & stat.S_IWOTH:
        raise SipeError(f"every user of this machine can write to {path}: chmod o-w it, or name another directory")


def _is_shut_in(path: Path) -> bool:
    """Whether a directory on the way keeps other users from a file that they could read."""
    if path.is_relative_to(CONTAINER_SECRETS):
        return True
    return any(not parent.stat().st_mode & stat.S_IXOTH for parent in path.parents)
