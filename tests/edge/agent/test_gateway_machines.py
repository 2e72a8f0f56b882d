"""A gateway as a process beside machines and benches: what these say is in Kafka once, whatever happens between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from channel_peers import ModbusPeer
from gateway_rig import TIMEOUT_S, GatewayRig
from shop import ASSEMBLY
from waiting import until


def sent(rig: GatewayRig, kind: str) -> list[dict[str, Any]]:
    """The events of a type that are in Kafka."""
    return [event for seen in rig.topic.look() if (event := json.loads(seen.value))["type"] == kind]


def shown(rig: GatewayRig) -> str:
    """The text on the screen."""
    return str((rig.station(ASSEMBLY).get("display") or {}).get("text"))


def scan_order(rig: GatewayRig) -> None:
    rig.scanners[ASSEMBLY].scan("OP-1")
    until(
        lambda: (rig.station(ASSEMBLY).get("display") or {}).get("order") == "OP-1", f"the order\n{rig.log}", TIMEOUT_S
    )


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[ModbusPeer]:
    with ModbusPeer(tmp_path / "machine", "modbus-tcp") as peer:
        assert isinstance(peer, ModbusPeer)
        yield peer


def shows(peer: ModbusPeer, good: int, scrap: int = 0) -> None:
    peer.send([b"".join((good.to_bytes(4, "big"), scrap.to_bytes(2, "big"), bytes(2)))])


@pytest.mark.long
@pytest.mark.timeout(240)
def test_a_machine_is_counted_while_its_gateway_is_killed_and_the_office_away(
    tmp_path: Path, machine: ModbusPeer
) -> None:
    inputs = [
        {"kind": "counter", "bits": 32},
        {"kind": "counter", "register": 2, "counts": "scrap"},
    ]
    table = {"program": "count", "channel": {"kind": "modbus-tcp", **machine.tables}, "count": {"inputs": inputs}}

    def counted(rig: GatewayRig) -> dict[str, int]:
        made: dict[str, int] = {}
        for event in sent(rig, "cycle_completed"):
            made[event["result"]] = made.get(event["result"], 0) + event["qty"]
        return made

    shows(machine, 70_000)
    with GatewayRig(tmp_path, {ASSEMBLY: table}) as rig:
        rig.start()
        scan_order(rig)
        until(lambda: "nothing was made" in shown(rig), f"the counter\n{rig.log}", TIMEOUT_S)
        shows(machine, 70_010, 1)
        until(lambda: counted(rig) == {"good": 10, "scrap": 1}, f"the first pieces\n{rig.log[-2_000:]}", TIMEOUT_S)
        rig.line.refuse()
        shows(machine, 70_015, 1)
        until(lambda: "15 good" in shown(rig), "pieces without the office", TIMEOUT_S)
        rig.kill()
        shows(machine, 70_030, 3)
        rig.start("working")
        rig.line.heal()
        until(lambda: counted(rig) == {"good": 30, "scrap": 3}, f"all pieces once\n{rig.log[-2_000:]}", TIMEOUT_S)
        identities = [(one["boot"], one["seq"]) for one in sent(rig, "cycle_completed")]
        assert len(set(identities)) == len(identities)
        assert {one["step"] for one in sent(rig, "cycle_completed")} == {"assembly"}
        assert "executing" in {one["state"] for one in sent(rig, "state_changed")}
        assert rig.terminate() == 0
