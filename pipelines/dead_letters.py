"""What can be done with dead letters: choose them, judge them by today's code, and send them again or drop them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal, NamedTuple

from connectors.clickhouse.block import Block
from connectors.clickhouse.client import Warehouse
from connectors.clickhouse.writer import Writer
from connectors.kafka.address import KafkaAddress
from connectors.kafka.letter_reader import read_letters
from connectors.kafka.sender import EventSender
from sipe.clock import Clock
from sipe.contracts.codec import Reject, RejectReason, admit, station_of
from sipe.contracts.letters import ATTEMPT_HEADER, ATTEMPT_MAX, Identity, Letter
from sipe.contracts.tables import DLQ_REPLAYS
from sipe.contracts.topics import STATION_EVENTS_TOPIC

Policy = Literal["reinsert", "drop", "stop-on-error"]
POLICIES: tuple[Policy, ...] = ("reinsert", "drop", "stop-on-error")

ATTEMPTS_MAX = 3
"""A letter that was rejected so often is not sent again unless forced."""
STEP_LETTERS = 100
"""So many are sent, then recorded: what a crash in between may repeat."""

NO_STATION = "-"
"""The sender of a letter whose key is no station's name."""

Report = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which letters are meant; times are those of the record, [since, until)."""

    reason: str | None = None
    station: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None

    def takes(self, letter: Letter) -> bool:
        """Whether the letter is one of them; the station may be a pattern such as `*line-1*`."""
        ts_ms = letter.headers.record_ts_ms
        return (
            self.reason in {None, letter.headers.reason}
            and (self.station is None or fnmatchcase(sender_of(letter), self.station))
            and (self.since_ms is None or ts_ms >= self.since_ms)
            and (self.until_ms is None or ts_ms < self.until_ms)
        )


class Decision(NamedTuple):
    """What is to be done with a letter, and why when it is left alone."""

    letter: Letter
    action: Literal["reinsert", "drop", "leave"]
    why: str = ""


def sender_of(letter: Letter) -> str:
    """The station that the letter's key names."""
    return station_of(letter.key) or NO_STATION


class Letters:
    """The letters in their topic, in the order in which they lie there; a repeat after a crash is skipped."""

    def __init__(self, kafka: KafkaAddress) -> None:
        self._kafka = kafka
        self.foreign = 0
        """Records that were no letters."""

    def __iter__(self) -> Iterator[Letter]:
        seen: dict[tuple[str, int, int], set[int]] = {}
        self.foreign = 0
        for delivered in read_letters(self._kafka):
            letter = delivered.letter
            if letter is None:
                self.foreign += 1
                continue
            topic, epoch, partition, offset = letter.headers.identity
            offsets = seen.setdefault((topic, epoch, partition), set())
            if offset in offsets:
                continue
            offsets.add(offset)
            yield letter


class Judge:
    """Says what today's code makes of a letter that is sent again now."""

    def __init__(self, now_ms: int, quarantined: Collection[str]) -> None:
        self._now_ms = now_ms
        self._quarantined = quarantined

    def reject(self, letter: Letter) -> Reject | None:
        """Why it would be rejected once more, or None; its record's time would be now, so its clock may fit by now."""
        event = admit(letter.value, letter.key, self._now_ms)
        if isinstance(event, Reject):
            return event
        if sender_of(letter) in self._quarantined:
            return Reject("quarantined", "its sender is in quarantine now", letter.value)
        return None


def decide(letter: Letter, policy: Policy, judge: Judge, *, force: bool) -> Decision:
    """What a policy does with a letter that nothing was done with yet."""
    if policy == "drop":
        return Decision(letter, "drop")
    if letter.headers.topic != STATION_EVENTS_TOPIC.name:
        return Decision(letter, "leave", f"comes from the topic {letter.headers.topic}")
    if force:
        return Decision(letter, "reinsert")
    if letter.headers.attempt > ATTEMPTS_MAX:
        return Decision(letter, "leave", f"was rejected {letter.headers.attempt} times")
    reject = judge.reject(letter)
    return Decision(letter, "leave", f"still {reject.reason}") if reject else Decision(letter, "reinsert")


@dataclass
class Plan:
    """What is to be done: the letters to touch, and of those left alone no more than their number and the first."""

    touched: list[Decision] = field(default_factory=list)
    first_left: Decision | None = None
    counts: Counter[tuple[str, str, RejectReason, str]] = field(default_factory=Counter)
    """Letters by action, why, reason and sender."""

    def add(self, decision: Decision) -> None:
        """Take a decision in; a letter that is left alone is not kept, there may be any number of them."""
        letter, action, why = decision
        self.counts[action, why, letter.headers.reason, sender_of(letter)] += 1
        if action != "leave":
            self.touched.append(decision)
        elif self.first_left is None:
            self.first_left = decision


def plan(decisions: Iterable[Decision], policy: Policy, letters_max: int) -> Plan:
    """What to do with so many letters to touch; with `stop-on-error`, up to the first that is left alone."""
    planned = Plan()
    for decision in decisions:
        if decision.action != "leave" and len(planned.touched) == letters_max:
            break
        planned.add(decision)
        if decision.action == "leave" and policy == "stop-on-error":
            break
    return planned


def carry_out(
    touched: Sequence[Decision],
    policy: Policy,
    sender: EventSender,
    writer: Writer,
    clock: Clock,
    *,
    by: str,
    report: Report,
) -> None:
    """Send and record, step by step.

    A letter is recorded after it was acknowledged. A crash in between can only send it again, and the event's id makes
    that a duplicate. Raises `SipeError`.
    """
    for begin in range(0, len(touched), STEP_LETTERS):
        step = touched[begin : begin + STEP_LETTERS]
        for letter, action, _ in step:
            if action == "reinsert":
                attempt = min(letter.headers.attempt + 1, ATTEMPT_MAX)
                sender.send_raw(letter.key, letter.value, [(ATTEMPT_HEADER, str(attempt).encode())])
        sender.flush()
        at_ms = clock.now_ms()
        writer.write([Block.of_rows(DLQ_REPLAYS, [_record(decision, policy, at_ms, by) for decision in step])])
        report(begin + len(step), len(touched))


def dealt_with(store: Warehouse) -> frozenset[Identity]:
    """The letters that were sent again or dropped."""
    rows = store.rows("SELECT DISTINCT topic, epoch, partition, offset FROM dlq_replays")
    return frozenset((row["topic"], row["epoch"], row["partition"], row["offset"]) for row in rows)


def quarantined_now(store: Warehouse) -> frozenset[str]:
    """The senders that are in quarantine."""
    return frozenset(row["station"] for row in store.rows("SELECT DISTINCT station FROM quarantine_current"))


def _record(decision: Decision, policy: Policy, at_ms: int, by: str) -> dict[str, object]:
    topic, epoch, partition, offset = decision.letter.headers.identity
    return {
        "topic": topic, "epoch": epoch, "partition": partition, "offset": offset,
        "attempt": decision.letter.headers.attempt, "policy": policy, "at_ms": at_ms, "by": by,
    }  # fmt: skip
