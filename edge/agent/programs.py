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


class Alone(NamedTuple):
    """A program that needs nothing but a scanner."""

    about: str
    make: Callable[[StationSettings], Job]


class OnEquipment(NamedTuple):
    """A program that works with what is on a channel of its own, such as a meter."""

    about: str
    make: Callable[[StationSettings, ByteChannel], Job]


def _scan(settings: StationSettings) -> Job:
    return Scanned(begins_units=settings.begins_units)


def _serial_output(_: StationSettings, channel: ByteChannel) -> Job:
    return SerialOutputTest(channel, monotonic_ms)


def _parameterization(settings: StationSettings, channel: ByteChannel) -> Job:
    meter = meter_of(settings.meter, channel, where=f"station {settings.name}: meter")
    return Parameterization(meter, begins_units=settings.begins_units)


PROGRAMS: dict[str, Alone | OnEquipment] = {
    "parameterization": OnEquipment("writes the sheet's parameters and the serial into a meter", _parameterization),
    "scan": Alone("a unit that may come has passed: assembly, packing", _scan),
    "serial-output": OnEquipment("listens to what a closed meter says over PIMA", _serial_output),
}


def job_of(settings: StationSettings, equipment: ByteChannel | None) -> Job:
    """What a station does with its units; raises `UsageError` when there is no such program, or it lacks something."""
    program = PROGRAMS.get(settings.program)
    if program is None:
        raise UsageError(
            f"station {settings.name}: there is no program {settings.program!r}; there are {', '.join(PROGRAMS)}"
        )
    if isinstance(program, Alone):
        return program.make(settings)
    if equipment is None:
        raise UsageError(f"station {settings.name}: the program {settings.program} needs `channel`: where its meter is")
    return program.make(settings, equipment)
