"""A gateway as a process beside machines and benches: what these say is in Kafka once, whatever happens between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from channel_peers import ModbusPeer
from gateway_rig import TIMEOUT_S, GatewayRig, Scanner
from shop import ASSEMBLY, PACKING
from waiting import until


def sent(rig: GatewayRig, kind: str) -> list[dict[str, Any]]:
    """The events of a type that are in Kafka."""
    return [event for seen in rig.topic.look() if (event := json.loads(seen.value))["type"] == kind]


def shown(rig: GatewayRig, station: str = ASSEMBLY) -> str:
    """The text on the screen."""
    return str((rig.station(station).get("display") or {}).get("text"))


def scan_order(rig: GatewayRig, station: str = ASSEMBLY) -> None:
    rig.scanners[station].scan("OP-1")
    until(
        lambda: (rig.station(station).get("display") or {}).get("order") == "OP-1", f"the order\n{rig.log}", TIMEOUT_S
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


@pytest.mark.long
@pytest.mark.timeout(240)
def test_results_of_a_bench_are_judged_once_while_the_line_is_cut_and_the_power_goes(tmp_path: Path) -> None:
    bench = Scanner()  # whoever connects gets what is said from then on, as from a bench
    stations: dict[str, dict[str, Any]] = {
        ASSEMBLY: {"program": "scan", "begins_units": True},
        PACKING: {
            "program": "test-bench",
            "channel": {"kind": "tcp", "host": "127.0.0.1", "port": bench.port},
            "bench": {"format": "delimited", "columns": ["serial", "u", "verdict"], "units": {"u": "V"}},
        },
    }
    with GatewayRig(tmp_path, stations) as rig:
        rig.start()
        scan_order(rig)
        scan_order(rig, PACKING)
        for at in (1, 2):
            rig.scanners[ASSEMBLY].scan("OP-1")
            until(lambda: len(rig.serials_sent(ASSEMBLY)) == at, f"a unit\n{rig.log[-2_000:]}", TIMEOUT_S)  # noqa: B023  used at once
        first, second = rig.serials_sent(ASSEMBLY)
        bench.scan(f"garbage\r\n{first};229.5;PASS\r\nWX-9;3.5;PASS")
        until(lambda: "WX-9 may not come" in shown(rig, PACKING), f"a stranger\n{rig.log[-2_000:]}", TIMEOUT_S)
        assert rig.serials_sent(PACKING) in ([], [first])

        rig.line.refuse()
        bench.scan(f"{second};230.5;PASS")
        until(lambda: f"the result of {second} waits" in shown(rig, PACKING), f"it waits\n{rig.log}", TIMEOUT_S)
        rig.kill()
        rig.line.heal()
        rig.start()
        scan_order(rig, PACKING)
        until(lambda: rig.serials_sent(PACKING) == [first, second], f"both\n{rig.log[-2_000:]}", TIMEOUT_S)
        values = sorted((event["serial"], event["value"]) for event in sent(rig, "test_measured"))
        assert values == [(first, 229.5), (second, 230.5), ("WX-9", 3.5)]
        for serial in (first, second):
            steps = rig.web.get("ana", f"/v1/units/{serial}").json()["steps"]
            assert [(step["step"], step["result"]) for step in steps][-1] == ("packing", "passed")
        assert rig.terminate() == 0
    bench.close()
