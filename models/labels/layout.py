"""Layouts: a label's or an engraving's template under the number that sheets refer to, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from models.labels.content import LabelError, Values, placeholders_of
from models.labels.laser import Engraving, engraving_of, job
from models.labels.template import Box, Line, Template, template_of
from models.labels.zpl import COPIES_MAX, zpl
from models.refusal import Refused

LayoutNumber = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$(?!\n)", description="Of its drawing.")]
Copies = Annotated[int, Meta(ge=1, le=COPIES_MAX)]

OF_THE_UNIT = frozenset({"serial", "date", "date_yymmdd"})
"""What a layout may ask for that differs from unit to unit."""


class Layout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a drawing number stands for. It never changes: the next revision has a number of its own."""

    number: LayoutNumber
    kind: Literal["zpl", "laser"]
    template: dict[str, Any]
    """Of `models.labels.template` or `models.labels.laser`."""


def check_layout(layout: Layout) -> None:
    """Raise `LabelError` unless it can be printed or marked."""
    _read(layout)


def asked_by(layout: Layout) -> frozenset[str]:
    """The values that it takes."""
    read = _read(layout)
    items = read.items if isinstance(read, Template) else read.marks
    contents = [item.content for item in items if not isinstance(item, Line | Box)]
    return frozenset(name for content in contents for name in placeholders_of(content))


def payload(layout: Layout, values: Values, copies: int = 1) -> str:
    """What the printer or the laser is sent; raises `Refused`, and then there is nothing to send."""
    try:
        read = _read(layout)
        return zpl(read, values, copies) if isinstance(read, Template) else job(read, values)
    except LabelError as error:
        raise Refused("label", f"{layout.number} cannot be made: {error}") from error


def of_unit(serial: str, date: str) -> Mapping[str, str]:
    """The values of one unit; the date is ISO's, of the day on which it is marked."""
    return {"serial": serial, "date": date, "date_yymmdd": date[2:].replace("-", "")}


def _read(layout: Layout) -> Template | Engraving:
    return template_of(layout.template) if layout.kind == "zpl" else engraving_of(layout.template)
