"""A gateway as a process, from its file to what the office and Kafka have in the end."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway_rig import TIMEOUT_S, GatewayRig
from shop import ASSEMBLY, PACKING
from waiting import until

from edge.client.calls import Client
from edge.client.session import Token
from edge.client.shapes import ForStation, Revoking

RSS_BYTES_MAX = 80_000_000


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[GatewayRig]:
    stations: dict[str, dict[str, Any]] = {
        ASSEMBLY: {"program": "scan", "begins_units": True, "lease_units": 20, "heartbeat_ms": 1_000},
        PACKING: {"program": "scan"},
    }
    with GatewayRig(tmp_path, stations) as rig:
        yield rig


def shown(rig: GatewayRig, station: str) -> dict[str, Any]:
    """What stands on the screen of a station; nothing while it is down."""
    return rig.station(station).get("display") or {}


def begin(rig: GatewayRig) -> str:
    """Begin the next unit, by scanning its order once more; its serial."""
    before = shown(rig, ASSEMBLY).get("serial")
    rig.scanners[ASSEMBLY].scan("OP-1")

    def is_another() -> bool:
        now = shown(rig, ASSEMBLY)
        return now.get("state") == "passed" and now["serial"] != before

    until(is_another, f"a unit\n{rig.log[-2_000:]}", TIMEOUT_S)
    return str(shown(rig, ASSEMBLY)["serial"])


@pytest.mark.long
@pytest.mark.timeout(240)
def test_units_that_are_made_while_the_line_is_cut_and_the_power_goes_are_with_the_office_once(rig: GatewayRig) -> None:
    rig.start()
    rig.scanners[ASSEMBLY].scan("OP-1")
    until(lambda: shown(rig, ASSEMBLY).get("order") == "OP-1", f"the order\n{rig.log}", TIMEOUT_S)
    serials = [begin(rig) for _ in range(2)]
    until(lambda: sorted(rig.serials_sent(ASSEMBLY)) == serials, "the first units in Kafka", TIMEOUT_S)

    until(lambda: rig.station(ASSEMBLY)["lease_units"] == 20, f"a lease\n{rig.log[-2_000:]}", TIMEOUT_S)

    rig.line.refuse()
    serials += [begin(rig) for _ in range(3)]
    assert rig.station(ASSEMBLY)["untold"] or rig.station(ASSEMBLY)["uplink"] != "idle", "the line was not cut"
    rig.kill()
    assert not rig.status()
    rig.start()
    rig.line.heal()
    until(lambda: sorted(rig.serials_sent(ASSEMBLY)) == sorted(serials), "all units in Kafka", TIMEOUT_S)
    until(lambda: rig.station(ASSEMBLY)["untold"] == 0, "all results told", TIMEOUT_S)

    events = [json.loads(seen.value) for seen in rig.topic.look()]
    identities = Counter((event["station"], event["source"], event["boot"], event["seq"]) for event in events)
    assert len(set(serials)) == 5
    assert {event["type"] for event in events} == {"station_born", "heartbeat", "cycle_completed"}
    assert all(count == 1 for identity, count in identities.items() if identity[1] == "station")
    for serial in serials:
        unit = rig.web.get("ana", f"/v1/units/{serial}").json()
        assert [(step["step"], step["result"]) for step in unit["steps"]] == [("assembly", "passed")]
    assert rig.rss_bytes < RSS_BYTES_MAX
    assert rig.terminate() == 0


@pytest.mark.long
@pytest.mark.timeout(240)
def test_a_gateway_that_stood_still_goes_on_and_makes_each_unit_once(rig: GatewayRig) -> None:
    rig.start()
    rig.scanners[ASSEMBLY].scan("OP-1")
    until(lambda: shown(rig, ASSEMBLY).get("order") == "OP-1", f"the order\n{rig.log}", TIMEOUT_S)
    serials = [begin(rig)]
    until(lambda: rig.station(ASSEMBLY)["lease_units"] == 20, f"a lease\n{rig.log[-2_000:]}", TIMEOUT_S)
    for _ in range(2):
        rig.freeze()
        assert not rig.status(), "it did not stand still"
        rig.thaw()
        serials.append(begin(rig))
    until(lambda: len(rig.serials_sent(ASSEMBLY)) >= len(serials), "all units in Kafka", TIMEOUT_S)
    assert sorted(rig.serials_sent(ASSEMBLY)) == sorted(serials)
    assert not rig.status()["last_end"]
    assert rig.terminate() == 0


@pytest.mark.long
@pytest.mark.timeout(240)
def test_a_changed_file_is_taken_in_and_one_that_is_wrong_changes_nothing(rig: GatewayRig) -> None:
    rig.start()
    good = rig.config.read_text()
    rig.config.write_text(good.replace('program = "scan"', 'program = "scan', 1))
    until(lambda: "is no TOML" in rig.status()["file_problem"], "the problem on the page", TIMEOUT_S)
    assert len(rig.status()["stations"]) == 2

    connects = rig.station(ASSEMBLY)["channels"][0]["connects"]
    rig.write({ASSEMBLY: rig.stations[ASSEMBLY]})
    until(lambda: list(rig.status()["stations"]) == [ASSEMBLY], "a station fewer", TIMEOUT_S)
    assert not rig.status()["file_problem"]
    rig.write({ASSEMBLY: rig.stations[ASSEMBLY], PACKING: {"program": "nonsense"}})
    until(lambda: "no program 'nonsense'" in rig.station(PACKING).get("problem", ""), "what is wrong", TIMEOUT_S)
    rig.write(rig.stations)
    rig.until_shown((ASSEMBLY, "waiting"), (PACKING, "waiting"))
    assert rig.station(ASSEMBLY)["channels"][0]["connects"] == connects, "what was not changed was left alone"

    with Client(rig.web.url, Token(rig.web.token("root"))) as root:
        code = root.offer_code(ForStation(station=PACKING)).code
    wrong = rig.sipe("enrol", "--station", ASSEMBLY, told=code)
    assert (wrong.returncode, wrong.stderr.count("\n")) == (1, 1)
    assert f"this code was for {PACKING}" in wrong.stderr
    assert rig.station(ASSEMBLY)["uplink"] != "refused", "its own token was kept"

    checked = rig.sipe("check")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert f"{PACKING}: scan on scanner-1; enrolled" in checked.stdout


@pytest.mark.long
@pytest.mark.timeout(240)
def test_a_device_that_was_revoked_keeps_what_is_said_until_another_is_enrolled(rig: GatewayRig) -> None:
    rig.start()
    until(lambda: rig.station(PACKING)["delivered"] > 0, "the first sign of life", TIMEOUT_S)
    with Client(rig.web.url, Token(rig.web.token("root"))) as root:
        (device,) = root.list_devices(station=PACKING).items
        root.revoke_device(device.id, Revoking(reason="the gateway was stolen"))
    rig.kill()
    rig.start()
    until(lambda: rig.station(PACKING)["uplink"] == "refused", f"a refusal\n{rig.status()}", TIMEOUT_S)
    until(lambda: rig.status()["waiting_bytes"] > 0, "what is said waits", TIMEOUT_S)
    assert rig.station(ASSEMBLY)["uplink"] != "refused"

    rig.enrol(PACKING)
    until(lambda: rig.station(PACKING)["uplink"] in {"idle", "sending"}, f"it is known again\n{rig.log}", TIMEOUT_S)
    until(lambda: rig.status()["waiting_bytes"] == 0, "all is sent", TIMEOUT_S)
    born = [seen for seen in rig.topic.look() if b"station_born" in seen.value and seen.key == PACKING]
    assert len(born) >= 2
    assert rig.terminate() == 0
