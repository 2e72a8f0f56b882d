"""ClickHouse types as trees of layouts, each of which can go past a column of its type without decoding it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from connectors.embedded.clickhouse.errors import Code, ServerError
from connectors.embedded.clickhouse.wire import Reader

_DEPTH_MAX = 16
_TYPE_LENGTH_MAX = 1 << 20
"""An Enum16 may name 65,536 values."""


class Layout(Protocol):
    """How a column lies on the wire: first the prefixes of the whole tree, then the data."""

    def skip_prefix(self, reader: Reader) -> None:
        """Go past what stands once before the column."""

    def skip(self, reader: Reader, rows: int) -> None:
        """Go past so many rows."""


@dataclass(frozen=True)
class Fixed:
    """Every value takes the same number of bytes."""

    size: int

    def skip_prefix(self, reader: Reader) -> None:
        """Nothing stands before it."""

    def skip(self, reader: Reader, rows: int) -> None:
        """One multiplication."""
        reader.skip(self.size * rows)


@dataclass(frozen=True)
class Strings:
    """Every value follows its own length."""

    def skip_prefix(self, reader: Reader) -> None:
        """Nothing stands before it."""

    def skip(self, reader: Reader, rows: int) -> None:
        """From length to length."""
        reader.skip_strings(rows)


@dataclass(frozen=True)
class Nullable:
    """A byte per row that says whether it is null, then the values."""

    values: Layout

    def skip_prefix(self, reader: Reader) -> None:
        """The values' prefix."""
        self.values.skip_prefix(reader)

    def skip(self, reader: Reader, rows: int) -> None:
        """Null map, then values."""
        reader.skip(rows)
        self.values.skip(reader, rows)


@dataclass(frozen=True)
class Tuple:
    """One column after the other."""

    elements: tuple[Layout, ...]

    def skip_prefix(self, reader: Reader) -> None:
        """The prefixes of all elements."""
        for element in self.elements:
            element.skip_prefix(reader)

    def skip(self, reader: Reader, rows: int) -> None:
        """All elements."""
        for element in self.elements:
            element.skip(reader, rows)


@dataclass(frozen=True)
class Array:
    """For each row where its values end, then the values of all rows; a map is an array of pairs."""

    values: Layout

    def skip_prefix(self, reader: Reader) -> None:
        """The values' prefix."""
        self.values.skip_prefix(reader)

    def skip(self, reader: Reader, rows: int) -> None:
        """The last end is the number of values."""
        if rows:
            reader.skip(8 * (rows - 1))
            self.values.skip(reader, reader.uint64())


@dataclass(frozen=True)
class LowCardinality:
    """A dictionary of the block, and for each row an index of one to eight bytes into it."""

    dictionary: Layout

    def skip_prefix(self, reader: Reader) -> None:
        """The version of the serialization."""
        reader.skip(8)

    def skip(self, reader: Reader, rows: int) -> None:
        """Dictionary and indexes, each after its length."""
        if rows:
            index_type = reader.uint64() & 0xFF
            if index_type > 3:
                raise ServerError(Code.INCORRECT_DATA, f"LowCardinality with an index of unknown type {index_type}")
            self.dictionary.skip(reader, reader.uint64())
            reader.skip(reader.uint64() << index_type)


_INTERVAL_UNITS = ("Year", "Quarter", "Month", "Week", "Day", "Hour", "Minute", "Second")
_SIZES = {
    **dict.fromkeys(("UInt8", "Int8", "Bool", "Enum8", "Nothing"), 1),
    **dict.fromkeys(("UInt16", "Int16", "Enum16", "Date"), 2),
    **dict.fromkeys(("UInt32", "Int32", "Float32", "Date32", "DateTime", "IPv4", "Decimal32"), 4),
    **dict.fromkeys(("UInt64", "Int64", "Float64", "DateTime64", "Decimal64"), 8),
    **dict.fromkeys((f"Interval{unit}" for unit in _INTERVAL_UNITS), 8),
    **dict.fromkeys(("UInt128", "Int128", "UUID", "IPv6", "Decimal128"), 16),
    **dict.fromkeys(("UInt256", "Int256", "Decimal256"), 32),
}
_DECIMAL_SIZES = ((9, 4), (18, 8), (38, 16), (76, 32))
"""Up to so many digits take so many bytes."""

