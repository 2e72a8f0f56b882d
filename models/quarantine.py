"""Quarantine: a sender that mostly sends rejects is set aside alone, and a bad deploy stops the flow.

A function of the order of one partition's log: what came before, and nothing else, decides. The sender of a record is
its Kafka key where that is the name of a station; whoever has no name cannot be set aside, and does not count.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, takewhile
from typing import NamedTuple

from sipe.contracts.codec import REJECT_REASONS, Reject, RejectReason
from sipe.contracts.letters import without_values

HOUR_MS = 3_600_000

NEUTRAL: frozenset[RejectReason] = frozenset({"unknown_type", "clock_unset"})
"""Count neither for nor against a sender: who is newer than we are, or waits for the time, is not broken."""

_VALID = 0
_CODES: dict[str, int] = {reason: code for code, reason in enumerate(REJECT_REASONS, start=1)}


@dataclass(frozen=True, kw_only=True)
class QuarantineRules:
    """When a sender is set aside and let back in, and when the flow stops."""

    window_records: int = 100
    """So many of a sender's last records are looked at."""
    seen_min: int = 20
    """With fewer records than this nothing is said of a sender."""
    release_records: int = 20
    """So many valid records in a row let a sender back in."""
    senders_max: int = 10_000
    """So many senders are remembered; whoever was heard longest ago is forgotten first."""
    heard_within_ms: int = HOUR_MS
    """Senders that count when the share of those in quarantine is taken."""
    stop_senders_min: int = 2
    """The flow stops when at least so many, and more than half, of the senders are in quarantine."""

    @property
    def recalled_records(self) -> int:
        """So many of a sender's last records are enough to know where it stands."""
        return 2 * self.window_records + self.release_records


class SenderRow(NamedTuple):
    """Where a sender stands: since when, and what its last records were like."""

    station: str
    since_ms: int
    quarantined: bool
    rejected: int
    seen: int
    reason: str


class Poisoned(NamedTuple):
    """More than half of the senders are in quarantine: no sender is broken, but all of them or we are."""

    quarantined: int
    heard: int
    reason: str
    example: str


class Sender:
    """The last records of a sender, a byte each: 0 for a valid one, else the number of the reason."""

    __slots__ = ("heard_ms", "quarantined", "rejected", "valid_in_a_row", "window")

    def __init__(self) -> None:
        self.window = bytearray()
        self.rejected = 0
        self.quarantined = False
        self.valid_in_a_row = 0
        self.heard_ms: int | None = None
        """The tick after its last record; None until that tick comes."""

    def count(self, code: int, rules: QuarantineRules) -> bool:
        """Take a record in; says whether the sender was set aside or let back in by it."""
        if code == _VALID and not self.rejected and not self.quarantined:  # nearly all records, and quickly done with
            if len(self.window) < rules.window_records:
                self.window.append(_VALID)
            return False
        self.window.append(code)
        self.rejected += code != _VALID
        if len(self.window) > rules.window_records:
            self.rejected -= self.window[0] != _VALID
            del self.window[0]
        if self.quarantined:
            self.valid_in_a_row = self.valid_in_a_row + 1 if code == _VALID else 0
            if self.valid_in_a_row < rules.release_records:
                return False
            self.release()
            return True
        if len(self.window) < rules.seen_min or 2 * self.rejected <= len(self.window):
            return False
        self.quarantined = True
        self.valid_in_a_row = 0
        return True

    @classmethod
    def of(cls, outcomes: Iterable[RejectReason | None], rules: QuarantineRules) -> Sender:
        """The sender as its last records left it: at least `rules.recalled_records` of them, or all that there were.

        What became of a valid record tells whether the sender was in quarantine then: rejected as `quarantined`, or an
        event (None). So its state follows even when it began before the records do.
        """
        sender = cls()
        told = False  # a valid record has shown that the sender is in quarantine
        since: list[int] = []  # after the last such record
        for outcome in outcomes:
            if outcome == "quarantined":
                sender.quarantined = told = True
                since = []
                sender.count(_VALID, rules)
            else:
                if outcome is None and sender.quarantined:
                    sender.quarantined = False
                    if told:  # it was let back in, and sent nothing but rejects until now
                        sender.window[:] = bytes(since)
                        sender.rejected = len(since)
                since.append(_VALID if outcome is None else _CODES[outcome])
                sender.count(since[-1], rules)
            told = told and sender.quarantined
        return sender

    def release(self) -> None:
        """Let the sender back in, with a clean sheet: else what it sent before would set it aside at once."""
        self.window.clear()
        self.rejected = 0
        self.quarantined = False


