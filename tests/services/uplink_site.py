"""The uplink of a gateway in one network, and in another the office, over TLS: all in this process, all of it real."""

from __future__ import annotations

import json
import socket
import ssl
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fault_proxy import FaultProxy
from gateway_rig import a_shop
from server_process import free_port
from shop import ASSEMBLY
from spool_events import unit
from sql_stores import store_of
from topic_reader import reading
from two_networks import OFFICE, TwoNetworks
from web import Web

from connectors.embedded.process import ChildServer
from connectors.ingest.inlet import Inlet
from connectors.ingest.intake import Intake
from connectors.kafka.address import KafkaAddress
from connectors.tls import authority
from edge.client.calls import Client
from edge.client.login import Refreshed, TokenFile, enrol
from edge.client.session import Patience, Token
from edge.client.shapes import ForStation
from edge.spool import Spool
from edge.uplink.courier import CourierStatus
from edge.uplink.letters import Letters
from edge.uplink.tally import Tally
from edge.uplink.uplink import Uplink
from sipe.clock import SystemClock
from sipe.contracts.topics import STATION_EVENTS_TOPIC

TIMEOUT_S = 1.0
YEARS = timedelta(days=1_500)


class CountedTokens(TokenFile):
    """Counts how often a token was traded for another."""

    kept = 0

    def keep(self, refresh_token: str) -> None:
        """See `TokenFile`."""
        super().keep(refresh_token)
        self.kept += 1


class UplinkSite:
    """A gateway's uplink in the plant, and behind a relay that speaks TLS the office."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        """`stack` closes what is opened."""
        self.keys_directory = directory / "keys"
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
        self.tokens = CountedTokens(directory / "token")
        client = stack.enter_context(
            Client(
                f"https://{OFFICE}:{port}",
                Refreshed(_enrolled(web, self.tokens), keep=self.tokens.keep),
                timeout_s=TIMEOUT_S,
                patience=Patience(attempts_max=1),
                tls=ssl.create_default_context(cafile=str(self._certs / "ca.pem")),
            )
        )
        self._uplink = Uplink(Letters(directory / "letters"), 1_000.0, SystemClock(), lambda low, high: min(high, 0.1))
        self.networks.plant.run(lambda: self._uplink.serve(ASSEMBLY, client, self.spool, tally))
        stack.callback(self._uplink.leave, ASSEMBLY)
        self.events = 0

    @property
    def courier(self) -> CourierStatus:
        """How it goes."""
        return self._uplink.status[ASSEMBLY]

    def show(self, name: str) -> None:
        """Be known by this certificate to whoever connects from now on."""
        self._tls.load_cert_chain(self._certs / f"{name}.pem", self._certs / f"{name}.key")

    def happen(self, events: int) -> None:
        """Events of the station, kept in its spool."""
        numbers = range(self.events + 1, self.events + events + 1)
        self.spool.append([unit(seq, station=ASSEMBLY) for seq in numbers])
        self.events += events

    def arrivals(self) -> list[int]:
        """The numbers of the events in Kafka, in the order in which each came for the first time."""
        with reading(self.kafka, STATION_EVENTS_TOPIC.name) as topic:
            return list(dict.fromkeys(json.loads(seen.value)["seq"] for seen in topic.look()))


def _enrolled(web: Web, tokens: TokenFile) -> str:
    """The first refresh token of a device at the station."""
    with Client(web.url, Token(web.token("root"))) as root:
        code = root.offer_code(ForStation(station=ASSEMBLY)).code
    enrol(web.url, code, tokens).close()
    found = tokens.read()
    assert found is not None
    return found
