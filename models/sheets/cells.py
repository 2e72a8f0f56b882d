"""What a single value has to be like, in a field or in a column of a table."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from models.sheets.fields import Cell, Choice, Number, Reference, Text

Code = Literal[
    "unknown", "missing", "not_asked_for", "type", "too_low", "too_high", "decimals", "too_long", "pattern", "choice",
    "file", "media", "too_big", "rows_min", "rows_max", "key_doubled",
]  # fmt: skip

REFERENCE_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}"


class Problem(NamedTuple):
    """What is wrong, and where: `field`, or `field[row].column`, rows counted from 0."""

    path: str
    code: Code
    detail: str


def cell_problems(field: Cell, path: str, value: object) -> Iterator[Problem]:
    """What is wrong with the value of a field that is neither a table nor a file."""
    match field:
        case Number():
            yield from _of_number(field, path, value)
        case _ if not isinstance(value, str):
            yield Problem(path, "type", "it has to be text")
        case Text():
            if len(value) > field.chars_max:
                yield Problem(path, "too_long", f"{len(value)} characters, at most {field.chars_max}")
            elif not is_a_line(value) or (field.pattern and not re.fullmatch(field.pattern, value)):
                yield Problem(path, "pattern", f"it has to be like {field.pattern or 'a line of text'}")
        case Choice():
            if value not in {option.value for option in field.options}:
                yield Problem(path, "choice", f"it is none of {', '.join(option.value for option in field.options)}")
        case Reference():
            if not re.fullmatch(REFERENCE_PATTERN, value):
                yield Problem(path, "pattern", f"it is no number of a {field.to}")


def _of_number(field: Number, path: str, value: object) -> Iterator[Problem]:
    is_number = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    if isinstance(value, bool) or not isinstance(value, int | float) or not is_number:
        yield Problem(path, "type", "it has to be a number")
    elif value < field.low:
        yield Problem(path, "too_low", f"{_text(value)} {field.unit} is below {_text(field.low)}")
    elif value > field.high:
        yield Problem(path, "too_high", f"{_text(value)} {field.unit} is above {_text(field.high)}")
    elif round(value, field.decimals) != value:
        yield Problem(path, "decimals", f"more than {field.decimals} decimals")


def is_a_line(text: str) -> bool:
    """Whether people can read all of it: no control character, no line break, no half of a character."""
    return text.replace("\u00a0", " ").isprintable()


def shown(name: str) -> str:
    """A name that somebody sent, short, and without anything that a terminal would obey."""
    return "".join(char if char.isprintable() else "�" for char in name[:48])


def _text(number: float) -> str:
    """All its digits, but not hundreds of them."""
    return f"{number:g}" if isinstance(number, float) and number.is_integer() else str(number)[:40]
