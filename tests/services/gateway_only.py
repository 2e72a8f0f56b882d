"""Runs `sipe` as on a gateway: what its lock does not name cannot be imported.

python tests/services/gateway_only.py gateway --config gateway.toml
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements" / "gateway.txt"


class OnlyLocked:
    """Finds no module of a distribution that is not in the lock."""

    def __init__(self, lock: str) -> None:
        locked = {name.lower() for name in re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.MULTILINE)} | {"sipe"}
        self._others = {
            module
            for module, distributions in packages_distributions().items()
            if not locked & {name.lower() for name in distributions}
        }

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """None, so that others look; raises `ModuleNotFoundError` for what a gateway does not have."""
        del path, target
        if name.partition(".")[0] in self._others:
            raise ModuleNotFoundError(f"a gateway has no {name}", name=name)
        return None


if __name__ == "__main__":
    sys.path[0] = str(ROOT)
    sys.meta_path.insert(0, OnlyLocked(LOCK.read_text()))
    from sipe.cli import main

    sys.exit(main())
