"""Shapes that several routes share: names in paths, and what a definition that cannot work becomes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Annotated, TypeVar

from msgspec import Meta

from api.http.problems import HttpRefused
from api.http.route import Write
from connectors.sql import orders, units
from models.identity import Scope
from sipe.contracts import fields

T = TypeVar("T")

DocumentName = fields.DocumentName
Display = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]{1,128}$(?!\n)", description="What people read for it.")]
LinePath = Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,32}(\.[a-z0-9-]{1,32}){2}$(?!\n)", description="site.area.line")]
Limit = Annotated[int, Meta(ge=1, le=200, description="How many on a page.")]
Version = Annotated[int, Meta(ge=1, le=1_000_000, description="Versions count up from 1.")]
SetupId = Annotated[int, Meta(ge=1, le=2**53)]
Qty = Annotated[int, Meta(ge=1, le=1_000_000, description="Units.")]
HIDDEN = {"format": "password"}
"""For the schema of a secret: forms and programs that know it do not show it."""
OwnSecret = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        description="Password or PIN, once more: the signature.",
        extra_json_schema=HIDDEN,
    ),
]
Reason = Annotated[str, Meta(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)", description="Why, in a sentence.")]
SerialText = Annotated[str, Meta(min_length=1, max_length=64, description="A serial; what is none is refused.")]


def defined(make: Callable[..., T], given: object) -> T:
    """A template, workflow or routing from what was sent; raises `HttpRefused` when it cannot work."""
    try:
        return make(given)
    except ValueError as error:
        raise HttpRefused(HTTPStatus.UNPROCESSABLE_ENTITY, "cannot_work", str(error)) from error


def refuse_other_lines(call: Write, scope: Scope, serials: Iterable[str]) -> None:
    """Raise `Forbidden` unless whoever asks may do it on the line of each unit; raises `NotFound`."""
    for number in sorted({units.read(call.work.connection, serial).order for serial in serials}):
        call.principal.check(scope, line=orders.read(call.work.connection, number).line)
