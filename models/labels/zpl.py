"""A label in ZPL II, for Zebra's printers and those that understand their language (ZPL II Programming Guide).

A printer obeys ^ and ~ wherever they stand, inside a field too. So of a field's content only letters, digits and a few
harmless characters are sent as they are, and every other byte as two hexadecimal digits: ^FH turns them back into bytes
after the commands were told apart. The second language is the barcode's own: > in Code 128, an escape in DataMatrix.
"""

from __future__ import annotations

import re

from models.barcodes import GS
from models.labels.content import LabelError, Values
from models.labels.template import (
    Box,
    Code128,
    DataMatrix,
    Item,
    Line,
    Qr,
    Template,
    Text,
    element_string,
    filled,
)

COPIES_MAX = 1_000

_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .,:;/()+-<=>$")
_ESCAPE = "$"
"""What makes `$1` an FNC1. No AI may hold a $, so that no value begins one; the default, _, is allowed and is ^FH's."""
_INVOCATIONS = {">": ">0", "^": "><", "~": ">="}
"""What Code 128 takes for these characters; > alone would call another subset."""

_COMMAND = re.compile(r"([\^~][^\^~]{0,2})([^\^~]*)")


def zpl(template: Template, values: Values, copies: int = 1) -> str:
    """What the printer is sent; `content_of` reads it. Raises `LabelError`, and then there is nothing to send."""
    if not 1 <= copies <= COPIES_MAX:
        raise LabelError("copies", template.name, f"{copies} copies, not 1 to {COPIES_MAX}")
    return "\n".join(
        [
            "^XA^CI28^LH0,0",
            f"^PW{template.dots(template.width_mm)}^LL{template.dots(template.height_mm)}",
            *(_field(template, item, values) for item in template.items),
            f"^PQ{copies}^XZ\n",
        ]
    )


def _field(template: Template, item: Item, values: Values) -> str:
    origin = f"^FO{round(item.x_mm * template.dots_per_mm)},{round(item.y_mm * template.dots_per_mm)}"
    return f"{origin}{_drawn(template, item, values)}^FS"


def _drawn(template: Template, item: Item, values: Values) -> str:
    dots = template.dots
    match item:
        case Text():
            return f"^A0N,{dots(item.height_mm)},{dots(item.char_width_mm)}{_data(filled(item, values))}"
        case Code128():
            content = "".join(_INVOCATIONS.get(char, char) for char in filled(item, values))
            return f"^BY{item.module_dots}^BCN,{dots(item.height_mm)},N,N,N,N{_data('>:' + content)}"
        case DataMatrix():
            content = _ESCAPE + "1" + element_string(item, values).replace(GS, _ESCAPE + "1")
            shape = f"{item.module_dots},200,{item.modules},{item.modules},6,{_ESCAPE}"
            return f"^BXN,{shape}{_data(content)}"
        case Qr():
            content = f"{item.correction}A,{filled(item, values)}"
            return f"^BQN,2,{item.module_dots},{item.correction},7{_data(content)}"
        case Line(upright=True):
            return f"^GB{dots(item.thickness_mm)},{dots(item.length_mm)},{dots(item.thickness_mm)}"
        case Line():
            return f"^GB{dots(item.length_mm)},{dots(item.thickness_mm)},{dots(item.thickness_mm)}"
        case Box():
            return f"^GB{dots(item.width_mm)},{dots(item.height_mm)},{dots(item.thickness_mm)}"


def _data(content: str) -> str:
    return "^FH^FD" + "".join(chr(byte) if byte in _SAFE else f"_{byte:02X}" for byte in content.encode())


def commands_of(text: str) -> list[tuple[str, str]]:
    """Every command with its parameters, as a printer finds them: at each ^ and ~, whatever stands before."""
    return [(found[1], re.sub(r"[\r\n]", "", found[2])) for found in _COMMAND.finditer(text)]


def content_of(text: str) -> list[str]:
    """What each field of some ZPL prints or encodes. It knows nothing of how `zpl` writes, only what a printer does.

    The separator of a GS1 DataMatrix is GS, and its first FNC1 is not part of the content. The language's own
    characters must not have been changed (^CC, ^CT, ^CD), and QR Codes are in automatic input mode.
    """
    found: list[str] = []
    hex_indicator, code, parameters = "", "", [""]
    for name, given in commands_of(text):
        match name:
            case "^FH":
                hex_indicator = given[:1] or "_"
            case "^BC" | "^BX" | "^BQ":
                code, parameters = name, given.split(",")
            case "^FD":
                found.append(_content(_bytes(given, hex_indicator).decode(errors="backslashreplace"), code, parameters))
            case "^FS":
                hex_indicator, code, parameters = "", "", [""]
    return found


def _bytes(data: str, hex_indicator: str) -> bytes:
    """Field data with its hexadecimal bytes, if ^FH said which character introduces them."""
    raw = data.encode(errors="backslashreplace")
    if not hex_indicator:
        return raw
    pattern = re.escape(hex_indicator.encode()) + rb"([0-9A-Fa-f]{2})"
    return re.sub(pattern, lambda found: bytes.fromhex(found[1].decode()), raw)


def _content(data: str, code: str, parameters: list[str]) -> str:
    match code:
        case "^BC":
            characters = {">0": ">", "><": "^", ">=": "~", ">8": GS}
            return re.sub(r">.", lambda found: characters.get(found[0], found[0]), data.removeprefix(">:"))
        case "^BX":
            escape = parameters[6] if len(parameters) > 6 and parameters[6] else "_"
            pattern = re.escape(escape) + r"(?:1|(d[0-9]{3})|(" + re.escape(escape) + "))"
            return re.sub(pattern, _escaped, data.removeprefix(f"{escape}1"))
        case "^BQ":
            return re.sub(r"^[HQML]A,", "", data)
    return data


def _escaped(found: re.Match[str]) -> str:
    return chr(int(found[1][1:])) if found[1] else found[2] or GS
