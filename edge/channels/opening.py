"""From what a gateway's file says to a channel. A kind's library is imported when such a channel is opened."""

from __future__ import annotations

import importlib
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from edge.channels.byte_channel import ByteChannel
from edge.channels.channel import Channel, MessageChannel, monotonic_ms
from edge.channels.intake import MessageIntake
from edge.channels.settings import (
    ChannelSettings,
    HttpSettings,
    ModbusRtuSettings,
    ModbusTcpSettings,
    MqttSettings,
    Rfc2217Settings,
    SerialSettings,
    TcpSettings,
)
from edge.channels.tls import client_context, server_context
from sipe.errors import UsageError
from sipe.private_files import read_secret

_MODULES = {
    SerialSettings: "serial_port",
    TcpSettings: "tcp",
    Rfc2217Settings: "rfc2217",
    MqttSettings: "mqtt",
    ModbusTcpSettings: "modbus",
    ModbusRtuSettings: "modbus",
    HttpSettings: "http_push",
}
_EXTRAS = {"serial_port": "edge", "mqtt": "edge-mqtt", "modbus": "edge-modbus"}
"""What of pyproject.toml's extras a module needs; the others need nothing but Python."""


def open_channel(settings: ChannelSettings, **more: Any) -> ByteChannel | MessageChannel:
    """A channel that is not started yet; `more` is a clock, randomness or a listener, as `Channel` has them.

    Raises `UsageError` when the kind's library is not installed, or a file that holds a secret cannot be used.
    """
    connect = partial(_module(settings).connect, settings)
    match settings:
        case SerialSettings() | TcpSettings() | Rfc2217Settings():
            return ByteChannel(settings, connect, settings.line, **more)
        case MqttSettings():
            password = _secret(settings, "password_file", settings.password_file)
            connect = partial(connect, password, client_context(settings))
        case HttpSettings():
            token = _secret(settings, "token_file", settings.token_file)
            connect = partial(connect, token, server_context(settings))
        case ModbusTcpSettings() | ModbusRtuSettings():
            connect = partial(connect, more.get("monotonic_ms", monotonic_ms))
    return Channel(settings, connect, MessageIntake, **more)


def _module(settings: ChannelSettings) -> ModuleType:
    name = _MODULES[type(settings)]
    try:
        return importlib.import_module(f"edge.channels.{name}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("edge."):
            raise
        kind = settings.__struct_config__.tag
        raise UsageError(
            f"channel {settings.name} is of kind {kind}, which needs {error.name}: pip install 'sipe[{_EXTRAS[name]}]'"
        ) from None


def _secret(settings: ChannelSettings, field: str, path: str | None) -> str | None:
    return None if path is None else read_secret(Path(path), f"channel {settings.name}, {field}")
