"""Refolding against the same oracle as the fold: whatever is stored, what comes out is what all events say."""

from __future__ import annotations

import random
from itertools import pairwise

import fold_oracle
from fold_stories import BASE_MS, STATION, Store, play, stories
from hypothesis import given
from hypothesis import strategies as st

from models.fold.intake import apply
from models.fold.refold import Refold, blank, replanned
from models.fold.rules import MINUTE_MS
from models.fold.station import StationState
from models.fold.stops import Stop
from models.spans import Span
from sipe.contracts import events as ev

FROM_MS, END_MS = BASE_MS - 15 * MINUTE_MS, BASE_MS + 25 * MINUTE_MS
FLOOR_MS = END_MS + MINUTE_MS


def content_of(events: list[ev.StationEvent]) -> StationState:
    content = blank(STATION)
    for event in events:
        apply(content, event)
    return content


def refold(store: Store, content: StationState, spans: list[Span], *, stored_quantities: bool = False) -> int:
    """Refold some spans into the store; returns how many rows were different."""
    work = Refold(FLOOR_MS, sorted(Stop._make(stop) for stop in store.stops.values()))
    changed = 0
    for from_ms, to_ms in spans:
        stored = {cell: tuple(sums.values()) for cell, sums in store.facts.items() if from_ms <= cell[0] < to_ms}
        minutes = work.span(content, from_ms, to_ms, stored, stored_quantities=stored_quantities)
        store.change(minutes.changed, [])
        changed += len(minutes.changed)
    stops = work.stop_changes(STATION)
    store.change([], stops)
    return changed + len(stops)


def assert_is(store: Store, events: list[ev.StationEvent]) -> None:
    oracle = fold_oracle.Oracle(events, END_MS)
    assert store.facts == oracle.facts()
    assert [stop[:-1] for stop in sorted(store.stops.values())] == [stop[:-1] for stop in oracle.stops()]


@given(stories(), st.randoms(use_true_random=False))
def test_whatever_is_stored_becomes_what_all_events_say(events: list[ev.StationEvent], rng: random.Random) -> None:
    known = rng.sample(events, rng.randint(0, len(events)))
    store = play(known, rng, END_MS)
    borders = sorted({FROM_MS, END_MS, *(rng.randrange(FROM_MS, END_MS, MINUTE_MS) for _ in range(rng.randint(0, 3)))})
    spans = list(pairwise(borders))
    content = content_of(rng.sample(events, len(events)))
    refold(store, content, spans)
    assert_is(store, events)
    assert refold(store, content, [(FROM_MS, END_MS)]) == 0


@given(stories(), st.randoms(use_true_random=False))
def test_where_nothing_changed_no_span_is_different(events: list[ev.StationEvent], rng: random.Random) -> None:
    store = play(events, rng, END_MS)
    store.stops = {key: (*stop[:-1], False) for key, stop in store.stops.items()}
    first = rng.randrange(FROM_MS, END_MS, MINUTE_MS)
    assert refold(store, content_of(events), [(first, rng.randrange(first, END_MS, MINUTE_MS) + MINUTE_MS)]) == 0


@given(stories(), st.randoms(use_true_random=False))
def test_corrected_calendars_need_no_pieces_and_only_what_they_change(
    events: list[ev.StationEvent], rng: random.Random
) -> None:
    calendars = [event for event in events if isinstance(event, ev.CalendarAssigned)]
    news = rng.sample(calendars, rng.randint(0, len(calendars)))
    store = play([event for event in events if event not in news], rng, END_MS)
    told = rng.randint(0, len(news))  # some had come already when a part was stored last
    border_ms = rng.randrange(FROM_MS, END_MS, MINUTE_MS)
    refold(store, content_of([event for event in events if event not in news[told:]]), [(border_ms, END_MS)])
    befores = [content_of([event for event in calendars if event not in news[i:]]).calendars for i in range(len(news))]
    content = content_of(events)
    # That a calendar was told is a sign that the station is not retired, wherever it plans.
    heard = content_of([event for event in events if event not in news]).heard
    spans = replanned(content, befores, FROM_MS, END_MS)
    content.pieces = {}
    refold(store, content, spans, stored_quantities=True)
    if list(content.heard.within(FROM_MS, END_MS)) == list(heard.within(FROM_MS, END_MS)):
        assert_is(store, events)
