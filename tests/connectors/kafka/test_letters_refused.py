"""A real Kafka that refuses dead letters: the writer says why at once, and what was written before stays."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from kafka_cluster import KafkaCluster
from secured_kafka import SecuredKafka
from station_topics import new_topics

from connectors.kafka import access, topics
from connectors.kafka.address import KafkaAddress
from connectors.kafka.admin import admin_client
from connectors.kafka.letter_reader import read_letters
from connectors.kafka.letters import LetterWriter
from sipe.contracts.access import Access
from sipe.contracts.codec import MESSAGE_BYTES_MAX
from sipe.contracts.letters import Letter, LetterHeaders
from sipe.contracts.topics import STATION_EVENTS_DLQ_TOPIC, STATION_EVENTS_TOPIC
from sipe.errors import SipeError

TOPIC = STATION_EVENTS_DLQ_TOPIC.name
KEY = b"site.area.line.station"

pytestmark = pytest.mark.needs("kafka")


def letter(offset: int, value: bytes) -> Letter:
    headers = LetterHeaders(
        reason="schema", detail="d" * 300, topic=STATION_EVENTS_TOPIC.name, epoch=1, partition=0, offset=offset,
        record_ts_ms=1_700_000_000_000, at_ms=1_700_000_000_500, app_version="1",
    )  # fmt: skip
    return Letter(headers, KEY, value)


def write(kafka: KafkaAddress, one: Letter) -> None:
    writer = LetterWriter(kafka, give_up_after_s=60.0)
    try:
        writer.write([one])
    finally:
        writer.close()


@pytest.fixture
def limited(kafka: KafkaCluster) -> Iterator[KafkaAddress]:
    """A broker whose topic of dead letters takes as much as declared, which is just enough."""
    yield new_topics(kafka, [STATION_EVENTS_DLQ_TOPIC])
    kafka.delete_topic(TOPIC)


def test_the_largest_message_fits_and_a_larger_one_is_refused(limited: KafkaAddress) -> None:
    largest = letter(1, random.Random(6).randbytes(MESSAGE_BYTES_MAX))
    write(limited, largest)
    noise = random.Random(7).randbytes(2 * STATION_EVENTS_DLQ_TOPIC.record_bytes_max)  # no compression helps
    with pytest.raises(SipeError, match=rf"^{TOPIC} at .* refuses dead letters: .*[Ss]ize"):
        write(limited, letter(2, noise))
    assert [one.letter for one in read_letters(limited)] == [largest]


def test_without_the_right_to_write_it_says_so(secured: SecuredKafka) -> None:
    with pytest.raises(SipeError, match=rf"^{TOPIC} at .* refuses dead letters: .*[Aa]uthorization"):
        write(secured.address("sipe-ticker"), letter(1, b"{"))
    write(secured.address("sipe-flow"), letter(1, b"{"))


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    """A Kafka with our topics and access, where the ticker may see the topic of dead letters, and no more."""
    secured = SecuredKafka(tmp_path_factory.mktemp("secured"))
    with secured.cluster:
        admin = secured.address("sipe-admin")
        client = admin_client(admin)
        assert client is not None
        topics.create(client, admin, 1, [STATION_EVENTS_TOPIC, STATION_EVENTS_DLQ_TOPIC])
        access.create(client, admin, access.plan(client, admin).missing)
        may_see = Access(principal="sipe-ticker", operation="describe", kind="topic", resource=TOPIC)
        access.create(client, admin, [may_see])
        yield secured
