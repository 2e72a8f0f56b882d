"""What a gateway's file may say, and that whatever is wrong in it is told with its table and field."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

from edge.agent.post import Shared, connect_uplink, home_of, parts_of
from edge.agent.settings import parse, read_file
from edge.client.login import Refreshed
from edge.clock import GatewayClock
from sipe.cli import main
from sipe.errors import SipeError, UsageError

STATION = "manaus.final.line-1.pack-1"
FILE = f"""
[gateway]
directory = "/var/lib/sipe-gateway"
status_port = 0

[office]
url = "https://sipe.plant:8443"

[[channel]]
name = "scanner-1"
kind = "serial"
port = "/dev/ttyAMA0"

[[channel]]
name = "meter-1"
kind = "tcp"
host = "192.168.7.20"
port = 4001

[[station]]
name = "{STATION}"
program = "serial-output"
scanner = "scanner-1"
channel = "meter-1"
"""


UPLINK = """[uplink]
host = "mqtt.plant"
ca_file = "/etc/sipe/ca.pem"
cert_dir = "/etc/sipe/stations"

[office]"""


def test_a_file_says_how_events_go_by_mqtt_or_nothing_of_it() -> None:
    assert parse(tomllib.loads(FILE)).uplink is None
    uplink = parse(tomllib.loads(FILE.replace("[office]", UPLINK))).uplink
    assert uplink is not None
    assert (uplink.host, uplink.port, uplink.cert_dir) == ("mqtt.plant", 8883, "/etc/sipe/stations")


def test_mqtt_wants_a_library_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "edge.uplink.mqtt_office", None)
    file = parse(tomllib.loads(FILE.replace("[office]", UPLINK)))
    shared = Shared(tmp_path, file.office, None, GatewayClock(), file.uplink)
    with pytest.raises(UsageError, match=r"is not installed: pip install 'sipe\[edge-mqtt\]'"):
        connect_uplink(shared, STATION, Refreshed("no token"))


def test_a_file_says_what_each_station_is_made_of(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(FILE)
    file = read_file(path)
    station, channels = file.of_station(STATION)
    assert (station.program, [channel.name for channel in channels]) == ("serial-output", ["scanner-1", "meter-1"])
    assert file.gateway.status_port == 0
    assert file.of_station(STATION) == read_file(path).of_station(STATION), "so that nothing is made anew for nothing"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[office]", "[ofice]", r"there is no table \[ofice\]"),
        ('url = "https://sipe.plant:8443"', "", r"office.url: Object missing required field `url`"),
        ("status_port = 0", "status_port = 70000", r"gateway.status_port: Expected `int` <= 65535"),
        ("[office]", UPLINK.replace("cert_dir", "certs"), r"uplink.certs: Object contains unknown field"),
        ("[office]", UPLINK.replace('"mqtt.plant"', '""'), r"uplink.host: Expected `str` of length >= 1"),
        ("status_port = 0", "port = 1", r"gateway.port: Object contains unknown field `port`"),
        ("[[station]]", "[[stations]]", r"there is no table \[stations\]"),
        ('scanner = "scanner-1"', 'scanner = "scanner-2"', rf"station\[0\] \({STATION}\): there is no .* 'scanner-2'"),
        ('channel = "meter-1"', 'channel = "scanner-1"', r"'scanner-1' is another's already"),
        (f'name = "{STATION}"', 'name = "Line 1"', r"station\[0\]\.name \(Line 1\): Expected `str` matching"),
        ('port = "/dev/ttyAMA0"', "", r"channel\[0\]\.port \(scanner-1\): Object missing"),
        ("[gateway]", "[gateway", r"is no TOML"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, old: str, new: str, told: str) -> None:
    path = tmp_path / "gateway.toml"
    assert old in FILE
    path.write_text(FILE.replace(old, new))
    with pytest.raises(UsageError, match=told) as caught:
        read_file(path)
    assert str(caught.value).startswith(str(path))


def test_two_stations_of_one_name_and_none_at_all_are_told() -> None:
    twice = FILE + FILE[FILE.index("[[station]]") :]
    with pytest.raises(UsageError, match="two stations of this name"):
        parse(tomllib.loads(twice))
    with pytest.raises(UsageError, match=r"there is no \[\[station\]\]"):
        parse(tomllib.loads(FILE[: FILE.index("[[station]]")]))
    with pytest.raises(UsageError, match=r"\[office\] is missing"):
        parse({})


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gateway.toml cannot be read: No such file"):
        read_file(tmp_path / "gateway.toml")


def test_a_program_that_there_is_none_of_and_one_without_its_channel_are_told() -> None:
    unknown = parse(tomllib.loads(FILE.replace('"serial-output"', '"serial"')))
    with pytest.raises(UsageError, match=f"station {STATION}: there is no program 'serial'; there are .*scan"):
        parts_of(STATION, unknown)
    without = parse(tomllib.loads(FILE.replace('channel = "meter-1"', "")))
    with pytest.raises(UsageError, match=f"station {STATION}: the program serial-output needs `channel`"):
        parts_of(STATION, without)


METER = (
    FILE.replace('"serial-output"', '"parameterization"').replace('"tcp"', '"rfc2217"')
    + """
