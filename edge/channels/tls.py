"""The certificates of channels; read when a channel is opened, so that a file that is missing is told at once."""

from __future__ import annotations

import ssl

from edge.channels.settings import HttpSettings, MqttSettings
from sipe.errors import UsageError


def client_context(settings: MqttSettings) -> ssl.SSLContext | None:
    """For a server that is checked against the authority in `ca_file`; None is no TLS. Raises `UsageError`."""
    if settings.ca_file is None:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:  # an SSLError is one too
        raise UsageError(f"channel {settings.name}, ca_file: {settings.ca_file} cannot be used: {error}") from None
    _load(context, settings)
    return context


def server_context(settings: HttpSettings) -> ssl.SSLContext | None:
    """For clients of any kind; None is no TLS. Raises `UsageError`."""
    if settings.cert_file is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _load(context, settings)
    return context


def _load(context: ssl.SSLContext, settings: MqttSettings | HttpSettings) -> None:
    if settings.cert_file is None:
        return
    try:
        context.load_cert_chain(settings.cert_file, settings.key_file)
    except OSError as error:
        files = f"{settings.cert_file} and {settings.key_file}"
        raise UsageError(f"channel {settings.name}, cert_file and key_file: {files} cannot be used: {error}") from None
