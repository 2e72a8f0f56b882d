"""A message as a batch, and what became of the batch as a message. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import NamedTuple

import msgspec
from paho.mqtt.client import MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from connectors.ingest.answer import STATUS, batch_of
from connectors.ingest.busy import Busy
from connectors.ingest.intake import Answer
from models.problem import MEDIA, Problem, problem_of
from models.refusal import NotNow, Refused
from sipe.contracts import mqtt

Take = Callable[[bytes, str, str, Callable[[str], bool]], Answer]
"""`Inlet.take`."""


class Request(NamedTuple):
    """A batch, and who published it: only its station may publish to a topic, which the broker sees to."""

    station: str
    body: bytes
    coding: str
    correlation: bytes
    is_answered: bool
    """Whether it asks for an answer where its station reads, and nobody else does."""


class Reply(NamedTuple):
    """What is published to the topic of the answers."""

    document: bytes
    media: str
    retry_after_s: int = 0


def request_of(message: MQTTMessage) -> Request:
    """What a message asks for."""
    properties = message.properties
    station = mqtt.station_of(message.topic)
    told = dict(getattr(properties, "UserProperty", []))
    return Request(
        station,
        bytes(message.payload),
        told.get(mqtt.CODING, ""),
        getattr(properties, "CorrelationData", b""),
        getattr(properties, "ResponseTopic", "") == mqtt.answers_topic(station),
    )


def reply_to(request: Request, take: Take) -> Reply:
    """Take a batch, and say what became of it; raises `Busy` while Kafka takes nothing."""
    try:
        answer = take(request.body, request.coding, request.station, lambda station: station == request.station)
    except Busy:
        raise
    except NotNow as refused:
        return _problem(problem_of(refused, HTTPStatus.TOO_MANY_REQUESTS), refused.retry_after_s)
    except Refused as refused:
        return _problem(problem_of(refused, STATUS[refused.reason]))
    return Reply(msgspec.json.encode(batch_of(answer)), mqtt.ANSWER_MEDIA)


def broken() -> Reply:
    """The reply when we have made a mistake: the log says what it was."""
    refused = Refused("broken", "this bridge has made a mistake")
    return _problem(problem_of(refused, HTTPStatus.INTERNAL_SERVER_ERROR))


def properties_of(reply: Reply, correlation: bytes) -> Properties:
    """What goes with a reply."""
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho says no types here
    properties.ContentType = reply.media
    properties.CorrelationData = correlation
    if reply.retry_after_s:
        properties.UserProperty = (mqtt.RETRY_AFTER, str(reply.retry_after_s))
    return properties


def _problem(problem: Problem, retry_after_s: int = 0) -> Reply:
    return Reply(msgspec.json.encode(problem), MEDIA, retry_after_s)
