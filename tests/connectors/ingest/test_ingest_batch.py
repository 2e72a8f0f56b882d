from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable
from typing import TypeVar

import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.ingest.batch import LINE_REASONS, Line, Rejected, Sender, Valid, read, split
from connectors.ingest.coding import WINDOW_BYTES_MAX, Limits, decoded
from models.refusal import Refused
from sipe.contracts.codec import MESSAGE_BYTES_MAX, decode, encode
from sipe.contracts.events import GapDetected, Heartbeat
from sipe.contracts.examples import EXAMPLES

T = TypeVar("T")
LIMITS = Limits()
SMALL = Limits(events_max=20, bytes_max=100_000, parts_max=4)
NOW_MS = 1_772_445_600_000
MIB = 1 << 20


def heartbeat(seq: int, station: str = "s.a.l.one") -> bytes:
    return encode(Heartbeat(station=station, boot=1, seq=seq, ts_ms=NOW_MS + seq))


def zstd(body: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(body)


PACK: dict[str, Callable[[bytes], bytes]] = {"identity": bytes, "gzip": gzip.compress, "zstd": zstd}
packed = pytest.mark.parametrize("coding", ["gzip", "zstd"])


def refusal(body: bytes, coding: str, limits: Limits = LIMITS) -> str:
    with pytest.raises(Refused) as refused:
        decoded(body, coding, limits)
    return refused.value.reason


def tried(call: Callable[[], T]) -> tuple[T | None, str]:
    """What a call gives, or why it is refused; any other exception fails the test."""
    try:
        return call(), ""
    except Refused as refused:
        return None, refused.reason


def yes(station: str) -> bool:
    return True


def only(text: bytes, allowed: Callable[[str], bool] = yes) -> Line:
    (line,) = read(text, allowed, LIMITS)
    return line


class TestCoding:
    @pytest.mark.parametrize("coding", [*PACK, "", "GZIP", " zstd "])
    @given(body=st.binary(max_size=5_000))
    def test_what_was_packed_comes_out(self, coding: str, body: bytes) -> None:
        assert decoded(PACK[coding.strip().lower() or "identity"](body), coding, LIMITS) == body

    @packed
    @given(bodies=st.lists(st.binary(max_size=300), min_size=1, max_size=8))
    def test_several_members_or_frames_are_one_body(self, coding: str, bodies: list[bytes]) -> None:
        assert decoded(b"".join(map(PACK[coding], bodies)), coding, LIMITS) == b"".join(bodies)

    @given(body=st.binary(max_size=300), coding=st.sampled_from(["identity", "gzip", "zstd", "br", "gzip, gzip"]))
    def test_any_bytes_are_a_body_or_are_refused(self, body: bytes, coding: str) -> None:
        found, why = tried(lambda: decoded(body, coding, SMALL))
        assert found is not None or why in {"coding", "truncated", "too_big", "too_many"}

    @packed
    @given(data=st.data())
    def test_a_damaged_body_is_what_was_sent_or_is_refused(self, coding: str, data: st.DataObject) -> None:
        body = b"\n".join(heartbeat(seq) for seq in range(1, 50))
        sent = bytearray(PACK[coding](body) if coding == "gzip" else checked_zstd(body))
        at = data.draw(st.integers(0, len(sent) - 1))
        sent[at] ^= data.draw(st.integers(1, 255))
        found, why = tried(lambda: decoded(bytes(sent), coding, LIMITS))
        assert found == body or why in {"coding", "truncated", "too_big"}

    @packed
    def test_every_cut_is_truncated(self, coding: str) -> None:
        sent = PACK[coding](b"".join(heartbeat(seq) for seq in range(1, 30)))
        for length in range(1, len(sent)):
            assert refusal(sent[:length], coding) == "truncated"
            assert refusal(sent + sent[:length], coding) == "truncated"

    @pytest.mark.parametrize("coding", ["br", "deflate", "gzip, gzip", "zstd,gzip", "x"])
    def test_an_unknown_coding_is_refused(self, coding: str) -> None:
        assert refusal(b"{}", coding) == "coding"

    @packed
    def test_bytes_of_another_coding_are_refused(self, coding: str) -> None:
        assert refusal(b"plain text", coding) == "coding"
        assert refusal(PACK[coding](b"text") + b"and more", coding) == "coding"
        assert refusal(zlib.compress(b"text"), coding) == "coding"

    def test_a_zstd_frame_may_not_ask_for_more_memory_than_the_window(self) -> None:
        for window_log, taken in ((WINDOW_BYTES_MAX.bit_length() - 1, True), (WINDOW_BYTES_MAX.bit_length(), False)):
            parameters = zstandard.ZstdCompressionParameters(window_log=window_log)
            frame = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
            sent = frame.compress(b"text") + frame.flush()
            if taken:
                assert decoded(sent, "zstd", LIMITS) == b"text"
            else:
                assert refusal(sent, "zstd") == "coding"

    @packed
    def test_too_many_members_or_frames_are_refused(self, coding: str) -> None:
        empty = PACK[coding](b"")
        assert decoded(empty * SMALL.parts_max, coding, SMALL) == b""
        assert refusal(empty * (SMALL.parts_max + 1), coding, SMALL) == "too_many"

    @pytest.mark.parametrize("coding", PACK)
    def test_the_limit_is_what_the_body_was(self, coding: str) -> None:
        assert len(decoded(PACK[coding](b"x" * SMALL.bytes_max), coding, SMALL)) == SMALL.bytes_max
        assert refusal(PACK[coding](b"x" * (SMALL.bytes_max + 1)), coding, SMALL) == "too_big"
        assert refusal(b"\x00" * (SMALL.bytes_max + 1), coding, SMALL) == "too_big"

    @pytest.mark.parametrize("parts", [1, 40])
    @packed
    def test_a_bomb_is_stopped_while_it_grows(self, coding: str, parts: int) -> None:
        bomb = PACK[coding](bytes(80 * MIB // parts)) * parts
        tracemalloc.start()
        try:
            assert refusal(bomb, coding) == "too_big"
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < LIMITS.bytes_max + 16 * MIB

    def test_a_bomb_of_the_densest_frames_is_stopped_as_well(self) -> None:
        block = (128 * 1024 << 3 | 1 << 1).to_bytes(3, "little") + b"\0"  # RFC 8878, 3.1.1.2: RLE, 128 KiB in 4 bytes
        bomb = bytes.fromhex("28b52ffd0068") + block * 100_000
        tracemalloc.start()
        try:
            assert refusal(bomb, "zstd") == "too_big"
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < LIMITS.bytes_max + 16 * MIB

    def test_a_bomb_within_a_bomb_is_a_line_that_is_no_event(self) -> None:
        inner = gzip.compress(bytes(20 * MIB))
        lines = read(decoded(gzip.compress(inner), "gzip", LIMITS), yes, LIMITS)
        assert {line.reason for line in lines if isinstance(line, Rejected)} == {"undecodable"}
        assert not [line for line in lines if isinstance(line, Valid)]


def checked_zstd(body: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(body)


pieces = st.one_of(
    st.binary(max_size=30),
    st.sampled_from([b"", b" ", b"\t\r", b"{}", b"null", b"\xff", b"\r", b"{" * 2_000, b"[" * 100_000]),
    st.sampled_from([encode(event) for event in EXAMPLES]),
    st.integers(1, 5).map(heartbeat),
)


class TestLines:
    @given(lines=st.lists(pieces, max_size=20), end=st.sampled_from([b"\n", b"\r\n"]), ended=st.booleans())
    def test_every_line_is_in_one_outcome_and_its_bytes_are_untouched(
        self, lines: list[bytes], end: bytes, ended: bool
    ) -> None:
        text = end.join(lines) + (end if ended else b"")
        numbered = enumerate(text.split(b"\n"), start=1)
        expected = {number: each.removesuffix(b"\r") for number, each in numbered if each.strip(b" \t\r")}
        found, why = tried(lambda: read(text, lambda station: "line-1" in station, Limits(events_max=50)))
        assert why == ("" if expected else "empty")
        assert [line.number for line in found or []] == list(expected)
        for line in found or []:
            raw = expected[line.number]
            event = decode(raw)
            if isinstance(line, Valid):
                assert line.raw == raw
                says = json.loads(raw)
                sender = Sender(says["station"], says.get("source", "device"), says["boot"])
                assert (line.sender, line.seq, line.key.decode()) == (sender, says["seq"], says["station"])
                assert "line-1" in says["station"]
                assert line.is_gap == isinstance(event, GapDetected)
            else:
                assert line.reason in LINE_REASONS
                assert line.reason in {getattr(event, "reason", None), "not_yours"}

    @given(text=st.binary(max_size=400))
    @example(b"\n" * 39)
    @example(b"\xef\xbb\xbf{}")
    def test_any_bytes_are_lines_or_are_refused(self, text: bytes) -> None:
        lines, why = tried(lambda: read(text, yes, SMALL))
        assert why in {"empty", "too_many"} if lines is None else 0 < len(lines) <= SMALL.events_max

    @pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\n\n", b"\r\n \r\n"])
    @pytest.mark.parametrize("last", [True, False])
    def test_lines_end_as_they_like(self, end: bytes, last: bool) -> None:
        raws = [heartbeat(seq) for seq in range(1, 6)]
        lines = read(end.join(raws) + (end if last else b""), yes, LIMITS)
        assert [line.raw for line in lines if isinstance(line, Valid)] == raws
        assert [line.number for line in lines] == [1 + n * end.count(b"\n") for n in range(5)]

    def test_blanks_within_a_line_are_stored_too(self) -> None:
        raw = b" \t" + heartbeat(1).replace(b",", b" , ") + b"  "
        line = only(raw + b"\r\n")
        assert isinstance(line, Valid)
        assert line.raw == raw

    def test_another_station_is_not_yours_and_is_asked_for_once(self) -> None:
        asked = []

        def allowed(station: str) -> bool:
            asked.append(station)
            return station == "s.a.l.one"

        text = b"\n".join(heartbeat(seq, f"s.a.l.{name}") for seq in range(1, 4) for name in ("one", "two"))
        lines = read(text, allowed, LIMITS)
        assert sorted(asked) == ["s.a.l.one", "s.a.l.two"]
        assert [(line.number, line.seq) for line in lines if isinstance(line, Valid)] == [(1, 1), (3, 2), (5, 3)]
        rejects = [line for line in lines if isinstance(line, Rejected)]
        assert [(line.number, line.reason) for line in rejects] == [(number, "not_yours") for number in (2, 4, 6)]
        assert "s.a.l.two" in rejects[0].detail

    def test_no_device_moves_the_time(self) -> None:
        line = only(b'{"type":"clock_advanced","now_ms":1772445600000}')
        assert isinstance(line, Rejected)
        assert line.reason == "not_yours"

    @pytest.mark.parametrize(
        ("raw", "reason"),
        [
            (b"[" * 200_000, "schema"),
            (b'{"type":"heartbeat","x":' + b"[" * 200_000 + b"]" * 200_000 + b"}", "undecodable"),
            (heartbeat(1).replace(b'"seq":1', b'"seq":' + b"9" * 400), "schema"),
            (heartbeat(1).replace(b'"seq":1', b'"seq":1e400'), "schema"),
            (heartbeat(1).replace(b'"seq":1', b'"seq":1.5'), "schema"),
            (heartbeat(1)[:-1] + b',"x":"\xff"}', "undecodable"),
            (heartbeat(1)[:-1] + b',"x":"' + b"x" * MESSAGE_BYTES_MAX + b'"}', "too_big"),
            (heartbeat(1).replace(b"heartbeat", b"no_such_thing"), "unknown_type"),
            (heartbeat(1) + heartbeat(2), "undecodable"),
            (b"\xef\xbb\xbf" + heartbeat(1), "undecodable"),
        ],
        ids=["deep", "deep within", "huge", "infinite", "fraction", "utf-8", "long", "type", "two", "bom"],
    )
    def test_a_line_that_is_no_event_is_rejected_and_the_next_one_is_taken(self, raw: bytes, reason: str) -> None:
        rejected, valid = read(raw + b"\n" + heartbeat(7), yes, LIMITS)
        assert isinstance(rejected, Rejected)
        assert (rejected.number, rejected.reason) == (1, reason)
        assert len(rejected.detail) <= 300
        assert isinstance(valid, Valid)
        assert (valid.number, valid.seq) == (2, 7)

    def test_of_a_key_that_comes_twice_the_last_counts_for_everybody(self) -> None:
        line = only(heartbeat(1)[:-1] + b',"station":"s.a.l.two"}', lambda station: station == "s.a.l.one")
        assert isinstance(line, Rejected)
        assert line.reason == "not_yours"

    def test_so_many_events_and_no_more(self) -> None:
        raws = [heartbeat(seq) for seq in range(1, SMALL.events_max + 2)]
        assert len(split(b"\n\n".join(raws[:-1]), SMALL)) == SMALL.events_max
        for text in (b"\n".join(raws), b"\n" * (2 * SMALL.events_max) + raws[0]):
            with pytest.raises(Refused) as refused:
                split(text, SMALL)
            assert refused.value.reason == "too_many"

    @pytest.mark.parametrize("text", [b"", b"\n", b" \r\n\t\n"])
    def test_nothing_is_empty(self, text: bytes) -> None:
        with pytest.raises(Refused) as refused:
            read(text, yes, LIMITS)
        assert refused.value.reason == "empty"