_TOKEN = re.compile(r"""(?P<quoted>'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`)|(?P<mark>[(),])|[^(),'`]+""", re.DOTALL)
_NAMED = re.compile(r"(?:`(?:[^`\\]|\\.)*`|[A-Za-z_]\w*)\s+(?P<type>\S.*)", re.DOTALL)


@lru_cache(maxsize=1024)
def layout_of(type_name: str) -> Layout:
    """The layout of a type by its full name; raises `ServerError` for one that this server does not take."""
    if len(type_name) > _TYPE_LENGTH_MAX:
        raise _unsupported(type_name)
    return _parse(type_name, depth=0)


def _parse(type_name: str, depth: int) -> Layout:
    if depth > _DEPTH_MAX:
        raise _unsupported(type_name)
    name, arguments = _split(type_name.strip())
    match name, arguments:
        case "String", []:
            return Strings()
        case "Nullable", [value]:
            return Nullable(_parse(value, depth + 1))
        case "Array", [value]:
            return Array(_parse(value, depth + 1))
        case "LowCardinality", [value]:
            return LowCardinality(_parse(_without_nullable(value), depth + 1))
        case "Map", [_, _]:
            return Array(_tuple_of(arguments, depth))
        case "Tuple", [_, *_]:
            return _tuple_of(arguments, depth)
        case "Nested", [_, *_]:
            return Array(_tuple_of(arguments, depth))
        case "SimpleAggregateFunction", [_, value]:
            return _parse(value, depth + 1)
    if size := _size_of(name, arguments):
        return Fixed(size)
    raise _unsupported(type_name)


def _size_of(name: str, arguments: list[str]) -> int | None:
    """The bytes that every value of a type takes, None when they differ or the type is unknown."""
    match name, arguments:
        case "FixedString", [length] if length.isdecimal():
            return int(length)
        case "Decimal", [precision, *_] if precision.isdecimal():
            return next((size for digits, size in _DECIMAL_SIZES if int(precision) <= digits), None)
    return _SIZES.get(name)


def _tuple_of(elements: list[str], depth: int) -> Tuple:
    types = (named["type"] if (named := _NAMED.fullmatch(element)) else element for element in elements)
    return Tuple(tuple(_parse(type_name, depth + 1) for type_name in types))


def _without_nullable(type_name: str) -> str:
    """A dictionary keeps null as a value of its own, so its values carry no null map."""
    name, arguments = _split(type_name)
    return arguments[0] if name == "Nullable" and len(arguments) == 1 else type_name


def _split(type_name: str) -> tuple[str, list[str]]:
    """`Map(String, Array(UInt8))` as `Map` and its two arguments."""
    name, parenthesis, rest = type_name.partition("(")
    if not parenthesis:
        return name, []
    arguments, argument, depth = list[str](), "", 1
    for token in _TOKEN.finditer(rest):
        text = token[0]
        if token["mark"]:
            depth += {"(": 1, ")": -1, ",": 0}[text]
            if depth == 0:
                if token.end() != len(rest):
                    break
                return name, [*arguments, argument.strip()]
            if depth == 1 and text == ",":
                arguments.append(argument.strip())
                argument = ""
                continue
        argument += text
    raise _unsupported(type_name)


def _unsupported(type_name: str) -> ServerError:
    shown = type_name if len(type_name) <= 200 else type_name[:200] + "..."
    return ServerError(Code.UNKNOWN_TYPE, f"Type {shown} is not supported by the embedded server")
