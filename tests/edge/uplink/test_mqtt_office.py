"""The office by MQTT, from the gateway's side: a broker as it is deployed, and the bridge as it runs."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from bridge_rig import Asker, BridgeProcess, MqttFloor
from gateway_rig import TIMEOUT_S, GatewayRig
from msgspec import structs
from shop import ASSEMBLY, CALIBRATION
from waiting import until

from connectors.embedded.process import ChildServer
from connectors.kafka.address import KafkaAddress
from edge.client.problems import Forbidden, Invalid, Unreached
from edge.client.shapes.events import Lines
from edge.uplink.mqtt_office import MqttOffice
from sipe.contracts.codec import encode
from sipe.contracts.events import Heartbeat
from sipe.contracts.topics import STATION_EVENTS_TOPIC
from sipe.errors import SipeError, UsageError

NOW_MS = 1_772_445_600_000
SOON_MS = 1_000

pytestmark = [pytest.mark.stack, pytest.mark.needs("mosquitto")]


def beat(seq: int, station: str = CALIBRATION) -> bytes:
    return encode(Heartbeat(station=station, boot=1, seq=seq, ts_ms=NOW_MS + seq))


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[MqttFloor]:
    with MqttFloor(tmp_path / "floor", (ASSEMBLY, CALIBRATION)) as floor:
        yield floor


@pytest.fixture
def bridge(floor: MqttFloor, tmp_path: Path) -> Iterator[BridgeProcess]:
    topic = f"{STATION_EVENTS_TOPIC.name}:2"
    with (
        ChildServer("connectors.embedded.broker", topic, log_path=tmp_path / "broker.log") as broker,
        BridgeProcess(tmp_path, floor.address(), KafkaAddress(broker.ready["bootstrap"])) as bridge,
    ):
        yield bridge


@pytest.fixture
def office(floor: MqttFloor) -> Iterator[MqttOffice]:
    with closing(MqttOffice(floor.uplink(timeout_ms=SOON_MS), CALIBRATION)) as office:
        yield office


def test_a_batch_is_answered_line_by_line_and_one_that_is_none_with_its_reason(
    bridge: BridgeProcess, office: MqttOffice
) -> None:
    del bridge
    answer = office.send_events(b"\n".join([beat(1), b"{", beat(2, ASSEMBLY), beat(3)]))
    assert answer.accepted == (Lines(first=1, last=1), Lines(first=4, last=4))
    assert [(one.line, one.reason) for one in answer.rejected] == [(2, "undecodable"), (3, "not_yours")]
    with pytest.raises(Invalid, match="holds no event") as refused:
        office.send_events(b"\n")
    assert (refused.value.status, refused.value.reason) == (422, "empty")
    assert office.send_events(beat(1)).known == (Lines(first=1, last=1),)


def test_what_the_broker_does_not_take_at_once_is_too_big_before_it_is_sent(
    bridge: BridgeProcess, office: MqttOffice
) -> None:
    del bridge
    office.send_events(beat(1))
    line = office._line
    with pytest.raises(Invalid, match="1048576 bytes") as refused:
        office.send_events(secrets.token_bytes(1_100_000))
    assert refused.value.reason == "too_big"
    assert office.send_events(beat(2)).accepted == (Lines(first=1, last=1),)
    assert office._line is line, "so it was not sent"


def test_nobody_there_is_told_at_once(floor: MqttFloor, office: MqttOffice) -> None:
    with pytest.raises(Unreached, match="no bridge takes events there"):
        office.send_events(beat(1))
    floor.stop()
    began_s = time.monotonic()
    with pytest.raises(Unreached, match="localhost by MQTT"):
        office.send_events(beat(1))
    assert time.monotonic() < began_s + SOON_MS / 1000


def test_it_goes_on_when_bridge_and_broker_were_away(
    floor: MqttFloor, bridge: BridgeProcess, office: MqttOffice
) -> None:
    office.send_events(beat(1))
    bridge.stop()
    with pytest.raises(Unreached, match="no answer within 1 s"):
        office.send_events(beat(2))
    floor.kill()
    with pytest.raises(Unreached, match="localhost by MQTT"):
        office.send_events(beat(2))
    floor.start()
    bridge.start()
    answer = office.send_events(b"\n".join([beat(2), beat(3)]))
    assert answer.accepted == (Lines(first=1, last=2),)


def test_a_batch_that_nobody_waits_for_any_more_is_not_kept(
    floor: MqttFloor, bridge: BridgeProcess, office: MqttOffice
) -> None:
    office.send_events(beat(1))
    bridge.stop()
    with pytest.raises(Unreached):
        office.send_events(beat(2))
    time.sleep(SOON_MS / 1000)  # for what must not happen
    bridge.start()
    assert office.send_events(b"\n".join([beat(2), beat(3)])).known == (), "the first was not sent on"


def test_a_station_with_the_certificate_of_another_may_nothing(
    floor: MqttFloor, bridge: BridgeProcess, tmp_path: Path
) -> None:
    del bridge
    certs = tmp_path / "mixed"
    certs.mkdir()
    for suffix in (".pem", ".key"):
        shutil.copy(floor.certs / f"{ASSEMBLY}{suffix}", certs / f"{CALIBRATION}{suffix}")
    settings = structs.replace(floor.uplink(), cert_dir=str(certs))
    with closing(MqttOffice(settings, CALIBRATION)) as office, pytest.raises(Forbidden, match="Not authorized"):
        office.send_events(beat(1))


def test_certificates_that_cannot_be_used_are_told_before_anything_is_sent(floor: MqttFloor, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"uplink.cert_dir: .*packing.pem"):
        MqttOffice(floor.uplink(), "manaus.final.line-1.packing")
    with pytest.raises(UsageError, match=r"uplink.ca_file: no certificates in .*none.pem"):
        MqttOffice(structs.replace(floor.uplink(), ca_file=str(tmp_path / "none.pem")), CALIBRATION)


def test_an_answer_that_is_none_is_no_verdict(floor: MqttFloor, office: MqttOffice) -> None:
    """Whoever has the bridge's certificate and is something else."""
    with closing(Asker(floor.address("sipe-bridge"), CALIBRATION)) as other:
        other.listen("sipe/v1/events/+")
        other.answer_everything(b"<html>")
        with pytest.raises(SipeError, match="the answer is none"):
            office.send_events(beat(1))


