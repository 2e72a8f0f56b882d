"""A gateway's rig whose events are stored by a flow."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

from gateway_rig import GatewayRig

from connectors.clickhouse.client import Address
from connectors.kafka.address import KafkaAddress
from connectors.kafka.sender import EventSender
from pipelines.runtime.system import Runtime
from sipe.clock import SystemClock
from sipe.settings import Settings


class StoringRig(GatewayRig):
    """See `GatewayRig`; nothing tells the flow the time but `tick`."""

    def _servers(self, stack: ExitStack) -> tuple[KafkaAddress, Address | None]:
        settings = replace(Settings(), data_dir=self.directory / "office")
        self.runtime = stack.enter_context(Runtime(settings, serve=True))
        return self.runtime.system.kafka, self.runtime.system.store

    def tick(self) -> None:
        """Tell the flow the time."""
        with EventSender(self.kafka) as sender:
            sender.tick(SystemClock().now_ms())
