"""Texts with places for values, such as `Order {order}`. A value is text and stays it: nothing in it is looked at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta

Reason = Literal[
    "structure", "doubled", "placeholder", "brace", "outside", "too_long", "missing", "character", "gs1", "copies",
    "framing",
]  # fmt: skip
Values = Mapping[str, str]

PLACEHOLDERS = frozenset(
    {
        "customer", "date", "date_yymmdd", "gtin", "lot", "order", "product", "product_name", "quantity", "serial",
        "station",
    }
)  # fmt: skip
"""All that a template may ask for."""

Content = Annotated[str, Meta(min_length=1, max_length=400, description="A text with {placeholders}.")]
ItemId = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,47}$(?!\n)")]
Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,47}$(?!\n)")]

_PLACE = re.compile(r"\{([a-z_]+)\}")


class LabelError(ValueError):
    """A template that cannot work, or a value that it cannot take: the item or field, and what is wrong with it."""

    def __init__(self, reason: Reason, where: str, detail: str) -> None:
        super().__init__(f"{where}: {detail}")
        self.reason = reason
        self.where = where


def check_content(where: str, content: str) -> None:
    """Raise `LabelError` unless every brace belongs to a placeholder that there is."""
    for name in _PLACE.findall(content):
        if name not in PLACEHOLDERS:
            raise LabelError("placeholder", where, f"{{{name}}} is none of {', '.join(sorted(PLACEHOLDERS))}")
    if brace := re.search(r"[{}]", _PLACE.sub("", content)):
        raise LabelError("brace", where, f"a {brace[0]} that belongs to no placeholder")


def placeholders_of(content: str) -> list[str]:
    """The names that a content asks for."""
    return _PLACE.findall(content)


def fixed_of(content: str) -> str:
    """What stays of a content when its values are empty."""
    return _PLACE.sub("", content)


def fill(where: str, content: str, values: Values) -> str:
    """The content with its values, in one go: braces in a value are text. Raises `LabelError` when one is missing."""
    for name in placeholders_of(content):
        if not values.get(name):
            raise LabelError("missing", where, f"there is no {name}, or nothing in it")
    return _PLACE.sub(lambda place: values[place[1]], content)


def check_length(where: str, text: str, chars_max: int) -> None:
    """Raise `LabelError` unless there is a text, and not too much of it."""
    if not text:
        raise LabelError("missing", where, "nothing is left to mark")
    if len(text) > chars_max:
        raise LabelError("too_long", where, f"{len(text)} characters, at most {chars_max}")
