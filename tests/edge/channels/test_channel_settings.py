from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import get_args

import pytest
from msgspec.structs import fields

from edge.channels.opening import open_channel
from edge.channels.settings import (
    KINDS,
    ChannelSettings,
    Common,
    HttpSettings,
    Line,
    MqttSettings,
    SerialSettings,
    parse_channels,
)
from sipe.errors import UsageError

ROOT = Path(__file__).resolve().parents[3]
SERIAL: dict[str, object] = {"name": "meter-1", "kind": "serial", "port": "/dev/ttyUSB0"}
MODBUS: dict[str, object] = {
    "name": "oven", "kind": "modbus-tcp", "host": "oven",
    "blocks": [{"name": "temperatures", "table": "holding", "address": 0, "count": 8}],
}  # fmt: skip
HTTP: dict[str, object] = {"name": "aoi", "kind": "http", "port": 8090, "paths": ["/results"]}
MQTT: dict[str, object] = {
    "name": "torque",
    "kind": "mqtt",
    "host": "broker",
    "topics": ["line/+"],
    "client_id": "gateway-1",
}


def parsed(*tables: dict[str, object]) -> tuple[ChannelSettings, ...]:
    return parse_channels({"channel": list(tables), "gateway": {"name": "for others"}})


def example() -> str:
    """The file that the documentation shows."""
    _, _, rest = (ROOT / "docs/edge.md").read_text().partition("```toml\n")
    return rest.partition("```")[0]


def test_the_example_has_a_channel_of_each_kind_and_is_read() -> None:
    channels = parse_channels(tomllib.loads(example()))
    assert {channel.__struct_config__.tag for channel in channels} == set(KINDS)
    meter = channels[0]
    assert isinstance(meter, SerialSettings)
    assert meter.line == Line(rate_bd=300, bits=7, parity="even")
    assert str(meter.line) == "300 Bd 7E1"


@pytest.mark.parametrize("settings", get_args(ChannelSettings))
def test_every_field_is_in_the_documentation_and_so_are_the_defaults_that_all_have(settings: type[Common]) -> None:
    told = (ROOT / "docs/edge.md").read_text()
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| ([^|]+) \|", told, re.MULTILINE)
    defaults = {
        name: default
        for names, texts in rows
        for name, default in zip(re.findall(r"\w+", names), texts.split(", "), strict=False)
    }
    for field in fields(settings):
        assert re.search(rf"`{field.name}\b|^{field.name} = ", told, re.MULTILINE), field.name
        if field.name in Common.__struct_fields__ and field.name != "name":
            assert defaults[field.name] == ("none" if field.default is None else str(field.default))


def test_no_channel_is_fine() -> None:
    assert parse_channels({}) == ()


@pytest.mark.parametrize(
    ("tables", "error"),
    [
        ([{**SERIAL, "prot": 1}], r"channel\[0\].prot \(meter-1\): Object contains unknown field"),
        ([{"name": "meter-1", "kind": "serial"}], r"channel\[0\].port \(meter-1\): Object missing required field"),
        (
            [SERIAL, {**SERIAL, "name": "two", "line": {"rate_bd": "300"}}],
            r"channel\[1\].line.rate_bd \(two\): Expected",
        ),
        ([{**SERIAL, "line": {"bits": 6}}], r"channel\[0\].line.bits \(meter-1\): Invalid enum value 6"),
        ([{**SERIAL, "name": "Meter 1"}], r"channel\[0\].name \(Meter 1\): Expected `str` matching"),
        ([SERIAL, SERIAL], r"channel\[1\].name: there are two channels 'meter-1'"),
        ([{**SERIAL, "kind": "seriel"}], r"channel\[0\].kind: there is no kind 'seriel'; there are serial, tcp"),
        ([{"name": "x"}], r"channel\[0\].kind: there is no kind None"),
        ([{**SERIAL, "kind": ["serial"]}], r"channel\[0\].kind: there is no kind"),
        (["meter-1"], r"channel\[0\]: write each channel as a table"),
        ([{**SERIAL, "buffer_bytes": 1}], r"channel\[0\].buffer_bytes \(meter-1\): Expected `int` >= 1024"),
        ([{**MODBUS, "blocks": []}], r"channel\[0\].blocks \(oven\): Expected `array` of length >= 1"),
        (
            [{**MODBUS, "blocks": [{"name": "a", "table": "input", "address": 0, "count": 126}]}],
            r"channel\[0\].blocks\[0\] \(oven\): count: at most 125 registers",
        ),
        (
            [{**MODBUS, "blocks": [{"name": "a", "table": "coils", "address": 65_000, "count": 600}]}],
            r"channel\[0\].blocks\[0\] \(oven\): count: the block goes beyond address 65535",
        ),
        (
            [{**MODBUS, "blocks": [{"name": "a", "table": "coils", "address": 0}] * 2}],
            r"channel\[0\] \(oven\): blocks: two of them have the same name",
        ),
        ([{**HTTP, "host": "192.168.7.1"}], r"channel\[0\] \(aoi\): host 192.168.7.1 is beyond loopback"),
        ([{**HTTP, "host": "gateway.plant"}], r"channel\[0\] \(aoi\): host gateway.plant is beyond loopback"),
        ([{**HTTP, "peers": ["10.0.0.1/8"]}], r"channel\[0\] \(aoi\): 10.0.0.1/8 has host bits set"),
        ([{**HTTP, "cert_file": "x"}], r"channel\[0\] \(aoi\): cert_file and key_file belong together"),
        ([{**HTTP, "paths": ["results"]}], r"channel\[0\].paths\[0\] \(aoi\): Expected `str` matching"),
        ([{**MQTT, "qos": 2}], r"channel\[0\].qos \(torque\): Invalid enum value 2"),
        ([{**MQTT, "password_file": "x"}], r"channel\[0\] \(torque\): password_file wants user too"),
        ([{**MQTT, "cert_file": "x", "key_file": "y"}], r"channel\[0\] \(torque\): cert_file wants ca_file too"),
    ],
)
def test_what_is_wrong_is_told_with_its_table_and_field(tables: list[dict[str, object]], error: str) -> None:
    with pytest.raises(UsageError, match=f"^{error}"):
        parsed(*tables)


