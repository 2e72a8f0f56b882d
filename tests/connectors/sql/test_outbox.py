"""What was told gets positions without gaps, in the order of each thing's changes; one process at a time has a duty."""

from __future__ import annotations

from collections import Counter

import pytest
from at_once import AT_ONCE, together
from office import who
from sql_stores import START_MS
from sqlalchemy import select

from connectors.sql import duties, outbox
from connectors.sql.duties import SERVICE
from connectors.sql.outbox import Head, Waiting
from connectors.sql.schema.trail import OUTBOX, OUTBOX_HEAD
from connectors.sql.work import Store, Work
from sipe.clock import ManualClock
from sipe.contracts.topics import CHANGES_TOPIC
from sipe.errors import SipeError


def count(work: Work, on: str, *, number: int) -> None:
    work.tell("counted", on, number=number)


def told(store: Store, times: int, on: str = "thing/1") -> None:
    for number in range(times):
        store.work(who("gil"), count, on, number=number)


def numbered(store: Store) -> int:
    return store.work(SERVICE, outbox.number)


def test_positions_follow_the_rows_and_have_no_gaps(store: Store) -> None:
    told(store, 3)
    with store.reading() as connection:
        assert outbox.has_new(connection)
        assert outbox.waiting(connection) == Waiting(3, START_MS)
        assert outbox.behind(connection, 0) == []
    assert [numbered(store), numbered(store)] == [3, 0]
    told(store, 2)
    assert numbered(store) == 2
    with store.reading() as connection:
        assert not outbox.has_new(connection)
        assert outbox.head(connection) == Head(position=5, told=0)
        rows = outbox.behind(connection, 1, limit=3)
    assert [row.position for row in rows] == [2, 3, 4]
    assert rows[0].body == f'{{"at_ms":{START_MS},"kind":"counted","number":1,"on":"thing/1"}}'
    assert (rows[0].topic, rows[0].key, rows[0].created_ms) == (CHANGES_TOPIC.name, "thing/1", START_MS)


def test_a_lot_has_its_limit(store: Store) -> None:
    def tell_many(work: Work) -> None:
        for number in range(outbox.LOT + 1):
            work.tell("counted", "thing/1", number=number)

    store.work(who("gil"), tell_many)
    assert [numbered(store), numbered(store), numbered(store)] == [outbox.LOT, 1, 0]


def test_many_that_number_at_once_while_others_tell_make_one_order(store: Store) -> None:
    def tell_or_number(number: int) -> None:
        for turn in range(10):
            if number % 2:
                numbered(store)
            else:
                store.work(who("gil"), count, f"thing/{number}", number=turn)

    together(tell_or_number)
    numbered(store)
    with store.reading() as connection:
        rows = outbox.behind(connection, 0)
    assert [row.position for row in rows] == list(range(1, AT_ONCE // 2 * 10 + 1))
    for key in {row.key for row in rows}:
        bodies = [row.body for row in rows if row.key == key]
        assert [f'"number":{count},' in body for count, body in enumerate(bodies)] == [True] * 10


def test_what_was_acknowledged_stays_so(store: Store) -> None:
    told(store, 5)
    numbered(store)
    for position, after in ((3, 3), (2, 3), (5, 5)):
        store.work(SERVICE, outbox.acknowledged, position)
        with store.reading() as connection:
            assert outbox.head(connection).told == after
            assert outbox.waiting(connection).rows == 5 - after
    with store.reading() as connection:
        assert outbox.waiting(connection) == Waiting(0, None)


def test_only_what_is_old_and_told_is_dropped_and_no_gap_comes_of_it(store: Store, clock: ManualClock) -> None:
    told(store, 2)
    clock.advance(10)
    told(store, 1)
    clock.advance(-20)  # a server whose clock is behind
    told(store, 1)
    clock.advance(100)
    told(store, 2)
    numbered(store)

    def prune(before_ms: int) -> int:
        with store.reading() as connection:
            has_old = outbox.has_told_before(connection, before_ms)
        gone = store.work(SERVICE, outbox.prune, before_ms)
        assert has_old == (gone > 0)
        return gone

    assert prune(START_MS + 1_000) == 0
    store.work(SERVICE, outbox.acknowledged, 5)
    assert prune(START_MS + 5) == 2
    assert prune(START_MS + 50) == 2
    assert prune(START_MS + 1_000) == 1
    assert prune(START_MS + 1_000) == 0
    with store.reading() as connection:
        assert [row.position for row in outbox.behind(connection, 0)] == [6]


def test_a_reader_resumes_where_nothing_is_missing(store: Store) -> None:
    def can(*positions: int) -> list[bool]:
        with store.reading() as connection:
            return [outbox.can_resume(connection, position) for position in positions]

    assert can(0, 1) == [True, False]
    told(store, 4)
    numbered(store)
    assert can(-1, 0, 3, 4, 5) == [False, True, True, True, False]
    store.work(SERVICE, outbox.acknowledged, 2)
    assert store.work(SERVICE, outbox.prune, START_MS + 1) == 2
    assert can(0, 1, 2, 4, 5) == [False, False, True, True, False]
    store.work(SERVICE, outbox.acknowledged, 4)
    assert store.work(SERVICE, outbox.prune, START_MS + 1) == 2
    assert can(3, 4, 5) == [False, True, False]


def test_who_listens_is_called_after_the_commit_and_only_when_something_was_told(store: Store) -> None:
    rung: list[int] = []

    def ring() -> None:
        with store.reading() as connection:
            rung.append(len(connection.execute(select(OUTBOX.c.id)).all()))

    def tell_and_fail(work: Work) -> None:
        work.tell("counted", "thing/1")
        raise ZeroDivisionError

    store.when_told(ring)
    told(store, 2)
    store.work(who("gil"), lambda work: work.note("looked", "at/all"))
    with pytest.raises(ZeroDivisionError):
        store.work(who("gil"), tell_and_fail)
    assert rung == [1, 2]


def test_what_is_too_long_for_kafka_is_not_done(store: Store) -> None:
    with pytest.raises(SipeError, match="counted of thing/1 is too long"):
        store.work(who("gil"), lambda work: work.tell("counted", "thing/1", text="x" * 1_000_000))
    with store.reading() as connection:
        assert not outbox.has_new(connection)
        assert connection.execute(select(OUTBOX_HEAD.c.position)).scalar_one() == 0


class TestDuties:
    def test_one_holds_it_until_it_is_given_up_or_its_term_is_over(self, store: Store, clock: ManualClock) -> None:
        def take(me: str) -> bool:
            return store.work(SERVICE, duties.take, "relay", me, 30_000)

        assert [take("a"), take("b"), take("a")] == [True, False, True]
        clock.advance(29_999)
        assert [take("b"), take("a")] == [False, True]
        clock.advance(30_000)
        assert [take("b"), take("a")] == [True, False]
        store.work(SERVICE, duties.release, "relay", "a")
        assert not take("a")
        store.work(SERVICE, duties.release, "relay", "b")
        assert [take("a"), take("b")] == [True, False]
        assert store.work(SERVICE, duties.take, "anchors", "b", 30_000)

    def test_of_many_at_once_one_gets_it(self, store: Store, clock: ManualClock) -> None:
        for _ in range(3):
            came = together(lambda number: str(store.work(SERVICE, duties.take, "relay", f"p{number}", 30_000)))
            assert came == Counter({"True": 1, "False": AT_ONCE - 1})
            clock.advance(30_000)
