"""A label's template: its size, and what is placed where. All of it is on the label, however long the values get."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from models.barcodes import BarcodeError, Element, gs1_element_string
from models.gs1 import AIS
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
from models.sheets.cells import is_a_line

Correction = Literal["L", "M", "Q", "H"]
Mm = Annotated[float, Meta(ge=0, le=1_000, description="Millimetres.")]
Dots = Annotated[int, Meta(ge=1, le=10, description="Dots of the printer.")]

DATA_MATRIX_CODEWORDS = {
    10: 3, 12: 5, 14: 8, 16: 12, 18: 18, 20: 22, 22: 30, 24: 36, 26: 44, 32: 62, 36: 86, 40: 114, 44: 144, 48: 174,
    52: 204, 64: 280, 72: 368, 80: 456, 88: 576, 96: 696, 104: 816, 120: 1050, 132: 1304, 144: 1558,
}  # fmt: skip
"""Data codewords by modules on a side: ISO/IEC 16022, square symbols of ECC 200."""

QR_BYTES: dict[Correction, tuple[int, ...]] = {
    "L": (17, 32, 53, 78, 106, 134, 154, 192, 230, 271),
    "M": (14, 26, 42, 62, 84, 106, 122, 152, 180, 213),
    "Q": (11, 20, 32, 46, 60, 74, 86, 108, 130, 151),
    "H": (7, 14, 24, 34, 44, 58, 64, 84, 98, 119),
}
"""Bytes that versions 1 to 10 hold: ISO/IEC 18004."""


class _Item(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True):
    id: ItemId
    x_mm: Mm
    y_mm: Mm


class Text(_Item, frozen=True, kw_only=True, tag="text"):
    """One line of text. A character is at most `char_width_mm` wide."""

    content: Content
    height_mm: Annotated[float, Meta(ge=1.5, le=100)]
    char_width_mm: Annotated[float, Meta(ge=0.5, le=100)]
    chars_max: Annotated[int, Meta(ge=1, le=200)]


class Code128(_Item, frozen=True, kw_only=True, tag="code128"):
    """A Code 128 in subset B: printable ASCII. What it says in letters is a text of its own."""

    content: Content
    height_mm: Annotated[float, Meta(ge=2, le=100)]
    module_dots: Dots
    chars_max: Annotated[int, Meta(ge=1, le=64)]


class DataMatrix(_Item, frozen=True, kw_only=True, tag="gs1_datamatrix"):
    """A square GS1 DataMatrix; its content is written with parentheses, such as (01){gtin}(21){serial}."""

    content: Content
    module_dots: Annotated[int, Meta(ge=1, le=40)]
    modules: int


class Qr(_Item, frozen=True, kw_only=True, tag="qr"):
    """A QR Code of printable ASCII, such as a GS1 Digital Link."""

    content: Content
    module_dots: Dots
    chars_max: Annotated[int, Meta(ge=1, le=271)]
    correction: Correction = "M"


class Line(_Item, frozen=True, kw_only=True, tag="line"):
    """A line to the right or downwards."""

    length_mm: Annotated[float, Meta(gt=0, le=1_000)]
    thickness_mm: Annotated[float, Meta(gt=0, le=20)]
    upright: bool = False


class Box(_Item, frozen=True, kw_only=True, tag="box"):
    """A rectangle; its line lies inside of it."""

    width_mm: Annotated[float, Meta(gt=0, le=1_000)]
    height_mm: Annotated[float, Meta(gt=0, le=1_000)]
    thickness_mm: Annotated[float, Meta(gt=0, le=20)]


Item = Text | Code128 | DataMatrix | Qr | Line | Box


class Template(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version of a label."""

    name: Name
    version: Annotated[int, Meta(ge=1)]
    width_mm: Annotated[float, Meta(ge=5, le=300)]
    height_mm: Annotated[float, Meta(ge=5, le=1_000)]
    dots_per_mm: Literal[6, 8, 12, 24]
    items: Annotated[tuple[Item, ...], Meta(min_length=1, max_length=100)]

    def dots(self, size_mm: float) -> int:
        """Millimetres in dots of the printer, at least one."""
        return max(1, round(size_mm * self.dots_per_mm))


def template_of(given: object) -> Template:
    """A template from plain values, such as TOML and JSON give them; raises `LabelError`."""
    try:
        template = msgspec.convert(given, Template)
    except msgspec.ValidationError as error:
        raise LabelError("structure", "template", str(error)) from error
    seen: set[str] = set()
    for item in template.items:
        if item.id in seen:
            raise LabelError("doubled", item.id, "another item has this id")
        seen.add(item.id)
        _check_item(item)
        _check_inside(template, item)
    return template


