"""What routes about labels take and answer, as structs.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from msgspec import Struct


class PageOfPayload(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[Payload, ...]
    next: str | None = None


class Payload(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a printer or a laser is sent; nothing where the sheet names a label that no layout is published for."""

    id: str
    layout: str
    kind: str | None
    payload: str | None
