"""The count of a gateway's starts, in two files of its own: no damage makes it use numbers again."""

from __future__ import annotations

from pathlib import Path

from sipe.errors import SipeError
from sipe.private_files import replace_durably

COPIES = ("boot", "boot.copy")


def count_boot(directory: Path, known: int) -> int:
    """Count a start for good; `known` is a boot that was used, for when neither copy can be read.

    Raises `SipeError` when it cannot be counted, and when nobody knows where it stood.
    """
    paths = [directory / name for name in COPIES]
    try:
        texts = [path.read_text(errors="replace").strip() for path in paths if path.exists()]
        counts = [int(text) for text in texts if text.isascii() and text.isdecimal()]
        if texts and not counts and not known:
            raise SipeError(
                f"{paths[0]} holds {texts[0]!r}: write the newest boot of this gateway's sources in the store into it"
            )
        boot = max(counts or [known]) + 1
        for path in paths:
            replace_durably(path, f"{boot}\n".encode())
    except (OSError, ValueError) as error:
        raise SipeError(f"a start cannot be counted in {paths[0]}: {error}") from error
    return boot
