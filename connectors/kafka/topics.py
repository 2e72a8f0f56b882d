"""The topics of a broker beside those of the contracts: what is missing, what differs, and putting it right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
    TopicDescription,
)

from connectors.kafka.address import KafkaAddress
from connectors.kafka.admin import REQUEST_TIMEOUT_S, answer, refusal, settled
from sipe.contracts.topics import TOPICS, Topic
from sipe.errors import UsageError

PARTITIONS = "partitions"
REPLICAS = "replicas"

_WHY_NOT_FIXED = {
    PARTITIONS: "Kafka can only add partitions, and that moves keys to other ones: keep them, or make a new topic",
    REPLICAS: "Kafka's kafka-reassign-partitions adds replicas",
}


class Drift(NamedTuple):
    """A setting of a topic that is not as declared."""

    setting: str
    declared: str
    found: str

    @property
    def why_not_fixed(self) -> str:
        """Why `fix` leaves it as it is; empty for what can be altered at any time."""
        return _WHY_NOT_FIXED.get(self.setting, "")


@dataclass(frozen=True)
class TopicState:
    """A declared topic as the broker has it."""

    topic: Topic
    exists: bool
    drifts: tuple[Drift, ...] = ()

    @property
    def status(self) -> Literal["missing", "drift", "equal"]:
        """In one word."""
        if not self.exists:
            return "missing"
        return "drift" if self.drifts else "equal"


def plan(
    client: AdminClient, kafka: KafkaAddress, replication: int, topics: Sequence[Topic] = TOPICS
) -> list[TopicState]:
    """Each topic beside its declaration; changes nothing. Raises `SipeError`."""
    found = _descriptions(client, kafka, [topic.name for topic in topics])
    settings = _settings(client, kafka, list(found))
    return [
        _state(topic, found[topic.name], settings[topic.name], replication)
        if topic.name in found
        else TopicState(topic, exists=False)
        for topic in topics
    ]


def create(client: AdminClient, kafka: KafkaAddress, replication: int, topics: Sequence[Topic]) -> None:
    """Create topics, and return when the broker shows them; one that is there by now is left as it is."""
    if not topics:
        return
    brokers = len(
        answer(kafka, "describe its cluster", client.describe_cluster(request_timeout=REQUEST_TIMEOUT_S)).nodes
    )
    if replication > brokers:
        raise UsageError(
            f"SIPE_KAFKA_REPLICATION={replication}, but {kafka} has {brokers} broker{'s' if brokers > 1 else ''}: "
            "a broker keeps one replica of a partition"
        )
    new = [NewTopic(topic.name, topic.partitions, replication, config=topic.settings(replication)) for topic in topics]
    for name, future in client.create_topics(new, request_timeout=REQUEST_TIMEOUT_S).items():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise refusal(kafka, f"create the topic {name}", error.args[0]) from error
    settled(
        lambda: _descriptions(client, kafka, [topic.name for topic in topics]),
        lambda found: len(found) == len(topics),
        f"{kafka} accepted new topics and does not show them: see the brokers' logs",
    )


def fix(client: AdminClient, kafka: KafkaAddress, states: Sequence[TopicState]) -> list[tuple[Topic, Drift]]:
    """Alter the settings that drifted to what is declared; returns them when the broker shows them altered."""
    wanted = [(state.topic, drift) for state in states for drift in state.drifts if not drift.why_not_fixed]
    if not wanted:
        return []
    names = sorted({topic.name for topic, _ in wanted})
    changes = [
        ConfigResource(
            ResourceType.TOPIC,
            name,
            incremental_configs=[
                ConfigEntry(drift.setting, drift.declared, incremental_operation=AlterConfigOpType.SET)
                for topic, drift in wanted
                if topic.name == name
            ],
        )
        for name in names
    ]
    for resource, future in client.incremental_alter_configs(changes, request_timeout=REQUEST_TIMEOUT_S).items():
        answer(kafka, f"alter the settings of {resource.name}", future)
    settled(
        lambda: _settings(client, kafka, names),
        lambda now: all(now[topic.name][drift.setting] == drift.declared for topic, drift in wanted),
        f"{kafka} accepted new settings and does not show them: see the brokers' logs",
    )
    return wanted


def _state(topic: Topic, found: TopicDescription, settings: dict[str, str], replication: int) -> TopicState:
    replicas = min(len(partition.replicas) for partition in found.partitions)
    drifts = [
        Drift(name, value, settings.get(name, "unknown"))
        for name, value in topic.settings(replicas).items()
        if settings.get(name) != value
    ]
    if len(found.partitions) != topic.partitions:
        drifts.append(Drift(PARTITIONS, str(topic.partitions), str(len(found.partitions))))
    if replicas < replication:
        drifts.append(Drift(REPLICAS, str(replication), str(replicas)))
    return TopicState(topic, exists=True, drifts=tuple(drifts))


def _descriptions(client: AdminClient, kafka: KafkaAddress, names: list[str]) -> dict[str, TopicDescription]:
    """The topics that are there."""
    found = {}
    asked = client.describe_topics(TopicCollection(names), request_timeout=REQUEST_TIMEOUT_S)
    for name, future in asked.items():
        try:
            found[name] = future.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise refusal(kafka, f"describe the topic {name}", error.args[0]) from error
    return found


def _settings(client: AdminClient, kafka: KafkaAddress, names: list[str]) -> dict[str, dict[str, str]]:
    """Per topic, every setting in force, inherited ones too."""
    if not names:
        return {}
    asked = client.describe_configs(
        [ConfigResource(ResourceType.TOPIC, name) for name in names], request_timeout=REQUEST_TIMEOUT_S
    )
    return {
        resource.name: {
            name: entry.value for name, entry in answer(kafka, f"show the settings of {resource.name}", future).items()
        }
        for resource, future in asked.items()
    }
