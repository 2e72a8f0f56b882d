"""What a station can be: one line for each program. A driver's are in `edge.drivers`."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from edge.agent.settings import StationSettings
from edge.channels.byte_channel import ByteChannel
from edge.channels.channel import monotonic_ms
from edge.drivers.registry import meter_of
from edge.stations.parameterization import Parameterization
from edge.stations.scan_station import Scanned
from edge.stations.serial_output import SerialOutputTest
from edge.stations.station import Job
from sipe.errors import UsageError


class Program(NamedTuple):
    """How the job of a station is made, and what it needs."""

    make: Callable[[StationSettings, ByteChannel | None], Job]
    needs_channel: bool
    about: str


def _scan(settings: StationSettings, channel: ByteChannel | None) -> Job:
    del channel
    return Scanned(begins_units=settings.begins_units)


def _serial_output(settings: StationSettings, channel: ByteChannel | None) -> Job:
    del settings
    assert channel is not None  # noqa: S101  the table below says that it needs one
    return SerialOutputTest(channel, monotonic_ms)


def _parameterization(settings: StationSettings, channel: ByteChannel | None) -> Job:
    assert channel is not None  # noqa: S101  the table below says that it needs one
    meter = meter_of(settings.meter, channel, where=f"station {settings.name}: meter")
    return Parameterization(meter, begins_units=settings.begins_units)


PROGRAMS = {
    "parameterization": Program(
        _parameterization, needs_channel=True, about="writes the sheet's parameters and the serial into a meter"
    ),
    "scan": Program(_scan, needs_channel=False, about="a unit that may come has passed: assembly, packing"),
    "serial-output": Program(_serial_output, needs_channel=True, about="listens to what a closed meter says over PIMA"),
}


def program_of(settings: StationSettings) -> Program:
    """The program of a station; raises `UsageError` when there is none, or it lacks what it needs."""
    program = PROGRAMS.get(settings.program)
    if program is None:
        raise UsageError(
            f"station {settings.name}: there is no program {settings.program!r}; there are {', '.join(PROGRAMS)}"
        )
    if program.needs_channel and settings.channel is None:
        raise UsageError(f"station {settings.name}: the program {settings.program} needs `channel`: where its meter is")
    return program
