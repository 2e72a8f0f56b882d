"""Events from before a machine knew what time it is: held in the spool, and sent with the time that it was.

Such an event bears the time since the machine's start. When that start is known, so is the event's time (`corrected`).
A machine that was started again before it ever knew has no more to say than that its run ended when the next one began;
its events follow each other as they did, and the last came at that moment (`estimated`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from edge.spool.rows import Row
from sipe.contracts.codec import CLOCK_SET_MS_MIN, decode, encode
from sipe.contracts.events import StationEvent
from sipe.contracts.fields import TsQuality
from sipe.private_files import replace_durably

_log = logging.getLogger(__name__)

KERNEL_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
STARTS_KEPT = 100
READ_ROWS = 5_000


class Start(Struct, frozen=True, kw_only=True):
    """A start of the machine, and the boots of the spool that came behind it."""

    boot_id: str
    first_boot: int
    start_ms: int | None = None
    """Its Unix time, once that is known; it never changes then, for what is sent twice has to be the same."""
    quality: TsQuality = "corrected"


class StartTimes(Protocol):
    """Who knows when the machine was started; a `GatewayClock` does."""

    def start_ms(self) -> int | None:
        """The Unix time of the machine's start; None while it is not known."""


class Rows(Protocol):
    """The events that wait; a spool has them."""

    def read(self, after: int, limit: int) -> list[Row]:
        """What waits behind a position, in order."""

    def boots(self) -> dict[str, int]:
        """Of each source, its newest boot."""

    def new_boot(self) -> None:
        """What is numbered from here on is of a newer boot than all before."""

    def delivered(self, positions: Iterable[int]) -> None:
        """Let go of these."""


class HeldOutbox:
    """An `Outbox`: the spool of a station, of which nothing goes out that bears no time."""

    def __init__(self, spool: Rows, clock: StartTimes, path: Path, boot_id: str | None = None) -> None:
        """`path` is where it is kept when the machine was started; what cannot be read there is begun anew."""
        self._spool = spool
        self._clock = clock
        self._path = path
        self._starts = _read(path)
        boot_id = boot_id or KERNEL_BOOT_ID.read_text().strip()
        if not self._starts or self._starts[-1].boot_id != boot_id:
            first_boot = max(spool.boots().values(), default=0) + 1
            self._keep([*self._starts, Start(boot_id=boot_id, first_boot=first_boot)])

    def read(self, after: int, limit: int) -> list[Row]:
        """What waits behind a position, in order, up to the first whose time is not known."""
        return list(self._timed(self._spool.read(after, limit)))

    def boots(self) -> Mapping[str, int]:
        """See `Outbox`."""
        return self._spool.boots()

    def new_boot(self) -> None:
        """See `Outbox`."""
        self._spool.new_boot()

    def delivered(self, positions: Iterable[int]) -> None:
        """See `Outbox`."""
        self._spool.delivered(positions)

    def _timed(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            if row.ts_ms >= CLOCK_SET_MS_MIN:
                yield row
                continue
            start = self._start_of(row.boot)
            if start is None or start.start_ms is None:
                return
            yield _timed(row, start.start_ms + row.ts_ms, start.quality)

    def _start_of(self, boot: int) -> Start | None:
        """The start of the machine behind which a boot came, with its time if that can be told."""
        at = max((at for at, start in enumerate(self._starts) if start.first_boot <= boot), default=0)
        if self._starts[at].start_ms is None:
            self._find_out()
        return self._starts[at]

    def _find_out(self) -> None:
        """When the machine was started this time; and before that, as far back as nobody knew."""
        begun_ms = self._clock.start_ms()
        if begun_ms is None:
            return
        *earlier, last = self._starts
        starts = [last if last.start_ms is not None else replace(last, start_ms=begun_ms)]
        for start in reversed(earlier):
            next_start = starts[0]
            if start.start_ms is None and next_start.start_ms is not None:
                ended_ms = self._last_ms(start.first_boot, next_start.first_boot)
                start = replace(start, start_ms=next_start.start_ms - ended_ms, quality="estimated")  # noqa: PLW2901  as it is known now
            starts.insert(0, start)
        self._keep(starts)

    def _last_ms(self, first_boot: int, end_boot: int) -> int:
        """The greatest time since the start that an event of these boots bears."""
        last_ms, after = 0, 0
        while rows := self._spool.read(after, READ_ROWS):
            unset = (row.ts_ms for row in rows if first_boot <= row.boot < end_boot and row.ts_ms < CLOCK_SET_MS_MIN)
            last_ms, after = max(last_ms, *unset, 0), rows[-1].position
        return last_ms

    def _keep(self, starts: list[Start]) -> None:
        self._starts = starts[-STARTS_KEPT:]
        try:
            replace_durably(self._path, msgspec.json.encode(self._starts))
        except OSError as error:  # a full disk: what waits has to get out all the same
            _log.error("when this machine was started cannot be kept in %s: %s", self._path, error)


def _timed(row: Row, ts_ms: int, quality: TsQuality) -> Row:
    event = decode(row.value) if row.value else None
    if isinstance(event, StationEvent):
        return row._replace(ts_ms=ts_ms, value=encode(replace(event, ts_ms=ts_ms, ts_quality=quality)))
    return row._replace(ts_ms=ts_ms)


def _read(path: Path) -> list[Start]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Start])
    except FileNotFoundError:
        return []
    except (OSError, msgspec.MsgspecError) as error:
        _log.error("%s cannot be read, and is begun anew: %s", path, error)
        return []
