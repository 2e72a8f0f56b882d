"""From what a gateway's file says to a channel. A kind's library is imported when such a channel is opened."""

from __future__ import annotations

import importlib
from collections.abc import Callable
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
    MqttSettings,
    Rfc2217Settings,
    SerialSettings,
    TcpSettings,
)
from edge.channels.tls import client_context, server_context
from sipe.errors import UsageError
from sipe.private_files import read_secret

_EXTRAS = {"serial_port": "edge", "mqtt": "edge-mqtt", "modbus": "edge-modbus"}
"""What of pyproject.toml's extras a module needs; the others need nothing but Python."""


def open_channel(settings: ChannelSettings, **more: Any) -> ByteChannel | MessageChannel:
    """A channel that is not started yet; `more` is a clock, randomness or a listener, as `Channel` has them.

    Raises `UsageError` when the kind's library is not installed, or a file that holds a secret cannot be used.
    """
    match settings:
        case SerialSettings():
            module = _module("serial_port", settings)
            return ByteChannel(settings, partial(module.connect, settings), settings.line, **more)
        case TcpSettings():
            return ByteChannel(settings, partial(_module("tcp", settings).connect, settings), settings.line, **more)
        case Rfc2217Settings():
            module = _module("rfc2217", settings)
            return ByteChannel(settings, partial(module.connect, settings), settings.line, **more)
        case MqttSettings():
            password = _secret(settings, "password_file", settings.password_file)
            connect = partial(_module("mqtt", settings).connect, settings, password, client_context(settings))
            return _messages(settings, connect, more)
        case HttpSettings():
            token = _secret(settings, "token_file", settings.token_file)
            connect = partial(_module("http_push", settings).connect, settings, token, server_context(settings))
            return _messages(settings, connect, more)
        case _:
            clock: Callable[[], int] = more.get("monotonic_ms", monotonic_ms)
            return _messages(settings, partial(_module("modbus", settings).connect, settings, clock), more)


def _messages(settings: ChannelSettings, connect: Any, more: dict[str, Any]) -> MessageChannel:
    return Channel(settings, connect, MessageIntake, **more)


def _module(name: str, settings: ChannelSettings) -> ModuleType:
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
