"""What a gateway's file says of its channels: the tables `[[channel]]`, one kind of them for each way in.

See `edge.channels` for an example of each.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from sipe.errors import UsageError

ChannelName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$(?!\n)")]
Host = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:-]{1,253}$(?!\n)")]
Port = Annotated[int, Meta(ge=1, le=65_535)]
FileName = Annotated[str, Meta(min_length=1, max_length=4096)]
SpanMs = Annotated[int, Meta(ge=1, le=86_400_000)]
SizeBytes = Annotated[int, Meta(ge=1, le=16_000_000)]
Unit = Annotated[int, Meta(ge=0, le=255)]
TopicFilter = Annotated[str, Meta(min_length=1, max_length=1000)]

Parity = Literal["none", "even", "odd"]


class Line(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How characters are put on a serial line; as it stands 9600 8N1."""

    rate_bd: Annotated[int, Meta(ge=50, le=4_000_000)] = 9600
    bits: Literal[7, 8] = 8
    parity: Parity = "none"
    stop_bits: Literal[1, 2] = 1

    @property
    def character_ms(self) -> float:
        """How long one character takes, start and stop bits included."""
        return 1000 * (1 + self.bits + (self.parity != "none") + self.stop_bits) / self.rate_bd

    def __str__(self) -> str:
        return f"{self.rate_bd} Bd {self.bits}{self.parity[0].upper()}{self.stop_bits}"


class Common(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every channel can be told."""

    name: ChannelName
    idle_after_ms: SpanMs = 10_000
    """Without data for so long it is not active any more."""
    silence_max_ms: SpanMs | None = None
    """Without data for so long the connection is taken for dead and made anew; left out, silence means nothing."""
    connect_timeout_ms: SpanMs = 5_000
    write_timeout_ms: SpanMs = 5_000
    """On top of the time that the bytes themselves take on the line."""
    backoff_base_ms: SpanMs = 500
    backoff_cap_ms: SpanMs = 30_000
    buffer_bytes: Annotated[int, Meta(ge=1024, le=64_000_000)] = 262_144
    """How much may wait until it is read."""


class SerialSettings(Common, frozen=True, kw_only=True, tag="serial"):
    """A serial port of this machine."""

    port: FileName
    """Its device file. Names under /dev/serial/by-path stay the same for one socket, /dev/ttyUSB0 does not."""
    line: Line = Line()
    dtr: bool = True
    """Whether DTR is set; optical heads often take their power from DTR and RTS."""
    rts: bool = True


class TcpSettings(Common, frozen=True, kw_only=True, tag="tcp"):
    """A serial line behind a server that passes bytes on over TCP, or equipment that speaks TCP itself."""

    host: Host
    port: Port
    line: Line | None = None
    """How the server's line is set, if there is one: then `drain` waits for it too."""


class Rfc2217Settings(Common, frozen=True, kw_only=True, tag="rfc2217"):
    """A serial line behind a server that lets its line be set as well (RFC 2217)."""

    host: Host
    port: Port
    line: Line = Line()


class MqttSettings(Common, frozen=True, kw_only=True, tag="mqtt"):
    """Messages of an MQTT broker, version 3.1.1."""

    host: Host
    port: Port = 1883
    topics: Annotated[tuple[TopicFilter, ...], Meta(min_length=1)]
    client_id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}$(?!\n)")]
    """The broker keeps messages for it while it is away; no other client may have the same."""
    qos: Literal[0, 1] = 1
    retained: bool = False
    """Whether to take what the broker has kept from before: a state, and nothing that has just happened."""
    user: str | None = None
    password_file: FileName | None = None
    ca_file: FileName | None = None
    """PEM; with it the broker is spoken to over TLS, and its certificate checked against this authority."""
    cert_file: FileName | None = None
    key_file: FileName | None = None
    keepalive_s: Annotated[int, Meta(ge=1, le=3600)] = 15
    """A broker that does not answer a ping for so long is taken for dead."""
    payload_bytes_max: SizeBytes = 262_144

    def __post_init__(self) -> None:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together")
        if self.cert_file is not None and self.ca_file is None:
            raise ValueError("cert_file wants ca_file too")
        if self.password_file is not None and self.user is None:
            raise ValueError("password_file wants user too")


