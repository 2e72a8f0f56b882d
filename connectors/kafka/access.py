"""The access control list of a broker beside that of the contracts: what is missing, what is there beyond it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ConfigResource,
    ResourcePatternType,
    ResourceType,
)

from connectors.kafka.address import KafkaAddress
from connectors.kafka.admin import REQUEST_TIMEOUT_S, answer, settled
from sipe.contracts.access import ACCESS, Access

_EVERY_HOST = "*"
_AUTHORIZER = "authorizer.class.name"
_TYPES = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP}
_OPERATIONS = {"read": AclOperation.READ, "write": AclOperation.WRITE, "describe": AclOperation.DESCRIBE}


@dataclass(frozen=True)
class AccessState:
    """A broker's list beside ours; of a broker without an authorizer, which lets everybody do everything, nothing."""

    enforced: bool
    missing: tuple[Access, ...] = ()
    surplus: tuple[str, ...] = ()
    """What the broker also has on our topics and groups, in words: nobody here declared it."""


def plan(client: AdminClient, kafka: KafkaAddress) -> AccessState:
    """The entries beside their declaration; changes nothing. Raises `SipeError`."""
    if not _has_authorizer(client, kafka):
        return AccessState(enforced=False)
    declared = {binding(access): access for access in ACCESS}
    found = _found(client, kafka)
    return AccessState(
        enforced=True,
        missing=tuple(access for entry, access in declared.items() if entry not in found),
        surplus=tuple(sorted(_in_words(entry) for entry in found - declared.keys())),
    )


def create(client: AdminClient, kafka: KafkaAddress, missing: Sequence[Access]) -> None:
    """Add entries, and return when the broker shows them; adding one that is there changes nothing."""
    if not missing:
        return
    bindings = [binding(access) for access in missing]
    for entry, future in client.create_acls(bindings, request_timeout=REQUEST_TIMEOUT_S).items():
        answer(kafka, f"allow {_in_words(entry)}", future)
    settled(
        lambda: _found(client, kafka),
        lambda found: found.issuperset(bindings),
        f"{kafka} accepted new access entries and does not show them: see the brokers' logs",
    )


def binding(access: Access) -> AclBinding:
    """An entry as Kafka has it."""
    return AclBinding(
        _TYPES[access.kind],
        access.resource,
        ResourcePatternType.LITERAL,
        f"User:{access.principal}",
        _EVERY_HOST,
        _OPERATIONS[access.operation],
        AclPermissionType.ALLOW,
    )


def _has_authorizer(client: AdminClient, kafka: KafkaAddress) -> bool:
    nodes = answer(kafka, "describe the cluster", client.describe_cluster(request_timeout=REQUEST_TIMEOUT_S)).nodes
    broker = ConfigResource(ResourceType.BROKER, str(nodes[0].id))
    asked = client.describe_configs([broker], request_timeout=REQUEST_TIMEOUT_S)
    return bool(answer(kafka, "show the broker's settings", asked[broker])[_AUTHORIZER].value)


def _found(client: AdminClient, kafka: KafkaAddress) -> set[AclBinding]:
    """Every entry that touches one of our resources, by its name, a prefix of it or for all names."""
    found: set[AclBinding] = set()
    for kind, name in sorted({(access.kind, access.resource) for access in ACCESS}):
        touching = AclBindingFilter(
            _TYPES[kind],
            name,
            ResourcePatternType.MATCH,
            principal=None,  # type: ignore[arg-type]  # None is anybody, as the documentation says
            host=None,  # type: ignore[arg-type]  # the same
            operation=AclOperation.ANY,
            permission_type=AclPermissionType.ANY,
        )
        asked = client.describe_acls(touching, request_timeout=REQUEST_TIMEOUT_S)
        found.update(answer(kafka, f"show who may use {name}", asked))
    return found


def _in_words(entry: AclBinding) -> str:
    """`User:sipe-flow allow read on topic sipe.station-events.v1`."""
    permission, operation = AclPermissionType(entry.permission_type), AclOperation(entry.operation)
    name = f"{entry.name}*" if entry.resource_pattern_type == ResourcePatternType.PREFIXED else entry.name
    host = "" if entry.host == _EVERY_HOST else f" from {entry.host}"
    what = f"{permission.name} {operation.name} on {ResourceType(entry.restype).name}".lower()
    return f"{entry.principal} {what} {name}{host}"
