"""Fields of a JSON document by their path, such as `unit.serial`."""

from __future__ import annotations

from typing import Any


def field_of(told: Any, path: str) -> Any:
    """What stands at a path; None where nothing does."""
    for name in path.split("."):
        if not isinstance(told, dict):
            return None
        told = told.get(name)
    return told
