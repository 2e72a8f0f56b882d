"""Names of stations, as people write them, made into segments of a station's path."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

SLUG_CHARS_MAX = 32
_DIGEST_CHARS = 8


def slug_of(name: str) -> str:
    """The name in `[a-z0-9-]`, as long as it comes out: accents dropped, all else a hyphen."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def slugs_of(names: Iterable[str]) -> dict[str, str]:
    """One slug of at most 32 characters for each distinct name, whatever the order of the names.

    A slug that is empty, too long or shared by several names ends in a digest of its name, for each of them: were the
    first to keep the plain slug, the order of the rows would decide who that is. Raises `ValueError` when even the
    digests meet.
    """
    plain = {name: slug_of(name) for name in names}
    uses = Counter(plain.values())
    slugs = {
        name: slug if 0 < len(slug) <= SLUG_CHARS_MAX and uses[slug] == 1 else _with_digest(slug, name)
        for name, slug in plain.items()
    }
    names_by_slug: dict[str, str] = {}
    for name, slug in slugs.items():
        if (other := names_by_slug.setdefault(slug, name)) != name:
            raise ValueError(f"{name!r} and {other!r} both become {slug!r}; rename one")
    return slugs


def _with_digest(slug: str, name: str) -> str:
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST_CHARS]
    head = slug[: SLUG_CHARS_MAX - _DIGEST_CHARS - 1].strip("-") or "station"
    return f"{head}-{digest}"
