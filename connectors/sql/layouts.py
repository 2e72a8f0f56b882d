"""Layouts of labels and engravings in the store: added, and never changed."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, select

from connectors.sql.schema.contracts import LAYOUTS
from connectors.sql.work import Work, canonical
from models.labels.layout import Layout, check_layout
from models.refusal import NotFound, Refused


def add(work: Work, layout: Layout) -> None:
    """A layout under a number that had none; raises `Refused`, and `LabelError` when it cannot work."""
    check_layout(layout)
    if work.one(select(LAYOUTS.c.number).where(LAYOUTS.c.number == layout.number)):
        raise Refused("exists", f"there is a layout {layout.number} already: the next revision has another number")
    row = {"number": layout.number, "kind": layout.kind, "template": canonical(layout.template)}
    work.run(LAYOUTS.insert().values(**row, created_by=work.who.identity, created_ms=work.now_ms))
    work.note("layout_added", f"layout/{layout.number}", after=layout)
    work.tell("layout_added", f"layout/{layout.number}")


def read(connection: Connection, number: str) -> Layout:
    """The layout under a number; raises `NotFound`."""
    if (found := known(connection, [number]).get(number)) is None:
        raise NotFound("layout", number)
    return found


def known(connection: Connection, numbers: Iterable[str]) -> dict[str, Layout]:
    """Those of some numbers that there are layouts for."""
    rows = connection.execute(select(LAYOUTS).where(LAYOUTS.c.number.in_(sorted(set(numbers)))))
    return {row.number: Layout(number=row.number, kind=row.kind, template=_template(row.template)) for row in rows}


def _template(body: str) -> dict[str, object]:
    return msgspec.json.decode(body, type=dict[str, object])
