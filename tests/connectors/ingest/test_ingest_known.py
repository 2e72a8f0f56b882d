from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.ingest.batch import Sender, Valid
from connectors.ingest.busy import TooFast
from connectors.ingest.known import Known, runs
from connectors.ingest.rate import Rates

SEQS = st.integers(1, 40)
SENDERS = st.builds(Sender, st.sampled_from(["s.a.l.one", "s.a.l.two"]), st.just("device"), st.integers(0, 1))
EVENTS = st.lists(st.builds(lambda sender, seq, gap: event(sender, seq, gap=gap), SENDERS, SEQS, st.booleans()))


def event(sender: Sender, seq: int, *, gap: bool = False) -> Valid:
    return Valid(1, sender, seq, sender.station.encode(), b"{}", gap)


def identities(events: Sequence[Valid]) -> set[tuple[Sender, int]]:
    return {(event.sender, event.seq) for event in events if not event.is_gap}


@given(batches=st.lists(EVENTS, max_size=12), asked=EVENTS)
def test_with_room_it_knows_what_was_acknowledged_only(batches: list[list[Valid]], asked: list[Valid]) -> None:
    known, model = Known(), set[tuple[Sender, int]]()
    for batch in batches:
        known.acknowledged(batch)
        model |= identities(batch)
        assert known.which(asked) == [not one.is_gap and (one.sender, one.seq) in model for one in asked]


@given(batches=st.lists(EVENTS, max_size=12), asked=EVENTS, senders=st.integers(1, 3), ranges=st.integers(1, 3))
def test_without_room_it_forgets_and_never_makes_up(
    batches: list[list[Valid]], asked: list[Valid], senders: int, ranges: int
) -> None:
    known, model = Known(senders_max=senders, ranges_max=ranges), set[tuple[Sender, int]]()
    for batch in batches:
        known.acknowledged(batch)
        model |= identities(batch)
        assert len(known) <= senders * ranges
        for one, is_known in zip(asked, known.which(asked), strict=True):
            assert not is_known or (one.sender, one.seq) in model


def test_a_million_events_in_a_row_are_one_range() -> None:
    known, sender = Known(), Sender("s.a.l.one", "device", 1)
    for first in range(1, 1_000_001, 50_000):
        known.acknowledged([event(sender, seq) for seq in range(first, first + 50_000)])
    assert len(known) == 1
    assert known.which([event(sender, 1), event(sender, 1_000_000), event(sender, 1_000_001)]) == [True, True, False]


def test_the_sender_that_was_quiet_the_longest_is_forgotten_first() -> None:
    known = Known(senders_max=2)
    one, two, three = (Sender("s.a.l.one", "device", boot) for boot in range(3))
    for sender, seq in ((one, 1), (two, 1), (one, 2), (three, 1)):
        known.acknowledged([event(sender, seq)])
    assert known.which([event(one, 1), event(two, 1), event(three, 1)]) == [True, False, True]


def test_what_is_remembered_of_a_sender_is_the_newest() -> None:
    known, sender = Known(ranges_max=2), Sender("s.a.l.one", "device", 1)
    known.acknowledged([event(sender, seq) for seq in (1, 3, 5)])
    assert known.which([event(sender, seq) for seq in (1, 3, 5)]) == [False, True, True]


def test_a_gap_is_sent_though_the_event_of_its_identity_was() -> None:
    known, sender = Known(), Sender("s.a.l.one", "device", 1)
    known.acknowledged([event(sender, 5)])
    assert known.which([event(sender, 5, gap=True)]) == [False]


@given(numbers=st.lists(SEQS))
def test_runs_are_the_numbers_with_no_gap_within_and_one_between(numbers: list[int]) -> None:
    found = runs(numbers)
    assert sorted(set(numbers)) == [number for first, last in found for number in range(first, last + 1)]
    assert all(last + 1 < first for (_, last), (first, _) in pairwise(found))


class TestRates:
    def rates(self, devices_max: int = 10) -> tuple[Rates, list[float]]:
        now = [100.0]
        return Rates(10, 50, devices_max=devices_max, monotonic_s=lambda: now[0]), now

    def test_who_is_in_debt_waits_until_it_is_paid(self) -> None:
        rates, now = self.rates()
        for events in (50, 25):
            rates.check("one")
            rates.spend("one", events)
        with pytest.raises(TooFast) as refused:
            rates.check("one")
        assert (refused.value.reason, refused.value.retry_after_s) == ("too_fast", 3)
        rates.check("two")
        now[0] += 2.4
        with pytest.raises(TooFast):
            rates.check("one")
        now[0] += 0.2
        rates.check("one")

    @given(sent=st.lists(st.tuples(st.floats(0, 3), st.integers(1, 200)), min_size=1, max_size=50))
    def test_no_device_gets_more_than_its_share_its_burst_and_one_batch(self, sent: list[tuple[float, int]]) -> None:
        rates, now = self.rates()
        taken, largest = 0, 0
        for wait_s, events in sent:
            now[0] += wait_s
            try:
                rates.check("one")
            except TooFast:
                continue
            rates.spend("one", events)
            taken, largest = taken + events, max(largest, events)
        assert taken <= 50 + 10 * (now[0] - 100.0) + largest + 1e-6

    def test_so_many_devices_are_remembered(self) -> None:
        rates, _ = self.rates(devices_max=1)
        rates.spend("one", 100)
        rates.spend("two", 100)
        rates.check("one")
        with pytest.raises(TooFast):
            rates.check("two")
