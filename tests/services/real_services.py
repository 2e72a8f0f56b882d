"""The real servers that tests may use: declared once, with how to recognise each and how to get it.

A test that needs one is marked `@pytest.mark.needs("kafka")`, or uses a fixture that calls `require`. Where it is
missing the test is skipped, and the end of the run says so; with SIPE_REQUIRE_SERVICES=1 it fails.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from sipe.errors import SipeError

POM = Path(__file__).with_name("pom.xml")
JARS = POM.parents[2] / ".services" / "kafka"
JARS_STAMP = JARS / f"{hashlib.sha256(POM.read_bytes()).hexdigest()}.installed"
"""Says that the jars are those of this pom.xml, all of them."""

INSTALL_COMMAND = "make services"
_LEFT_OUT = "this machine has no "


@dataclass(frozen=True, kw_only=True)
class Service:
    """A server: what tests call it, what people call it, and what it is made of."""

    key: str
    title: str
    programs: Mapping[str, str]
    """What has to be there to run, and the Debian package that brings it."""
    jars: bool = False
    """Whether it needs Kafka's jars as well."""

    @property
    def missing(self) -> list[str]:
        """What of it is not there."""
        absent = [program for program in self.programs if find_program(program) is None]
        if self.jars and not JARS_STAMP.exists():
            absent.append("its jars")
        return absent

    @property
    def reason(self) -> str:
        """Why its tests are left out."""
        return f"{_LEFT_OUT}{self.title} (missing: {', '.join(self.missing)})"


SERVICES = (
    Service(key="kafka", title="Apache Kafka", programs={"java": "default-jre-headless"}, jars=True),
    Service(key="redis", title="Redis", programs={"redis-server": "redis-server"}),
    Service(key="mariadb", title="MariaDB", programs={"mariadbd": "mariadb-server", "mariadb": "mariadb-client"}),
    Service(
        key="mosquitto",
        title="Mosquitto",
        programs={"mosquitto": "mosquitto", "mosquitto_pub": "mosquitto-clients"},
    ),
    Service(
        key="clickhouse-18.16",
        title="clickhouse-server 18.16",
        programs={"clickhouse-server": "clickhouse-server"},
    ),
)


def find_program(name: str) -> str | None:
    """Where a program is; servers are in directories that a user's PATH may lack."""
    return shutil.which(
        name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    )


def program(name: str) -> str:
    """Where a program of a declared service is; raises `SipeError` when it is not there."""
    found = find_program(name)
    if found is None:
        raise SipeError(f"there is no {name} on this machine: {INSTALL_COMMAND}")
    return found


def required() -> bool:
    """Whether a missing server is a failure."""
    return os.environ.get("SIPE_REQUIRE_SERVICES", "") not in {"", "0"}


def require(key: str) -> None:
    """Skip the test that asks when the machine lacks a server; fail it where all have to be there."""
    (service,) = (service for service in SERVICES if service.key == key)
    if service.missing:
        if required():
            pytest.fail(f"{service.reason}, and SIPE_REQUIRE_SERVICES is set: {INSTALL_COMMAND}", pytrace=False)
        pytest.skip(service.reason)


def left_out(skips: list[str]) -> dict[str, int]:
    """Of the reasons for which tests were skipped, those that a missing server gave, with the number of tests."""
    reasons = [reason.removeprefix("Skipped: ") for reason in skips]
    return {reason: reasons.count(reason) for reason in sorted(set(reasons)) if reason.startswith(_LEFT_OUT)}
