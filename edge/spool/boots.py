"""The count of a gateway's starts, in a file of its own: a damaged spool must not make it use numbers again."""

from __future__ import annotations

from pathlib import Path

from sipe.errors import SipeError
from sipe.private_files import replace_durably


def count_boot(path: Path) -> int:
    """Count a start for good; raises `SipeError` when that cannot be."""
    try:
        text = path.read_text(errors="replace").strip() if path.exists() else "0"
        if not (text.isascii() and text.isdecimal()):
            raise SipeError(
                f"{path} holds {text!r}: write the newest boot of this gateway's sources in the store into it"
            )
        boot = int(text) + 1
        replace_durably(path, f"{boot}\n".encode())
    except OSError as error:
        raise SipeError(f"a start cannot be counted in {path}: {error}") from error
    return boot
