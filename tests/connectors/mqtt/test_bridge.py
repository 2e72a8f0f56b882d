"""The MQTT bridge over a real Mosquitto: the same outcomes as over HTTP, and nothing acknowledged before its time."""

from __future__ import annotations

import gzip
import os
import queue
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import pytest
import zstandard
from bridge_rig import Asker, BridgeProcess, MqttFloor, dying_at
from gateway_rig import a_shop
from hypothesis import given, settings
from hypothesis import strategies as st
from monitor_page import series_of
from shop import ASSEMBLY, CALIBRATION
from sql_stores import store_of
from topic_reader import reading
from waiting import until
from web import Web

from connectors.embedded.process import ChildServer
from connectors.ingest.inlet import Inlet
from connectors.ingest.intake import Intake, Way
from connectors.ingest.rate import Rates
from connectors.kafka.address import KafkaAddress
from connectors.monitor.process import ProcessMonitor
from connectors.mqtt.bridge import CLIENT_ID, Bridge
from sipe.clock import SystemClock
from sipe.contracts import mqtt
from sipe.contracts.codec import encode
from sipe.contracts.events import ClockAdvanced, GapDetected, Heartbeat
from sipe.contracts.topics import STATION_EVENTS_TOPIC
from sipe.errors import SipeError

NOW_MS = 1_772_445_600_000
TIMEOUT_S = 60.0
QUIET_S = 1.5
NOT_AUTHORIZED = 135

pytestmark = [pytest.mark.stack, pytest.mark.needs("mosquitto")]


def beat(seq: int, station: str = CALIBRATION, boot: int = 1) -> bytes:
    return encode(Heartbeat(station=station, boot=boot, seq=seq, ts_ms=NOW_MS + seq))


def beats(first: int, last: int, boot: int = 1) -> bytes:
    return b"\n".join(beat(seq, boot=boot) for seq in range(first, last + 1))


GAP = encode(GapDetected(station=CALIBRATION, boot=1, seq=9, ts_ms=NOW_MS, first_missing=7, last_missing=9))
TICK = encode(ClockAdvanced(now_ms=NOW_MS))
LINES = st.one_of(
    st.integers(1, 20).map(beat),
    st.sampled_from([GAP, TICK, b"", b"\r", b"{", b"\xff\xfe", b'{"type":"no_such"}', beat(1, ASSEMBLY)]),
    st.binary(max_size=40),
)
CODINGS = st.sampled_from(["", "identity", "gzip", "zstd", "br", "torn", "false"])


def coded(body: bytes, coding: str) -> tuple[bytes, str]:
    """A body as it is sent, and what is said of its coding."""
    match coding:
        case "gzip":
            return gzip.compress(body), coding
        case "zstd":
            return zstandard.compress(body), coding
        case "torn":
            return gzip.compress(body)[:-6], "gzip"
        case "false":
            return body, "gzip"
    return body, coding


