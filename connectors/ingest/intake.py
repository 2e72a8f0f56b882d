"""A batch from the wire to its answer: decoded, checked, sent to Kafka, and told line by line what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import compress
from operator import not_
from typing import Literal, NamedTuple

from connectors.ingest.batch import Rejected, Valid, read
from connectors.ingest.coding import Limits, decoded
from connectors.ingest.known import Known, runs
from connectors.ingest.producer import DEADLINE_S, IngestProducer
from connectors.ingest.rate import Rates
from connectors.kafka.address import KafkaAddress
from models.refusal import Refused
from sipe.metrics import INTAKE_EVENTS, INTAKE_REFUSED, UNMONITORED, Monitor

Span = tuple[int, int]
Way = Literal["http", "mqtt"]
"""How batches come."""


class Answer(NamedTuple):
    """The lines of a batch by what became of them, as first and last of each run; blank lines are in none.

    `accepted` and `known` are in Kafka: the gateway may let go of them. `rejected` never will be. `not_sent` is what
    Kafka did not acknowledge in time: it may be there or not, so it has to be sent again.
    """

    accepted: list[Span]
    known: list[Span]
    not_sent: list[Span]
    rejected: list[Rejected]


class Intake:
    """Takes batches for one process; for any thread, and each call waits until Kafka has answered."""

    def __init__(
        self,
        kafka: KafkaAddress,
        *,
        limits: Limits | None = None,
        rates: Rates | None = None,
        known: Known | None = None,
        deadline_s: float = DEADLINE_S,
        way: Way = "http",
        monitor: Monitor = UNMONITORED,
    ) -> None:
        """Raises `SipeError` without a broker or the topic."""
        self._way = way
        self._monitor = monitor
        self._limits = limits or Limits()
        self._rates = rates
        self._known = known or Known()
        self._producer = IngestProducer(kafka, deadline_s=deadline_s, late=self._known.acknowledged)

    def take(self, body: bytes, coding: str, device: str, allowed: Callable[[str], bool]) -> Answer:
        """Take the batch of a device that may send for some stations.

        Raises `Refused` for a batch that cannot be read, `Busy` while Kafka takes nothing and `TooFast` for a device
        above its rate; then nothing of it counts as accepted.
        """
        try:
            answer = self._take(body, coding, device, allowed)
        except Refused as refused:
            self._monitor.count(INTAKE_REFUSED, way=self._way, reason=refused.reason)
            raise
        for outcome, events in _outcomes(answer).items():
            self._monitor.count(INTAKE_EVENTS, events, way=self._way, outcome=outcome)
        return answer

    def _take(self, body: bytes, coding: str, device: str, allowed: Callable[[str], bool]) -> Answer:
        if self._rates:
            self._rates.check(device)
        text = decoded(body, coding, self._limits)
        lines = read(text, allowed, self._limits)
        valid = [line for line in lines if isinstance(line, Valid)]
        known, new = _parted(valid, self._known.which(valid))
        delivery = self._producer.queue(new)
        if self._rates:
            self._rates.spend(device, len(lines))
        there, not_there = _parted(new, self._producer.wait(delivery))
        self._known.acknowledged(there)
        rejected = [line for line in lines if isinstance(line, Rejected)]
        return Answer(_spans(there), _spans(known), _spans(not_there), rejected)

    def close(self) -> None:
        """Wait a little for what is on its way."""
        self._producer.close()


def _outcomes(answer: Answer) -> Counter[str]:
    """How many events became what; a reject by its reason."""
    spans = {"accepted": answer.accepted, "known": answer.known, "not_sent": answer.not_sent}
    found = Counter({outcome: sum(last - first + 1 for first, last in lines) for outcome, lines in spans.items()})
    found.update(one.reason for one in answer.rejected)
    return found


def _parted(events: list[Valid], are_so: Sequence[bool]) -> tuple[list[Valid], list[Valid]]:
    """The events that are, and those that are not."""
    if all(are_so):
        return events, []
    if not any(are_so):
        return [], events
    return list(compress(events, are_so)), list(compress(events, map(not_, are_so)))


def _spans(events: Iterable[Valid]) -> list[Span]:
    return runs(event.number for event in events)