class Block(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Registers or coils side by side that are read at once."""

    name: ChannelName
    table: Literal["coils", "discrete", "holding", "input"]
    address: Annotated[int, Meta(ge=0, le=65_535)]
    """From 0, as on the wire; what a manual calls register 40001 is address 0 of `holding`."""
    count: Annotated[int, Meta(ge=1, le=2000)] = 1
    unit: Unit = 1
    every_ms: Annotated[int, Meta(ge=10, le=86_400_000)] = 1_000

    def __post_init__(self) -> None:
        if self.table in {"holding", "input"} and self.count > 125:
            raise ValueError("count: at most 125 registers can be read at once")
        if self.address + self.count > 65_536:
            raise ValueError("count: the block goes beyond address 65535")


class _Modbus(Common, frozen=True, kw_only=True):
    blocks: Annotated[tuple[Block, ...], Meta(min_length=1)]
    timeout_ms: SpanMs = 1_000
    """How long an answer may take."""
    timeouts_max: Annotated[int, Meta(ge=1, le=1000)] = 3
    """After so many answers in a row that did not come, the connection is made anew."""

    def __post_init__(self) -> None:
        if len({block.name for block in self.blocks}) < len(self.blocks):
            raise ValueError("blocks: two of them have the same name")


class ModbusTcpSettings(_Modbus, frozen=True, kw_only=True, tag="modbus-tcp"):
    """Registers and coils of devices that are reached over TCP."""

    host: Host
    port: Port = 502
    framing: Literal["tcp", "rtu"] = "tcp"
    """`rtu` for a serial line behind a server that passes bytes on as they are."""


class ModbusRtuSettings(_Modbus, frozen=True, kw_only=True, tag="modbus-rtu"):
    """Registers and coils of devices on a serial line of this machine."""

    port: FileName
    line: Line = Line(rate_bd=19_200, parity="even")


class HttpSettings(Common, frozen=True, kw_only=True, tag="http"):
    """An address of this machine to which equipment POSTs."""

    host: Host = "127.0.0.1"
    """Beyond loopback it wants a `token_file`, or `peers`."""
    port: Port
    paths: Annotated[tuple[Annotated[str, Meta(pattern=r"^/[A-Za-z0-9._~/-]{0,200}$(?!\n)")], ...], Meta(min_length=1)]
    peers: tuple[str, ...] = ()
    """The addresses or networks that may connect, such as 192.168.7.0/24; none means all."""
    token_file: FileName | None = None
    """A file with the token that every request has to bear in its header Authorization."""
    cert_file: FileName | None = None
    """PEM; with it, it is HTTPS."""
    key_file: FileName | None = None
    body_bytes_max: SizeBytes = 262_144
    connections_max: Annotated[int, Meta(ge=1, le=256)] = 16
    request_timeout_ms: SpanMs = 10_000
    """From the connection to the last byte of the request, and again until it is taken."""

    def __post_init__(self) -> None:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together")
        for peer in self.peers:
            ipaddress.ip_network(peer)  # a ValueError names what is wrong with it
        if not (self.peers or self.token_file or _is_loopback(self.host)):
            raise ValueError(f"host {self.host} is beyond loopback: it wants a token_file, or peers")


ChannelSettings = (
    SerialSettings | TcpSettings | Rfc2217Settings | MqttSettings | ModbusTcpSettings | ModbusRtuSettings | HttpSettings
)
KINDS = ("serial", "tcp", "rfc2217", "mqtt", "modbus-tcp", "modbus-rtu", "http")


def parse_channels(document: Mapping[str, object]) -> tuple[ChannelSettings, ...]:
    """The channels of a gateway's file, as `tomllib` has read it; its other tables are for others.

    Raises `UsageError` that names the table and the field that is wrong.
    """
    tables = document.get("channel", [])
    if not isinstance(tables, list):
        raise UsageError("channel: write each channel as a table [[channel]]")
    channels: dict[str, ChannelSettings] = {}
    for index, table in enumerate(tables):
        channel = _channel(table, f"channel[{index}]")
        if channel.name in channels:
            raise UsageError(f"channel[{index}].name: there are two channels {channel.name!r}")
        channels[channel.name] = channel
    return tuple(channels.values())


def _channel(table: object, where: str) -> ChannelSettings:
    if not isinstance(table, dict):
        raise UsageError(f"{where}: write each channel as a table [[channel]]")
    if table.get("kind") not in KINDS:
        raise UsageError(f"{where}.kind: there is no kind {table.get('kind')!r}; there are {', '.join(KINDS)}")
    try:
        channel: ChannelSettings = msgspec.convert(table, ChannelSettings)
    except msgspec.ValidationError as error:
        raise UsageError(in_words(str(error), table, where)) from None
    return channel


def in_words(error: str, table: dict[object, object], where: str) -> str:
    """`channel[0].line.rate_bd (meter-1): Expected ...` from what msgspec says, where the path comes last."""
    what, _, path = error.partition(" - at `$")
    unnamed = re.match(r"Object (?:contains unknown|missing required) field `(\w+)`", what)
    field = f".{unnamed[1]}" if unnamed else ""
    name = f" ({table['name']})" if isinstance(table.get("name"), str) else ""
    return f"{where}{path.rstrip('`')}{field}{name}: {what}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
