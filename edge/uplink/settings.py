"""How a gateway's file says that events go by MQTT: to which broker, and with which certificates."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from edge.channels.settings import FileName, SpanMs
from sipe.errors import UsageError


class UplinkSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where events go by MQTT, in place of the web service. A station is known there by a certificate of its name."""

    host: Annotated[str, Meta(min_length=1, max_length=253)]
    port: Annotated[int, Meta(ge=1, le=65_535)] = 8883
    ca_file: FileName
    """PEM, the authority that signed the broker's certificate."""
    cert_dir: FileName
    """Where STATION.pem and STATION.key are of each station, as `sipe certs issue STATION` writes them."""
    timeout_ms: SpanMs = 15_000
    """How long an answer is waited for; longer than the bridge waits for Kafka, which is 10 s."""


def tls_of(settings: UplinkSettings, station: str) -> ssl.SSLContext:
    """How the broker is recognised, and what a station shows it; raises `UsageError` for files that cannot be used."""
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:  # an SSLError is one, too
        why = error.strerror or error
        raise UsageError(f"uplink.ca_file: no certificates in {settings.ca_file}: {why}") from error
    certificate = Path(settings.cert_dir) / f"{station}.pem"
    key = certificate.with_name(f"{station}.key")
    try:
        context.load_cert_chain(certificate, key, password="")  # else it would ask on the terminal
    except (OSError, ValueError) as error:
        raise UsageError(f"uplink.cert_dir: {certificate} and {key} are no certificate and key: {error}") from error
    return context
