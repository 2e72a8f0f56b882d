"""A job for a laser marker: lines of text between characters that frame them, which no line holds.

Markers differ in the framing and in what they engrave, so both are data of the template. What a value may not hold is
refused and never replaced: a plate that says something else than the order is worth less than none.
"""

from __future__ import annotations

import re
from typing import Annotated

import msgspec
from msgspec import Meta

from models.labels.content import (
    Content,
    ItemId,
    LabelError,
    Name,
    Values,
    check_content,
    check_length,
    fill,
    fixed_of,
    placeholders_of,
)

_RANGE = re.compile(r"([A-Z])-([A-Z])|([a-z])-([a-z])|([0-9])-([0-9])")


class Framing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What begins a job, stands between its lines and ends it, such as STX, CR and ETX."""

    start: Annotated[str, Meta(max_length=8)] = ""
    separator: Annotated[str, Meta(min_length=1, max_length=8)]
    end: Annotated[str, Meta(min_length=1, max_length=8)]


class Mark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of a job."""

    id: ItemId
    content: Content
    chars_max: Annotated[int, Meta(ge=1, le=200)]


class Engraving(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version of a laser's template; `allowed` is written like A-Z0-9-/. and is all that a value may hold."""

    name: Name
    version: Annotated[int, Meta(ge=1)]
    framing: Framing
    allowed: Annotated[str, Meta(min_length=1, max_length=200)]
    marks: Annotated[tuple[Mark, ...], Meta(min_length=1, max_length=50)]


def engraving_of(given: object) -> Engraving:
    """A template from plain values, such as TOML and JSON give them; raises `LabelError`."""
    try:
        engraving = msgspec.convert(given, Engraving)
    except msgspec.ValidationError as error:
        raise LabelError("structure", "template", str(error)) from error
    framing = engraving.framing.start + engraving.framing.separator + engraving.framing.end
    if not framing.isascii():
        raise LabelError("framing", "framing", "only ASCII frames a job")
    if wrong := next((found[0] for found in _RANGE.finditer(engraving.allowed) if found[0][0] > found[0][2]), None):
        raise LabelError("structure", "allowed", f"{wrong} ends before it begins")
    for char in sorted(allowed_of(engraving)):
        if not " " <= char <= "~":
            raise LabelError("character", "allowed", f"{char!a} is no printable ASCII")
        if char in framing:
            raise LabelError("framing", "allowed", f"{char!a} frames the job, so no value may hold it")
    ids = [mark.id for mark in engraving.marks]
    for mark in engraving.marks:
        if ids.count(mark.id) > 1:
            raise LabelError("doubled", mark.id, "another mark has this id")
        _check_mark(mark, framing)
    return engraving


def job(engraving: Engraving, values: Values) -> str:
    """What the laser is sent; `lines_of` reads it. Raises `LabelError`, and then there is nothing to send."""
    allowed = allowed_of(engraving)
    lines = []
    for mark in engraving.marks:
        line = fill(mark.id, mark.content, values)
        for name in placeholders_of(mark.content):
            if wrong := next((char for char in values[name] if char not in allowed), None):
                raise LabelError("character", mark.id, f"{name} holds {wrong!a}, which this laser does not mark")
        check_length(mark.id, line, mark.chars_max)
        lines.append(line)
    framing = engraving.framing
    return framing.start + framing.separator.join(lines) + framing.end


def lines_of(text: str, framing: Framing) -> list[str]:
    """The lines of a job; raises `LabelError` when it is not framed like that."""
    framed = text.startswith(framing.start) and text.endswith(framing.end)
    if not framed or len(text) < len(framing.start) + len(framing.end):
        raise LabelError("framing", "job", "it does not begin or does not end as it has to")
    return text[len(framing.start) : len(text) - len(framing.end)].split(framing.separator)


def allowed_of(engraving: Engraving) -> frozenset[str]:
    """The characters that a value may hold: ranges of letters or of digits, and the rest one by one."""
    ranges = [range(ord(found[0][0]), ord(found[0][2]) + 1) for found in _RANGE.finditer(engraving.allowed)]
    spread = {chr(code) for codes in ranges for code in codes}
    return frozenset(spread | set(_RANGE.sub("", engraving.allowed)))


def _check_mark(mark: Mark, framing: str) -> None:
    check_content(mark.id, mark.content)
    fixed = fixed_of(mark.content)
    for char in fixed:
        if char in framing or not " " <= char <= "~":
            raise LabelError("character", mark.id, f"{char!a} frames the job, or is no printable ASCII")
    if len(fixed) > mark.chars_max:
        raise LabelError("too_long", mark.id, f"{len(fixed)} characters without a value, at most {mark.chars_max}")
