"""Wall-clock times of a plant as instants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class LocalTime:
    """Reads times that a plant's clock showed in `zone`; without a `format` they are ISO 8601."""

    zone: ZoneInfo
    format: str | None = None

    @staticmethod
    @cache
    def of(zone: str, format_: str | None = None) -> LocalTime:
        """The reader for a zone of the IANA data base; raises `ValueError` when there is none of that name."""
        try:
            return LocalTime(ZoneInfo(zone), format_)
        except (KeyError, OSError, ValueError) as error:  # unknown, a directory, not a key at all
            raise ValueError(f"unknown time zone {zone!r}; write one such as America/Manaus or UTC") from error

    def parse(self, text: str) -> datetime:
        """Date and time as written; raises `ValueError`. A date alone is refused: it would mean midnight silently."""
        if self.format is not None:
            return datetime.strptime(text, self.format)  # noqa: DTZ007  # `instants_ms` gives it its zone
        if len(text) <= len("2012-01-31"):
            raise ValueError(f"{text!r} is not a date and a time")
        return datetime.fromisoformat(text)

    def holds_minutes(self) -> bool:
        """Whether the format carries a time to the minute, so that nothing of it is lost in reading."""
        sample = datetime(2001, 2, 3, 16, 5, tzinfo=UTC)
        try:
            return self.format is None or self.parse(sample.strftime(self.format)).replace(tzinfo=UTC) == sample
        except ValueError:  # a directive that there is not
            return False

    def instants_ms(self, text: str) -> tuple[int, ...]:
        """The instants, Unix ms, earliest first, at which the clock showed this; raises `ValueError`.

        One as a rule, two in the hour that the end of daylight saving repeats, none in the hour that its start skips.
        A text with its own offset, such as `Z`, is one instant in any zone.
        """
        shown = self.parse(text)
        if shown.tzinfo is not None:
            return (_unix_ms(shown),)
        try:
            passes = {shown.replace(tzinfo=self.zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
            existing = [at for at in passes if at.astimezone(self.zone).replace(tzinfo=None) == shown]
        except OverflowError as error:
            raise ValueError(f"{text!r} is out of range") from error
        return tuple(sorted(map(_unix_ms, existing)))


def _unix_ms(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)
