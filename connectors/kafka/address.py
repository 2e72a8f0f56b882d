"""Where a Kafka cluster is, and who we are there."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

from connectors.tls import handshake
from sipe.errors import UsageError
from sipe.settings import Settings

_FILE_SETTINGS = ("kafka_ca_file", "kafka_cert_file", "kafka_key_file")


@dataclass(frozen=True)
class KafkaAddress:
    """Bootstrap servers, and with the three PEM files mutual TLS; as text it names the servers only."""

    bootstrap: str
    ca_file: str | None = field(default=None, kw_only=True)
    cert_file: str | None = field(default=None, kw_only=True)
    key_file: str | None = field(default=None, kw_only=True, repr=False)

    @classmethod
    def parse(cls, settings: Settings) -> KafkaAddress:
        """The address that the settings name; raises `UsageError` when files are missing or cannot be read."""
        if not settings.kafka_url:
            raise UsageError("SIPE_KAFKA_URL is not set: name the bootstrap servers, host:port[,host:port]")
        files = {f"SIPE_{name.upper()}": getattr(settings, name) for name in _FILE_SETTINGS}
        missing = [name for name, file in files.items() if not file]
        if missing and len(missing) < len(files):
            raise UsageError(f"{', '.join(missing)}: not set; mutual TLS needs {', '.join(files)}, or none of them")
        ca_file, cert_file, key_file = files.values()
        address = cls(settings.kafka_url, ca_file=ca_file, cert_file=cert_file, key_file=key_file)
        try:
            address.tls()
        except UsageError as error:
            raise UsageError(f"SIPE_KAFKA_*_FILE: {error}; `sipe certs` makes such files") from error
        return address

    @property
    def secure(self) -> bool:
        """Whether we speak TLS and show a certificate."""
        return self.ca_file is not None

    def tls(self) -> ssl.SSLContext | None:
        """Our side of TLS, made from the files; raises `UsageError` when they are not what they should be."""
        if self.ca_file and self.cert_file and self.key_file:
            return handshake.client_context(self.ca_file, self.cert_file, self.key_file)
        return None

    def client_config(self) -> dict[str, str | int | bool]:
        """What every Kafka client needs to get there."""
        config: dict[str, str | int | bool] = {"bootstrap.servers": self.bootstrap}
        if self.ca_file and self.cert_file and self.key_file:
            config |= {
                "security.protocol": "ssl",
                "ssl.ca.location": self.ca_file,
                "ssl.certificate.location": self.cert_file,
                "ssl.key.location": self.key_file,
            }
        return config

    def __str__(self) -> str:
        return self.bootstrap
