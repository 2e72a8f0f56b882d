"""A courier and an office in two networks: whatever becomes of the line between them, it notices, and comes back."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fault_proxy import FaultProxy
from gateway_rig import a_shop
from server_process import free_port
from shop import ASSEMBLY
from spool_events import unit
from sql_stores import store_of
from topic_reader import reading
from two_networks import OFFICE, TwoNetworks, why_not
from waiting import until
from web import Web

from api.ingest.inlet import Inlet
from api.ingest.intake import Intake
from connectors.embedded.process import ChildServer
from connectors.kafka.address import KafkaAddress
from connectors.tls import authority
from edge.client.calls import Client
from edge.client.session import Patience, Token
from edge.spool import Spool
from edge.uplink.courier import CourierStatus
from edge.uplink.letters import Letters
from edge.uplink.tally import Tally
from edge.uplink.uplink import Uplink
from sipe.clock import SystemClock
from sipe.contracts.topics import STATION_EVENTS_TOPIC

TIMEOUT_S = 1.0
WITHIN_S = 30.0
YEARS = timedelta(days=1_500)

pytestmark = [pytest.mark.stack, pytest.mark.skipif(bool(why_not()), reason=why_not())]


class Site:
    """A gateway's uplink in the plant, and behind a relay that speaks TLS the office."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        broker = ChildServer(
            "connectors.embedded.broker", f"{STATION_EVENTS_TOPIC.name}:2", log_path=directory / "broker.log"
        )
        self.kafka = KafkaAddress(stack.enter_context(broker).ready["bootstrap"])
        inlet = Inlet(lambda: Intake(self.kafka))
        stack.callback(inlet.close)
        store = stack.enter_context(store_of(a_shop, SystemClock()))
        web = stack.enter_context(Web(store, SystemClock(), directory, inlet=inlet))

        now, self._certs = datetime.now(UTC), directory / "certs"
        authority.init(self._certs, now)
        authority.issue(self._certs, "office", [OFFICE], now)
        authority.issue(self._certs, "expired", [OFFICE], now - YEARS)
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.show("office")

        self.networks = stack.enter_context(TwoNetworks())
        port = free_port()
        self.relay = stack.enter_context(
            FaultProxy(
                "127.0.0.1",
                web.port,
                listen=lambda: self.networks.office.run(lambda: socket.create_server((OFFICE, port))),
                tls=self._tls,
            )
        )
        self.spool = stack.enter_context(Spool(directory / "spool"))
        tally = Tally(directory / "sent.sqlite3", SystemClock().now_ms)
        stack.callback(tally.close)
        client = stack.enter_context(
            Client(
                f"https://{OFFICE}:{port}",
                Token(web.token("asm")),
                timeout_s=TIMEOUT_S,
                patience=Patience(attempts_max=1),
                tls=ssl.create_default_context(cafile=str(self._certs / "ca.pem")),
            )
        )
        self._uplink = Uplink(Letters(directory / "letters"), 1_000.0, SystemClock(), lambda low, high: min(high, 0.1))
        self.networks.plant.run(lambda: self._uplink.serve(ASSEMBLY, client, self.spool, tally))
        stack.callback(self._uplink.leave, ASSEMBLY)
        self._seq = 0

    @property
    def courier(self) -> CourierStatus:
        return self._uplink.status[ASSEMBLY]

    def show(self, name: str) -> None:
        """Be known by this certificate to whoever connects from now on."""
        self._tls.load_cert_chain(self._certs / f"{name}.pem", self._certs / f"{name}.key")

    def happen(self, events: int) -> None:
        """Events of the station, kept in its spool."""
        numbers = range(self._seq + 1, self._seq + events + 1)
        self.spool.append([unit(seq, station=ASSEMBLY) for seq in numbers])
        self._seq += events


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(tmp_path, stack)


def black_hole(site: Site, _: pytest.MonkeyPatch) -> Callable[[], None]:
    site.networks.black_hole()
    return site.networks.heal


def resets(site: Site, _: pytest.MonkeyPatch) -> Callable[[], None]:
    site.relay.refuse()
    return site.relay.heal


def slow(site: Site, _: pytest.MonkeyPatch) -> Callable[[], None]:
    site.relay.latency_s = 2 * TIMEOUT_S
    return site.relay.heal


def expired(site: Site, _: pytest.MonkeyPatch) -> Callable[[], None]:
    site.show("expired")
    site.relay.cut()
    return lambda: site.show("office")


def nameless(site: Site, patch: pytest.MonkeyPatch) -> Callable[[], None]:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    patch.setattr(socket, "getaddrinfo", fail)
    site.relay.cut()
    return patch.undo


@pytest.mark.parametrize(
    ("break_it", "problem"),
    [
        (black_hole, "timed out"),
        (resets, "refused"),
        (slow, "timed out"),
        (expired, "certificate has expired"),
        (nameless, "name resolution"),
    ],
)
def test_what_the_line_does_is_noticed_and_costs_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch, break_it: Callable[[Site, pytest.MonkeyPatch], Callable[[], None]],
    problem: str,
) -> None:  # fmt: skip
    site.happen(3)
    until(lambda: site.spool.waiting_bytes == 0, "the line is good at first", WITHIN_S)
    heal = break_it(site, monkeypatch)
    site.happen(600)
    until(lambda: problem in site.courier.problem, f"it is told: {problem}", WITHIN_S)
    assert site.courier.state == "away"
    site.happen(3)
    heal()
    until(lambda: site.spool.waiting_bytes == 0, "all is sent", WITHIN_S)
    with reading(site.kafka, STATION_EVENTS_TOPIC.name) as topic:
        came = list(dict.fromkeys(json.loads(seen.value)["seq"] for seen in topic.look()))
    assert came == list(range(1, 607))
    assert site.courier.letters == 0
