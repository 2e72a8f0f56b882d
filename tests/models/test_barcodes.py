"""Scanner lines: examples of the GS1 General Specifications and of the Digital Link standard, and hostile ones."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.barcodes import (
    GS,
    BarcodeError,
    Element,
    check_digit,
    elements_of,
    gs1_element_string,
    gtin_of,
    scan,
)
from models.gs1 import AIS, PREDEFINED

GTIN = "09506000134352"
SET_82 = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
FIXED = {"N": "0123456789", "X": SET_82, "Y": "#-/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def why(text: str) -> str:
    with pytest.raises(BarcodeError) as refused:
        scan(text)
    assert str(refused.value).isprintable()
    return refused.value.reason


@st.composite
def values_of(draw: st.DrawFn, ai: str) -> str:
    """Anything that an AI may hold."""
    value = ""
    for part in AIS[ai]:
        match part.check:
            case "csum":
                digits = draw(st.text("0123456789", min_size=part.high - 1, max_size=part.high - 1))
                piece = digits + check_digit(digits)
            case "day" | "day0":
                piece = draw(st.dates(dt.date(2000, 1, 1), dt.date(2049, 12, 31))).strftime("%y%m%d")
            case "hour" | "minutes" | "seconds":
                piece = draw(st.times()).strftime({"hour": "%H", "minutes": "%H%M", "seconds": "%M%S"}[part.check])
            case "zero" | "piece":
                piece = {"zero": "0", "piece": "0102"}[part.check]
            case _:
                piece = draw(st.text(FIXED[part.charset], min_size=part.low, max_size=part.high))
        value += piece
    return value


@st.composite
def all_elements(draw: st.DrawFn) -> tuple[Element, ...]:
    def name(ai: str) -> str:
        return ai[:3] if AIS[ai] == AIS["3100"] else ai  # a measure is there once, with so many decimals or others

    ais = draw(st.lists(st.sampled_from(sorted(AIS)), min_size=1, max_size=6, unique_by=name))
    return tuple((ai, draw(values_of(ai))) for ai in ais)


@given(elements=all_elements(), symbology=st.sampled_from(["]C1", "]d2", "]Q3", "]e0"]))
def test_what_is_written_is_read(elements: tuple[Element, ...], symbology: str) -> None:
    text = gs1_element_string(elements)
    assert scan(symbology + text).elements == elements == elements_of(GS + text + GS)
    needed = sum(ai[:2] not in PREDEFINED for ai, _ in elements[:-1])
    assert text.count(GS) == needed


@given(text=st.text() | st.text("01(2)]C1d" + GS).map(lambda text: "]C1" + text) | st.text(SET_82 + GS))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = scan(text)
    except BarcodeError as refused:
        found, detail = None, str(refused)
    if found is None:
        assert detail.isprintable()
        return
    assert found.text.isascii()
    assert text == (found.symbology or "") + found.text
    if found.kind == "gs1":
        assert elements_of(gs1_element_string(found.elements)) == found.elements


@given(digits=st.text("0123456789", min_size=7, max_size=17), at=st.integers(0, 16), by=st.integers(1, 9))
def test_a_check_digit_finds_every_digit_that_is_read_wrongly(digits: str, at: int, by: int) -> None:
    at %= len(digits)
    wrong = digits[:at] + str((int(digits[at]) + by) % 10) + digits[at + 1 :]
    assert check_digit(wrong) != check_digit(digits)


@pytest.mark.parametrize(
    "number",
    [
        "9506000134352", "4006381333931", "036000291452", "73513537", "10012345678902", "106141412345678908",
        "0614141000036",
    ],
)  # fmt: skip
def test_published_numbers_end_in_their_check_digit(number: str) -> None:
    assert check_digit(number[:-1]) == number[-1]


@pytest.mark.parametrize("digits", ["", "12a", "\uff11\uff12", "\u0663", " 1", "1\n"])
def test_a_check_digit_is_one_of_digits(digits: str) -> None:
    with pytest.raises(BarcodeError) as refused:
        check_digit(digits)
    assert refused.value.reason == "character"


def test_no_ai_begins_another() -> None:
    assert not [(one, other) for one in AIS for other in AIS if one != other and other.startswith(one)]


def test_the_ais_have_the_lengths_of_the_standard() -> None:
    """The table of predefined lengths, AI included, General Specifications 7.8."""
    sizes = {"00": 20, "01": 16, "02": 16, "20": 4, "41": 16} | dict.fromkeys(map(str, range(11, 20)), 8)
    sizes |= dict.fromkeys(map(str, range(31, 37)), 10)
    found = {ai: len(ai) + sum(part.high for part in parts) for ai, parts in AIS.items() if ai[:2] in PREDEFINED}
    assert found == {ai: sizes[ai[:2]] for ai in found}
    assert {ai[:2] for ai in found} == set(sizes) - {"14", "18", "19"}
    asked_for = (
        "00 01 02 10 11 12 13 15 16 17 20 21 22 30 37 240 241 250 251 3100 3165 400 401 410 417 420 421 422 7003"
    )
    assert set(re.findall(r"[0-9]+", asked_for)) < set(AIS)


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        (f"]C101{GTIN}", [("01", GTIN)]),
        (f"]d201{GTIN}17261231103A7B", [("01", GTIN), ("17", "261231"), ("10", "3A7B")]),
        (f"]C10109506000134352103A7B{GS}21SN(10)8", [("01", GTIN), ("10", "3A7B"), ("21", "SN(10)8")]),
        (f"01{GTIN}{GS}21A", [("01", GTIN), ("21", "A")]),
        (f"{GS}00106141412345678908", [("00", "106141412345678908")]),
        (f"]C1422076{GS}3103001950", [("422", "076"), ("3103", "001950")]),
        (f"]C121A{GS}21A", [("21", "A")]),
        ("(01)09506000134352(21)A-1", [("01", GTIN), ("21", "A-1")]),
        ("]E09506000134352", [("01", GTIN)]),
        ("]E0036000291452", [("01", "00036000291452")]),
        ("]E473513537", [("01", "00000073513537")]),
        ("]I110012345678902", [("01", "10012345678902")]),
        (f"https://id.gs1.org/01/{GTIN}", [("01", GTIN)]),
        (f"https://id.gs1.org/01/{GTIN}/10/AB%2F1/21/1%25", [("01", GTIN), ("10", "AB/1"), ("21", "1%")]),
        (f"]Q1HTTPS://EXAMPLE.COM/SHOP/01/{GTIN}?17=261231&linkType=x#top", [("01", GTIN), ("17", "261231")]),
        ("https://id.gs1.org/00/106141412345678908", [("00", "106141412345678908")]),
    ],
)
def test_a_line_says(text: str, elements: list[Element]) -> None:
    assert list(scan(text).elements) == elements


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("]C1", "empty"),
        (GS, "empty"),
        ("A" * 65, "too_long"),
        ("]C110" + "A" * 2_000, "too_long"),
        ("PO-1\r", "control"),
        ("PO\x00-1", "control"),
        (f"]A0AB{GS}1", "control"),
        ("PO\uff0d1", "character"),  # a full-width hyphen
        ("]C121\u0663", "character"),
        ("]C121A B", "character"),
        ("]C121A^B", "character"),
        ("]C10109506000134\u216252", "character"),
        ("]C1010950600013435A", "character"),
        ("]C1310300195X", "character"),
        ("]y0A", "symbology"),
        ("]E195060001343520012", "symbology"),
        ("]C105123", "unknown_ai"),
        ("]C13106001950", "unknown_ai"),
        (f"]C121A{GS}{GS}10B", "unknown_ai"),
        ("(05)1(21)A", "unknown_ai"),
        ("]C101095060001343", "length"),
        (f"]C10109506{GS}21A", "length"),
        ("]C121", "length"),
        ("]C121" + "Z" * 21, "length"),
        ("(01)9506000134352", "length"),
        ("]E095060001343", "length"),
        ("]C10109506000134353", "check_digit"),
        ("]C100106141412345678900", "check_digit"),
        ("]E09506000134353", "check_digit"),
        ("]E473513538", "check_digit"),
        ("]I110012345678903", "check_digit"),
        (f"]C121A{GS}21B", "doubled_ai"),
        ("(21)A(21)B", "doubled_ai"),
        (f"]C13102001950{GS}3103001950", "doubled_ai"),
        ("]C142207610LOT", "missing_separator"),
        ("]C121" + "Z" * 18 + "10LOT", "missing_separator"),
        ("]C117261301", "date"),
        ("]C117260230", "date"),
        ("]C117260001", "date"),
        ("]C117270229", "date"),
        ("]C170032612002359", "date"),
        ("]C170032612312400", "date"),
        ("]C170032612312360", "date"),
        ("]C180082612312360", "date"),
        ("]C180082612312", "length"),
        ("]C18008261231236", "date"),
        ("]C180036" + "9506000134352", "value"),
        ("]C1800609506000134352" + "0301", "value"),
        ("https://example.com/", "uri"),
        ("https:///01/09506000134352", "uri"),
        ("https://example.com/01", "uri"),
        (f"https://id.gs1.org/01/{GTIN}/21/A/10/B", "uri"),
        (f"https://id.gs1.org/01/{GTIN}/21/%4", "uri"),
        (f"https://id.gs1.org/01/{GTIN}/21/A%1D10B", "character"),
        (f"https://id.gs1.org/01/{GTIN}?21=%EF%BC%91", "character"),
        (f"https://id.gs1.org/01/{GTIN}?05=1", "unknown_ai"),
        (f"https://id.gs1.org/01/{GTIN[:-1]}3", "check_digit"),
    ],
)
def test_a_line_is_refused(text: str, reason: str) -> None:
    assert why(text) == reason


@pytest.mark.parametrize(
    "text", ["PO-2026/7", "4006381333931", "12345678", "0109506000134352", "(a)", " x ", "]C0(01)1"]
)
def test_what_no_identifier_marks_stays_as_it_is(text: str) -> None:
    found = scan(text)
    assert (found.kind, found.elements, found.gtin) == ("plain", (), None)
    assert (found.symbology or "") + found.text == text


def test_who_knows_that_digits_are_an_article_number_says_so() -> None:
    assert gtin_of("4006381333931") == "04006381333931"
    with pytest.raises(BarcodeError) as refused:
        gtin_of("4006381333930")
    assert refused.value.reason == "check_digit"


def test_what_is_asked_for_most() -> None:
    found = scan(f"]d201{GTIN}11260300310200195010L-1{GS}21S-1")
    assert (found.gtin, found.lot, found.serial) == (GTIN, "L-1", "S-1")
    assert found.dates(2026) == {"11": "2026-03-31"}
    assert found.measures == {"310": Decimal("19.50")}


@pytest.mark.parametrize(
    ("value", "year", "date"),
    [
        ("761231", 2026, "2076-12-31"),
        ("771231", 2026, "1977-12-31"),
        ("000101", 2050, "2100-01-01"),
        ("010101", 2050, "2001-01-01"),
        ("491231", 1999, "2049-12-31"),
        ("500101", 1999, "1950-01-01"),
        ("280200", 2026, "2028-02-29"),
        ("270200", 2026, "2027-02-28"),
        ("000200", 2060, "2100-02-28"),
    ],
)
def test_a_century_is_the_one_that_is_near(value: str, year: int, date: str) -> None:
    assert scan("]C117" + value).dates(year) == {"17": date}


def test_a_century_can_take_a_day_away() -> None:
    with pytest.raises(BarcodeError) as refused:
        scan("]C117000229").dates(2060)
    assert refused.value.reason == "date"


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ([], "empty"),
        ([("21", "A" + GS + "10B")], "character"),
        ([("5", "A")], "unknown_ai"),
        ([("01", GTIN), ("01", "04006381333931")], "doubled_ai"),
        ([(str(ai), "A" * 90) for ai in range(91, 100)] * 3 + [("8200", "A" * 71)], "length"),
    ],
)
def test_nothing_is_written_that_could_not_be_read(elements: list[Element], reason: str) -> None:
    with pytest.raises(BarcodeError) as refused:
        gs1_element_string(elements)
    assert refused.value.reason == reason
