"""Which log a topic's name stands for: a topic that is deleted and made anew is another one, however long it is."""

from __future__ import annotations

import time
from concurrent.futures import Future

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, TopicDescription

from connectors.kafka.address import KafkaAddress
from connectors.kafka.admin import REQUEST_TIMEOUT_S, admin_client, refusal
from connectors.kafka.cluster import no_topic
from connectors.kafka.config import LOGGER, admin_config
from sipe.errors import SipeError

ASK_EVERY_S = 1.0
ANSWERED_WITHIN_S = 1.0
"""A client asks the broker that it last took for the controller. If that is gone, it connects to it again and again
without any pause, on all the processor time there is, until the request times out: so that has to be soon."""
PAUSE_S = 10.0
"""Until the next question after one that was not answered: by a new client, which takes another for the controller."""


class TopicIdentity:
    """What Kafka calls this one topic of that name, and no other, ever; None at the embedded broker."""

    def __init__(self, kafka: KafkaAddress, topic: str) -> None:
        self._kafka = kafka
        self._topic = topic
        self._client = admin_client(kafka)
        self._asked: Future[TopicDescription] | None = None
        self._due_s = 0.0
        self.id = self._known_id()

    def check(self) -> None:
        """Raise `SipeError` when the topic has been made anew; never blocks, so it may notice a second later.

        Until then the consumer reads on in the new log, where other records have the offsets that come next.
        """
        if self._client is None:
            return
        if self._asked is None:
            if time.monotonic() >= self._due_s:
                self._asked = self._ask(self._client, ANSWERED_WITHIN_S)
        elif self._asked.done():
            answered, self._asked = self._asked, None
            self._judge(answered)

    def _judge(self, answered: Future[TopicDescription]) -> None:
        error = answered.exception()
        if isinstance(error, KafkaException) and error.args[0].code() < 0:  # no broker's answer, the client's own
            self._client = AdminClient(admin_config(self._kafka), logger=LOGGER)
            self._due_s = time.monotonic() + PAUSE_S
            return
        self._due_s = time.monotonic() + ASK_EVERY_S
        if error is None and (found := str(answered.result().topic_id)) != self.id:
            raise SipeError(
                f"{self._topic} at {self._kafka}: the topic was deleted and made anew (its id was {self.id} and is "
                f"{found}): it is a different log; start again, which says how to go on"
            )

    def _known_id(self) -> str | None:
        if self._client is None:
            return None
        try:
            return str(self._ask(self._client, REQUEST_TIMEOUT_S).result().topic_id)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise no_topic(self._kafka, self._topic) from error
            raise refusal(self._kafka, f"describe the topic {self._topic}", error.args[0]) from error

    def _ask(self, client: AdminClient, timeout_s: float) -> Future[TopicDescription]:
        return client.describe_topics(TopicCollection([self._topic]), request_timeout=timeout_s)[self._topic]
