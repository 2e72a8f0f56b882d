"""The store goes away, dies, refuses the password, and lacks a column: the flow waits or stops, and skips nothing."""

from __future__ import annotations

import os
import re
import time
from dataclasses import replace

import pytest
from fault_proxy import FaultProxy
from fault_record import record
from fault_system import INSERT_FAILED, FaultSystem, NewSystem, a_day, chunks, until, url_of

DOWN_S = float(os.environ.get("STORE_DOWN_S", "8"))

pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.needs("kafka")]


@pytest.mark.timeout(300 + 2 * DOWN_S)
def test_a_store_that_is_down_holds_the_flow_up_and_is_caught_up_with(system: FaultSystem) -> None:
    day = a_day(31)
    first, second, third = chunks(day, 3)
    store = system.breakable_store
    system.play(first)
    system.catch_up()
    store.stop()
    try:
        system.play(second)
        back_s = time.monotonic() + DOWN_S
        until(lambda: system.log.count(INSERT_FAILED) > 1, "attempts to write")
        time.sleep(max(0.0, back_s - time.monotonic()))  # the fault itself lasts so long
        attempts = system.log.count(INSERT_FAILED)
        pid = system.flow.pid
    finally:
        store.start()
    recovery_s = system.catch_up()
    system.play(third)
    system.catch_up()
    assert system.flow.pid == pid, "the flow did not wait, it came back"
    record("store-down", system.close_the_books(day.now_ms), met=attempts, recovery_s=[recovery_s])


@pytest.mark.timeout(300)
def test_a_store_that_is_killed_while_it_writes_has_what_it_answered_for(system: FaultSystem) -> None:
    day = a_day(32)
    first, *rest = chunks(day, 4)
    system.play(first)
    system.catch_up()
    recovery_s = []
    for chunk in rest:
        stored = system.stored()
        system.play(chunk)
        until(system.has_moved_on(stored), "progress")
        system.breakable_store.kill()
        system.breakable_store.start()
        recovery_s.append(system.catch_up())
    balance = system.close_the_books(day.now_ms)
    record("store-killed", balance, met=len(rest), runs=len(rest), recovery_s=recovery_s)


@pytest.mark.timeout(300)
def test_with_a_wrong_password_the_flow_stops_and_says_whom_the_store_refuses(new_system: NewSystem) -> None:
    day = a_day(33)
    system = new_system()
    system.play(list(day.script(300_000)))
    wrong = url_of(replace(system.address, password="abracadabra"))  # noqa: S106  that is the point
    alarm = system.alarm_of(system.another_flow(crashes_max=1, clickhouse_url=wrong))
    assert re.search(r"refuses user 'sipe'; check user and password in SIPE_CLICKHOUSE_URL", alarm)
    assert "abracadabra" not in system.log
    assert system.stored() == {}
    system.start()
    recovery_s = system.catch_up()
    record("wrong-password", system.close_the_books(day.now_ms), met=1, recovery_s=[recovery_s])


@pytest.mark.timeout(300)
def test_where_a_column_is_missing_the_flow_stops_and_names_it(system: FaultSystem) -> None:
    day = a_day(34)
    first, second = chunks(day, 2)
    system.play(first)
    system.catch_up()
    system.flow.stop()
    stored = system.stored()
    system.store.run("ALTER TABLE minute_facts RENAME COLUMN conflict_ms TO somewhere_else")
    system.play(second)
    alarm = system.alarm_of(system.another_flow(crashes_max=1))
    assert re.search(r"cannot write table minute_facts: .*conflict_ms", alarm)
    assert system.stored() == stored, "progress without rows"
    system.store.run("ALTER TABLE minute_facts RENAME COLUMN somewhere_else TO conflict_ms")
    system.start()
    recovery_s = system.catch_up()
    record("column-missing", system.close_the_books(day.now_ms), met=1, recovery_s=[recovery_s])


@pytest.mark.timeout(300)
def test_where_the_answer_to_an_insert_is_lost_its_rows_are_there_once(new_system: NewSystem) -> None:
    day = a_day(35)
    system = new_system()
    system.store.run("SYSTEM STOP MERGES events")  # so that it shows what was written twice
    with FaultProxy(system.address.host, system.address.port) as proxy:
        by_proxy = url_of(replace(system.address, port=proxy.port))
        system.flow = system.another_flow(clickhouse_url=by_proxy)
        system.flow.start()
        recovery_s = []
        lost = 0
        for number, chunk in enumerate(chunks(day, 6)):
            proxy.lose_answer(after_bytes=1_000 * number, count=2)
            system.play(chunk)
            until(proxy.has_lost_more_than(lost), "an answer that is lost")
            recovery_s.append(system.catch_up())
            lost = proxy.answers_lost
            proxy.heal()
        system.flow.stop()
    balance = system.close_the_books(day.now_ms)
    twice = "SELECT (SELECT count() FROM events) - (SELECT count() FROM events FINAL) AS n"
    assert system.store.rows(twice)[0]["n"] > 0, "no answer to a successful insert was lost"
    assert INSERT_FAILED in system.log
    record("answer-lost", balance, met=lost, runs=6, recovery_s=recovery_s)
