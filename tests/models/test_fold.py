"""The fold against an oracle that works everything out second by second, for any order, doubling and ticks."""

from __future__ import annotations

import random

import fold_oracle
from fold_stories import BASE_MS, SPAN_STEPS, STEP_MS, play, stories
from hypothesis import given
from hypothesis import strategies as st

from models.fold.rules import MINUTE_MS
from sipe.contracts import events as ev


@given(stories(), st.randoms(use_true_random=False))
def test_any_order_doubling_and_ticks_give_what_the_definitions_say(
    events: list[ev.StationEvent], rng: random.Random
) -> None:
    end_ms = BASE_MS + STEP_MS * (SPAN_STEPS + 77)
    sent = events + rng.sample(events, rng.randint(0, len(events)))
    rng.shuffle(sent)
    store = play(sent, rng, end_ms, crash=True)
    oracle = fold_oracle.Oracle(events, end_ms)
    assert store.facts == oracle.facts()
    assert sorted(store.stops.values()) == oracle.stops()


@given(stories(), st.randoms(use_true_random=False))
def test_time_elements_partition_planned_busy_time(events: list[ev.StationEvent], rng: random.Random) -> None:
    for cell in play(events, rng, BASE_MS + 4_000_000).facts.values():
        elements = ("apt_ms", "aust_ms", "adet_ms", "adot_ms", "unknown_ms")
        assert cell["pbt_ms"] == sum(cell[name] for name in elements) <= MINUTE_MS
        assert cell["conflict_ms"] <= cell["pbt_ms"]
