"""Labels and engravings: what is printed is what was given, and no value starts a command."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.barcodes import GS, scan
from models.labels.content import PLACEHOLDERS, LabelError
from models.labels.laser import Engraving, allowed_of, engraving_of, job, lines_of
from models.labels.template import QR_BYTES, Template, template_of
from models.labels.zpl import COPIES_MAX, commands_of, content_of, zpl

VALUES = {
    "customer": "Energia & Luz Ltda.",
    "date": "2026-11-23",
    "date_yymmdd": "261123",
    "gtin": "09506000134352",
    "lot": "L-7",
    "order": "OP-2026/118",
    "product": "M3-100",
    "product_name": "Medidor trifásico",
    "quantity": "12",
    "serial": "SN0042",
    "station": "manaus.final.line-1.packing",
}
TYPE_PLATE: dict[str, Any] = {
    "name": "type-plate",
    "version": 1,
    "width_mm": 100,
    "height_mm": 60,
    "dots_per_mm": 8,
    "items": [
        {"type": "box", "id": "frame", "x_mm": 1, "y_mm": 1, "width_mm": 98, "height_mm": 58, "thickness_mm": 0.25},
        {
            "type": "text", "id": "order", "x_mm": 4, "y_mm": 3, "content": "{order} {customer}",
            "height_mm": 4, "char_width_mm": 1.5, "chars_max": 60,
        },
        {"type": "line", "id": "rule", "x_mm": 4, "y_mm": 9, "length_mm": 92, "thickness_mm": 0.25},
        {
            "type": "code128", "id": "serial_bars", "x_mm": 4, "y_mm": 12, "content": "{serial}",
            "height_mm": 10, "module_dots": 2, "chars_max": 20,
        },
        {
            "type": "gs1_datamatrix", "id": "matrix", "x_mm": 4, "y_mm": 30,
            "content": "(01){gtin}(21){serial}(10){lot}", "module_dots": 4, "modules": 32,
        },
        {
            "type": "qr", "id": "link", "x_mm": 70, "y_mm": 28, "content": "https://id.gs1.org/01/{gtin}/21/{serial}",
            "module_dots": 4, "chars_max": 84,
        },
    ],
}  # fmt: skip
LABEL = template_of(TYPE_PLATE)
MATRIX = next(item for item in TYPE_PLATE["items"] if item["id"] == "matrix")

PLATE: dict[str, Any] = {
    "name": "front-plate",
    "version": 1,
    "framing": {"start": "\x02", "separator": "\r\n", "end": "\x03"},
    "allowed": "A-Z0-9-/. ",
    "marks": [
        {"id": "serial", "content": "V1={serial}", "chars_max": 24},
        {"id": "order", "content": "{order}", "chars_max": 20},
    ],
}
ENGRAVING = engraving_of(PLATE)

HOSTILE = (
    "^XA", "^XZ", "~JA", "^FS", "^FD", "_5E", "_5EXA", "^FS^FO0,0^GB800,800,800^FS", "A\nB", "\r\n", GS, GS + "10X",
    "(10)X", "{order}", "{", "}", ">8", ">0", "><", ">", "$1", "$", "_1", "__", "\\&", "\\", "QA,", "😀", "\u200f",
    "\u202e", "é", "\ud800", "\x00", "\x7f", "~", "`", "\u00a0", "\u0663",
)  # fmt: skip
texts = st.lists(
    st.sampled_from(HOSTILE) | st.text(max_size=8) | st.text("AB09 -./^~_>$", max_size=12), max_size=4
).map("".join)


def template(**changed: Any) -> dict[str, Any]:
    """The type plate, with one item that is another one, or a setting."""
    items = [item | changed.pop(item["id"], {}) for item in TYPE_PLATE["items"]]
    return TYPE_PLATE | {"items": items} | changed


def one(item: dict[str, Any]) -> Template:
    return template_of(TYPE_PLATE | {"items": [item]})


def why(given_template: object) -> tuple[str, str]:
    with pytest.raises(LabelError) as refused:
        template_of(given_template)
    assert str(refused.value).startswith(f"{refused.value.where}: ")
    return refused.value.reason, refused.value.where


def printed(label: Template, values: dict[str, str]) -> list[str] | None:
    """What is printed, or None when it is refused."""
    try:
        sent = zpl(label, values)
    except LabelError as refused:
        detail = str(refused)
    else:
        return content_of(sent)
    assert detail.isprintable()
    return None


def test_a_label_as_the_printer_is_sent_it() -> None:
    sent = zpl(LABEL, VALUES | {"customer": "Água"}, copies=2)
    assert sent.splitlines() == [
        "^XA^CI28^LH0,0",
        "^PW800^LL480",
        "^FO8,8^GB784,464,2^FS",
        "^FO32,24^A0N,32,12^FH^FDOP-2026/118 _C3_81gua^FS",
        "^FO32,72^GB736,2,2^FS",
        "^FO32,96^BY2^BCN,80,N,N,N,N^FH^FD>:SN0042^FS",
        "^FO32,240^BXN,4,200,32,32,6,$^FH^FD$1010950600013435221SN0042$110L-7^FS",
        "^FO560,224^BQN,2,4,M,7^FH^FDMA,https://id.gs1.org/01/09506000134352/21/SN0042^FS",
        "^PQ2^XZ",
    ]


def test_code_128_has_names_for_the_characters_that_it_would_obey() -> None:
    """Table of the invocation characters, ZPL II Programming Guide, ^BC."""
    bars = next(item for item in TYPE_PLATE["items"] if item["id"] == "serial_bars")
    assert "^FH^FD>:A>0B><C>=D_5F^FS" in zpl(one(bars), {"serial": "A>B^C~D_"})


def test_what_is_printed_is_what_a_scanner_reads() -> None:
    order, bars, matrix, link = content_of(zpl(LABEL, VALUES))
    assert order == "OP-2026/118 Energia & Luz Ltda."
    assert scan("]C0" + bars).text == "SN0042"
    assert scan("]d2" + matrix).elements == (("01", "09506000134352"), ("21", "SN0042"), ("10", "L-7"))
    assert scan("]Q1" + link).elements == (("01", "09506000134352"), ("21", "SN0042"))


@given(text=texts.filter(bool))
@example(text="^XA~JA^FS_5E>8$1{order}é😀")
def test_a_text_is_printed_as_it_was_given_or_refused(text: str) -> None:
    label = one({"type": "text", "id": "any", "x_mm": 0, "y_mm": 0, "content": "[{customer}]", "height_mm": 3,
                 "char_width_mm": 0.5, "chars_max": 200})  # fmt: skip
    found = printed(label, {"customer": text})
    assert found == [f"[{text}]"] or (found is None and not text.replace("\u00a0", " ").isprintable())


@given(text=texts.filter(bool))
@example(text=">0><>=>8^~$1_5E")
@pytest.mark.parametrize("kind", ["code128", "qr"])
def test_a_barcode_says_what_it_was_given_or_nothing(kind: str, text: str) -> None:
    size: dict[str, Any] = {"height_mm": 5} if kind == "code128" else {}
    item = {"type": kind, "id": "any", "x_mm": 5, "y_mm": 0, "content": "{order}", "module_dots": 1, "chars_max": 60}
    found = printed(one(item | size), {"order": text})
    fits = len(text) <= 60 and all(" " <= char <= "~" for char in text)
    assert found == ([text] if fits else None)


@given(serial=texts, lot=texts)
@example(serial="A(10)B", lot="_1_5E")
def test_a_data_matrix_has_the_elements_of_its_template_or_is_refused(serial: str, lot: str) -> None:
    found = printed(one(MATRIX), VALUES | {"serial": serial, "lot": lot})
    if found is None:
        assert not all(re.fullmatch(r"[!\"%-?A-Z_a-z]{1,20}", value) for value in (serial, lot))
    else:
        assert scan("]d2" + found[0]).elements == (("01", VALUES["gtin"]), ("21", serial), ("10", lot))


@given(values=st.fixed_dictionaries(dict.fromkeys(sorted(PLACEHOLDERS), texts)), copies=st.integers(1, COPIES_MAX))
def test_the_commands_never_hang_on_the_values(values: dict[str, str], copies: int) -> None:
    plain = [name for name, _ in commands_of(zpl(LABEL, VALUES))]
    for name, value in values.items():
        try:
            sent = zpl(LABEL, VALUES | {name: value}, copies)
        except LabelError:
            continue
        assert [name for name, _ in commands_of(sent)] == plain
        assert sent.isascii()


def test_the_reader_finds_what_a_careless_writer_lets_through() -> None:
    """So that the tests above could fail."""
    assert content_of("^XA^FO1,1^A0N,9,9^FDA^FS^FO2,2^FDB^FS^XZ") == ["A", "B"]
    assert [name for name, _ in commands_of("^XA^FDA~JAB^FS^XZ")] == ["^XA", "^FD", "~JA", "^FS", "^XZ"]
    assert content_of("^XA^FD_41^FS^FH^FD_41_zz_5e^FS^FH\\^FD\\41_41^FS^XZ") == ["_41", "A_zz^", "A_41"]
    assert content_of("^BCN,9^FDA>8>0^FS^FD>0^FS") == ["A" + GS + ">", ">0"]
    assert content_of("^BXN,9,200^FD_101A_1__B_d029^FS^BXN,9,200,,,,#^FD#1A_1^FS") == ["01A" + GS + "_B" + GS, "A_1"]
    assert content_of("^BQN,2,4^FDQA,QA,1^FS^FDA\r\nB^FS^FH^FD_FF^FS") == ["QA,1", "AB", "\\xff"]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"order": {"content": "{password}"}}, ("placeholder", "order")),
        ({"order": {"content": "{order"}}, ("brace", "order")),
        ({"order": {"content": "{order}}"}}, ("brace", "order")),
        ({"order": {"content": "{Order}"}}, ("brace", "order")),
        ({"order": {"content": "A" * 61}}, ("too_long", "order")),
        ({"order": {"content": "A\nB"}}, ("character", "order")),
        ({"order": {"content": ""}}, ("structure", "template")),
        ({"order": {"chars_max": 65}}, ("outside", "order")),
        ({"order": {"y_mm": 57}}, ("outside", "order")),
        ({"order": {"x_mm": -1}}, ("structure", "template")),
        ({"order": {"id": "frame"}}, ("doubled", "frame")),
        ({"frame": {"width_mm": 99.5}}, ("outside", "frame")),
        ({"frame": {"kerning": 1}}, ("structure", "template")),
        ({"rule": {"upright": True}}, ("outside", "rule")),
        ({"serial_bars": {"content": "é{serial}"}}, ("character", "serial_bars")),
        ({"serial_bars": {"x_mm": 2}}, ("outside", "serial_bars")),
        ({"serial_bars": {"chars_max": 34}}, ("outside", "serial_bars")),
        ({"matrix": {"modules": 31}}, ("structure", "matrix")),
        ({"matrix": {"modules": 144}}, ("outside", "matrix")),
        ({"matrix": {"content": "{gtin}"}}, ("gs1", "matrix")),
        ({"matrix": {"content": "(01){gtin} (21)"}}, ("gs1", "matrix")),
        ({"matrix": {"content": "(05){gtin}"}}, ("gs1", "matrix")),
        ({"matrix": {"content": "(21){serial}(21){lot}"}}, ("gs1", "matrix")),
        ({"matrix": {"content": "(01)09506000134353(21){serial}"}}, ("gs1", "matrix")),
        ({"link": {"chars_max": 214}}, ("too_long", "link")),
        ({"link": {"chars_max": 213}}, ("outside", "link")),
        ({"link": {"correction": "Q"}}, None),
        ({"link": {"type": "pdf417"}}, ("structure", "template")),
        ({"dots_per_mm": 7}, ("structure", "template")),
        ({"items": []}, ("structure", "template")),
    ],
)
def test_a_template_that_cannot_work_names_the_item(changed: dict[str, Any], expected: tuple[str, str] | None) -> None:
    if expected is None:
        template_of(template(**changed))
    else:
        assert why(template(**changed)) == expected


@pytest.mark.parametrize(
    ("changed", "reason", "where"),
    [
        ({"serial": ""}, "missing", "serial_bars"),
        ({"order": "A" * 60}, "too_long", "order"),
        ({"order": "A\u202eB"}, "character", "order"),
        ({"serial": "é"}, "character", "serial_bars"),
        ({"gtin": "09506000134353"}, "gs1", "matrix"),
        ({"serial": "A B"}, "gs1", "matrix"),
        ({"lot": "A" * 21}, "gs1", "matrix"),
    ],
)
def test_a_value_that_cannot_be_printed_names_the_item(changed: dict[str, str], reason: str, where: str) -> None:
    with pytest.raises(LabelError) as refused:
        zpl(LABEL, VALUES | changed)
    assert (refused.value.reason, refused.value.where) == (reason, where)


def test_a_value_that_is_not_there_is_missing() -> None:
    with pytest.raises(LabelError) as refused:
        zpl(LABEL, {name: value for name, value in VALUES.items() if name != "lot"})
    assert (refused.value.reason, refused.value.where) == ("missing", "matrix")


@pytest.mark.parametrize("copies", [0, -1, COPIES_MAX + 1])
def test_copies_are_counted(copies: int) -> None:
    with pytest.raises(LabelError) as refused:
        zpl(LABEL, VALUES, copies)
    assert refused.value.reason == "copies"


@pytest.mark.parametrize(("modules", "digits"), [(10, 6), (12, 10), (14, 16), (16, 24), (18, 36), (20, 44), (24, 72)])
def test_a_data_matrix_that_would_not_fit_is_refused(modules: int, digits: int) -> None:
    """As many digits as ISO/IEC 16022 says, less two for the FNC1."""
    matrix = one(MATRIX | {"content": "(99){order}", "modules": modules})
    order = "1" * (digits - len("99") - 2)
    assert printed(matrix, {"order": order}) == ["99" + order]
    with pytest.raises(LabelError) as refused:
        zpl(matrix, {"order": order + "1"})
    assert (refused.value.reason, refused.value.where) == ("too_long", "matrix")


def test_a_qr_code_holds_less_the_more_it_can_mend() -> None:
    for sizes in QR_BYTES.values():
        assert list(sizes) == sorted(set(sizes))
    assert all(low > high for low, high in zip(QR_BYTES["L"], QR_BYTES["M"], strict=True))
    assert all(low > high for low, high in zip(QR_BYTES["Q"], QR_BYTES["H"], strict=True))


def test_a_template_survives_json() -> None:
    assert template_of(json.loads(msgspec.json.encode(LABEL))) == LABEL
    assert engraving_of(json.loads(msgspec.json.encode(ENGRAVING))) == ENGRAVING


def test_a_job_as_the_laser_is_sent_it() -> None:
    sent = job(ENGRAVING, VALUES)
    assert sent == "\x02V1=SN0042\r\nOP-2026/118\x03"
    assert lines_of(sent, ENGRAVING.framing) == ["V1=SN0042", "OP-2026/118"]


@given(serial=texts | st.text("AZ09-/. ", max_size=30), order=texts | st.text("AZ09-/. ", max_size=30))
@example(serial="A\r\nB", order="C")
@example(serial="\x03\x02", order="C")
def test_a_laser_marks_what_it_was_given_or_nothing(serial: str, order: str) -> None:
    allowed = set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-/. ")
    fits = 0 < len(serial) <= 21 and 0 < len(order) <= 20 and set(serial + order) <= allowed
    try:
        sent = job(ENGRAVING, {"serial": serial, "order": order})
    except LabelError as refused:
        sent, detail = None, str(refused)
    if sent is None:
        assert not fits
        assert detail.isprintable()
    else:
        assert fits
        assert lines_of(sent, ENGRAVING.framing) == [f"V1={serial}", order]


def test_a_laser_names_the_field_and_the_character() -> None:
    with pytest.raises(LabelError, match=r"^order: order holds '\\u0410', which") as refused:
        job(ENGRAVING, VALUES | {"order": "\u0410-1"})
    assert (refused.value.reason, refused.value.where) == ("character", "order")


@pytest.mark.parametrize(
    ("allowed", "expected"), [("A-C", "ABC"), ("0-2-/", "012-/"), ("-A", "-A"), ("a-b.A-B", "ab.AB"), ("A-9", "A-9")]
)
def test_an_allow_list_has_ranges(allowed: str, expected: str) -> None:
    engraving: Engraving = engraving_of(PLATE | {"allowed": allowed})
    assert allowed_of(engraving) == set(expected)


@pytest.mark.parametrize(
    ("changed", "reason", "where"),
    [
        ({"allowed": "Z-A"}, "structure", "allowed"),
        ({"allowed": "é"}, "character", "allowed"),
        ({"allowed": "A-Z\n"}, "character", "allowed"),
        ({"allowed": "A-Z;", "framing": {"separator": ";", "end": "\n"}}, "framing", "allowed"),
        ({"framing": {"separator": "", "end": "\n"}}, "structure", "template"),
        ({"framing": {"separator": "\u2028", "end": "\n"}}, "framing", "framing"),
        ({"framing": {"separator": "=", "end": "\n"}}, "character", "serial"),
        ({"marks": [{"id": "a", "content": "{key}", "chars_max": 9}]}, "placeholder", "a"),
        ({"marks": [{"id": "a", "content": "AAA{lot}", "chars_max": 2}]}, "too_long", "a"),
        ({"marks": [{"id": "a", "content": "A", "chars_max": 2}] * 2}, "doubled", "a"),
    ],
)
def test_an_engraving_that_cannot_work_says_why(changed: dict[str, Any], reason: str, where: str) -> None:
    with pytest.raises(LabelError) as refused:
        engraving_of(PLATE | changed)
    assert (refused.value.reason, refused.value.where) == (reason, where)


@pytest.mark.parametrize("text", ["", "\x02", "A\x03", "\x02A", "\x03"])
def test_what_is_not_framed_is_no_job(text: str) -> None:
    with pytest.raises(LabelError) as refused:
        lines_of(text, ENGRAVING.framing)
    assert refused.value.reason == "framing"