class BothWays:
    """The same intake twice, each with its own memory: over HTTP, and over MQTT."""

    def __init__(self, floor: MqttFloor, kafka: KafkaAddress, directory: Path, rates: Rates | None = None) -> None:
        self._stack = ExitStack()
        self._pages: dict[str, ProcessMonitor] = {}
        self._rates = rates
        store = self._stack.enter_context(store_of(a_shop, SystemClock()))
        self._web = self._stack.enter_context(Web(store, SystemClock(), directory, inlet=self._inlet("http", kafka)))
        inlet = self._inlet("mqtt", kafka)
        bridge = Bridge(floor.address(), inlet.take, monitor=self._pages["mqtt"])
        self._stack.enter_context(bridge)
        self.asker = Asker(floor.address(CALIBRATION), CALIBRATION)
        self._stack.callback(self.asker.close)
        self.asker.listen()
        until(lambda: is_well(bridge), "the bridge is subscribed", TIMEOUT_S)

    def _inlet(self, way: Way, kafka: KafkaAddress) -> Inlet:
        monitor = self._pages[way] = ProcessMonitor(way)
        inlet = Inlet(lambda: Intake(kafka, way=way, monitor=monitor, rates=self._rates))
        self._stack.callback(inlet.close)
        return inlet

    def send(self, body: bytes, coding: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """What each answers."""
        headers = {
            "authorization": f"Bearer {self._web.token('cal')}",
            "content-type": mqtt.BATCH_MEDIA,
            "content-encoding": coding,
            "idempotency-key": "of-no-use-here",
        }
        over_http = self._web.client.post("/v1/events", content=body, headers=headers).json()
        return over_http, self.asker.ask(body, coding)

    def counts(self, way: Way) -> dict[frozenset[tuple[str, str]], float]:
        """What its metrics say of a way, by outcome or reason."""
        found = series_of(self._pages[way].page())
        return {labels - {("way", way)}: value for (name, labels), value in found.items() if "_intake_" in name}

    def close(self) -> None:
        self._stack.close()


def is_well(bridge: Bridge) -> bool:
    try:
        bridge.probe()
    except SipeError:
        return False
    return True


@pytest.fixture
def both(floor: MqttFloor, kafka_address: KafkaAddress, tmp_path: Path) -> Iterator[BothWays]:
    with closing(BothWays(floor, kafka_address, tmp_path)) as both:
        yield both


def in_kafka(kafka: KafkaAddress, records: int) -> list[bytes]:
    """What the topic holds, in order of each partition; there have to be so many."""
    with reading(kafka, STATION_EVENTS_TOPIC.name) as topic:
        until(lambda: len(topic.look()) >= records, f"{records} records", TIMEOUT_S)
        found = [seen.value for seen in topic.look()]
    assert len(found) == records
    return found


class TestEqualOutcomes:
    def test_a_batch_is_answered_over_mqtt_as_over_http(self, both: BothWays, kafka_address: KafkaAddress) -> None:
        @settings(max_examples=60)
        @given(st.lists(LINES, max_size=8), CODINGS)
        def equal(lines: list[bytes], coding: str) -> None:
            over_http, over_mqtt = both.send(*coded(b"\n".join(lines), coding))
            assert over_http == over_mqtt

        equal()
        assert both.counts("http") == both.counts("mqtt")
        accepted = int(both.counts("http")[frozenset({("outcome", "accepted")})])
        times = Counter(in_kafka(kafka_address, 2 * accepted)).values()
        assert all(one % 2 == 0 for one in times), "each way has sent the same"

    @pytest.mark.parametrize(
        ("body", "coding", "reason"),
        [
            (gzip.compress(bytes(8_000_001)), "gzip", "too_big"),
            (zstandard.compress(bytes(8_000_001)), "zstd", "too_big"),
            (b"{}\n" * 10_001, "", "too_many"),
            (b"\n\n", "", "empty"),
        ],
    )
    def test_a_batch_that_cannot_be_taken(self, both: BothWays, body: bytes, coding: str, reason: str) -> None:
        over_http, over_mqtt = both.send(body, coding)
        assert over_http == over_mqtt
        assert over_mqtt["type"] == f"urn:sipe:problem:{reason}"
        assert both.counts("mqtt")[frozenset({("reason", reason)})] == 1

    def test_a_batch_that_comes_twice_is_known_the_second_time(self, both: BothWays) -> None:
        both.send(beats(1, 5), "")
        over_http, over_mqtt = both.send(beats(1, 7), "")
        assert over_http == over_mqtt
        assert over_mqtt["known"] == [{"first": 1, "last": 5}]
        assert over_mqtt["accepted"] == [{"first": 6, "last": 7}]

    def test_a_station_above_its_share_is_told_so(
        self, floor: MqttFloor, kafka_address: KafkaAddress, tmp_path: Path
    ) -> None:
        with closing(BothWays(floor, kafka_address, tmp_path, rates=Rates(1, 5))) as both:
            both.send(beats(1, 100), "")
            over_http, over_mqtt = both.send(beats(101, 110), "")
        assert over_http["type"] == over_mqtt["type"] == "urn:sipe:problem:too_fast"
        assert over_http["status"] == over_mqtt["status"] == 429


class TestWhoMayWhat:
    """The access list of deploy/, by the broker that has it."""

    @pytest.fixture
    def asker(self, floor: MqttFloor) -> Iterator[Asker]:
        with closing(Asker(floor.address(CALIBRATION), CALIBRATION)) as asker:
            yield asker

    def test_a_station_publishes_its_own_batches_only(self, asker: Asker) -> None:
        assert asker.publish(b"") < 128
        for topic in (mqtt.events_topic(ASSEMBLY), mqtt.answers_topic(CALIBRATION), "sipe/v1/events", "other"):
            assert asker.publish(b"", topic=topic) == NOT_AUTHORIZED

    def test_a_station_reads_its_own_answers_only(self, floor: MqttFloor, asker: Asker) -> None:
        for topic in (mqtt.answers_topic(ASSEMBLY), "#", mqtt.answers_topic(CALIBRATION)):
            asker.listen(topic)  # which this Mosquitto grants, and then sends what may be read
        with closing(Asker(floor.address("sipe-bridge"), ASSEMBLY)) as bridge:
            for station in (ASSEMBLY, CALIBRATION):
                bridge.publish(b'{"of":"%s"}' % station.encode(), topic=mqtt.answers_topic(station))
        heard = []
        with suppress(queue.Empty):
            while True:
                heard.append(asker.heard(QUIET_S)["of"])
        assert set(heard) == {CALIBRATION}

    def test_an_event_of_another_station_is_not_yours(self, both: BothWays) -> None:
        over_http, over_mqtt = both.send(beat(1, ASSEMBLY), "")
        assert over_http == over_mqtt
        assert [one["reason"] for one in over_mqtt["rejected"]] == ["not_yours"]

    def test_no_answer_goes_where_another_station_reads(self, floor: MqttFloor, both: BothWays) -> None:
        with closing(Asker(floor.address(ASSEMBLY), ASSEMBLY)) as other:
            other.listen()
            both.asker.publish(beat(1), answer_to=mqtt.answers_topic(ASSEMBLY))
            until(lambda: both.counts("mqtt").get(frozenset({("outcome", "accepted")})) == 1, "taken", TIMEOUT_S)
            with pytest.raises(queue.Empty):
                other.heard(QUIET_S)

    def test_nobody_takes_the_place_of_another_by_its_client_id(
        self, floor: MqttFloor, both: BothWays, caplog: pytest.LogCaptureFixture
    ) -> None:
        with closing(Asker(floor.address(ASSEMBLY), ASSEMBLY, CLIENT_ID)) as other:
            other.listen()
            both.send(beat(1), "")
        assert "was lost" not in caplog.text

    def test_a_batch_that_the_broker_would_not_keep_is_dropped_and_counted(
        self, both: BothWays, kafka_address: KafkaAddress
    ) -> None:
        both.asker.publish(beat(1), qos=0)
        both.send(beat(2), "")
        assert both.counts("mqtt")[frozenset({("reason", "qos_0")})] == 1
        assert in_kafka(kafka_address, 2) == [beat(2)] * 2, "over HTTP, and over MQTT"


class TestItsWork:
    @pytest.fixture
    def asker(self, floor: MqttFloor) -> Iterator[Asker]:
        with closing(Asker(floor.address(CALIBRATION), CALIBRATION)) as asker:
            asker.listen()
            yield asker

    def test_killed_between_kafkas_acknowledgement_and_its_own_it_takes_the_batch_again(
        self, floor: MqttFloor, asker: Asker, kafka_address: KafkaAddress, tmp_path: Path
    ) -> None:
        dying = BridgeProcess(tmp_path, floor.address(), kafka_address, dying_at(batch=3))
        batches = [beats(first, first + 9) for first in (1, 11, 21)]
        with dying:
            for batch in batches[:2]:
                assert asker.ask(batch)["accepted"] == [{"first": 1, "last": 10}]
            asker.publish(batches[2])
            until(lambda: not dying.process.running, "the bridge has died", TIMEOUT_S)
            assert in_kafka(kafka_address, 30).count(beat(30)) == 1, "Kafka had the batch"
            with pytest.raises(queue.Empty):
                asker.heard(QUIET_S)

            with BridgeProcess(tmp_path, floor.address(), kafka_address):
                assert asker.heard()["accepted"] == [{"first": 1, "last": 10}]
        twice = [beat(seq) for seq in range(21, 31)]
        wanted = Counter([*(beat(seq) for seq in range(1, 31)), *twice])
        assert Counter(in_kafka(kafka_address, 40)) == wanted, "what reads the log counts them once"

    def test_the_batches_of_a_station_get_into_kafka_in_their_order(
        self, both: BothWays, kafka_address: KafkaAddress
    ) -> None:
        for seq in range(1, 201):
            both.asker.publish(beat(seq))
        for _ in range(200):
            both.asker.heard()
        assert in_kafka(kafka_address, 200) == [beat(seq) for seq in range(1, 201)]

    def test_what_comes_while_it_is_down_is_taken_when_it_is_back(
        self, floor: MqttFloor, asker: Asker, kafka_address: KafkaAddress, tmp_path: Path
    ) -> None:
        bridge = BridgeProcess(tmp_path, floor.address(), kafka_address)
        with bridge:
            asker.ask(beat(1))
            bridge.stop()
            for seq in (2, 3, 4):
                asker.publish(beat(seq))
            bridge.start()
            assert [asker.heard()["accepted"] for _ in range(3)] == [[{"first": 1, "last": 1}]] * 3

    def test_it_comes_back_when_the_broker_was_away(
        self, floor: MqttFloor, kafka_address: KafkaAddress, tmp_path: Path
    ) -> None:
        with BridgeProcess(tmp_path, floor.address(), kafka_address) as bridge:
            floor.kill()
            floor.start()
            until(lambda: bridge.log.count("connected to") == 2, "it has come back", TIMEOUT_S)
            with closing(Asker(floor.address(CALIBRATION), CALIBRATION)) as asker:
                asker.listen()
                assert asker.ask(beat(1))["accepted"] == [{"first": 1, "last": 1}]

    @pytest.mark.long
    def test_while_kafka_is_away_nothing_is_answered_and_then_everything_is_there(
        self, floor: MqttFloor, asker: Asker, broker: ChildServer, kafka_address: KafkaAddress, tmp_path: Path
    ) -> None:
        with BridgeProcess(tmp_path, floor.address(), kafka_address) as bridge:
            asker.ask(beat(1))
            os.kill(broker.pid, signal.SIGSTOP)
            try:
                for seq in range(2, 42):  # more than the bridge may have in flight
                    asker.publish(beat(seq))
                until(lambda: not bridge.ready(), "it is not ready", TIMEOUT_S)
                with pytest.raises(queue.Empty):
                    asker.heard(QUIET_S)
            finally:
                os.kill(broker.pid, signal.SIGCONT)
            for _ in range(40):
                asker.heard()
            until(bridge.ready, "it is ready", TIMEOUT_S)
            with reading(kafka_address, STATION_EVENTS_TOPIC.name) as topic:
                everything = {beat(seq) for seq in range(1, 42)}
                until(lambda: {seen.value for seen in topic.look()} == everything, "everything", TIMEOUT_S)

    def test_it_ends_by_itself_when_it_is_asked_to_and_answers_what_it_has(
        self, floor: MqttFloor, asker: Asker, broker: ChildServer, kafka_address: KafkaAddress, tmp_path: Path
    ) -> None:
        with BridgeProcess(tmp_path, floor.address(), kafka_address) as bridge:
            asker.ask(beat(1))
            os.kill(broker.pid, signal.SIGSTOP)
            asker.publish(beat(2))
            os.kill(bridge.process.pid, signal.SIGTERM)
            os.kill(broker.pid, signal.SIGCONT)
            until(lambda: not bridge.process.running, "it has ended", TIMEOUT_S)
        with BridgeProcess(tmp_path, floor.address(), kafka_address):
            assert asker.heard()["rejected"] == [], "by the first, or else by the second"
