"""Dead letters: their bytes untouched, written however long that takes, and read whatever else lies among them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import waiting
from confluent_kafka import Producer
from hypothesis import given
from hypothesis import strategies as st
from raw_producer import produce_with_header

from connectors.embedded.process import ChildServer
from connectors.kafka.address import KafkaAddress
from connectors.kafka.config import producer_config
from connectors.kafka.letter_reader import read_letters
from connectors.kafka.letters import LetterWriter
from connectors.kafka.source import StationEventSource
from sipe.contracts import letters as contract
from sipe.contracts.codec import REJECT_REASONS
from sipe.contracts.fields import TS_MS_MAX
from sipe.contracts.letters import Letter, LetterHeaders
from sipe.contracts.topics import STATION_EVENTS_DLQ_TOPIC, STATION_EVENTS_TOPIC
from sipe.errors import SipeError

TOPIC = STATION_EVENTS_DLQ_TOPIC.name
ANY_NAMES = st.sampled_from([*LetterHeaders.__struct_encode_fields__, "x"]) | st.text()
ANY_VALUES = st.none() | st.binary() | st.integers().map(lambda number: str(number).encode())
until = partial(waiting.until, timeout_s=30)


def letter(offset: int, value: bytes = b"{", key: bytes | None = b"s.a.l.x", partition: int = 0) -> Letter:
    headers = LetterHeaders(
        reason="undecodable", detail="ends early — at byte 1", topic=STATION_EVENTS_TOPIC.name, epoch=3,
        partition=partition, offset=offset, record_ts_ms=1_700_000_000_000, at_ms=1_700_000_000_500, app_version="1",
    )  # fmt: skip
    return Letter(headers, key, value)


class TestHeaders:
    @given(
        st.builds(
            LetterHeaders,
            reason=st.sampled_from(REJECT_REASONS),
            detail=st.text(st.characters(codec="utf-8", min_codepoint=0x20, exclude_characters="\x7f"), max_size=300),
            topic=st.just(STATION_EVENTS_TOPIC.name),
            epoch=st.integers(0, 2**32 - 1),
            partition=st.integers(0, 2**16 - 1),
            offset=st.integers(0, 2**63 - 1),
            record_ts_ms=st.integers(0, TS_MS_MAX),
            at_ms=st.integers(0, TS_MS_MAX),
            app_version=st.just("0.1.0"),
            attempt=st.integers(1, 255),
        )
    )
    def test_what_is_written_is_read(self, headers: LetterHeaders) -> None:
        wire = [(name, value) for name, value in contract.wire_headers(headers) if isinstance(value, bytes)]
        assert len(wire) == len(LetterHeaders.__struct_fields__)
        assert contract.read_headers(wire) == headers
        assert contract.read_headers([("dlq_offset", b"9"), *wire]) == headers, "the last of a doubled name counts"
        assert sum(len(name) + len(value) for name, value in wire) < contract.HEADERS_BYTES_MAX
        assert contract.attempt_of(wire) == headers.attempt

    @given(st.none() | st.lists(st.tuples(ANY_NAMES, ANY_VALUES)))
    def test_reading_is_total(self, wire: list[tuple[str, bytes | None]] | None) -> None:
        assert contract.read_headers(wire) is None
        assert 1 <= contract.attempt_of(wire) <= contract.ATTEMPT_MAX

    @pytest.mark.parametrize(
        ("detail", "shown"),
        [
            ("Invalid enum value 'hunter2' - at `$.state`", "Invalid enum value … - at `$.state`"),
            ("Invalid value 'it's hunter2'", "Invalid value …"),
            ("s.a.l.x is the station, the key is b'hunter2'", "s.a.l.x is the station, the key is …"),
            ("Invalid value 'a'hunter2 and so o…", "Invalid value …"),
            ("Object missing required field `station`", "Object missing required field `station`"),
        ],
    )
    def test_a_detail_quotes_nothing(self, detail: str, shown: str) -> None:
        assert contract.without_values(detail) == shown


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[ChildServer]:
    topics = [f"{TOPIC}:2", f"{STATION_EVENTS_TOPIC.name}:1"]
    with ChildServer("connectors.embedded.broker", *topics, log_path=tmp_path / "broker.log") as server:
        yield server


def read(kafka: KafkaAddress, topic: str = TOPIC) -> list[Letter | None]:
    return [delivered.letter for delivered in read_letters(kafka, topic)]


def write_aside(writer: LetterWriter, letters: list[Letter]) -> Future[None]:
    pool = ThreadPoolExecutor(1)
    written = pool.submit(writer.write, letters)
    pool.shutdown(wait=False)
    return written


@pytest.mark.stack
class TestWriter:
    def test_bytes_and_order_are_kept(self, broker: ChildServer) -> None:
        kafka = KafkaAddress(broker.ready["bootstrap"])
        sent = [
            letter(n, value, key, partition=n % 2)
            for n, (key, value) in enumerate(
                [(None, b""), (b"\xff\x00", b"\xfe{"), (b"s.a.l.x", bytes(range(256)))] * 50
            )
        ]
        writer = LetterWriter(kafka)
        writer.write(sent[:100])
        writer.write([])
        writer.write(sent[100:])
        writer.close()
        delivered = list(read_letters(kafka))
        assert [d.letter for d in delivered if d.partition == 0] == sent[::2]
        assert [d.letter for d in delivered if d.partition == 1] == sent[1::2]

    def test_a_frozen_broker_holds_the_writer_up_and_loses_nothing(self, broker: ChildServer) -> None:
        writer = LetterWriter(KafkaAddress(broker.ready["bootstrap"]))
        writer.write([letter(0)])
        freeze(broker.pid)
        try:
            written = write_aside(writer, [letter(1), letter(2)])
            with pytest.raises(TimeoutError):
                written.result(timeout=1.5)
        finally:
            os.kill(broker.pid, signal.SIGCONT)
        written.result(timeout=60)
        writer.close()
        assert {found.headers.offset for found in read(KafkaAddress(broker.ready["bootstrap"])) if found} == {0, 1, 2}

    def test_it_waits_for_a_missing_topic(self, broker: ChildServer, caplog: pytest.LogCaptureFixture) -> None:
        kafka = KafkaAddress(broker.ready["bootstrap"])
        writer = LetterWriter(kafka, topic="missing.dlq")
        written = write_aside(writer, [letter(1)])
        until(lambda: "dead letters wait" in caplog.text or written.done(), "the topic was never missed")
        assert not written.done()
        producer = Producer(producer_config(kafka))
        assert "missing.dlq" not in producer.list_topics(timeout=10).topics, "the writer must not create it"
        producer.list_topics("missing.dlq", timeout=10)  # the embedded broker creates what is asked for by name
        written.result(timeout=60)
        writer.close()
        assert read(kafka, "missing.dlq") == [letter(1)]

    def test_it_gives_up_with_a_reason(self) -> None:
        writer = LetterWriter(KafkaAddress("127.0.0.1:1"), give_up_after_s=0.5)
        with pytest.raises(SipeError, match=r"^gave up: 2 dead letters waited 0\.5 s for .* at 127\.0\.0\.1:1 \("):
            writer.write([letter(1), letter(2)])

    def test_a_drain_waits_for_an_answer_that_comes(self, broker: ChildServer) -> None:
        stopping = threading.Event()
        writer = LetterWriter(KafkaAddress(broker.ready["bootstrap"]), stopping=stopping.is_set)
        writer.write([letter(1)])
        freeze(broker.pid)
        stopping.set()
        written = write_aside(writer, [letter(2)])
        try:
            with pytest.raises(TimeoutError):
                written.result(timeout=1)
        finally:
            os.kill(broker.pid, signal.SIGCONT)
        written.result(timeout=30)
        writer.close()
        assert read(KafkaAddress(broker.ready["bootstrap"])) == [letter(1), letter(2)]

    def test_a_drain_ends_the_wait(self) -> None:
        stopping = threading.Event()
        written = write_aside(LetterWriter(KafkaAddress("127.0.0.1:1"), stopping=stopping.is_set), [letter(1)])
        with pytest.raises(TimeoutError):
            written.result(timeout=0.5)
        stopping.set()
        with pytest.raises(SipeError, match="stopped while 1 dead letters waited"):
            written.result(timeout=30)


@pytest.mark.stack
def test_foreign_records_stop_no_reader(broker: ChildServer) -> None:
    kafka = KafkaAddress(broker.ready["bootstrap"])
    writer = LetterWriter(kafka)
    writer.write([letter(1)])
    for topic in (TOPIC, STATION_EVENTS_TOPIC.name) * 5:
        produce_with_header(kafka.bootstrap, topic, b"\xff\xfe", b"x")  # a name that is no UTF-8
        produce_with_header(kafka.bootstrap, topic, b"dlq_attempt", b"3")
        produce_with_header(kafka.bootstrap, topic, b"dlq_attempt", None)
    writer.write([letter(2)])
    writer.close()
    found = read(kafka)
    assert [one for one in found if one] == [letter(1), letter(2)]
    assert found.count(None) == 15
    reader = StationEventSource(kafka, STATION_EVENTS_TOPIC.name, 1).build_part("in", "0", None)
    attempts: list[int] = []

    def all_read() -> bool:
        attempts.extend(record.attempt for _, batch in reader.next_batch() for record in batch.records)
        return len(attempts) == 15

    until(all_read, "the source did not read the records")
    reader.close()
    assert attempts == [1, 3, 1] * 5


def freeze(pid: int) -> None:
    """Stop every thread of a process; a running one takes a moment to notice."""
    os.kill(pid, signal.SIGSTOP)
    states = [task / "stat" for task in Path(f"/proc/{pid}/task").iterdir()]
    until(lambda: all(state.read_text().rpartition(")")[2].split()[0] == "T" for state in states), "it goes on")
