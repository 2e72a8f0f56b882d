"""`sipe bridge`: takes batches of events from an MQTT broker, where gateways cannot reach the web service."""

from __future__ import annotations

import argparse
from contextlib import closing

from connectors.ingest.inlet import Inlet
from connectors.monitor.process import ProcessMonitor
from connectors.monitor.server import monitored
from connectors.mqtt.address import MqttAddress
from connectors.mqtt.bridge import Bridge
from sipe import logs
from sipe.commands._output import note
from sipe.commands._system import stop_event
from sipe.settings import load

CHECK_EVERY_S = 0.2


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.epilog = "SIPE_MQTT_URL names the broker, SIPE_KAFKA_URL where events go; docs/mqtt.md says who may what."


def run(args: argparse.Namespace) -> int:
    """Take batches until SIGINT or SIGTERM, then answer those on their way; raises `SipeError` when it cannot go on."""
    del args
    settings = load()
    address = MqttAddress.parse(settings)
    stop = stop_event()
    logs.configure("bridge", settings.log_level, service=True)
    monitor = ProcessMonitor("bridge")
    with (
        monitored(monitor, settings),
        closing(Inlet.of(settings, "mqtt", monitor)) as inlet,
        Bridge(address, inlet.take, monitor=monitor) as bridge,
    ):
        monitor.assigned("bridge")
        monitor.needs("MQTT", bridge.probe)
        note(f"taking events from {address} to {settings.kafka_url}; Ctrl-C stops it")
        while not stop.wait(CHECK_EVERY_S):
            bridge.check()
            monitor.turned()
        monitor.vitals.drain()
    return 0
