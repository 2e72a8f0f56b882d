"""The account that a gateway keeps, against an office that stores what it gets: nothing stays unexplained."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from gateway_rig import TIMEOUT_S
from shop import ASSEMBLY
from storing_rig import StoringRig
from waiting import until

from connectors.clickhouse.client import Warehouse

pytestmark = [pytest.mark.stack, pytest.mark.long, pytest.mark.timeout(300)]

UNITS = 6
TEN_MINUTES_MS = 600_000


class AccountRig(StoringRig):
    """One whose account is asked for."""

    def account(self) -> tuple[int, dict[str, Any], Counter[str]]:
        """The exit code of `sipe gateway reconcile`, what it printed, and how many events are where."""
        self.tick()
        done = self.sipe("reconcile", "--json", "--hours", "2")
        assert done.stdout, done.stderr
        [station] = json.loads(done.stdout)
        found: Counter[str] = Counter()
        for hour in station["hours"]:
            found.update(hour["found"])
        return done.returncode, station, found

    def begin(self) -> None:
        """Start the gateway, and have it work on the order."""
        self.start()
        self.scanners[ASSEMBLY].scan("OP-1")
        until(lambda: self.display.get("order") == "OP-1", self.log, TIMEOUT_S)

    def make(self, units: int) -> None:
        """Begin units, one after the other."""
        for _ in range(units):
            before = self.display.get("serial")
            self.scanners[ASSEMBLY].scan("OP-1")
            until(partial(self._has_made_another, before), self.log, TIMEOUT_S)

    def _has_made_another(self, before: str | None) -> bool:
        shown = self.display
        return shown.get("state") == "passed" and shown["serial"] != before

    def until_found(self, places: set[str]) -> dict[str, Any]:
        """Wait until that is where all events are; the account that says so, which ended well."""
        accounts: list[tuple[int, dict[str, Any], Counter[str]]] = []

        def are_there() -> bool:
            accounts.append(self.account())
            return set(accounts[-1][2]) == places

        until(are_there, f"events are {places}", TIMEOUT_S)
        code, station, _ = accounts[-1]
        assert code == 0
        return station

    @property
    def display(self) -> dict[str, Any]:
        """What stands on the screen; nothing while it is down."""
        return self.station(ASSEMBLY).get("display") or {}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[AccountRig]:
    stations = {ASSEMBLY: {"program": "scan", "begins_units": True, "lease_units": 20, "heartbeat_ms": 1_000}}
    with AccountRig(tmp_path, stations) as rig:
        rig.begin()
        until(lambda: rig.station(ASSEMBLY)["lease_units"] == 20, rig.log, TIMEOUT_S)
        yield rig


def test_after_a_cut_line_and_power_cuts_every_event_has_its_place(rig: AccountRig) -> None:
    rig.make(2)
    rig.line.refuse()
    rig.make(2)
    rig.kill()
    rig.line.heal()
    rig.begin()
    rig.make(2)
    station = rig.until_found({"stored"})  # which a sign of life may keep from holding, but not for long
    assert station["unexplained"] == []
    assert sum(hour["found"]["stored"] for hour in station["hours"]) > 2 * UNITS
    assert [hour["here"] for hour in station["hours"]] == [hour["there"] for hour in station["hours"]]


def test_what_waits_is_said_to_wait_and_what_the_store_lost_to_be_missing(rig: AccountRig) -> None:
    rig.make(2)
    rig.until_found({"stored"})
    rig.line.refuse()
    until(lambda: rig.station(ASSEMBLY)["uplink"] == "away", rig.log, TIMEOUT_S)
    rig.terminate()
    refused = rig.sipe("reconcile")
    assert refused.returncode != 0
    assert "reached" in refused.stderr or "answer" in refused.stderr, refused.stderr
    rig.line.heal()

    assert rig.until_found({"stored", "waiting"})["unexplained"] == [], "it was stopped, and sent nothing"

    with Warehouse(rig.runtime.system.store) as store:
        store.run("ALTER TABLE events DELETE WHERE source = 'gateway' AND seq = 2 SETTINGS mutations_sync = 2")
    tally = rig.directory / "gateway" / ASSEMBLY / "sent.sqlite3"
    with closing(sqlite3.connect(tally)) as db, db:
        db.execute("UPDATE runs SET at_ms = at_ms - ?", (TEN_MINUTES_MS,))
    code, station, found = rig.account()
    assert (code, found["missing"]) == (1, 1)
    [trouble] = station["unexplained"]
    assert (trouble["source"], trouble["first"], trouble["last"], trouble["finding"]) == ("gateway", 2, 2, "missing")
    told = rig.sipe("reconcile").stdout
    assert "missing: gateway, boot 1, 2 to 2: taken by the office long ago, and not in its store" in told
