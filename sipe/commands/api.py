"""`sipe api`: the web service over named servers, or beside a stack that runs."""

from __future__ import annotations

import argparse
import json
import sys

from api.serving import CHECK_EVERY_S, Service
from connectors.monitor.process import ProcessMonitor
from connectors.monitor.server import monitored
from pipelines.runtime.system import find, settings_within
from sipe import logs
from sipe.commands._output import note
from sipe.commands._system import add_data_option, settings_of, stop_event


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    add_data_option(parser)
    parser.add_argument("--json", action="store_true", help="print the address as a JSON object on one line")
    parser.epilog = "Where no servers are named, `sipe up` runs it, too. `sipe admin` makes the first administrator."


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM, then let what is under way end; raises `SipeError` when it cannot serve."""
    settings = settings_of(args)
    logs.configure("api", settings.log_level, service=True)
    stop = stop_event()
    system = find(settings)
    if system is not None:
        settings = settings_within(settings, system)
    monitor = ProcessMonitor("api")
    with monitored(monitor, settings), Service(settings, monitor=monitor) as service:
        monitor.assigned("web service")
        if args.json:
            print(json.dumps({"url": service.url}))
        else:
            note(f"serving at {service.url}, described at {service.url}/v1/openapi.json; Ctrl-C stops it")
        if system is None:
            note("no Kafka is named and no stack runs: events are not taken")
        sys.stdout.flush()
        while not stop.wait(CHECK_EVERY_S):
            service.check()
            monitor.turned()
        monitor.vitals.drain()
    return 0
