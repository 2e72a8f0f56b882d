"""The drivers that a station's settings can name, in one table: a new one is a module of its own and a line here."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import msgspec

from edge.channels.byte_channel import ByteChannel
from edge.channels.channel import monotonic_ms
from edge.stations.parameterization import Meter
from sipe.errors import UsageError


class Driver(NamedTuple):
    """A driver by name.

    Its module, which is imported when it is used, has a struct `Settings`, and makes the meter from it:
    `make(settings: Settings, channel: ByteChannel, monotonic_ms: Callable[[], int]) -> Meter`.
    """

    name: str
    about: str
    module: str


DRIVERS = (
    Driver("iec62056-21", "programming mode of IEC 62056-21", "edge.drivers.iec62056"),
)  # fmt: skip


def meter_of(
    table: Mapping[str, object],
    channel: ByteChannel,
    monotonic_ms: Callable[[], int] = monotonic_ms,
    where: str = "meter",
) -> Meter:
    """The meter at the other end of a channel, as a table of settings describes it; `where` is the table's name.

    `driver` names the driver, and the rest is its own. `monotonic_ms` is the clock of the channel. Raises `UsageError`
    that names the field, and when the driver and the channel do not go together.
    """
    own = dict(table)
    name = own.pop("driver", None)
    driver = next((one for one in DRIVERS if one.name == name), None)
    if driver is None:
        raise UsageError(f"{where}.driver: there is no {name!r}; there are {', '.join(one.name for one in DRIVERS)}")
    module: Any = importlib.import_module(driver.module)
    try:
        settings = msgspec.convert(own, module.Settings)
    except msgspec.ValidationError as error:
        raise UsageError(f"{where} ({driver.name}): {error}") from None
    return cast("Meter", module.make(settings, channel, monotonic_ms))
