"""What the routes work with, made once when the service starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus

from api.http.problems import HttpRefused
from api.keys import KeyRing
from api.live.live import Live
from api.tokens import Tokens
from connectors.clickhouse.client import Address
from connectors.ingest.inlet import Inlet
from connectors.ingest.rate import Rates
from connectors.kafka.address import KafkaAddress
from connectors.sql import identity
from connectors.sql.contracts import NO_COPIES, Copies
from connectors.sql.secrecy import Secrets
from connectors.sql.work import Store
from models.identity import Principal, Unproven
from sipe.clock import Clock
from sipe.metrics import UNMONITORED, Monitor


@dataclass(frozen=True, kw_only=True)
class Services:
    """The transactional store, time, and what tells who is asking."""

    store: Store
    clock: Clock
    keys: KeyRing
    tokens: Tokens
    secrets: Secrets
    strangers: Rates
    """How often an address may try to prove who it is."""
    live: Live
    """What is told to those who listen."""
    inlet: Inlet | None = None
    """The way in for events; None without a Kafka broker."""
    kafka: KafkaAddress | None = None
    """Where what was agreed is told; None without a Kafka broker, and then it waits."""
    clickhouse: Address | None = None
    """Where the audit trail is anchored, too."""
    redis_url: str | None = field(default=None, repr=False)
    """Where processes wake each other's streams; None where there is only one."""
    monitor: Monitor = UNMONITORED
    """What the loops tell of their work."""
    copies: Copies = NO_COPIES
    """Of contracts: they answer sooner than the store does, or not at all."""

    def principal_of(self, token: str) -> Principal:
        """Whose access token it is; raises `Refused`."""
        return self.tokens.verify(token)

    def verify_again(self, principal: Principal, secret: str, *, may_be_given: bool = False) -> None:
        """Make sure by password or PIN that who signs is who signed in; raises `Refused`.

        A wrong signature is no reason to sign in again: the token is good, so it is 403 and not 401.
        """
        try:
            identity.verify_again(self.store, self.secrets, principal, secret, may_be_given=may_be_given)
        except Unproven as unproven:
            raise HttpRefused(HTTPStatus.FORBIDDEN, "signature", str(unproven)) from unproven
