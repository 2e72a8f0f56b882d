"""The keys that access tokens are signed with: a private file with two of them, of which the newer one signs.

    signing-keys.json         [{"made_ms": ..., "private": "..."}], the newest last; Ed25519, base64url

A key is named by the first half of the SHA-256 of its public key. Tokens of the older key are good until it is dropped
by the next rotation: rotate twice, and whoever has a copy of either has nothing. Processes see a rotation at their next
token: they look at the file's time whenever they need a key.
"""

from __future__ import annotations

import hashlib
import os
import stat
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sipe.errors import SipeError, UsageError
from sipe.private_files import check_own_dir, sync_directory, write_new
from sipe.settings import Settings

FILE = "signing-keys.json"
LIVE = 2
BYTES_MAX = 4_096


class Key(NamedTuple):
    """A key and its name; as text it says no more than that."""

    id: str
    private: Ed25519PrivateKey
    made_ms: int

    @property
    def public(self) -> Ed25519PublicKey:
        """What its signatures are verified with."""
        return self.private.public_key()


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    made_ms: int
    private: str


class _Seen(NamedTuple):
    """Tells one state of the file from another."""

    inode: int
    changed_ns: int


class KeyRing:
    """The live keys in a directory."""

    def __init__(self, directory: Path, now_ms: int, *, may_create: bool) -> None:
        """Read them, or, where that is allowed and there are none, make the first; raises `SipeError`.

        Only the embedded stack may create: a server that came up without its keys and made new ones would sign
        everybody out, and a second one beside it would make others.
        """
        self._path = directory / FILE
        if not self._path.exists():
            if not may_create:
                raise UsageError(
                    f"{self._path} is missing: restore it, or where there never was one, `sipe keys init` makes it"
                )
            _create(self._path, now_ms)
        self._seen, self._keys = _read(self._path)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the live keys, the newest last."""
        return tuple(key.id for key in self.live)

    @property
    def newest(self) -> Key:
        """The key that signs."""
        return self.live[-1]

    def find(self, key_id: str) -> Key | None:
        """A live key by its name."""
        return next((key for key in self.live if key.id == key_id), None)

    @property
    def live(self) -> tuple[Key, ...]:
        """The live keys, the newest last."""
        if _seen(self._path) != self._seen:
            self._seen, self._keys = _read(self._path)
        return self._keys


def directory_of(settings: Settings) -> Path:
    """Where the keys are: where the settings say, else `keys` in the data directory."""
    return Path(settings.keys_dir) if settings.keys_dir else settings.data_dir / "keys"


def rotate(directory: Path, now_ms: int) -> tuple[str, ...]:
    """Add a key and drop all but the newest two, or make the first one; the names of the live keys, the newest last.

    Raises `SipeError`; a rotation that was cut off has changed nothing.
    """
    path = directory / FILE
    if not path.exists():
        _create(path, now_ms)
        return tuple(key.id for key in _read(path)[1])
    keys = (*_read(path)[1], Key("", Ed25519PrivateKey.generate(), now_ms))[-LIVE:]
    fresh = path.with_suffix(".new")
    try:
        write_new(fresh, _encoded(keys))
        fresh.replace(path)
        sync_directory(directory)
    except FileExistsError:
        raise SipeError(f"{fresh} is there: another rotation is under way, or was cut off: then delete it") from None
    except OSError as error:
        raise SipeError(f"{path} cannot be written: {error.strerror}") from error
    return tuple(key.id for key in _read(path)[1])


def _create(path: Path, now_ms: int) -> None:
    """The first key; of two processes at once one makes it, and both read the same."""
    fresh = path.with_name(f".{token_hex(8)}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_own_dir(path.parent)
        write_new(fresh, _encoded((Key("", Ed25519PrivateKey.generate(), now_ms),)))
        try:
            path.hardlink_to(fresh)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
        sync_directory(path.parent)
    except OSError as error:
        raise SipeError(f"{path} cannot be made: {error.strerror}") from error


def _encoded(keys: tuple[Key, ...]) -> bytes:
    kept = [_Kept(key.made_ms, urlsafe_b64encode(key.private.private_bytes_raw()).decode()) for key in keys]
    return msgspec.json.encode(kept) + b"\n"


def _read(path: Path) -> tuple[_Seen, tuple[Key, ...]]:
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            status = os.fstat(file.fileno())
            _check_private(path, status)
            content = file.read(BYTES_MAX + 1)
        kept = msgspec.json.decode(content, type=list[_Kept])
        keys = tuple(_key(one) for one in kept)
    except OSError as error:
        raise SipeError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError:  # and nothing of what it says: that is the keys
        raise SipeError(f"{path} is damaged: restore it") from None
    if not 1 <= len(keys) <= LIVE or len({key.id for key in keys}) < len(keys):
        raise SipeError(f"{path} is damaged: restore it")
    return _Seen(status.st_ino, status.st_mtime_ns), keys


def _check_private(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise SipeError(f"{path} is not a file")
    if status.st_uid != os.geteuid():
        raise SipeError(f"{path} belongs to user id {status.st_uid}, not to {os.geteuid()} who runs this: chown it")
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        mode = stat.S_IMODE(status.st_mode)
        raise SipeError(f"{path} has mode {mode:04o}, and who reads it can be anybody: rotate twice, then chmod 600 it")


def _key(kept: _Kept) -> Key:
    private = Ed25519PrivateKey.from_private_bytes(urlsafe_b64decode(kept.private))
    public = private.public_key().public_bytes_raw()
    return Key(hashlib.sha256(public).hexdigest()[:32], private, kept.made_ms)


def _seen(path: Path) -> _Seen:
    try:
        status = path.stat(follow_symlinks=False)
    except OSError as error:
        raise SipeError(f"{path} cannot be read: {error.strerror}") from error
    return _Seen(status.st_ino, status.st_mtime_ns)