@pytest.fixture
def rig(floor: MqttFloor, tmp_path: Path) -> Iterator[GatewayRig]:
    station = {"program": "scan", "begins_units": True, "heartbeat_ms": 1_000}
    with GatewayRig(tmp_path, {ASSEMBLY: station}) as rig:
        rig.uplink = floor.uplink(timeout_ms=2_000)
        rig.write(rig.stations)
        yield rig


def in_kafka(rig: GatewayRig) -> list[bytes]:
    return [seen.value for seen in rig.topic.look()]


@pytest.mark.timeout(240)
def test_a_gateway_sends_by_mqtt_keeps_what_nobody_takes_and_asks_the_office_all_else(
    rig: GatewayRig, floor: MqttFloor, tmp_path: Path
) -> None:
    assert rig.sipe("check").returncode == 0
    with BridgeProcess(tmp_path, floor.address(), rig.kafka) as bridge:
        rig.start()
        rig.scanners[ASSEMBLY].scan("OP-1")
        until(lambda: (rig.station(ASSEMBLY)["display"] or {}).get("order") == "OP-1", "the order", TIMEOUT_S)
        rig.scanners[ASSEMBLY].scan("OP-1")
        until(lambda: rig.serials_sent(ASSEMBLY) != [], f"a unit in Kafka\n{rig.log[-2_000:]}", TIMEOUT_S)
        bridge.kill()
        before = len(in_kafka(rig))
        rig.scanners[ASSEMBLY].scan("OP-1")
        until(lambda: rig.station(ASSEMBLY).get("uplink") == "away", f"away\n{rig.log[-2_000:]}", TIMEOUT_S)
        assert rig.status()["waiting_bytes"] > 0
        assert len(in_kafka(rig)) == before
        bridge.start()
        until(lambda: len(set(rig.serials_sent(ASSEMBLY))) == 2, f"both units\n{rig.log[-2_000:]}", TIMEOUT_S)
        assert rig.terminate() == os.EX_OK
    seqs = {(event["source"], event["seq"]) for event in map(json.loads, in_kafka(rig))}
    for source in ("station", "gateway"):
        mine = sorted(seq for who, seq in seqs if who == source)
        assert mine == list(range(1, len(mine) + 1)), "nothing is missing"
