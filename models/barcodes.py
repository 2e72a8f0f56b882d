"""What a scanner's line says, after the GS1 General Specifications (symbology identifiers: ISO/IEC 15424).

Nothing is guessed: a line is GS1's when its symbology identifier says so, when it holds a separator, or when it is
written as people read it, with parentheses, or as a GS1 Digital Link. Bare digits may be an article number or a serial
number; whoever asked for the one and not for the other calls `gtin_of` or `elements_of`.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Literal, NamedTuple

from models.gs1 import AIS, MEASURES, PREDEFINED, BarcodeError, check_digit, checked

__all__ = ["BarcodeError", "Scan", "check_digit", "elements_of", "gs1_element_string", "gtin_of", "scan"]

Kind = Literal["gs1", "digital_link", "gtin", "plain"]
Element = tuple[str, str]
"""An application identifier (AI) and its value."""

GS = "\x1d"
"""What scanners send for the FNC1 that separates element strings."""
CHARS_MAX = 2_000
PLAIN_CHARS_MAX = 64
"""As long as a serial number may be in an event."""

_SYMBOLOGIES = "ACFGIJLQdez"
_OF_GS1 = ("]C1", "]d2", "]Q3", "]e0", "]e1", "]e2", "]J1")
_DIGITS_OF = {"]E0": (12, 13), "]E4": (8,), "]I1": (14,)}
_WRITTEN_AI = r"\(([0-9]{2,4})\)"
_DATES = ("11", "12", "13", "15", "16", "17")
_QUALIFIERS = {"00": (), "01": ("22", "10", "21"), "8006": ("22", "10", "21"), "414": ("254",), "417": (), "8003": (),
               "8004": (), "8010": ("8011",), "8017": ("8019",), "8018": ("8019",)}  # fmt: skip
"""What a GS1 Digital Link may name, and what may follow it, in this order."""


class Scan(NamedTuple):
    """What a line says: `text` is the line without the symbology identifier; of plain text nothing more is known."""

    kind: Kind
    symbology: str | None
    text: str
    elements: tuple[Element, ...] = ()

    @property
    def gtin(self) -> str | None:
        """The article number, with 14 digits."""
        return self._value("01")

    @property
    def serial(self) -> str | None:
        """The serial number of the article."""
        return self._value("21")

    @property
    def lot(self) -> str | None:
        """The batch or lot number."""
        return self._value("10")

    @property
    def measures(self) -> dict[str, Decimal]:
        """Weights and lengths by the first three digits of their AI, such as 310 for kilograms net."""
        return {ai[:3]: Decimal(value).scaleb(-int(ai[3])) for ai, value in self.elements if _is_measure(ai)}

    def dates(self, year: int) -> dict[str, str]:
        """ISO dates by AI. A year has two digits, and which century it is in hangs on the `year` it is now.

        Raises `BarcodeError` for a 29 February that the year does not have.
        """
        return {ai: _iso_date(value, year) for ai, value in self.elements if ai in _DATES}

    def _value(self, wanted: str) -> str | None:
        return next((value for ai, value in self.elements if ai == wanted), None)


def scan(text: str) -> Scan:
    """What a scanner's line says, without the line's end. Raises `BarcodeError`."""
    _check_line(text)
    symbology, rest = None, text
    if text.startswith("]"):
        symbology, rest = text[:3], text[3:]
        if not re.fullmatch(rf"\][{_SYMBOLOGIES}][0-9A-Za-z]|\]E[04]", symbology):  # other ]E have an add-on
            raise BarcodeError("symbology", f"{symbology!a} names no symbology that is read here")
    if not rest.strip():
        raise BarcodeError("empty", "nothing was scanned")
    if symbology in _OF_GS1 or (symbology is None and GS in rest):
        return Scan("gs1", symbology, rest, elements_of(rest))
    if GS in rest:
        raise BarcodeError("control", f"a separator in {symbology}, which is none of GS1's")
    if symbology in _DIGITS_OF:
        return Scan("gtin", symbology, rest, (("01", gtin_of(rest, _DIGITS_OF[symbology])),))
    if symbology is None and re.match(_WRITTEN_AI, rest):
        return Scan("gs1", None, rest, _as_written(rest))
    if re.match(r"https?://", rest, re.IGNORECASE):
        return Scan("digital_link", symbology, rest, _of_link(rest))
    if len(rest) > PLAIN_CHARS_MAX:
        raise BarcodeError("too_long", f"{len(rest)} characters of plain text, at most {PLAIN_CHARS_MAX}")
    return Scan("plain", symbology, rest)


def elements_of(text: str) -> tuple[Element, ...]:
    """The elements of a GS1 element string, without symbology identifier. Raises `BarcodeError`.

    A separator is allowed where none is needed: in front of the first AI, behind a predefined length and at the end.
    """
    _check_line(text)
    return _unified(_elements(text.removeprefix(GS)))


def gs1_element_string(elements: Iterable[Element]) -> str:
    """The element string of some elements, separated where it has to be; `elements_of` reads it. The same errors."""
    unified = _unified((ai, checked(ai, value)) for ai, value in elements)
    written = "".join(ai + value + ("" if ai[:2] in PREDEFINED else GS) for ai, value in unified).removesuffix(GS)
    _check_line(written)
    return written


def gtin_of(digits: str, lengths: Iterable[int] = (8, 12, 13, 14)) -> str:
    """An EAN-8, UPC-A, EAN-13 or ITF-14 as an article number of 14 digits; raises `BarcodeError`."""
    if not re.fullmatch(r"[0-9]*", digits):
        raise BarcodeError("character", "an article number has digits only")
    if len(digits) not in lengths:
        raise BarcodeError("length", f"an article number does not have {len(digits)} digits here")
    return checked("01", digits.zfill(14))


def _check_line(text: str) -> None:
    if not text:
        raise BarcodeError("empty", "nothing was scanned")
    if len(text) > CHARS_MAX:
        raise BarcodeError("too_long", f"{len(text)} characters, at most {CHARS_MAX}")
    if wrong := re.search(r"[^ -~\x1d]", text):  # letters and digits of other scripts look like ours and are not
        raise BarcodeError("control" if wrong[0] < "\x80" else "character", f"{wrong[0]!a} at {wrong.start()}")


def _elements(text: str) -> Iterator[Element]:
    while text:
        ai = _ai_at(text)
        if ai[:2] in PREDEFINED:
            end = len(ai) + sum(part.high for part in AIS[ai])
            value, text = text[len(ai) : end].partition(GS)[0], text[end:].removeprefix(GS)
        else:
            value, _, text = text[len(ai) :].partition(GS)
            _check_separated(ai, value)
        yield ai, checked(ai, value)


def _ai_at(text: str) -> str:
    if (found := next((text[:size] for size in (2, 3, 4) if text[:size] in AIS), None)) is None:
        raise BarcodeError("unknown_ai", f"{text[:4]!a} begins with no application identifier that is known here")
    return found


def _check_separated(ai: str, value: str) -> None:
    """A value that is too long, with another AI inside, most likely lost its separator on the way."""
    longest = sum(part.high for part in AIS[ai])
    ends = range(1, min(longest, len(value)) + 1) if len(value) > longest else ()
    if any(value[end : end + size] in AIS for end in ends for size in (2, 3, 4)):
        raise BarcodeError("missing_separator", f"({ai}) has {len(value)} characters, at most {longest} without a next")


def _is_measure(ai: str) -> bool:
    return len(ai) == 4 and int(ai[:3]) in MEASURES


def _iso_date(value: str, year: int) -> str:
    """The standard's century: a year is at most 50 ahead and at most 49 behind. Day 00 is the month's last."""
    century, apart = year // 100, int(value[:2]) - year % 100
    century += (apart <= -50) - (apart >= 51)
    of_year, month, day = century * 100 + int(value[:2]), int(value[2:4]), int(value[4:6])
    month_days = calendar.monthrange(of_year, month)[1]
    if day > month_days:
        raise BarcodeError("date", f"{of_year} has no 29 February")
    return f"{of_year:04}-{month:02}-{day or month_days:02}"


def _unified(elements: Iterable[Element]) -> tuple[Element, ...]:
    """Every AI once: the same said twice counts as said once."""
    found: dict[str, str] = {}
    for ai, value in elements:
        if found.setdefault(ai, value) != value:
            raise BarcodeError("doubled_ai", f"({ai}) is there twice, with different values")
    if not found:
        raise BarcodeError("empty", "there is no element")
    measures = [ai[:3] for ai in found if _is_measure(ai)]
    if len(set(measures)) < len(measures):
        raise BarcodeError("doubled_ai", "one measure is there with different numbers of decimals")
    return tuple(found.items())


def _as_written(text: str) -> tuple[Element, ...]:
    """Elements as people read them: (01)...(21)... A value cannot hold what looks like the next AI."""
    _, *pieces = re.split(_WRITTEN_AI, text)
    return _unified((ai, checked(ai, value)) for ai, value in zip(pieces[::2], pieces[1::2], strict=True))


def _of_link(text: str) -> tuple[Element, ...]:
    """The elements of a GS1 Digital Link URI, uncompressed, of any host; what the host would answer is not asked."""
    link, _, _ = text.partition("#")
    path, _, query = link.partition("?")
    _, _, host, *segments = path.split("/")
    at = next((at for at, segment in enumerate(segments) if segment in _QUALIFIERS), None)
    if not host or at is None or len(segments[at:]) % 2:
        raise BarcodeError("uri", "an address that is no GS1 Digital Link")
    names, values = segments[at::2], segments[at + 1 :: 2]
    order = (names[0], *_QUALIFIERS[names[0]])
    if names != [name for name in order if name in names]:
        raise BarcodeError("uri", f"behind ({names[0]}) may stand {', '.join(order[1:]) or 'nothing'}, in this order")
    attributes = [pair.partition("=")[::2] for pair in query.split("&")]
    given = [*zip(names, values, strict=True), *(pair for pair in attributes if re.fullmatch(r"[0-9]+", pair[0]))]
    return _unified((ai, checked(ai, _decoded(value))) for ai, value in given)


def _decoded(segment: str) -> str:
    if not re.fullmatch(r"(?:[^%]|%[0-9A-Fa-f]{2})*", segment):
        raise BarcodeError("uri", "a % that no two hexadecimal digits follow")
    return re.sub(r"%(..)", lambda found: chr(int(found[1], 16)), segment)
