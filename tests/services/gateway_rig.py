"""A gateway as it is installed, with what stands around it: an office over HTTP, a broker, scanners, and a line to cut.

with GatewayRig(directory, {ASSEMBLY: {...}}) as rig:
    rig.start()
    rig.scanners[ASSEMBLY].scan("OP-1")
    rig.line.refuse()
    rig.kill()
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from command_line import environment
from fault_proxy import FaultProxy
from msgspec import structs
from office import open_office
from server_process import free_port
from shop import ASSEMBLY, LINE, PACKING
from sql_stores import store_of
from topic_reader import TopicReader
from waiting import until
from web import EXTRA, Web

from connectors.clickhouse.client import Address
from connectors.embedded.process import ChildServer
from connectors.ingest.inlet import Inlet
from connectors.ingest.intake import Intake
from connectors.kafka.address import KafkaAddress
from connectors.sql import orders, products
from connectors.sql.work import Store
from edge.client.calls import Client
from edge.client.session import Token
from edge.client.shapes import ForStation
from edge.uplink.settings import UplinkSettings
from models.audit import Who
from models.production.order import Order
from models.production.routing import routing_of
from models.production.serials import SerialRange
from sipe.clock import SystemClock
from sipe.contracts.topics import STATION_EVENTS_TOPIC

ROOT = Who("root", "admin", "t-root")
TIMEOUT_S = 60.0
ROUTING: dict[str, Any] = {
    "product": "MTR-200",
    "revision": 1,
    "operations": [
        {"steps": [{"name": "assembly", "stations": [ASSEMBLY]}]},
        {"steps": [{"name": "packing", "stations": [PACKING]}]},
    ],
    "rework": [],
}


def a_shop(store: Store) -> None:
    """An order of a product that needs no sheets."""
    open_office(store, extra=EXTRA)
    store.work(ROOT, products.add, "MTR-200", "Meter 200")
    store.work(ROOT, products.add_routing, routing_of(ROUTING))
    store.work(ROOT, products.add_range, SerialRange(id="wb", prefix="WB", digits=6, first=1, last=999_999, next=1))
    order = Order(number="OP-1", product="MTR-200", routing_revision=1, planned_qty=200, line=LINE, serial_range="wb")
    store.work(ROOT, orders.add, order)
    store.work(ROOT, orders.act, "OP-1", "release", 1)


class Scanner:
    """A barcode scanner behind a serial server: whoever connects gets what is scanned from then on."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._connection: socket.socket | None = None
        threading.Thread(target=self._accept, daemon=True).start()

    def scan(self, text: str) -> None:
        """Send a line; somebody has to be connected."""
        assert self._connection is not None, "nobody listens to the scanner"
        self._connection.sendall(text.encode() + b"\r\n")

    def close(self) -> None:
        """Pull the plug."""
        self._listener.close()
        if self._connection is not None:
            self._connection.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                if self._connection is not None:
                    self._connection.close()
                self._connection = connection


