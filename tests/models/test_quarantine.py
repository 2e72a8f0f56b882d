"""The quarantine against an oracle that keeps everything and reads the rules word by word."""

from __future__ import annotations

import pickle
from collections import Counter
from itertools import chain
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.quarantine import HOUR_MS, Poisoned, Quarantine, QuarantineRules, Sender, SenderRow
from sipe.contracts.codec import REJECT_REASONS, Reject, RejectReason

RULES = QuarantineRules(window_records=10, seen_min=4, release_records=3, senders_max=5)
NAMES = [f"s.a.l.station-{n}" for n in range(8)]


class Heard(NamedTuple):
    name: str
    reason: RejectReason | None


class Tick(NamedTuple):
    now_ms: int


class Oracle:
    """Every record of every sender, and what the rules say about them."""

    def __init__(self, rules: QuarantineRules) -> None:
        self.rules = rules
        self.log: dict[str, list[RejectReason | None]] = {}
        self.aside: dict[str, int] = {}
        """Who is in quarantine, and how many of its records came before that."""
        self.began: Counter[str] = Counter()
        """How many of a sender's records do not count any more, because it was let back in after them."""
        self.heard: list[str] = []
        self.heard_ms: dict[str, int] = {}
        self.changed: set[str] = set()

    def judge(self, name: str, reason: RejectReason | None) -> bool:
        if name in self.heard:
            self.heard.remove(name)
        elif len(self.heard) == self.rules.senders_max:
            self.forget(self.heard.pop(0))
        self.heard.append(name)
        self.heard_ms.pop(name, None)
        log = self.log.setdefault(name, [])
        was = name in self.aside
        if reason not in {"unknown_type", "clock_unset"}:
            log.append(reason)
            self.update(name)
        return was

    def forget(self, name: str) -> None:
        if self.aside.pop(name, None) is not None:
            self.changed.add(name)
        for kept in (self.log, self.heard_ms, self.began):
            kept.pop(name, None)

    def update(self, name: str) -> None:
        log = self.log[name]
        if name in self.aside:
            last = log[self.aside[name] :][-self.rules.release_records :]
            if len(last) == self.rules.release_records and not any(last):
                del self.aside[name]
                self.began[name] = len(log)
                self.changed.add(name)
            return
        window = self.window(name)
        if len(window) >= self.rules.seen_min and sum(map(bool, window)) > len(window) / 2:
            self.aside[name] = len(log)
            self.changed.add(name)

    def window(self, name: str) -> list[RejectReason | None]:
        return self.log.get(name, [])[self.began[name] :][-self.rules.window_records :]

    def reason(self, names: list[str]) -> str:
        counts = Counter(reason for name in names for reason in self.window(name) if reason)
        return min(counts, key=lambda r: (-counts[r], REJECT_REASONS.index(r))) if counts else ""

    def tick(self, now_ms: int) -> list[SenderRow]:
        self.heard_ms |= {name: now_ms for name in self.heard if name not in self.heard_ms}
        changed, self.changed = sorted(self.changed), set()
        return [
            SenderRow(
                name, now_ms, name in self.aside, sum(map(bool, self.window(name))), len(self.window(name)),
                self.reason([name]),
            )
            for name in changed
        ]  # fmt: skip

    def poisoned(self, now_ms: int) -> tuple[int, int, str] | None:
        heard = [name for name, heard_ms in self.heard_ms.items() if heard_ms > now_ms - self.rules.heard_within_ms]
        aside = [name for name in heard if name in self.aside]
        if len(aside) < self.rules.stop_senders_min or len(aside) <= len(heard) / 2:
            return None
        return len(aside), len(heard), self.reason(aside)


SCHEMA: RejectReason = "schema"


def run_of(run: tuple[str, list[RejectReason | None]]) -> list[Heard | Tick]:
    return [Heard(run[0], reason) for reason in run[1]]


def tick_of(by_ms: int) -> list[Heard | Tick]:
    return [Tick(by_ms)]


def logs() -> st.SearchStrategy[list[Heard | Tick]]:
    """Runs of records of one sender, mostly of one kind, and ticks in between that move the time on."""
    reasons: list[RejectReason | None] = [None, None, None, *REJECT_REASONS]
    same = st.tuples(st.sampled_from([None, SCHEMA]), st.integers(1, 8)).map(lambda of: [of[0]] * of[1])
    mixed = st.lists(st.sampled_from(reasons), min_size=1, max_size=6)
    run = st.tuples(st.sampled_from(NAMES), same | mixed).map(run_of)
    tick = st.integers(0, HOUR_MS).map(tick_of)
    return st.lists(st.one_of(run, tick), max_size=60).map(lambda parts: list(chain.from_iterable(parts)))


def reject(reason: RejectReason) -> Reject:
    return Reject(reason, f"because of {reason}", b"")


def told(quarantine: Quarantine, log: list[Heard | Tick], cut: int | None = None) -> list[object]:
    """What a quarantine says to a log; at `cut` it is saved and restored, as after a crash."""
    now_ms = 0
    said: list[object] = []
    for i, one in enumerate(log):
        if i == cut:
            quarantine = pickle.loads(pickle.dumps(quarantine))
        if isinstance(one, Heard):
            said.append(quarantine.judge(one.name, reject(one.reason) if one.reason else None))
        else:
            now_ms += one.now_ms
            said += [quarantine.tick(now_ms), quarantine.poisoned(now_ms), quarantine.aside]
    return said


