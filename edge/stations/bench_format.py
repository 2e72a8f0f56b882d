"""What a test bench says, as data of the station's table and no code: which column, key or field is what.

[station.bench]
format = "delimited"     # 12;WA000001;U1;229.8;V;PASS
columns = ["position", "serial", "test", "value", "unit", "verdict"]

format = "key-value"     # SN=WA000001;ERR=0,12;RES=OK
fields = { SN = "serial", ERR = "error_percent", RES = "verdict" }

format = "json"          # {"run": 7, "units": [{"sn": "WA000001", "u": 229.8, "ok": true}]}
each = "units"
fields = { run = "cycle", sn = "serial", u = "voltage", ok = "verdict" }

The words of `WORDS` mean what they say; any other one is the name of a test, and its value stands there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from edge.channels.settings import SpanMs
from edge.stations.json_fields import field_of

WORDS = frozenset({"serial", "test", "value", "unit", "verdict", "position", "cycle", "cycle_ms", "id"})
NO_FORMAT, NO_SERIAL, BAD_VALUE = "format", "no-serial", "bad-value"
"""Why a record is none: it is not in the format; it names no unit; a value of it is no number."""
VALUE_MAX = 1e15
ITEMS_MAX = 1_000

Word = Annotated[str, Meta(max_length=64)]
Separator = Annotated[str, Meta(min_length=1, max_length=8)]
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,64}")


class Unreadable(Exception):
    """A record that is none; `reason` is a word that can be counted."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Value(Struct, frozen=True):
    """A measured value."""

    test: str
    value: float
    unit: str = ""


class Record(Struct, frozen=True, kw_only=True):
    """What one line, or one item of a message, says of one unit; empty where it says nothing."""

    serial: str
    values: tuple[Value, ...] = ()
    passed: bool | None = None
    verdict: str = ""
    """In the bench's own words."""
    position: str = ""
    cycle: str = ""
    cycle_ms: int = 0
    number: str = ""


class _Format(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="format"):
    passes: tuple[Word, ...] = ("pass", "passed", "ok", "good", "p", "1", "true")
    """What a verdict has to say, in small or capital letters; anything else is a failure."""
    units: dict[Word, Word] = {}
    """The units of tests that have a column, key or field of their own."""
    decimal_comma: bool = False
    complete: Literal["record", "verdict", "pause"] = "record"
    """When all is said of a unit: with each line or message; with its verdict; or after a pause."""
    pause_ms: SpanMs = 2_000


class Delimited(_Format, frozen=True, kw_only=True, tag="delimited"):
    """Lines with columns; those that are named "" are left out."""

    columns: Annotated[tuple[Word, ...], Meta(min_length=1, max_length=200)]
    separator: Separator = ";"
    comment: Separator = "#"
    """Lines that begin so say nothing."""


class KeyValue(_Format, frozen=True, kw_only=True, tag="key-value"):
    """Lines of keys and values; other keys than these are left out."""

    fields: Annotated[dict[Word, Word], Meta(min_length=1, max_length=200)]
    separator: Separator = ";"
    assign: Separator = "="


class Json(_Format, frozen=True, kw_only=True, tag="json"):
    """Messages, or lines, of JSON; `fields` are paths such as `unit.serial`, others are left out."""

    fields: Annotated[dict[Annotated[str, Meta(max_length=200)], Word], Meta(min_length=1, max_length=200)]
    each: Annotated[str, Meta(max_length=200)] = ""
    """The path of a list whose items speak of a unit, or of a value, each; what they lack stands beside the list."""


Format = Delimited | KeyValue | Json


def records_of(text: str, asked: Format) -> Iterator[Record | Unreadable]:
    """What a line or message says, record by record."""
    try:
        for told in _told(text, asked):
            try:
                yield _record(told, asked)
            except Unreadable as error:
                yield error
    except Unreadable as error:
        yield error


def _told(text: str, asked: Format) -> Iterator[dict[str, Any]]:
    if isinstance(asked, Json):
        yield from _of_json(text, asked)
        return
    for line in text.splitlines():
        if isinstance(asked, KeyValue):
            pairs = (part.partition(asked.assign) for part in line.split(asked.separator))
            found = {asked.fields[key.strip()]: value for key, _, value in pairs if key.strip() in asked.fields}
            if not found and line.strip():
                raise Unreadable(NO_FORMAT, "none of its keys stand in this line")
            yield found
        elif line.strip() and not line.startswith(asked.comment):
            cells = line.split(asked.separator)
            if len(cells) != len(asked.columns):
                raise Unreadable(NO_FORMAT, f"a line has {len(cells)} columns, and not {len(asked.columns)}")
            yield dict(zip(asked.columns, cells, strict=True))


def _of_json(text: str, asked: Json) -> Iterator[dict[str, Any]]:
    try:
        whole = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise Unreadable(NO_FORMAT, f"this is no JSON: {error}") from error
    items = field_of(whole, asked.each) if asked.each else [whole]
    if not isinstance(items, list) or len(items) > ITEMS_MAX:
        raise Unreadable(NO_FORMAT, f"there is no list of at most {ITEMS_MAX} items at {asked.each}")
    for item in items:
        told = {word: field_of(item, path) for path, word in asked.fields.items()}
        beside = {word: field_of(whole, path) for path, word in asked.fields.items()}
        yield {word: beside[word] if value is None else value for word, value in told.items()}


def _record(told: Mapping[str, Any], asked: Format) -> Record:
    words = {word: _text(value) for word, value in told.items() if word}
    if not _NAME.fullmatch(words.get("serial", "")):
        raise Unreadable(NO_SERIAL, "a record names no unit")
    verdict = words.get("verdict", "")[:64]
    took = words.get("cycle_ms", "")
    return Record(
        serial=words["serial"],
        values=tuple(_values(words, asked)),
        passed=verdict.lower() in {one.lower() for one in asked.passes} if verdict else None,
        verdict=verdict,
        position=words.get("position", "")[:64],
        cycle=words.get("cycle", "")[:64],
        cycle_ms=round(_number("cycle_ms", took, asked)) if took else 0,
        number=words.get("id", "")[:200],
    )


def _values(words: Mapping[str, str], asked: Format) -> Iterator[Value]:
    if words.get("test") and words.get("value"):
        name = words["test"]
        yield Value(name, _number(name, words["value"], asked), words.get("unit", "") or asked.units.get(name, ""))
    for name, text in words.items():
        if name not in WORDS and text:
            yield Value(name, _number(name, text, asked), asked.units.get(name, ""))


def _number(name: str, text: str, asked: Format) -> float:
    try:
        value = float(text.replace(",", ".") if asked.decimal_comma else text)
    except ValueError:
        value = math.nan
    if not _NAME.fullmatch(name) or not abs(value) <= VALUE_MAX:
        raise Unreadable(BAD_VALUE, f"{name[:64]!r} is {text[:64]!r}, and no number")
    return value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else "".join(char for char in str(value).strip() if char.isprintable())
