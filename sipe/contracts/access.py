"""Who may do what with which topic, declared once: the access control list (ACL) of a Kafka broker.

A principal is the common name of a certificate up to its first dot: `sipe-gateway.line-1` is the principal
`sipe-gateway` (`PRINCIPAL_RULE`). Brokers and administrators are super users of the broker and need no entry.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from sipe.contracts.topics import AUDIT_ANCHORS_TOPIC, CHANGES_TOPIC, STATION_EVENTS_DLQ_TOPIC, STATION_EVENTS_TOPIC

PRINCIPAL_RULE = "RULE:^CN=(sipe-[a-z]+)([.][a-z0-9.-]+)?$/$1/,DEFAULT"
"""The brokers' `ssl.principal.mapping.rules`; a certificate with any other subject gets no right."""
SUPER_USERS = ("sipe-broker", "sipe-admin")
"""The brokers' `super.users`."""
CONSUMER_GROUP = "sipe"
"""The client insists on a group and looks for its coordinator; no offset is ever committed to it."""


Kind = Literal["topic", "group"]
Operation = Literal["read", "write", "describe"]
Right = tuple[Kind, str, Operation]


class Access(NamedTuple):
    """One entry: this principal may do this. Read and write include describe."""

    principal: str
    kind: Kind
    resource: str
    operation: Operation


_READ_EVENTS: Right = ("topic", STATION_EVENTS_TOPIC.name, "read")
_WRITE_EVENTS: Right = ("topic", STATION_EVENTS_TOPIC.name, "write")
_WRITE_LETTERS: Right = ("topic", STATION_EVENTS_DLQ_TOPIC.name, "write")
_WRITE_CHANGES: Right = ("topic", CHANGES_TOPIC.name, "write")
_WRITE_ANCHORS: Right = ("topic", AUDIT_ANCHORS_TOPIC.name, "write")
_FIND_GROUP: Right = ("group", CONSUMER_GROUP, "describe")

_RIGHTS: dict[str, tuple[Right, ...]] = {
    "sipe-flow": (_READ_EVENTS, _WRITE_LETTERS, _FIND_GROUP),
    "sipe-ticker": (_WRITE_EVENTS,),
    "sipe-up": (_READ_EVENTS, _WRITE_LETTERS, _FIND_GROUP, _WRITE_EVENTS),  # flow and ticker as one
    "sipe-gateway": (_WRITE_EVENTS,),
    "sipe-bridge": (_WRITE_EVENTS,),
    "sipe-api": (_WRITE_EVENTS, _WRITE_CHANGES, _WRITE_ANCHORS),
}

ACCESS: tuple[Access, ...] = tuple(
    Access(principal, *right) for principal, rights in _RIGHTS.items() for right in rights
)
