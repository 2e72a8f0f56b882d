"""What secrets become before they are kept: passwords and PINs a slow hash, codes and tokens a fast one.

A password is guessed, so that each guess has to cost something: Argon2id. A token is drawn with more bits than anybody
can guess, so SHA-256 is enough, and what it becomes is found by an index: no comparison tells how much of it was right.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import unicodedata
from base64 import b32encode, urlsafe_b64encode
from collections.abc import Callable
from typing import NamedTuple

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

Draw = Callable[[int], bytes]
"""So many random bytes; `secrets.token_bytes`, but for tests."""


class Cost(NamedTuple):
    """What one guess costs."""

    passes: int
    memory_kib: int
    lanes: int


COST = Cost(passes=3, memory_kib=65_536, lanes=4)
"""The second recommendation of RFC 9106, section 4; when it grows, each hash is made anew at the next sign-in."""
AT_ONCE = 4
"""So many hashes are made at a time, and others wait: a crowd of strangers does not take the machine's memory."""
TOKEN_BYTES = 32
CODE_BYTES = 10
"""Sixteen characters that a person types; 80 bits, for a quarter of an hour."""

_MISREAD = str.maketrans("018", "OIB", "- \t\r\n")
"""Base32 has no 0, 1 or 8: whoever types one has misread a letter."""


class Secrets:
    """Makes and checks hashes, and draws tokens and codes. Threads may share it."""

    def __init__(self, cost: Cost = COST, draw: Draw = secrets.token_bytes) -> None:
        self._draw = draw
        self._hasher = PasswordHasher(cost.passes, cost.memory_kib, cost.lanes, type=Type.ID)
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._nobodys = self.hashed(draw(TOKEN_BYTES).hex())

    def hashed(self, secret: str) -> str:
        """What is kept of a password or a PIN: Argon2id, with its salt and its cost."""
        with self._turns:
            return self._hasher.hash(_prepared(secret), salt=self._draw(16))

    def fits(self, kept: str | None, secret: str) -> bool:
        """Whether a secret is the one that was kept; without one it takes as long, and is not."""
        try:
            with self._turns:
                right = self._hasher.verify(kept or self._nobodys, _prepared(secret))
        except (VerificationError, InvalidHashError):
            return False
        return right and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Whether a hash was made at another cost than today's."""
        return self._hasher.check_needs_rehash(kept)

    def token(self) -> str:
        """A secret for a machine."""
        return urlsafe_b64encode(self._draw(TOKEN_BYTES)).rstrip(b"=").decode()

    def code(self) -> str:
        """A secret that a person carries from one screen to another: XXXX-XXXX-XXXX-XXXX."""
        text = b32encode(self._draw(CODE_BYTES)).decode()
        return "-".join(text[at : at + 4] for at in range(0, len(text), 4))

    def name(self, prefix: str = "") -> str:
        """A name that says nothing about what it names."""
        return prefix + self._draw(16).hex()


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def digest_of_code(code: str) -> str:
    """What is kept of a code, however it was typed."""
    return digest(code.upper().translate(_MISREAD))


def digest_of_badge(badge: str) -> str:
    """What is kept of a badge's number; it can be tried out, so a badge is a name and never proves anything alone."""
    return digest(f"badge:{badge.strip()}")


def _prepared(secret: str) -> str:
    """One text for all ways to type it. Standard: NIST SP 800-63B, 3.1.1.2."""
    return unicodedata.normalize("NFKC", secret)