class Quarantine:
    """The senders of one partition."""

    def __init__(self, rules: QuarantineRules | None = None) -> None:
        self.rules = rules or QuarantineRules()
        self._senders: OrderedDict[str, Sender] = OrderedDict()
        """Whoever was heard longest ago comes first."""
        self._aside: set[str] = set()
        self._changed: set[str] = set()
        self._examples: dict[str, str] = {}

    @property
    def aside(self) -> int:
        """How many senders are in quarantine."""
        return len(self._aside)

    def judge(self, name: str, reject: Reject | None) -> bool:
        """Take a record of a sender in, a valid event when `reject` is None; says whether it was in quarantine before.

        A valid event of such a sender has to be rejected as `quarantined`.
        """
        sender = self._heard(name)
        was_aside = sender.quarantined
        if reject is None:
            changed = sender.count(_VALID, self.rules)
        elif reject.reason in NEUTRAL:
            changed = False
        else:
            self.recall_example(reject.reason, name, reject.detail)
            changed = sender.count(_CODES[reject.reason], self.rules)
        if changed:
            self._note(name, sender)
        return was_aside

    def recall(self, name: str, outcomes: Iterable[RejectReason | None], heard_ms: int) -> None:
        """Remember a sender by what became of its last records, all of them before the last tick.

        To be called in the order in which senders were heard last, before anything else; `heard_ms` is the tick after
        the last of the records.
        """
        sender = self._senders[name] = Sender.of((one for one in outcomes if one not in NEUTRAL), self.rules)
        sender.heard_ms = heard_ms
        if sender.quarantined:
            self._aside.add(name)

    def recall_example(self, reason: str, name: str, detail: str) -> None:
        """Remember the last reject with this reason."""
        self._examples[reason] = f"{name}: {without_values(detail)}"

    def tick(self, now_ms: int) -> list[SenderRow]:
        """The tick that follows the records since the last one; the senders that were set aside or let back in."""
        for sender in reversed(self._senders.values()):
            if sender.heard_ms is not None:
                break
            sender.heard_ms = now_ms
        rows = [self._row(name, now_ms) for name in sorted(self._changed)]
        self._changed.clear()
        return rows

    def poisoned(self, now_ms: int) -> Poisoned | None:
        """Whether most of the senders that were heard of late are in quarantine; to be asked after `tick`."""
        if len(self._aside) < self.rules.stop_senders_min:
            return None
        since_ms = now_ms - self.rules.heard_within_ms
        heard = list(takewhile(lambda sender: (sender.heard_ms or 0) > since_ms, reversed(self._senders.values())))
        aside = [sender for sender in heard if sender.quarantined]
        if len(aside) < self.rules.stop_senders_min or 2 * len(aside) <= len(heard):
            return None
        reason = most_frequent(chain.from_iterable(sender.window for sender in aside))
        return Poisoned(len(aside), len(heard), reason, self._examples.get(reason, ""))

    def _heard(self, name: str) -> Sender:
        """The sender, now the one that was heard last; to remember a new one the oldest may have to be forgotten."""
        sender = self._senders.get(name)
        if sender is None:
            if len(self._senders) >= self.rules.senders_max:
                forgotten, was = self._senders.popitem(last=False)
                was.quarantined = False
                if forgotten in self._aside:
                    self._note(forgotten, was)
            sender = self._senders[name] = Sender()
        else:
            self._senders.move_to_end(name)
        sender.heard_ms = None
        return sender

    def _note(self, name: str, sender: Sender) -> None:
        self._changed.add(name)
        if sender.quarantined:
            self._aside.add(name)
        else:
            self._aside.discard(name)

    def _row(self, name: str, now_ms: int) -> SenderRow:
        sender = self._senders.get(name) or Sender()
        reason = most_frequent(sender.window)
        return SenderRow(name, now_ms, sender.quarantined, sender.rejected, len(sender.window), reason)


def most_frequent(window: Iterable[int]) -> str:
    """The most frequent reason among the records, the first declared of several; empty when all are valid."""
    counts = Counter(code for code in window if code != _VALID)
    return REJECT_REASONS[min(counts, key=lambda code: (-counts[code], code)) - 1] if counts else ""
