"""How a gateway is installed: its unit, its example of a file and its script keep to what the manual promises."""

from __future__ import annotations

import configparser
import subprocess
from pathlib import Path

from edge.agent.agent import LOOK_EVERY_S
from edge.agent.seat import FINISH_TIMEOUT_S
from edge.agent.settings import read_file
from edge.agent.watch import HUNG_AFTER_S

GATEWAY = Path(__file__).resolve().parents[2] / "deploy" / "gateway"


def unit() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as its documentation says
    parser.read(GATEWAY / "sipe-gateway.service")
    return parser["Service"]


def test_the_unit_has_no_rights_that_it_does_not_need() -> None:
    service = unit()
    assert service["User"] not in {"", "root"}
    assert service["CapabilityBoundingSet"] == ""
    for name in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "RestrictNamespaces", "LockPersonality"):
        assert service[name] == "yes", name
    assert service["ProtectSystem"] == "strict"
    assert service["StateDirectoryMode"] == "0700"


def test_the_unit_waits_for_what_the_agent_promises() -> None:
    service = unit()
    assert (service["Type"], service["Restart"]) == ("notify", "always")
    assert float(service["TimeoutStopSec"]) > FINISH_TIMEOUT_S
    assert float(service["WatchdogSec"]) > 2 * HUNG_AFTER_S > LOOK_EVERY_S


def test_the_example_is_a_file_that_the_gateway_takes() -> None:
    file = read_file(GATEWAY / "gateway.toml")
    assert file.gateway.directory == "/var/lib/" + unit()["StateDirectory"]
    assert [station.program for station in file.stations.values()] == ["scan"]


def test_the_script_is_one() -> None:
    script = GATEWAY / "install.sh"
    assert script.stat().st_mode & 0o111
    subprocess.run(["/bin/sh", "-n", script], check=True, timeout=30)
    assert "--require-hashes" in script.read_text()
