"""The system a command works with, as its options and the settings name it."""

from __future__ import annotations

import argparse
import signal
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from connectors.kafka.sender import EventSender
from pipelines.runtime.stopping import Stopping
from pipelines.runtime.system import Runtime, System, find
from sipe.commands._output import note, progress_bar
from sipe.contracts.events import StationEvent
from sipe.contracts.script import Tick
from sipe.errors import SipeError, UsageError
from sipe.settings import Settings, load

HELD_UP = "sipe: ended although a server did not answer; what was not stored is read again at the next start\n"


def add_data_option(parser: argparse.ArgumentParser) -> None:
    """Declare `--data DIR`."""
    help_ = "data directory of the embedded stack (default: SIPE_DATA_DIR, or .sipe)"
    parser.add_argument("--data", type=Path, metavar="DIR", help=help_)


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings, with the data directory of `--data`; raises `UsageError`."""
    settings = load()
    if not args.data:
        return settings
    if args.data.exists() and not args.data.is_dir():
        raise UsageError(f"--data {args.data}: not a directory")
    return replace(settings, data_dir=args.data)


def stop_event() -> threading.Event:
    """Set by the first SIGINT or SIGTERM; then this process ends in time, with an error if a server holds it up."""
    stop = threading.Event()
    Stopping(HELD_UP, stop.set).on_signals(signal.SIGINT, signal.SIGTERM)
    return stop


def working_system(settings: Settings) -> System:
    """The servers that run already; raises `SipeError` when none do."""
    if system := find(settings):
        return system
    raise SipeError(
        f"nothing runs over {settings.data_dir}: start `sipe up`, or set SIPE_KAFKA_URL and SIPE_CLICKHOUSE_URL"
    )


def time_option(text: str | None, option: str) -> datetime | None:
    """The time an option names, UTC where it has no offset; raises `UsageError`."""
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option} {text!r} is no time; write it as 2026-03-02T06:00 or 2026-03-02T06:00-04:00"
        ) from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def time_span(
    since: str | None, until: str | None, options: tuple[str, str]
) -> tuple[datetime | None, datetime | None]:
    """The times that two options name; raises `UsageError` when the second does not lie after the first."""
    begin, end = time_option(since, options[0]), time_option(until, options[1])
    if begin and end and end <= begin:
        raise UsageError(f"{options[1]} {until} does not lie after {options[0]} {since}")
    return begin, end


def unix_ms(at: datetime) -> int:
    """Unix time in ms."""
    return round(at.timestamp() * 1000)


@contextmanager
def sending_system(settings: Settings) -> Iterator[Runtime]:
    """The system that runs, else an embedded stack on the data directory for as long as this takes."""
    with Runtime(settings) as runtime:
        _say_where(runtime, f"an embedded stack on {settings.data_dir}, for as long as this takes")
        yield runtime


@contextmanager
def passing_system(settings: Settings) -> Iterator[Runtime]:
    """The system that runs, else an embedded stack on a temporary directory."""
    if find(settings):
        with sending_system(settings) as runtime:
            yield runtime
        return
    with (
        tempfile.TemporaryDirectory(prefix="sipe-") as directory,
        Runtime(replace(settings, data_dir=Path(directory))) as runtime,
    ):
        _say_where(runtime, "an embedded stack on a temporary directory")
        yield runtime


def _say_where(runtime: Runtime, if_ours: str) -> None:
    system = runtime.system
    if runtime.flow:
        note(f"working with {if_ours}")
    elif system.embedded:
        note(f"working with the embedded stack that runs: broker {system.kafka}, store {system.store}")
    else:
        note(f"working with broker {system.kafka} and store {system.store}; their flow has to run")


def send_script(sender: EventSender, script: Iterable[StationEvent | Tick]) -> None:
    """Send events and ticks as they come."""
    for item in script:
        if isinstance(item, Tick):
            sender.tick(item.now_ms)
        else:
            sender.send(item)


def send_and_store(runtime: Runtime, script: Iterable[StationEvent | Tick]) -> None:
    """Send a script that ends with a tick, and return when all of it is stored."""
    runtime.progress()  # a store that is not there is an error before anything is sent
    with runtime.sender() as sender:
        send_script(sender, script)
        ends = sender.ends()
    with progress_bar("storing") as report:
        runtime.wait_until_stored(ends, report=report)
