"""What a station can be: one line for each program. A driver's are in `edge.drivers`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeAlias

from edge.agent.settings import StationSettings, table_of
from edge.channels.byte_channel import ByteChannel
from edge.channels.channel import MessageChannel, monotonic_ms
from edge.drivers.registry import meter_of
from edge.stations.bench import BenchStation
from edge.stations.bench_format import Format
from edge.stations.counting import CountingStation, CountSettings
from edge.stations.day import Day, Tools
from edge.stations.parameterization import Parameterization
from edge.stations.scan_station import Scanned
from edge.stations.serial_output import SerialOutputTest
from edge.stations.station import Station
from sipe.errors import UsageError

Equipment: TypeAlias = ByteChannel | MessageChannel
Begin = Callable[[Tools], Day]
"""Makes a station's day."""


class Alone(NamedTuple):
    """A program that needs nothing but a scanner."""

    about: str
    make: Callable[[StationSettings], Begin]


class OnLine(NamedTuple):
    """A program that speaks with what is on a line of bytes of its own, such as a meter."""

    about: str
    make: Callable[[StationSettings, ByteChannel], Begin]


class OnMachine(NamedTuple):
    """A program that hears what equipment says on a channel of any kind."""

    about: str
    make: Callable[[StationSettings, Equipment], Begin]


def _scan(settings: StationSettings) -> Begin:
    return partial(Station, Scanned(begins_units=settings.begins_units))


def _serial_output(_: StationSettings, channel: ByteChannel) -> Begin:
    return partial(Station, SerialOutputTest(channel, monotonic_ms))


def _parameterization(settings: StationSettings, channel: ByteChannel) -> Begin:
    meter = meter_of(settings.meter, channel, where=f"station {settings.name}: meter")
    return partial(Station, Parameterization(meter, begins_units=settings.begins_units))


def _count(settings: StationSettings, channel: Equipment) -> Begin:
    return partial(CountingStation, table_of(settings.count, CountSettings, f"station {settings.name}: count"), channel)


def _test_bench(settings: StationSettings, channel: Equipment) -> Begin:
    asked: Format = table_of(settings.bench, Format, f"station {settings.name}: bench")
    return partial(BenchStation, asked, channel)


PROGRAMS: dict[str, Alone | OnLine | OnMachine] = {
    "count": OnMachine("counts what a machine without serials makes", _count),
    "parameterization": OnLine("writes the sheet's parameters and the serial into a meter", _parameterization),
    "scan": Alone("a unit that may come has passed: assembly, packing", _scan),
    "serial-output": OnLine("listens to what a closed meter says: PIMA, user output", _serial_output),
    "test-bench": OnMachine(
        "judges what a bench has measured by the sheet: calibration, ICT, functional test", _test_bench
    ),
}


def program_of(settings: StationSettings, equipment: Equipment | None) -> Begin:
    """What a station does all day; raises `UsageError` when there is no such program, or it lacks something."""
    program = PROGRAMS.get(settings.program)
    if program is None:
        raise UsageError(
            f"station {settings.name}: there is no program {settings.program!r}; there are {', '.join(PROGRAMS)}"
        )
    if isinstance(program, Alone):
        return program.make(settings)
    if equipment is None:
        raise UsageError(
            f"station {settings.name}: the program {settings.program} needs `channel`: where its equipment is"
        )
    if isinstance(program, OnMachine):
        return program.make(settings, equipment)
    return program.make(settings, on_line(equipment))


def on_line(channel: Equipment) -> ByteChannel:
    """A channel of bytes, as scanners and meters need; raises `UsageError`."""
    if not isinstance(channel, ByteChannel):
        kind = channel.settings.__struct_config__.tag
        raise UsageError(f"channel {channel.name}: scanners and meters are on a serial line, and not on {kind}")
    return channel
