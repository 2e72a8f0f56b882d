"""The mapping file of an interval log: which column means what. `examples/production-log.toml` explains each key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, get_args

import msgspec
from msgspec import Meta, Struct

from connectors.files.local_time import LocalTime
from sipe.contracts.fields import State, Text
from sipe.errors import UsageError

Column = Annotated[str, Meta(min_length=1)]
Delimiter = Annotated[str, Meta(pattern=r"^[,;|\t]$(?!\n)")]
Segment = Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,32}$(?!\n)")]


class FileTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[file]`: the form of the CSV."""

    delimiter: Delimiter = ","


class TimeTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[time]`: how the file writes a time, and the zone of a time that names none."""

    zone: str
    format: str | None = None

    def __post_init__(self) -> None:
        try:
            reading = LocalTime.of(self.zone, self.format)
        except ValueError as error:
            raise ValueError(f"zone: {error}") from error
        if self.format is not None and not reading.holds_minutes():
            raise ValueError(f"format: {self.format!r} does not hold year, month, day, hour and minute")

    @property
    def reading(self) -> LocalTime:
        """What reads the file's times."""
        return LocalTime.of(self.zone, self.format)


class StationTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[station]`: the column with the station's name, and where the stations stand (ISA-95)."""

    column: Column
    site: Segment
    area: Segment
    line: Segment


class ColumnsTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[columns]`: where state, time and work are written."""

    state: Column
    start: Column
    end: Column
    order: Column | None = None
    product: Column | None = None
    step: Column | None = None
    reason: Column | None = None

    def __post_init__(self) -> None:
        if self.start == self.end:
            raise ValueError(f"end: the same column as start, {self.start!r}")


class ReworkWhen(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[quantities] rework_when`: the column that marks a row as rework; any other value is a mistake in the log."""

    column: Column
    yes: Annotated[tuple[str, ...], Meta(min_length=1)]
    no: tuple[str, ...] = ("",)

    def __post_init__(self) -> None:
        if both := set(self.yes) & set(self.no):
            raise ValueError(f"no: {min(both)!r} stands under yes too")


class QuantitiesTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[quantities]`: either `completed`, the scrapped pieces among them, or `good` and `rework` counted apart."""

    completed: Column | None = None
    good: Column | None = None
    scrap: Column | None = None
    rework: Column | None = None
    rework_when: ReworkWhen | None = None

    def __post_init__(self) -> None:
        if self.completed and (self.good or self.rework):
            raise ValueError("completed: excludes good and rework, it is their sum")
        if self.rework_when and not self.completed:
            raise ValueError("rework_when: needs completed, it says what those pieces are")


class StandardsTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[standards]`: the CSV of standard times; a relative path starts at the mapping file's folder."""

    file: Path


class LogMapping(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to read one kind of interval log."""

    convention: Text
    time: TimeTable
    station: StationTable
    columns: ColumnsTable
    states: Annotated[Mapping[str, State], Meta(min_length=1)]
    file: FileTable = FileTable()
    quantities: QuantitiesTable = QuantitiesTable()
    standards: StandardsTable | None = None

    def __post_init__(self) -> None:
        if self.standards and not (self.columns.product and self.columns.step):
            raise ValueError("[standards] file: needs [columns] product and step, to which standard times belong")

    def columns_by_key(self) -> Iterator[tuple[str, str]]:
        """Every column that the log must have, with the table and key that ask for it."""
        for table in ("columns", "quantities"):
            for key, column in msgspec.structs.asdict(getattr(self, table)).items():
                if isinstance(column, str):
                    yield f"[{table}] {key}", column
        yield "[station] column", self.station.column
        if flag := self.quantities.rework_when:
            yield "[quantities] rework_when.column", flag.column


def load_mapping(path: Path) -> LogMapping:
    """A mapping without mistakes; raises `UsageError`, one line that names the file, the table and the key."""
    try:
        tables = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise UsageError(f"{path}: cannot read the mapping: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: the mapping is not UTF-8 (byte {error.start + 1})") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not TOML: {error}") from error

    def beside_the_mapping(_type: type, text: object) -> Path:
        if not isinstance(text, str) or not text:
            raise ValueError(f"Expected the path of a file, got {text!r}")
        return path.parent / text

    try:
        return msgspec.convert(tables, LogMapping, dec_hook=beside_the_mapping)
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: {_explain(str(error), tables)}") from error


_PLACE = re.compile(r"(?P<what>.*?)(?: - at `\$\.(?P<table>[^.`[]+)(?:[.[](?P<key>[^`]+))?`)?", re.DOTALL)
_WORDS = (
    (re.compile(r"Object missing required field `(.*)`"), r"\1: missing"),
    (re.compile(r"Object contains unknown field `(.*)`"), r"\1: no such key"),
    (re.compile(r"Invalid enum value (.*)"), rf"\1 is no state; the states are {', '.join(get_args(State))}"),
    (re.compile(r"Expected `object` of length >= 1"), "names no code"),
    (re.compile(r"Expected `str` matching regex '\^\[a-z.*"), "not 1 to 32 of a to z, 0 to 9 and hyphens"),
    (re.compile(r"Expected `str` matching regex '\^\[,.*"), "not a comma, semicolon, bar or tab"),
    (re.compile(r"Expected `str` matching regex .*"), "not one line of at most 500 characters"),
)


def _explain(message: str, tables: dict[str, Any]) -> str:
    """`[table] key: what is wrong`, from msgspec's message; what a table says of itself begins with the key."""
    place = _PLACE.fullmatch(message)
    what, table, key = place.group("what", "table", "key") if place else (message, None, None)
    for pattern, words in _WORDS:
        what = pattern.sub(words, what)
    if table is None:
        return what
    if not isinstance(tables[table], dict):
        return f"{table}: {what}"
    if table == "states" and key:  # msgspec does not say which code it was
        key = repr(next(code for code, state in tables[table].items() if state not in get_args(State)))
    return f"[{table}] {key}: {what}" if key else f"[{table}] {what}"
