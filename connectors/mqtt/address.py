"""Where the MQTT broker is, and who we are there."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from connectors.tls import handshake
from sipe.errors import UsageError
from sipe.settings import Settings

PORT = 8883
_FILE_SETTINGS = ("mqtt_ca_file", "mqtt_cert_file", "mqtt_key_file")


@dataclass(frozen=True)
class MqttAddress:
    """A broker and the three PEM files of mutual TLS: the broker knows us by our certificate, and by nothing else."""

    host: str
    port: int
    ca_file: str
    cert_file: str
    key_file: str = field(repr=False)

    @classmethod
    def parse(cls, settings: Settings) -> Self:
        """The address that the settings name; raises `UsageError` when files are missing or cannot be read."""
        host, port = _place(settings.mqtt_url or "")
        files = {f"SIPE_{name.upper()}": getattr(settings, name) for name in _FILE_SETTINGS}
        if missing := [name for name, file in files.items() if not file]:
            raise UsageError(f"{', '.join(missing)}: not set; `sipe certs` makes such files")
        address = cls(host, port, *files.values())
        try:
            address.tls()
        except UsageError as error:
            raise UsageError(f"SIPE_MQTT_*_FILE: {error}; `sipe certs` makes such files") from error
        return address

    def tls(self) -> ssl.SSLContext:
        """Our side of TLS, made from the files; raises `UsageError` when they are not what they should be."""
        return handshake.client_context(self.ca_file, self.cert_file, self.key_file)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def _place(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or PORT
    except ValueError:
        parts, port = urlsplit(""), PORT
    if parts.scheme != "mqtts" or not parts.hostname or parts.username or parts.path.strip("/"):
        raise UsageError(f"SIPE_MQTT_URL={url!r} is no broker: write mqtts://host:{PORT}")
    return parts.hostname, port