class GatewayRig:
    """The gateway is a process of its own, which may be killed; all else is what it deals with."""

    def __init__(
        self,
        directory: Path,
        stations: Mapping[str, Mapping[str, Any]],
        *,
        shop: Callable[[Store], None] = a_shop,
        channels: Sequence[Mapping[str, Any]] = (),
        **gateway: Any,
    ) -> None:
        """`stations`: what their tables say beyond the name and the scanner; `gateway`: what its own table says.

        The `channel` of a station is a name, or the table of its equipment's. `shop` is what the office has; `channels`
        are those that are there beside all of these.
        """
        self._shop = shop
        self._channels = channels
        self._gateway = gateway
        self.directory = directory
        self.config = directory / "gateway.toml"
        self.stations = dict(stations)
        self._stack = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self.scanners = {name: Scanner() for name in stations}
        self.status_port = free_port()
        self.uplink: UplinkSettings | None = None
        """How its file says that events go by MQTT, from the next `write` on."""

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        for scanner in self.scanners.values():
            scanner.close()
        self._stack.close()

    def _open(self) -> None:
        self.kafka, clickhouse = self._servers(self._stack)
        inlet = Inlet(lambda: Intake(self.kafka))
        self._stack.callback(inlet.close)
        self.store = self._stack.enter_context(store_of(self._shop, SystemClock()))
        self.web = self._stack.enter_context(
            Web(self.store, SystemClock(), self.directory, inlet=inlet, clickhouse=clickhouse)
        )
        self.line = self._stack.enter_context(FaultProxy("127.0.0.1", self.web.port))
        self.topic = TopicReader(self.kafka, STATION_EVENTS_TOPIC.name)
        self._stack.callback(self.topic.close)
        self.write(self.stations)
        for station in self.stations:
            self.enrol(station)

    def _servers(self, stack: ExitStack) -> tuple[KafkaAddress, Address | None]:
        """Where events go, and where they are stored, if they are."""
        topic = f"{STATION_EVENTS_TOPIC.name}:2"
        log_path = self.directory / "broker.log"
        broker = stack.enter_context(ChildServer("connectors.embedded.broker", topic, log_path=log_path))
        return KafkaAddress(broker.ready["bootstrap"]), None

    def write(self, stations: Mapping[str, Mapping[str, Any]]) -> None:
        """What the gateway's file says of its stations."""
        tables = [
            {
                "gateway": {
                    "directory": str(self.directory / "gateway"),
                    "status_port": self.status_port,
                    **self._gateway,
                }
            },
            {"office": {"url": f"http://127.0.0.1:{self.line.port}", "timeout_ms": 2_000}},
        ]
        if self.uplink is not None:
            tables.append({"uplink": structs.asdict(self.uplink)})
        text = "".join(f"[{name}]\n{_fields(table)}" for one in tables for name, table in one.items())
        text += "".join(f"[[channel]]\n{_fields(channel)}" for channel in self._channels)
        for number, (name, more) in enumerate(stations.items()):
            scanner = {
                "name": f"scanner-{number}",
                "kind": "tcp",
                "host": "127.0.0.1",
                "port": self.scanners[name].port,
            }
            station = {"name": name, "scanner": f"scanner-{number}", **more}
            if isinstance(more.get("channel"), Mapping):
                equipment = {"name": f"equipment-{number}", **more["channel"]}
                text += f"[[channel]]\n{_fields(equipment)}"
                station["channel"] = equipment["name"]
            text += f"[[channel]]\n{_fields(scanner)}[[station]]\n{_fields(station)}"
        draft = self.config.with_suffix(".new")
        draft.write_text(text)
        draft.replace(self.config)

    def enrol(self, station: str) -> None:
        """As a technician does, with a code that an administrator has made."""
        with Client(self.web.url, Token(self.web.token("root"))) as root:
            code = root.offer_code(ForStation(station=station)).code
        done = self.sipe("enrol", "--station", station, told=code)
        assert done.returncode == 0, done.stderr

    def sipe(self, action: str, *more: str, told: str = "") -> subprocess.CompletedProcess[str]:
        """Run `sipe gateway ACTION` to its end."""
        return subprocess.run(
            [*_SIPE, action, "--config", str(self.config), *more],
            input=told, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env=environment(),
        )  # fmt: skip

    def start(self, state: str = "waiting") -> None:
        """Start the gateway; returns when every station is in that state and its scanner is connected."""
        self.launch()
        self.until_shown(*[(station, state) for station in self.stations])

    def launch(self) -> None:
        """Start the gateway, and wait for nothing."""
        log = (self.directory / "gateway.log").open("ab")
        self._process = subprocess.Popen(
            [*_SIPE, "--config", str(self.config)], stderr=log, stdout=log, env=environment()
        )
        log.close()

    def kill(self) -> None:
        """Kill -9 the gateway, wherever it is."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Have the gateway stand still, wherever it is, until `thaw`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Have it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def terminate(self) -> int:
        """Have the gateway end by itself; its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(TIMEOUT_S)
        self._process = None
        return code

    @property
    def log(self) -> str:
        """What it has said."""
        return (self.directory / "gateway.log").read_text(errors="replace")

    @property
    def rss_bytes(self) -> int:
        """How much memory it has."""
        assert self._process is not None
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    @property
    def cpu_s(self) -> float:
        """How much processor time it has taken."""
        assert self._process is not None
        words = Path(f"/proc/{self._process.pid}/stat").read_text().split()
        return (int(words[13]) + int(words[14])) / os.sysconf("SC_CLK_TCK")

    def status(self) -> dict[str, Any]:
        """What its page tells programs, each station by its name; nothing while it is not up."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.status_port}/status.json", timeout=5) as answer:
                told: dict[str, Any] = json.load(answer)
        except OSError:
            return {}
        return {**told, "stations": {station["name"]: station for station in told["stations"]}}

    def station(self, name: str) -> dict[str, Any]:
        """What the page says of a station."""
        found: dict[str, Any] = self.status().get("stations", {}).get(name, {})
        return found

    def until_shown(self, *wanted: tuple[str, str]) -> None:
        """Wait until each of these stations shows that state, and its scanner is connected."""

        def shown() -> bool:
            for name, state in wanted:
                found = self.station(name)
                is_open = any(channel["state"] in {"idle", "active"} for channel in found.get("channels", []))
                if not is_open or (found["display"] or {}).get("state") != state:
                    return False
            return True

        until(shown, f"{wanted}\n{self.status()}\n{self.log[-3_000:]}", TIMEOUT_S)

    def serials_sent(self, station: str) -> list[str]:
        """The serials of all cycles of a station that are in Kafka, as often as they are there."""
        events = [json.loads(seen.value) for seen in self.topic.look()]
        return [
            event["serial"] for event in events if event["type"] == "cycle_completed" and event["station"] == station
        ]


_SIPE = (sys.executable, str(Path(__file__).with_name("gateway_only.py")), "gateway")


def _fields(table: Mapping[str, Any]) -> str:
    return "".join(f"{name} = {_toml(value)}\n" for name, value in table.items()) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(name)} = {_toml(one)}" for name, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value)
