"""What scanners send over a serial line, up to what the code says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from line_oracle import Found, decoded, frames, same_in_pieces

from edge.protocols.framer import INCOMPLETE, NOISE
from edge.protocols.lines import BLANK, CUT, FRAMED, LINES, TABS, TOO_LONG, LineDecoder, ScannedLine
from edge.protocols.records import Discard
from models.barcodes import scan

SHORT = 20
GTIN = "09506000134352"

texts = st.text([chr(code) for code in range(256) if code not in (2, 3, 9, 10, 13)], min_size=1, max_size=SHORT - 2)


def heard(data: bytes, framing: str = LINES) -> Found:
    return decoded(LineDecoder(framing, SHORT), [data])


def texts_of(found: Found) -> list[str]:
    return [line.text for line in frames(found) if isinstance(line, ScannedLine)]


def reasons(found: Found) -> list[str]:
    return [record.reason for record in found if isinstance(record, Discard)]


@pytest.mark.parametrize(
    ("data", "framing", "expected"),
    [
        (b"A1\rB2\r", LINES, ["A1", "B2"]),
        (b"A1\nB2\n", LINES, ["A1", "B2"]),
        (b"A1\r\nB2\r\n", LINES, ["A1", "B2"]),
        (b"A1\tB2\r", LINES, ["A1\tB2"]),
        (b"A1\tB2\t", TABS, ["A1", "B2"]),
        (b"\x02A1\x03\x02B2\x03", LINES, ["A1", "B2"]),
        (b"\x02A1\r\n\x03\x02B2\r\x03", LINES, ["A1", "B2"]),
        (b"\x02A\rB\x03", LINES, ["A\rB"]),
        (b"A1\rB2\r\x02C3\x03", FRAMED, ["C3"]),
        (b"tail of a line\x02A1\x03", FRAMED, ["A1"]),
        (b"\r\n\r\nA1\r\n", LINES, ["A1"]),
        (b"\x02\x03\x02\r\n\x03A1\r", LINES, ["A1"]),
        (b" A 1 \r", LINES, [" A 1 "]),
    ],
)
def test_where_lines_begin_and_end(data: bytes, framing: str, expected: list[str]) -> None:
    assert texts_of(heard(data, framing)) == expected


def test_a_code_of_gs1_comes_through_whole() -> None:
    sent = f"]C101{GTIN}10A7B\x1d21SN-1"
    (text,) = texts_of(decoded(LineDecoder(), [sent.encode() + b"\r\n"]))
    assert text == sent
    assert (scan(text).gtin, scan(text).lot, scan(text).serial) == (GTIN, "A7B", "SN-1")


@given(lines=st.lists(texts, max_size=5), ends=st.sampled_from(["\r", "\n", "\r\n", "stx"]))
def test_every_character_comes_through(lines: list[str], ends: str) -> None:
    data = "".join(f"\x02{line}\x03" if ends == "stx" else line + ends for line in lines)
    assert texts_of(heard(data.encode("latin-1"))) == lines


pieces = st.sampled_from([b"A1", b"A1\r", b"\n", b"\r\n", b"\t", b"\x02", b"\x03", b"\x02B2\x03", b"C" * 19, b"D" * 25])


@given(
    data=st.lists(pieces | st.binary(max_size=5), max_size=12).map(b"".join),
    framing=st.sampled_from([LINES, TABS, FRAMED]),
    ends=st.sets(st.integers(0, 200)),
)
def test_it_makes_no_difference_how_the_bytes_are_cut(data: bytes, framing: str, ends: set[int]) -> None:
    found = same_in_pieces(lambda: LineDecoder(framing, SHORT), data, [end for end in ends if end < len(data)])
    assert all(0 < len(text) < SHORT for text in texts_of(found))


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_of_a_line_that_is_too_long_nothing_is_taken(end: bytes) -> None:
    """Its end would be taken for another serial number."""
    found = heard(b"1" * (SHORT - 1) + end + b"2" * SHORT + end + b"3" * 100 + end + b"4" + end)
    assert texts_of(found) == ["1" * (SHORT - 1), "4"]
    assert set(reasons(found)) <= {TOO_LONG, BLANK}
    assert texts_of(heard(b"\x02" + b"3" * 100 + b"\x03" + b"4\r")) == ["4"]
    assert texts_of(heard(b"3" * 100 + b"\x024\x03")) == ["4"]


def test_behind_a_silence_a_line_begins() -> None:
    decoder = LineDecoder(LINES, SHORT)
    assert not texts_of(decoder.feed(b"1" * 100) + decoder.end())
    assert texts_of(decoder.feed(b"2\r")) == ["2"]
    assert not texts_of(decoder.feed(b"3") + decoder.end())
    assert texts_of(decoder.feed(b"4\r")) == ["4"]


@pytest.mark.parametrize(
    ("data", "framing", "expected"),
    [
        (b"A1\r\n", LINES, [BLANK]),
        (b"A1", LINES, [INCOMPLETE]),
        (b"A1\x02B2\x03", LINES, [CUT]),
        (b"\x02A1\x02B2\x03", LINES, [CUT]),
        (b"A1\x02B2\x03", FRAMED, [NOISE]),
    ],
)
def test_what_is_discarded_has_a_reason(data: bytes, framing: str, expected: list[str]) -> None:
    assert reasons(heard(data, framing)) == expected
