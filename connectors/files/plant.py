"""The plant file."""

from __future__ import annotations

import tomllib
from pathlib import Path

from models.plant import Plant, parse_plant
from sipe.errors import UsageError


def read_plant(path: Path) -> Plant:
    """The plant that a TOML file describes; raises `UsageError` in one line that names file, table and key."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not TOML: {error}") from error
    try:
        return parse_plant(document)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error
