"""The real servers that tests may use: declared once, with how to recognise each and how to get it.

A test that needs one is marked `@pytest.mark.needs("kafka")`, or uses a fixture that calls `require`. Where it is
missing the test is skipped, and the end of the run says so; with SIPE_REQUIRE_SERVICES=1 it fails.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from kafka_cluster import JARS

INSTALL_COMMAND = "make services"
_LEFT_OUT = "this machine has no "


@dataclass(frozen=True, kw_only=True)
class Service:
    """A server: what tests call it, what people call it, what it is made of, and what to install for it."""

    key: str
    title: str
    programs: tuple[str, ...]
    """Found on the PATH, or in the system's directories for servers."""
    files: Path | None = None
    """A directory that has to hold something as well."""
    packages: tuple[str, ...]
    """Debian packages."""

    @property
    def missing(self) -> list[str]:
        """What of it is not there."""
        absent = [program for program in self.programs if find_program(program) is None]
        if self.files is not None and not any(self.files.glob("*")):
            absent.append(f"{self.files.parent.name}/{self.files.name}")
        return absent

    @property
    def reason(self) -> str:
        """Why its tests are left out."""
        return f"{_LEFT_OUT}{self.title} (missing: {', '.join(self.missing)})"


SERVICES = (
    Service(
        key="kafka",
        title="Apache Kafka",
        programs=("java",),
        files=JARS,
        packages=("openjdk-17-jre-headless", "maven"),
    ),
)


def find_program(name: str) -> str | None:
    """Where a program is; servers are in directories that a user's PATH may lack."""
    return shutil.which(
        name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    )


def required() -> bool:
    """Whether a missing server is a failure."""
    return os.environ.get("SIPE_REQUIRE_SERVICES", "") not in {"", "0"}


def require(key: str) -> None:
    """Skip the test that asks when the machine lacks a server; fail it where all have to be there."""
    service = next(service for service in SERVICES if service.key == key)
    if service.missing:
        if required():
            pytest.fail(f"{service.reason}, and SIPE_REQUIRE_SERVICES is set: {INSTALL_COMMAND}", pytrace=False)
        pytest.skip(service.reason)


def left_out(skips: list[str]) -> dict[str, int]:
    """Of the reasons for which tests were skipped, those that a missing server gave, with the number of tests."""
    reasons = [reason.removeprefix("Skipped: ") for reason in skips]
    return {reason: reasons.count(reason) for reason in sorted(set(reasons)) if reason.startswith(_LEFT_OUT)}
