from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta

import bytewax.operators as op
import pytest
from bytewax import testing
from bytewax.dataflow import Dataflow

from connectors.embedded.process import ChildServer
from connectors.kafka import cluster
from connectors.kafka.address import KafkaAddress
from connectors.kafka.records import Record, RecordBatch
from connectors.kafka.sender import EventSender
from connectors.kafka.source import PartitionReader, Position, StationEventSource
from sipe.contracts.codec import MESSAGE_BYTES_MAX, admit
from sipe.contracts.events import ClockAdvanced, Event, Heartbeat, StateChanged
from sipe.contracts.topics import STATION_EVENTS_TOPIC
from sipe.errors import SipeError

TOPIC = STATION_EVENTS_TOPIC.name
NOW_MS = 1_700_000_000_000
DEADLINE_S = 15.0

pytestmark = pytest.mark.stack


def heartbeat(station: int, seq: int) -> Heartbeat:
    return Heartbeat(station=f"s.a.l.station-{station}", boot=1, seq=seq, ts_ms=NOW_MS + seq)


def read_to(reader: PartitionReader, end: int) -> list[Record]:
    """Every record from the reader's position to the offset `end`."""
    records: list[Record] = []
    deadline = time.monotonic() + DEADLINE_S
    while reader.snapshot()[1] < end:
        assert time.monotonic() < deadline, f"only {reader.snapshot()} of {end}"
        for _, batch in reader.next_batch():
            records.extend(batch.records)
    reader.close()
    return records


def read_log(address: KafkaAddress, ends: dict[int, int]) -> dict[int, list[Record]]:
    source = StationEventSource(address, TOPIC, epoch=1)
    return {partition: read_to(source.build_part("in", str(partition), None), end) for partition, end in ends.items()}


def run_flow(
    address: KafkaAddress, ends: dict[int, int], batch_records_max: int = 5_000
) -> list[tuple[str, RecordBatch]]:
    """Everything up to `ends` that comes out of a dataflow which is nothing but the source."""
    out: list[tuple[str, RecordBatch]] = []
    deadline = time.monotonic() + DEADLINE_S

    def all_in() -> bool:
        read = {batch.partition: batch.records[-1].offset + 1 for _, batch in out}
        return read == ends or time.monotonic() > deadline

    flow = Dataflow("through")
    records = op.input(
        "in", flow, StationEventSource(address, TOPIC, epoch=3, stop=all_in, batch_records_max=batch_records_max)
    )
    op.output("out", records, testing.TestingSink(out))
    testing.run_main(flow, epoch_interval=timedelta(milliseconds=100))  # type: ignore[no-untyped-call]  # Bytewax
    return out


def test_what_was_sent_comes_out_of_a_flow_in_order_and_once(address: KafkaAddress) -> None:
    events = [heartbeat(station, seq) for seq in range(1, 51) for station in range(8)]
    with EventSender(address) as sender:
        for event in events:
            sender.send(event)
        sender.send_raw(b"\xff", b"{poison")
        ends = sender.ends()

    out = run_flow(address, ends, batch_records_max=7)

    read: dict[str, list[Event]] = defaultdict(list)
    poison: list[Record] = []
    for key, batch in out:
        assert (batch.epoch, str(batch.partition)) == (3, key)
        assert 0 < len(batch.records) <= 7
        for record in batch.records:
            assert abs(record.timestamp_ms - time.time() * 1000) < 60_000
            admitted = admit(record.value, record.key, NOW_MS)
            if isinstance(admitted, Heartbeat):
                read[admitted.station].append(admitted)
            else:
                poison.append(record)
    assert read == {f"s.a.l.station-{number}": [heartbeat(number, seq) for seq in range(1, 51)] for number in range(8)}
    assert [(record.key, record.value) for record in poison] == [(b"\xff", b"{poison")]


