"""How batches of events go by MQTT 5, where a factory lets nothing else through between floor and office.

A station publishes to its own topic what it would post to `/v1/events`, with QoS 1, a response topic and correlation
data; a body that is compressed says so in the user property `content-encoding`. The answer is the document that
`/v1/events` answers, or its problem. The acknowledgement by MQTT says nothing: an event may be let go of by the answer
alone.
"""

from __future__ import annotations

EVENTS = "sipe/v1/events"
ANSWERS = "sipe/v1/answers"
CODING = "content-encoding"
RETRY_AFTER = "retry-after"
"""User properties: how a batch is compressed; of a problem, in how many seconds to ask again."""
BATCH_MEDIA = "application/x-ndjson"
ANSWER_MEDIA = "application/json"


def events_topic(station: str) -> str:
    """Where a station publishes its batches."""
    return f"{EVENTS}/{station}"


def answers_topic(station: str) -> str:
    """Where it is answered."""
    return f"{ANSWERS}/{station}"


def station_of(topic: str) -> str:
    """Whose batches a topic has."""
    return topic.removeprefix(f"{EVENTS}/")