def filled(item: Text | Code128 | Qr, values: Values) -> str:
    """What an item says, with these values; raises `LabelError`."""
    text = fill(item.id, item.content, values)
    check_length(item.id, text, item.chars_max)
    _check_characters(item, text)
    return text


def element_string(item: DataMatrix, values: Values) -> str:
    """What a GS1 DataMatrix says, as a scanner sends it; raises `LabelError`.

    Each value is filled into its own element, so that none can bring an element of its own.
    """
    try:
        written = gs1_element_string([(ai, fill(item.id, content, values)) for ai, content in _elements(item)])
    except BarcodeError as error:
        raise LabelError("gs1", item.id, str(error)) from error
    codewords = 1 + len(re.findall(r"[0-9]{2}|.", written, re.DOTALL))  # FNC1 in front; two digits share a codeword
    if codewords > DATA_MATRIX_CODEWORDS[item.modules]:
        raise LabelError("too_long", item.id, f"it does not fit into {item.modules} x {item.modules} modules")
    return written


def _check_item(item: Item) -> None:
    if isinstance(item, Line | Box):
        return
    check_content(item.id, item.content)
    if isinstance(item, DataMatrix):
        _check_matrix(item)
        return
    if isinstance(item, Qr) and item.chars_max > QR_BYTES[item.correction][-1]:
        raise LabelError("too_long", item.id, f"a QR Code holds at most {QR_BYTES[item.correction][-1]} characters")
    if fixed := fixed_of(item.content):
        check_length(item.id, fixed, item.chars_max)
        _check_characters(item, fixed)


def _check_matrix(item: DataMatrix) -> None:
    if item.modules not in DATA_MATRIX_CODEWORDS:
        raise LabelError("structure", item.id, f"no square DataMatrix has {item.modules} modules on a side")
    elements = _elements(item)
    ais = [ai for ai, _ in elements]
    if wrong := [ai for ai in ais if ai not in AIS or ais.count(ai) > 1]:
        raise LabelError("gs1", item.id, f"({wrong[0]}) is unknown, or there twice")
    try:
        for element in elements:
            if not placeholders_of(element[1]):
                gs1_element_string([element])
    except BarcodeError as error:
        raise LabelError("gs1", item.id, str(error)) from error


def _elements(item: DataMatrix) -> list[Element]:
    found = re.findall(r"\(([0-9]{2,4})\)([^()]+)", item.content)
    if "".join(f"({ai}){content}" for ai, content in found) != item.content:
        raise LabelError("gs1", item.id, "it is not written like (01){gtin}(21){serial}")
    return found


def _check_characters(item: Text | Code128 | Qr, text: str) -> None:
    """People read texts; the two barcodes take printable ASCII, which every scanner sends unchanged."""
    for at, char in enumerate(text):
        if not (is_a_line(char) if isinstance(item, Text) else " " <= char <= "~"):
            raise LabelError("character", item.id, f"{char!a}, character {at + 1}, cannot be printed here")


def _check_inside(template: Template, item: Item) -> None:
    width_mm, height_mm, quiet_mm = _size_mm(template, item)
    edges = {
        "left": item.x_mm - quiet_mm,
        "right": template.width_mm - item.x_mm - width_mm - quiet_mm,
        "bottom": template.height_mm - item.y_mm - height_mm,
    }
    for edge, room_mm in edges.items():
        if room_mm < -1 / template.dots_per_mm:
            raise LabelError("outside", item.id, f"it reaches {-room_mm:.1f} mm over the {edge} edge of the label")


def _size_mm(template: Template, item: Item) -> tuple[float, float, float]:
    """Width and height at their largest, and the quiet zone that a barcode needs beside it."""
    match item:
        case Text():
            return item.chars_max * item.char_width_mm, item.height_mm, 0
        case Code128():  # start, check and stop character are 35 modules
            module_mm = item.module_dots / template.dots_per_mm
            return (11 * item.chars_max + 35) * module_mm, item.height_mm, 10 * module_mm
        case DataMatrix():
            module_mm = item.module_dots / template.dots_per_mm
            return item.modules * module_mm, item.modules * module_mm, module_mm
        case Qr():
            module_mm = item.module_dots / template.dots_per_mm
            version = 1 + sum(size < item.chars_max for size in QR_BYTES[item.correction])
            return (17 + 4 * version) * module_mm, (17 + 4 * version) * module_mm, 4 * module_mm
        case Line(upright=True):
            return item.thickness_mm, item.length_mm, 0
        case Line():
            return item.length_mm, item.thickness_mm, 0
        case Box():
            return item.width_mm, item.height_mm, 0