def test_a_tick_reaches_every_partition_after_all_that_was_sent_before(
    fresh_topic: Callable[[int], KafkaAddress],
) -> None:
    address = fresh_topic(4)
    rounds = 20
    with EventSender(address) as sender:  # the very first message of a new producer is among them
        for number in range(1, rounds + 1):
            for station in range(24):
                sender.send(heartbeat(station, number))
            sender.tick(NOW_MS + number)
        ends = sender.ends()

    assert sorted(ends) == [0, 1, 2, 3]
    for records in read_log(address, ends).values():
        ticks = 0
        for record in records:
            event = admit(record.value, record.key, NOW_MS + rounds)
            if isinstance(event, ClockAdvanced):
                ticks += 1
                assert event.now_ms == NOW_MS + ticks
            else:
                assert isinstance(event, Heartbeat)
                assert event.seq == ticks + 1
        assert ticks == rounds


def test_ends_name_only_what_this_sender_wrote(address: KafkaAddress) -> None:
    with EventSender(address) as sender:
        assert sender.ends() == {}
        sender.tick(NOW_MS)
        assert sender.ends() == {0: 1, 1: 1}
        with EventSender(address) as other:
            other.tick(NOW_MS)
        assert sender.ends() == {0: 1, 1: 1}


def test_an_empty_value_is_a_record_with_no_bytes(address: KafkaAddress) -> None:
    with EventSender(address) as sender:
        sender.send_raw(None, b"")
        ends = sender.ends()
    records = [record for records in read_log(address, ends).values() for record in records]
    assert [(record.key, record.value) for record in records] == [(None, b"")]


def test_a_message_above_the_limit_is_refused_and_the_next_one_is_sent(address: KafkaAddress) -> None:
    with EventSender(address) as sender:
        with pytest.raises(SipeError, match=rf"^too_big: a message of {MESSAGE_BYTES_MAX + 1} bytes .*{TOPIC}"):
            sender.send_raw(b"key", b"x" * (MESSAGE_BYTES_MAX + 1))
        state = StateChanged(
            station="s.a.l.s", boot=1, seq=1, ts_ms=NOW_MS, state="down", reason="x" * MESSAGE_BYTES_MAX
        )
        with pytest.raises(SipeError, match="too_big"):
            sender.send(state)
        with pytest.raises(SipeError, match="too_big"):
            sender.send_raw(b"k" * 2_000, b"x" * MESSAGE_BYTES_MAX)
        sender.send_raw(b"k" * (4 * 32 + 3), b"x" * MESSAGE_BYTES_MAX)
        ends = sender.ends()
    assert sum(ends.values()) == 1


def test_a_saved_position_is_where_reading_goes_on(address: KafkaAddress) -> None:
    with EventSender(address) as sender:
        for number in range(10):
            sender.tick(NOW_MS + number)
    source = StationEventSource(address, TOPIC, epoch=2)
    reader = source.build_part("in", "1", Position(2, 7))
    assert reader.snapshot()._replace(topic_id=None) == (2, 7, None, True)
    assert [record.offset for record in read_to(reader, 10)] == [7, 8, 9]
    at_the_end = source.build_part("in", "1", Position(2, 10))
    assert at_the_end.next_batch() == []
    assert at_the_end.snapshot()._replace(topic_id=None) == (2, 10, None, True)
    at_the_end.close()


@pytest.mark.parametrize(
    ("saved", "complaint"),
    [
        (
            Position(1, 0),
            r"the log epoch is 2, the recovery is of epoch 1; start with SIPE_LOG_EPOCH=1 .*SIPE_LOG_EPOCH=3",
        ),
        (
            Position(2, 11),
            r"goes on at offset 11, but the log ends at 10: it is a different, shorter log.*SIPE_LOG_EPOCH=3",
        ),
    ],
)
def test_a_position_in_another_log_stops_the_flow(address: KafkaAddress, saved: Position, complaint: str) -> None:
    with EventSender(address) as sender:
        for number in range(10):
            sender.tick(NOW_MS + number)
    with pytest.raises(SipeError, match=rf"{TOPIC}\[0\] at {address}: .*{complaint}"):
        StationEventSource(address, TOPIC, epoch=2).build_part("in", "0", saved)


