"""Asking a broker to change: one client, one way to wait for its answer, and errors that a person can act on."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from connectors.kafka import cluster
from connectors.kafka.address import KafkaAddress
from connectors.kafka.cluster import NOT_ALLOWED, Patience, unreachable
from connectors.kafka.config import LOGGER, admin_config
from sipe.errors import SipeError

REQUEST_TIMEOUT_S = 20.0
SETTLE_TIMEOUT_S = 30.0
_SETTLE_STEP_S = 0.1
_EMBEDDED_CLUSTER = "mockCluster"
"""How the ids of librdkafka's own clusters begin."""

T = TypeVar("T")


class NotAllowed(SipeError):
    """The broker knows who we are and refuses this."""


def admin_client(kafka: KafkaAddress) -> AdminClient | None:
    """A client for requests that change something; None for the embedded broker, which knows no such requests.

    Raises `SipeError` when no broker answers.
    """
    client = AdminClient(admin_config(kafka), logger=LOGGER)
    try:
        cluster_id = client.list_topics(timeout=cluster.CONNECT_TIMEOUT_S).cluster_id or ""
    except KafkaException as error:
        raise unreachable(kafka, error) from error
    return None if cluster_id.startswith(_EMBEDDED_CLUSTER) else client


def answer(kafka: KafkaAddress, what: str, future: Future[T]) -> T:
    """What the broker answered; raises `SipeError` that says what it was asked for."""
    try:
        return future.result()
    except KafkaException as error:
        raise refusal(kafka, what, error.args[0]) from error


def refusal(kafka: KafkaAddress, what: str, error: KafkaError) -> SipeError:
    """Why the broker did not do as it was asked, in one line."""
    if error.code() in NOT_ALLOWED:
        return NotAllowed(
            f"{kafka} does not let us {what}: name the certificate of an administrator (SIPE_KAFKA_CERT_FILE)"
        )
    return SipeError(f"{kafka} did not {what}: {error.str()}")


def settled(look: Callable[[], T], done: Callable[[T], bool], complaint: str) -> T:
    """Look until it is done: what a broker has accepted, the next one learns a moment later."""
    patience = Patience(SETTLE_TIMEOUT_S)
    while not done(seen := look()):
        patience.watch(None, complaint)
        time.sleep(_SETTLE_STEP_S)
    return seen
