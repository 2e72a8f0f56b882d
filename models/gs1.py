"""What GS1's application identifiers may hold: GS1 General Specifications, GS1 Barcode Syntax Dictionary."""

from __future__ import annotations

import calendar
import re
from typing import Literal, NamedTuple

Reason = Literal[
    "empty", "too_long", "control", "character", "symbology", "unknown_ai", "length", "check_digit", "date", "value",
    "doubled_ai", "missing_separator", "uri",
]  # fmt: skip

_SETS = {
    "N": r"[0-9]*",
    "X": r"[!\"%&'()*+,\-./0-9:;<=>?A-Z_a-z]*",  # GS1 AI encodable character set 82
    "Y": r"[#\-/0-9A-Z]*",  # GS1 AI encodable character set 39
}
# AIs, then their parts as the GS1 Barcode Syntax Dictionary writes them: N14 is 14 digits, X..20 is 1 to 20 characters,
# [..] may be left out. Behind a comma stands what else has to be right; see `_check_piece`.
_TABLE = """
00 N18,csum                 8001 N14
01-02 N14,csum              8002 X..20
10 21 X..20                 8003 N1,zero N13,csum [X..16]
11-13 15-17 N6,day0         8004 X..30
20 N2                       8005 N6
22 X..20                    8006 8026 N14,csum N4,piece
235 X..28                   8007 X..34
240-241 X..30               8008 N6,day N2,hour [N..4,seconds]
242 N..6                    8010 Y..30
243 254 X..20               8011 N..12
250-251 X..30               8012 X..20
253 N13,csum [X..17]        8013 X..25
255 N13,csum [N..12]        8017-8018 N18,csum
30 37 N..8                  8019 N..10
400-401 403 X..30           8020 X..25
402 N17,csum                8200 X..70
410-417 N13,csum            7001 N13
420 X..20                   7002 X..30
421 N3 X..9                 7003 N6,day N4,minutes
422 424 426 N3              7004 N..4
423 425 N..15               7006 N6,day
427 X..3                    7020-7022 X..20
90 X..30                    7023 X..30
91-99 X..90                 7240 X..20
"""
MEASURES = (*range(310, 317), *range(320, 338), *range(340, 358), *range(360, 370))
"""Their fourth digit says how many decimals the value has, 5 at most."""
PREDEFINED = {"00", "01", "02", "03", "04", *map(str, range(11, 21)), *map(str, range(31, 37)), "41"}
"""First digits of the AIs that no separator follows: the table of predefined lengths, which no new AI is added to."""


class BarcodeError(ValueError):
    """A line that does not say what it has to, with the reason in one word and in a sentence."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Part(NamedTuple):
    """A piece of a value: its characters, how many of them, and what else has to be right."""

    charset: str
    low: int
    high: int
    check: str


def check_digit(digits: str) -> str:
    """The digit that GS1 puts behind these: modulo 10, weights 3 and 1 from the right. Raises `BarcodeError`."""
    if not re.fullmatch(r"[0-9]+", digits):
        raise BarcodeError("character", "a check digit is one of digits")
    return str(-sum(int(digit) * (1 if at % 2 else 3) for at, digit in enumerate(reversed(digits))) % 10)


def checked(ai: str, value: str) -> str:
    """The value, when the AI may have it; raises `BarcodeError`."""
    if (parts := AIS.get(ai)) is None:
        raise BarcodeError("unknown_ai", f"{ai[:4]!a} is no application identifier that is known here")
    low, high = sum(part.low for part in parts), sum(part.high for part in parts)
    if not low <= len(value) <= high:
        raise BarcodeError("length", f"({ai}) has {len(value)} characters, not {low} to {high}")
    rest = value
    for part in parts:
        piece, rest = rest[: part.high], rest[part.high :]
        if not re.fullmatch(_SETS[part.charset], piece):
            raise BarcodeError("character", f"({ai}) holds {value!a}, which has characters that it may not have")
        if piece:
            _check_piece(ai, part.check, piece)
    return value


def _check_piece(ai: str, check: str, piece: str) -> None:
    pairs = [int(piece[at : at + 2]) for at in range(0, len(piece), 2)] if check else []
    match check:
        case "csum" if check_digit(piece[:-1]) != piece[-1]:
            raise BarcodeError("check_digit", f"({ai}) {piece} should end in {check_digit(piece[:-1])}")
        case "zero" if piece != "0":
            raise BarcodeError("value", f"({ai}) has to begin with 0")
        case "piece" if not 1 <= pairs[0] <= pairs[1]:
            raise BarcodeError("value", f"({ai}) is piece {pairs[0]} of {pairs[1]}")
        case "hour" | "minutes" if pairs[0] > 23 or max(pairs[1:], default=0) > 59:
            raise BarcodeError("date", f"({ai}) holds {piece}, which is no time of day")
        case "seconds" if len(piece) % 2 or max(pairs) > 59:
            raise BarcodeError("date", f"({ai}) holds {piece}, which is no minutes and seconds")
        case "day" | "day0":  # without a century a year that 4 divides may have a 29 February; `dates` says whether
            month_days = calendar.monthrange(2000 + pairs[0] % 4, pairs[1])[1] if 1 <= pairs[1] <= 12 else -1
            if not (0 if check == "day0" else 1) <= pairs[2] <= month_days:
                raise BarcodeError("date", f"({ai}) holds {piece}, which is no date")


def _part(text: str) -> Part:
    optional, spec = text.startswith("["), text.strip("[]")
    size, _, check = spec[1:].partition(",")
    high = int(size.removeprefix(".."))
    return Part(spec[0], 0 if optional else 1 if size.startswith("..") else high, high, check)


def _table() -> dict[str, tuple[Part, ...]]:
    found: dict[str, tuple[Part, ...]] = {
        f"{ai}{decimals}": (Part("N", 6, 6, ""),) for ai in MEASURES for decimals in range(6)
    }
    for cell in re.split(r"\n| {2,}", _TABLE.strip()):
        words = cell.split()
        parts = tuple(_part(word) for word in words if not word[0].isdigit())
        for first, _, last in (word.partition("-") for word in words if word[0].isdigit()):
            found |= {str(ai).zfill(len(first)): parts for ai in range(int(first), int(last or first) + 1)}
    return found


AIS = _table()
"""What each AI that is known here may hold."""