@given(logs())
def test_it_says_what_the_oracle_says(log: list[Heard | Tick]) -> None:
    quarantine, oracle = Quarantine(RULES), Oracle(RULES)
    now_ms = 0
    for one in log:
        if isinstance(one, Heard):
            was = quarantine.judge(one.name, reject(one.reason) if one.reason else None)
            assert was == oracle.judge(one.name, one.reason)
        else:
            now_ms += one.now_ms
            assert quarantine.tick(now_ms) == oracle.tick(now_ms)
            poisoned = quarantine.poisoned(now_ms)
            assert (poisoned[:3] if poisoned else None) == oracle.poisoned(now_ms)
        assert quarantine.aside == len(oracle.aside)


@given(logs(), st.integers(0, 100))
def test_saved_and_restored_anywhere_it_says_the_same(log: list[Heard | Tick], cut: int) -> None:
    assert told(Quarantine(RULES), log, cut % (len(log) + 1)) == told(Quarantine(RULES), log)


@given(
    st.lists(st.lists(st.sampled_from([None, None, SCHEMA]), min_size=1, max_size=4)
             | st.tuples(st.sampled_from([None, SCHEMA]), st.integers(1, 12)).map(lambda of: [of[0]] * of[1]),
             max_size=40),
)  # fmt: skip
def test_what_became_of_the_last_records_tells_where_a_sender_stands(runs: list[list[RejectReason | None]]) -> None:
    quarantine = Quarantine(RULES)
    outcomes: list[RejectReason | None] = []
    for verdict in chain.from_iterable(runs):
        aside = quarantine.judge(NAMES[0], reject(verdict) if verdict else None)
        outcomes.append("quarantined" if aside and verdict is None else verdict)
        known, told = quarantine._senders[NAMES[0]], Sender.of(outcomes[-RULES.recalled_records :], RULES)
        assert told.quarantined == known.quarantined
        if known.quarantined:
            assert told.valid_in_a_row == known.valid_in_a_row
        assert (told.window, told.rejected) == (known.window, known.rejected)


@given(logs())
def test_a_sender_is_judged_by_its_own_records_alone(log: list[Heard | Tick]) -> None:
    rules = QuarantineRules(window_records=10, seen_min=4, release_records=3)  # room for all of them
    together = Quarantine(rules)
    verdicts: dict[str, list[bool]] = {}
    alone: dict[str, Quarantine] = {}
    alone_verdicts: dict[str, list[bool]] = {}
    for one in log:
        if isinstance(one, Heard):
            why = reject(one.reason) if one.reason else None
            verdicts.setdefault(one.name, []).append(together.judge(one.name, why))
            own = alone.setdefault(one.name, Quarantine(rules))
            alone_verdicts.setdefault(one.name, []).append(own.judge(one.name, why))
    assert verdicts == alone_verdicts


class TestDeclaredRules:
    def feed(self, quarantine: Quarantine, name: str, records: str) -> list[bool]:
        return [quarantine.judge(name, None if one == "." else reject("schema")) for one in records]

    def test_twenty_have_to_be_seen_and_more_than_half_rejected(self) -> None:
        quarantine = Quarantine()
        assert not any(self.feed(quarantine, NAMES[0], "x" * 19))
        assert quarantine.aside == 0
        assert not any(self.feed(quarantine, NAMES[1], ".x" * 50)), "half is not more than half"
        assert quarantine.aside == 0
        self.feed(quarantine, NAMES[0], "x")
        assert quarantine.aside == 1

    def test_twenty_valid_in_a_row_let_it_back_in(self) -> None:
        quarantine = Quarantine()
        self.feed(quarantine, NAMES[0], "x" * 100)
        assert all(self.feed(quarantine, NAMES[0], "." * 19 + "x" + "." * 20))
        assert not any(self.feed(quarantine, NAMES[0], "." * 20))
        assert quarantine.tick(7) == [SenderRow(NAMES[0], 7, False, 0, 20, "")]

    @pytest.mark.parametrize("reason", ["unknown_type", "clock_unset"])
    def test_a_newer_producer_or_one_without_the_time_is_no_broken_one(self, reason: RejectReason) -> None:
        quarantine = Quarantine()
        assert not any(quarantine.judge(NAMES[0], reject(reason)) for _ in range(200))
        assert quarantine.aside == 0

    def test_the_stop_names_numbers_reason_and_example(self) -> None:
        quarantine = Quarantine()
        for name in NAMES[:2]:
            self.feed(quarantine, name, "x" * 25)
        self.feed(quarantine, NAMES[2], "." * 25)
        quarantine.tick(1_000)
        assert quarantine.poisoned(1_000) == Poisoned(2, 3, "schema", f"{NAMES[1]}: because of schema")
        self.feed(quarantine, NAMES[3], ".")
        quarantine.tick(2_000)
        assert quarantine.poisoned(2_000) is None, "two of four is not more than half"
        assert quarantine.poisoned(1_999 + HOUR_MS) is None
        for name in NAMES[:2]:
            self.feed(quarantine, name, "x")
        quarantine.tick(2_000 + HOUR_MS)
        assert quarantine.poisoned(2_000 + HOUR_MS) is not None, "the others were not heard for an hour"

    @pytest.mark.parametrize("bad", [0, 1])
    def test_a_single_sender_never_stops_the_flow(self, bad: int) -> None:
        quarantine = Quarantine()
        for name in NAMES[:bad]:
            self.feed(quarantine, name, "x" * 100)
        quarantine.tick(1)
        assert quarantine.poisoned(1) is None

    def test_memory_is_bounded(self) -> None:
        quarantine = Quarantine(QuarantineRules(senders_max=100))
        for n in range(10_000):
            self.feed(quarantine, f"s.a.l.n-{n}", "x" * 3)
        assert len(pickle.dumps(quarantine)) < 100 * 200
