"""Kill -9 of the MQTT bridge when Kafka has acknowledged a batch and the bridge has not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from bridge_rig import BridgeProcess, MqttFloor, dying_at
from fault_record import record
from fault_system import TICK_MS, NewSystem, Sender, a_day

from edge.client.problems import Unreached
from edge.client.shapes.events import Batch
from edge.uplink.mqtt_office import MqttOffice
from models.twin.link import Send
from sipe.contracts.codec import encode
from sipe.contracts.script import Tick

BATCHES = 60
"""A bridge lives for so many."""
ANSWER_MS = 1_000

pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.needs("kafka", "mosquitto")]


class Floor:
    """The stations of a day: each sends its batches until they are answered, and the bridge is brought back."""

    def __init__(self, floor: MqttFloor, bridge: BridgeProcess, stations: Iterable[str], stack: ExitStack) -> None:
        self._bridge = bridge
        self._waiting: dict[str, list[bytes]] = defaultdict(list)
        self._sent: set[bytes] = set()
        self._offices = {
            station: stack.enter_context(closing(MqttOffice(floor.uplink(timeout_ms=ANSWER_MS), station)))
            for station in stations
        }
        self.kills = 0

    def play(self, script: Iterable[Send | Tick], sender: Sender) -> None:
        """Events by MQTT, ticks as ever; each tick comes when everything before it is answered."""
        for item in script:
            if isinstance(item, Tick):
                self._send_all()
                sender.tick(item.now_ms)
            elif (value := encode(item.event)) not in self._sent:  # a spool has each event once
                self._sent.add(value)
                sender.noted(item.event)
                self._waiting[item.event.station].append(value)

    def _send_all(self) -> None:
        for station, events in self._waiting.items():
            answer = self._answer(station, b"\n".join(events))
            assert not answer.rejected
            assert not answer.not_sent
        self._waiting.clear()

    def _answer(self, station: str, body: bytes) -> Batch:
        while True:
            try:
                return self._offices[station].send_events(body)
            except Unreached:
                if not self._bridge.process.running:
                    self.kills += 1
                    self._bridge.start()


@pytest.mark.timeout(300)
def test_killed_between_two_acknowledgements_the_bridge_loses_nothing_and_nothing_counts_twice(
    new_system: NewSystem, tmp_path: Path
) -> None:
    day, system = a_day(29), new_system()
    system.start()
    script = list(day.script(TICK_MS))
    stations = sorted({item.event.station for item in script if not isinstance(item, Tick)})
    with ExitStack() as stack:
        floor = stack.enter_context(MqttFloor(tmp_path / "floor", stations))
        bridge = BridgeProcess(tmp_path, floor.address(), system.kafka_address, dying_at(BATCHES))
        stack.enter_context(bridge)
        line = Floor(floor, bridge, stations, stack)
        with system.sending() as sender:
            line.play(script, sender)
    recovery_s = system.catch_up()
    balance = system.close_the_books(day.now_ms)
    query = "SELECT count() AS n FROM events FINAL WHERE outcome = 'duplicate'"
    assert int(system.store.rows(query)[0]["n"]) > 0, "no batch got into Kafka twice: this would prove nothing"
    record("bridge-killed", balance, met=line.kills, runs=line.kills, recovery_s=[recovery_s])