class TestNothingSaved:
    STORED = 4

    def source(self, address: KafkaAddress, stored: int | None) -> StationEventSource:
        with EventSender(address) as sender:
            for number in range(10):
                sender.tick(NOW_MS + number)
        return StationEventSource(address, TOPIC, epoch=2, stored_offset={1: stored}.get)

    def test_reading_goes_on_where_the_store_ends(self, address: KafkaAddress) -> None:
        reader = self.source(address, self.STORED).build_part("in", "1", None)
        assert reader.snapshot()._replace(topic_id=None) == (2, self.STORED, None, False)
        assert [record.offset for record in read_to(reader, 10)] == [4, 5, 6, 7, 8, 9]
        assert reader.snapshot()._replace(topic_id=None) == (2, 10, None, True)

    def test_a_store_that_holds_nothing_of_the_log_wants_all_of_it(self, address: KafkaAddress) -> None:
        reader = self.source(address, None).build_part("in", "1", None)
        assert len(read_to(reader, 10)) == 10

    def test_a_position_from_before_the_first_record_gives_way_to_the_store(self, address: KafkaAddress) -> None:
        untouched = Position(2, 0, None, handed_on=False)
        reader = self.source(address, self.STORED).build_part("in", "1", untouched)
        assert reader.snapshot()._replace(topic_id=None) == (2, self.STORED, None, False)
        reader.close()

    def test_records_that_came_and_went_before_the_first_was_read_stop_the_flow(self, address: KafkaAddress) -> None:
        with pytest.raises(SipeError, match="goes on at offset 11, but the log ends at 10"):
            self.source(address, None).build_part("in", "1", Position(2, 11, None, handed_on=False))

    def test_a_log_that_ends_before_the_store_is_another_log(self, address: KafkaAddress) -> None:
        complaint = r"nothing is saved and the store goes on at offset 11, but the log ends at 10: .*SIPE_LOG_EPOCH=3"
        with pytest.raises(SipeError, match=complaint):
            self.source(address, 11).build_part("in", "1", None)


def test_an_idle_reader_is_soon_awake_and_never_blocks(address: KafkaAddress) -> None:
    reader = StationEventSource(address, TOPIC, epoch=1).build_part("in", "0", None)
    start_s = time.perf_counter()
    for _ in range(100):
        assert reader.next_batch() == []
    assert time.perf_counter() - start_s < 1.0
    awake = reader.next_awake()
    assert awake is not None
    assert 0 < awake.timestamp() - (time.time() - 1.0) < 1.1
    assert reader.snapshot()._replace(topic_id=None) == (1, 0, None, False)
    reader.close()


def test_a_missing_topic_is_named_and_not_created(address: KafkaAddress) -> None:
    for _ in range(2):
        with pytest.raises(SipeError, match=f"{address} has no topic sipe.other.v1"):
            EventSender(address, topic="sipe.other.v1")
        with pytest.raises(SipeError, match=f"{address} has no topic sipe.other.v1"):
            StationEventSource(address, "sipe.other.v1", epoch=1).list_parts()
    assert StationEventSource(address, TOPIC, epoch=1).list_parts() == ["0", "1"]


@pytest.mark.parametrize("ask", [EventSender, lambda address: StationEventSource(address, TOPIC, epoch=1).list_parts()])
def test_an_unreachable_broker_is_named(
    ask: Callable[[KafkaAddress], object], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cluster.CONNECT_TIMEOUT_S <= 10
    monkeypatch.setattr(cluster, "CONNECT_TIMEOUT_S", 1.0)
    with pytest.raises(SipeError, match=r"no Kafka broker answers at 127\.0\.0\.1:1 .*SIPE_KAFKA_URL"):
        ask(KafkaAddress("127.0.0.1:1"))
    assert capfd.readouterr().err == ""  # one error, not a log of retries


def test_a_broker_that_went_away_is_named_when_nothing_is_acknowledged(
    start_broker: Callable[[int], ChildServer],
) -> None:
    broker = start_broker(1)
    sender = EventSender(KafkaAddress(broker.ready["bootstrap"]), stall_timeout_s=0.5)
    sender.tick(NOW_MS)
    sender.flush()
    broker.stop()
    sender.tick(NOW_MS + 1)
    with pytest.raises(SipeError, match=f"1 messages to {TOPIC} .* {broker.ready['bootstrap']} gave none for 0.5 s"):
        sender.close()
    with pytest.raises(SipeError, match=rf"a message was not delivered to {TOPIC}\[0\] at .*Purged"):
        sender.flush()
