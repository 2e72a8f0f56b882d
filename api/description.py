"""Writes what others read of the declared routes: the OpenAPI description and page in `docs`, and the typed client.

    python -m api.description

The files are committed; a test fails when they are not what this module would write.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from api import python_client, reference
from api.app import all_routes, openapi

ROOT = Path(__file__).resolve().parents[1]
OPENAPI = Path("docs/api/openapi.json")
PAGE = Path("docs/api.md")


def files() -> dict[Path, str]:
    """Every generated file, by its path in the repository."""
    description = openapi()
    text = msgspec.json.format(msgspec.json.encode(description), indent=2).decode() + "\n"
    return {OPENAPI: text, PAGE: reference.markdown(all_routes()), **python_client.files(description)}


def main() -> None:
    """Write every file anew."""
    for path, text in files().items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
