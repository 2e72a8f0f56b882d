"""`sipe up`: the flow, the ticker and, where no servers are named, the embedded stack, until Ctrl-C."""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from api.child import WebProcess
from connectors.clickhouse.client import probe
from connectors.clickhouse.writer import DEPENDENCY
from connectors.kafka import ticker
from connectors.monitor.process import ProcessMonitor
from connectors.monitor.server import monitored
from pipelines.reprocess.watch import watch
from pipelines.runtime.recovery import set_aside
from pipelines.runtime.system import Runtime, System, settings_within
from sipe import logs
from sipe.clock import SystemClock
from sipe.commands._output import note, out
from sipe.commands._system import add_data_option, settings_of, stop_event
from sipe.settings import Settings

CHECK_EVERY_S = 0.2


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    add_data_option(parser)
    parser.add_argument(
        "--rebuild-state",
        action="store_true",
        help="set the flow's saved state aside first, so that it is rebuilt from the archive",
    )
    parser.add_argument("--json", action="store_true", help="print the addresses as a JSON object on one line")


def run(args: argparse.Namespace) -> int:
    """Run until SIGINT or SIGTERM, then drain; raises `SipeError` when a part ends by itself."""
    settings = settings_of(args)
    logs.configure("up", settings.log_level, service=True)
    stop = stop_event()
    if args.rebuild_state:
        _rebuild_state(settings)
    monitor = ProcessMonitor("up")
    with monitored(monitor, settings), Runtime(settings, serve=True, monitor=monitor) as runtime:
        monitor.assigned("ticker")
        monitor.needs(DEPENDENCY, partial(probe, runtime.system.store))
        with _web_service(runtime, settings) as web:
            url = web.url if web else None
            if args.json:
                told = _addresses(runtime.system, settings.data_dir) | {"api": url}
                print(json.dumps(told))  # a line, for programs that wait for it
            else:
                _say(runtime.system, settings.data_dir, f" --data {args.data}" if args.data else "", url)
            sys.stdout.flush()
            _tick(runtime, settings, stop, monitor, web)
    return 0


@contextmanager
def _web_service(runtime: Runtime, settings: Settings) -> Iterator[WebProcess | None]:
    """The web service beside an embedded stack; beside named servers it is `sipe api`, with servers of its own."""
    if runtime.stack is None:
        yield None
        return
    within = replace(settings_within(settings, runtime.system), monitor_port=0)
    web = WebProcess(within, settings.data_dir / "logs" / "api.log")
    try:
        web.start()
        yield web
    finally:
        web.stop()


def _rebuild_state(settings: Settings) -> None:
    aside = set_aside(settings.data_dir, settings.log_epoch)
    note(f"saved state set aside: {aside}" if aside else "there was no saved state to set aside")


def _tick(
    runtime: Runtime, settings: Settings, stop: threading.Event, monitor: ProcessMonitor, web: WebProcess | None
) -> None:
    """Tick and watch for what is marked in threads of their own, and look after servers and flow in this one."""
    with runtime.sender() as sender, ThreadPoolExecutor(2, thread_name_prefix="up") as threads:
        ticking = threads.submit(ticker.run, sender, SystemClock(), stop, monitor)
        watching = threads.submit(watch, settings_within(settings, runtime.system), stop)
        try:
            while not stop.wait(CHECK_EVERY_S) and not (ticking.done() or watching.done()):
                runtime.check()
                if web:
                    web.check()
                monitor.turned()
        finally:
            monitor.vitals.drain()
            stop.set()
        ticking.result()
        watching.result()


def _addresses(system: System, data_dir: Path) -> dict[str, str | int]:
    store = system.store
    return {
        "kafka": system.kafka.bootstrap,
        "clickhouse": f"{store.host}:{store.port}",
        "database": store.database,
        "user": store.user,
        "log_epoch": system.log_epoch,
        "data_dir": str(data_dir.resolve()),
        "pid": os.getpid(),
    }


NEXT = (
    ("simulate", "a meter-factory day"),
    ("plant apply examples/plant.toml", "calendars and standard times"),
    ("kpi --by line", "what is known so far"),
    ("doctor", "whether all is well"),
    ("admin NUMBER", "the first who may sign in to the web service"),
)
"""What to try while it runs."""


def _say(system: System, data_dir: Path, data_option: str, api_url: str | None) -> None:
    store = system.store
    password = f" (password in {data_dir / 'stack.json'})" if system.embedded else ""
    commands = [(f"sipe {command}{data_option}", what) for command, what in NEXT]
    width = max(len(command) for command, _ in commands)
    for line in (
        f"Kafka       {system.kafka}",
        f"ClickHouse  {store.host}:{store.port}, database {store.database}, user {store.user}{password}",
        *([f"Web         {api_url}, described at {api_url}/v1/openapi.json"] if api_url else []),
        f"Flow        log in {data_dir.resolve() / 'logs' / 'flow.log'}",
        "",
        "All is running; Ctrl-C drains and stops it. In another terminal, try:",
        *(f"  {command:<{width}}   {what}" for command, what in commands),
    ):
        out().print(line)