[station.meter]
driver = "iec62056-21"
write_code = "W5"
"""
)


def test_a_station_that_writes_into_meters_says_how() -> None:
    assert parts_of(STATION, parse(tomllib.loads(METER))).equipment is not None


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            'driver = "iec62056-21"',
            'driver = "dlms"',
            f"{STATION}: meter.driver: there is no 'dlms'; there are",
        ),
        (
            'write_code = "W5"',
            'write_code = "W9"',
            rf"{STATION}: meter \(iec62056-21\): Expected `str`",
        ),
        ('write_code = "W5"', 'password_file = "/nowhere"', r"/nowhere"),
        (
            'kind = "rfc2217"\nhost = "192.168.7.20"\nport = 4001',
            'kind = "http"\nport = 4001\npaths = ["/x"]',
            "channel meter-1: scanners and meters are on a serial line, and not on http",
        ),
    ],
)
def test_what_a_meter_lacks_is_told_before_anything_is_opened(old: str, new: str, told: str) -> None:
    assert old in METER
    with pytest.raises(UsageError, match=told):
        parts_of(STATION, parse(tomllib.loads(METER.replace(old, new))))


def test_asking_whether_stations_are_enrolled_makes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory, path = tmp_path / "gateway", tmp_path / "gateway.toml"
    path.write_text(FILE.replace("/var/lib/sipe-gateway", str(directory)))
    assert main(["gateway", "check", "--config", str(path)]) == 0
    assert f"{STATION}: serial-output on scanner-1, meter-1; not enrolled" in capsys.readouterr().out
    assert not directory.exists()
    directory.mkdir()
    (directory / STATION).write_text("no directory")
    with pytest.raises(SipeError, match="cannot be made"):
        home_of(directory, STATION)


MODBUS = """kind = "modbus-tcp"
host = "192.168.7.20"
port = 4001
blocks = [{ name = "pieces", table = "holding", address = 0 }]"""
MACHINE = (
    FILE.replace('"serial-output"', '"count"').replace('kind = "tcp"\nhost = "192.168.7.20"\nport = 4001', MODBUS)
    + """
[[station.count.inputs]]
kind = "counter"
bits = 32
"""
)
BENCH = (
    FILE.replace('"serial-output"', '"test-bench"')
    + """
[station.bench]
format = "delimited"
columns = ["serial", "verdict"]
"""
)


@pytest.mark.parametrize("text", [MACHINE, BENCH])
def test_a_machine_and_a_bench_are_heard_over_any_channel(text: str) -> None:
    assert parts_of(STATION, parse(tomllib.loads(text))).equipment is not None


@pytest.mark.parametrize(
    ("text", "old", "new", "told"),
    [
        (MACHINE, "bits = 32", "bits = 24", rf"station {STATION}: count.inputs\[0\].bits: Invalid enum value 24"),
        (MACHINE, "bits = 32", "bit = 32", rf"station {STATION}: count.inputs\[0\].*unknown field `bit`"),
        (MACHINE, 'kind = "counter"\nbits = 32', "", rf"station {STATION}: count.inputs\[0\].*`kind`"),
        (BENCH, '"delimited"', '"xml"', rf"station {STATION}: bench.format: Invalid value 'xml'"),
        (BENCH, 'columns = ["serial", "verdict"]', "", rf"station {STATION}: bench.columns: Object missing"),
    ],
)
def test_what_is_wrong_with_a_machine_or_a_bench_is_told(text: str, old: str, new: str, told: str) -> None:
    assert old in text
    with pytest.raises(UsageError, match=told):
        parts_of(STATION, parse(tomllib.loads(text.replace(old, new))))
