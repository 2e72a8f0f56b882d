from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors.files.local_time import LocalTime

BERLIN = LocalTime.of("Europe/Berlin")


def ms(year: int, month: int, day: int, hour: int, minute: int = 0) -> int:
    return int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp()) * 1000


def test_a_naive_time_is_taken_in_the_zone() -> None:
    assert LocalTime.of("UTC").instants_ms("2012-01-02T04:50:00") == (ms(2012, 1, 2, 4, 50),)
    assert LocalTime.of("America/Manaus").instants_ms("2012-01-02 04:50") == (ms(2012, 1, 2, 8, 50),)


def test_a_time_with_an_offset_needs_no_zone() -> None:
    assert BERLIN.instants_ms("2024-07-01T12:00:00+05:00") == (ms(2024, 7, 1, 7),)
    assert BERLIN.instants_ms("2024-07-01T12:00:00Z") == (ms(2024, 7, 1, 12),)


def test_milliseconds_are_exact() -> None:
    assert BERLIN.instants_ms("2024-01-01T00:00:00.123999") == (ms(2023, 12, 31, 23) + 123,)


def test_daylight_saving_repeats_an_hour_and_skips_one() -> None:
    assert BERLIN.instants_ms("2024-10-27T02:30:00") == (ms(2024, 10, 27, 0, 30), ms(2024, 10, 27, 1, 30))
    assert BERLIN.instants_ms("2024-03-31T02:30:00") == ()


def test_a_format_of_the_plant() -> None:
    plant = LocalTime.of("UTC", "%d/%m/%Y %H:%M")
    assert plant.holds_minutes()
    assert plant.instants_ms("31/01/2012 23:59") == (ms(2012, 1, 31, 23, 59),)
    with pytest.raises(ValueError, match="does not match format"):
        plant.instants_ms("2012-01-31T23:59")


@pytest.mark.parametrize("text", ["", "2012-01-02", "yesterday", "2012-13-01T00:00", "0001-01-01T00:00", "24:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the reader of the log says it in its own words
        LocalTime.of("Asia/Tokyo").instants_ms(text)


@pytest.mark.parametrize("zone", ["", "Nowhere", "..", "/etc/passwd", "America"])
def test_an_unknown_zone_is_named(zone: str) -> None:
    with pytest.raises(ValueError, match="unknown time zone"):
        LocalTime.of(zone)
