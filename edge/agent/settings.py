"""What a gateway's file says: the office, the channels, and the stations with the program of each.

[gateway]
directory = "/var/lib/sipe-gateway"

[office]
url = "https://sipe.plant:8443"
ca_file = "/etc/sipe/ca.pem"

[uplink]                           # left out: events go to the office's web service, too
host = "mqtt.plant"
ca_file = "/etc/sipe/ca.pem"
cert_dir = "/etc/sipe/stations"

[[channel]]                        # as in edge.channels
name = "scanner-1"
kind = "serial"
port = "/dev/serial/by-path/platform-xhci-hcd.0-usb-0:1:1.0-port0"

[[station]]
name = "manaus.final.line-1.pack-1"
program = "scan"
scanner = "scanner-1"
lease_units = 20                   # so many units may come while the office does not answer

[[station]]
name = "manaus.final.line-1.param-1"
program = "parameterization"
scanner = "scanner-2"
channel = "head-1"
meter = { driver = "iec62056-21", password_file = "/etc/sipe/meter-password", write_code = "W5" }
"""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from edge.channels.settings import ChannelName, ChannelSettings, FileName, SpanMs, in_words, parse_channels
from edge.uplink.settings import UplinkSettings
from sipe.contracts.fields import Station as StationName
from sipe.errors import UsageError

S = TypeVar("S")

Framing = Literal["lines", "tabs", "framed"]


class GatewaySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The gateway itself."""

    directory: FileName = "/var/lib/sipe-gateway"
    """Where each station has a directory with its spool, its journal and its token."""
    status_port: Annotated[int, Meta(ge=0, le=65_535)] = 8091
    """Of the status page, on loopback; 0 for none."""
    spool_bytes_max: Annotated[int, Meta(ge=1_000_000, le=1_000_000_000_000)] = 500_000_000
    """How much of a station may wait: beyond it nothing starts there. What tells of no unit may take half of it."""
    late_events_per_s: Annotated[float, Meta(gt=0, le=100_000)] = 1_000.0
    """How fast what an outage has left behind is sent, so that what is new is not held up."""


class OfficeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the web service is."""

    url: Annotated[str, Meta(min_length=1, max_length=500)]
    ca_file: FileName | None = None
    """PEM; left out, the authorities of this machine count."""
    timeout_ms: SpanMs = 10_000


class StationSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One station: which program, and which channels are its own."""

    name: StationName
    program: str
    scanner: ChannelName
    """The channel on which the operator's scanner is."""
    framing: Framing = "lines"
    channel: ChannelName | None = None
    """The channel on which the program's equipment is, such as a meter."""
    meter: dict[str, Any] = {}
    """For programs that work on a meter: its `driver`, and what that is told (see `edge.drivers`)."""
    count: dict[str, Any] = {}
    """For programs that count: their inputs (see `edge.stations.machine_inputs`)."""
    bench: dict[str, Any] = {}
    """For programs that read results: their format (see `edge.stations.bench_format`)."""
    begins_units: bool = False
    lease_units: Annotated[int, Meta(ge=0, le=10_000)] = 0
    """How many units a lease is taken for while the office answers; 0 for none: then nothing starts without it."""
    heartbeat_ms: Annotated[int, Meta(ge=1_000, le=3_600_000)] = 30_000

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of its channels."""
        return tuple(name for name in (self.scanner, self.channel) if name is not None)


class GatewayFile(Struct, frozen=True, kw_only=True):
    """All of a gateway's file."""

    gateway: GatewaySettings
    office: OfficeSettings
    uplink: UplinkSettings | None
    """How events go by MQTT; None, and they go to the web service."""
    channels: dict[str, ChannelSettings]
    stations: dict[str, StationSettings]

    def of_station(self, name: str) -> tuple[StationSettings, tuple[ChannelSettings, ...]]:
        """What a station is made of: when it is the same as before, the station need not be made anew."""
        station = self.stations[name]
        return station, tuple(self.channels[channel] for channel in station.channels)


def read_file(path: Path) -> GatewayFile:
    """What a file says; raises `UsageError` that names the file, the table and the field."""
    try:
        return parse(tomllib.loads(path.read_text()))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is no TOML: {error}") from error
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def parse(document: dict[str, Any]) -> GatewayFile:
    """What a document says, as `tomllib` has read it; raises `UsageError` that names the table and the field."""
    unknown = document.keys() - {"gateway", "office", "uplink", "channel", "station"}
    if unknown:
        known = "[gateway], [office], [uplink], [[channel]], [[station]]"
        raise UsageError(f"there is no table [{min(unknown)}]; there are {known}")
    if "office" not in document:
        raise UsageError("[office] is missing: it says where the web service is, by url")
    tables = document.get("station", [])
    if not isinstance(tables, list) or not tables:
        raise UsageError("there is no [[station]]: each station has a table of its own")
    channels = {channel.name: channel for channel in parse_channels(document)}
    stations = [table_of(table, StationSettings, f"station[{index}]") for index, table in enumerate(tables)]
    _check(stations, channels)
    return GatewayFile(
        gateway=table_of(document.get("gateway", {}), GatewaySettings, "gateway"),
        office=table_of(document["office"], OfficeSettings, "office"),
        uplink=table_of(document["uplink"], UplinkSettings, "uplink") if "uplink" in document else None,
        channels=channels,
        stations={station.name: station for station in stations},
    )


def _check(stations: list[StationSettings], channels: dict[str, ChannelSettings]) -> None:
    users: Counter[str] = Counter()
    names: set[str] = set()
    for index, station in enumerate(stations):
        where = f"station[{index}] ({station.name})"
        if station.name in names:
            raise UsageError(f"{where}: there are two stations of this name")
        names.add(station.name)
        for channel in station.channels:
            if channel not in channels:
                raise UsageError(f"{where}: there is no [[channel]] {channel!r}")
            users[channel] += 1
            if users[channel] > 1:
                raise UsageError(f"{where}: the channel {channel!r} is another's already; a channel has one reader")


def table_of(table: Any, kind: type[S] | UnionType, where: str) -> S:
    """A table of the file as what it says; raises `UsageError` that names the table and the field."""
    try:
        found: S = msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise UsageError(in_words(str(error), table if isinstance(table, dict) else {}, where)) from None
    return found
