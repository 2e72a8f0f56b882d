"""`sipe ticker`: the ticker alone, for a flow that does not run under `sipe up`."""

from __future__ import annotations

import argparse

from connectors.kafka import ticker
from connectors.kafka.address import KafkaAddress
from connectors.kafka.sender import EventSender
from connectors.monitor.process import ProcessMonitor
from connectors.monitor.server import monitored
from sipe import logs
from sipe.clock import SystemClock
from sipe.commands._output import note
from sipe.commands._system import stop_event
from sipe.settings import load


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.epilog = "One ticker is enough: every tick publishes rows."


def run(args: argparse.Namespace) -> int:
    """Tick every partition each second until SIGINT or SIGTERM; raises `SipeError` when no tick is acknowledged."""
    settings = load()
    kafka = KafkaAddress.parse(settings)
    stop = stop_event()
    logs.configure("ticker", settings.log_level, service=True)
    monitor = ProcessMonitor("ticker")
    with monitored(monitor, settings), EventSender(kafka) as sender:
        monitor.assigned("ticker")
        note(f"ticking at {kafka}; Ctrl-C stops it")
        ticker.run(sender, SystemClock(), stop, monitor)
        monitor.vitals.drain()
    return 0
