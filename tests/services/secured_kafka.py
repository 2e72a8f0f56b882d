"""A Kafka as production runs it: every listener but one speaks mutual TLS, and an authorizer asks who may do what.

The plain listener is for nobody: whoever comes there is anonymous and may do nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from kafka_cluster import KafkaCluster

from connectors.kafka.address import KafkaAddress
from connectors.tls import authority
from sipe.contracts.access import PRINCIPAL_RULE, SUPER_USERS

LISTENER = "TLS"
BROKER = "sipe-broker.kafka-1"
CLIENTS = ("sipe-admin", "sipe-flow", "sipe-ticker", "sipe-up", "sipe-gateway.line-1", "sipe-api", "nobody")


class SecuredKafka:
    """A cluster of one node, the certificates of its clients, and an authority that it does not know."""

    def __init__(self, directory: Path) -> None:
        self.certs, self.other_certs = directory / "certs", directory / "other-certs"
        now = datetime.now(UTC)
        for certs in (self.certs, self.other_certs):
            authority.init(certs, now - timedelta(days=2))
            for name in CLIENTS:
                authority.issue(certs, name, [], now)
        authority.issue(self.certs, "ended", [], now - timedelta(days=2), 1)
        authority.issue(self.certs, BROKER, ["127.0.0.1"], now)
        self.cluster = KafkaCluster(directory / "kafka", listeners={LISTENER: "SSL"}, properties=self._properties())

    def address(self, name: str) -> KafkaAddress:
        """Where a client with this certificate finds the broker."""
        return self._address(self.certs, self.certs / "ca.pem", name)

    def address_of_stranger(self, name: str) -> KafkaAddress:
        """The same with a certificate of the authority that the broker does not know."""
        return self._address(self.other_certs, self.certs / "ca.pem", name)

    def address_of_doubter(self, name: str) -> KafkaAddress:
        """A client that only trusts the other authority."""
        return self._address(self.certs, self.other_certs / "ca.pem", name)

    @property
    def bootstrap(self) -> str:
        """The listener that speaks TLS."""
        return self.cluster.bootstrap_of(LISTENER)

    def _address(self, certs: Path, ca_file: Path, name: str) -> KafkaAddress:
        return KafkaAddress(
            self.bootstrap,
            ca_file=str(ca_file),
            cert_file=str(certs / f"{name}.pem"),
            key_file=str(certs / f"{name}.key"),
        )

    def _properties(self) -> dict[str, str]:
        """As docs/operations.md has them."""
        return {
            "listener.security.protocol.map": f"PLAIN:PLAINTEXT,{LISTENER}:SSL,CONTROLLER:SSL",
            "inter.broker.listener.name": LISTENER,
            "ssl.client.auth": "required",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.certs / f"{BROKER}.keystore.pem"),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.certs / "ca.pem"),
            "ssl.principal.mapping.rules": PRINCIPAL_RULE,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": ";".join(f"User:{name}" for name in SUPER_USERS),
        }