@pytest.mark.parametrize("channel", [{"name": "x"}, "serial", 3, None])
def test_a_table_that_is_no_list_of_tables_is_refused(channel: object) -> None:
    with pytest.raises(UsageError, match=r"^channel: write each channel as a table \[\[channel\]\]"):
        parse_channels({"channel": channel})


def test_settings_are_frozen_and_beyond_loopback_a_listener_needs_a_door() -> None:
    (meter,) = parsed(SERIAL)
    with pytest.raises(AttributeError):
        meter.name = "other"  # type: ignore[misc]
    for door in ({"peers": ["192.168.7.0/24"]}, {"token_file": "token"}):
        (listener,) = parsed({**HTTP, "host": "192.168.7.1", **door})
        assert isinstance(listener, HttpSettings)


@pytest.mark.parametrize(
    ("line", "character_ms"),
    [
        (Line(), 10 / 9.6),
        (Line(rate_bd=300, bits=7, parity="even"), 1000 / 30),
        (Line(rate_bd=2400), 1000 / 240),
        (Line(rate_bd=1000, parity="odd", stop_bits=2), 12.0),
    ],
)
def test_how_long_a_character_takes(line: Line, character_ms: float) -> None:
    assert line.character_ms == pytest.approx(character_ms)


@pytest.mark.parametrize(("kind", "extra"), [("serial", "edge"), ("mqtt", "edge-mqtt"), ("modbus-tcp", "edge-modbus")])
def test_a_library_that_is_not_installed_is_named_with_its_extra(
    kind: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = {"serial": "serial", "mqtt": "aiomqtt", "modbus-tcp": "pymodbus"}[kind]
    # First: how a struct is read is found out once, by the names in its module.
    (settings,) = parsed({"serial": SERIAL, "mqtt": MQTT, "modbus-tcp": MODBUS}[kind])
    for name in [
        name for name in sys.modules if name.partition(".")[0] == library or name.startswith("edge.channels.")
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    name = settings.name
    with pytest.raises(
        UsageError, match=rf"channel {name} is of kind {kind}, which needs {library}.*'sipe\[{extra}\]'"
    ):
        open_channel(settings)


def test_the_extras_that_are_named_are_those_of_the_project() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = pyproject["project"]["optional-dependencies"]
    assert any(entry.startswith("pyserial") for entry in extras["edge"])
    assert any(entry.startswith("aiomqtt") for entry in extras["edge-mqtt"])
    assert "pymodbus>=3.16,<3.17" in extras["edge-modbus"]


def test_a_secret_that_cannot_be_read_is_told_when_the_channel_is_opened(tmp_path: Path) -> None:
    (settings,) = parsed({**MQTT, "user": "sipe", "password_file": str(tmp_path / "none")})
    assert isinstance(settings, MqttSettings)
    with pytest.raises(UsageError, match=r"channel torque, password_file: .*none cannot be read"):
        open_channel(settings)
    (settings,) = parsed({**HTTP, "token_file": str(tmp_path)})
    with pytest.raises(UsageError, match="channel aoi, token_file"):
        open_channel(settings)


IMPORTS = """
import asyncio, sys
from edge.channels.opening import open_channel
from edge.channels.settings import parse_channels

async def main():
    (settings,) = parse_channels({"channel": [{"name": "press", "kind": "tcp", "host": "127.0.0.1", "port": 9}]})
    open_channel(settings)

asyncio.run(main())
heavy = {"serial", "aiomqtt", "paho", "pymodbus", "numpy", "structlog", "cryptography", "http.client", "httpx"}
print(*sorted(heavy & set(sys.modules)))
"""


def test_nothing_is_imported_that_no_channel_needs() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []


MEMORY = """
import asyncio
from edge.channels.opening import open_channel
from edge.channels.settings import parse_channels

tables = [
    {"kind": "serial", "port": "/dev/none-1"}, {"kind": "serial", "port": "/dev/none-2"},
    {"kind": "tcp", "host": "127.0.0.1", "port": 9}, {"kind": "rfc2217", "host": "127.0.0.1", "port": 9},
    {"kind": "mqtt", "host": "127.0.0.1", "port": 9, "topics": ["a"], "client_id": "x"},
    {"kind": "modbus-tcp", "host": "127.0.0.1", "port": 9, "blocks": [{"name": "a", "table": "coils", "address": 0}]},
    {"kind": "modbus-rtu", "port": "/dev/none-3", "blocks": [{"name": "a", "table": "coils", "address": 0}]},
    {"kind": "http", "port": 20_001, "paths": ["/"]},
]
for number, table in enumerate(tables):
    table |= {"name": f"channel-{number}", "backoff_base_ms": 20, "backoff_cap_ms": 20}

async def main():
    channels = [open_channel(settings) for settings in parse_channels({"channel": tables})]
    for channel in channels:
        channel.start()
    while any(channel.tally.errors.total() < 10 for channel in channels[:7]):
        await asyncio.sleep(0.01)
    await asyncio.gather(*(channel.stop() for channel in channels))

asyncio.run(main())
print(*(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def test_eight_channels_of_all_kinds_leave_the_gateway_most_of_its_memory() -> None:
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, timeout=60, check=True)
    assert int(done.stdout) < 60_000  # KiB; the whole gateway has 80 MB
