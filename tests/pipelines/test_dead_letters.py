"""Dead letters sent again: only what is accepted today, once, and the numbers are those of a log without the fault."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command_line import environment
from hypothesis import given
from hypothesis import strategies as st

from connectors.clickhouse.block import Block
from connectors.clickhouse.client import Warehouse
from connectors.clickhouse.writer import Writer
from connectors.kafka.letter_reader import read_letters
from pipelines.dead_letters import (
    ATTEMPTS_MAX,
    Decision,
    Judge,
    Policy,
    Selection,
    carry_out,
    dealt_with,
    decide,
    plan,
)
from pipelines.runtime.system import Runtime
from sipe.cli import main
from sipe.clock import SystemClock
from sipe.commands.dlq import escaped, position_of
from sipe.contracts.codec import CLOCK_AHEAD_MS_MAX
from sipe.contracts.letters import Letter, LetterHeaders
from sipe.contracts.topics import STATION_EVENTS_TOPIC
from sipe.settings import Settings

STATION = "manaus.final.line-1.packing"
NOW_MS = 1_772_445_600_000
CYCLE = (
    '{"type":"cycle_completed","station":"%s","boot":1,"seq":%d,"ts_ms":%d,"order":"po-1","product":"e31",'
    '"step":"pack","qty":1,"result":"good","cycle_ms":9000}'
)


def cycle(seq: int, ts_ms: int) -> bytes:
    return (CYCLE % (STATION, seq, ts_ms)).encode()


def letter(value: bytes = b"{", *, attempt: int = 1, topic: str = STATION_EVENTS_TOPIC.name, offset: int = 1) -> Letter:
    headers = LetterHeaders(
        reason="schema", detail="", topic=topic, epoch=1, partition=0, offset=offset, record_ts_ms=NOW_MS,
        at_ms=NOW_MS, app_version="1", attempt=attempt,
    )  # fmt: skip
    return Letter(headers, STATION.encode(), value)


GOOD = cycle(1, NOW_MS)


class TestDecide:
    JUDGE = Judge(NOW_MS, frozenset())

    def decided(self, one: Letter, policy: Policy = "reinsert", *, force: bool = False, judge: Judge = JUDGE) -> str:
        decision = decide(one, policy, judge, force=force)
        return decision.why or decision.action

    def test_only_what_is_accepted_today_is_sent(self) -> None:
        assert self.decided(letter(GOOD)) == "reinsert"
        assert self.decided(letter(b"{")) == "still undecodable"
        assert self.decided(letter(b"{"), force=True) == "reinsert"
        assert self.decided(letter(b"{"), "drop") == "drop"

    def test_a_sender_in_quarantine_waits(self) -> None:
        judge = Judge(NOW_MS, {STATION})
        assert self.decided(letter(GOOD), judge=judge) == "still quarantined"

    def test_a_clock_ahead_is_right_once_its_time_has_come(self) -> None:
        ahead = letter(cycle(1, NOW_MS + CLOCK_AHEAD_MS_MAX + 1))
        assert self.decided(ahead) == "still clock_future"
        assert self.decided(ahead, judge=Judge(NOW_MS + 1, ())) == "reinsert"

    def test_not_for_ever(self) -> None:
        assert self.decided(letter(GOOD, attempt=ATTEMPTS_MAX)) == "reinsert"
        assert self.decided(letter(GOOD, attempt=ATTEMPTS_MAX + 1)) == "was rejected 4 times"
        assert self.decided(letter(GOOD, attempt=ATTEMPTS_MAX + 1), force=True) == "reinsert"

    def test_letters_of_another_topic_are_never_sent_to_ours(self) -> None:
        assert self.decided(letter(GOOD, topic="other"), force=True) == "comes from the topic other"


@given(st.lists(st.sampled_from(["reinsert", "drop", "leave"])), st.integers(1, 10))
def test_a_plan_is_bounded_and_may_stop(actions: list[Any], letters_max: int) -> None:
    decisions = [Decision(letter(offset=n), action) for n, action in enumerate(actions)]
    planned = plan(decisions, "reinsert", letters_max)
    everything = [decision for decision in decisions if decision.action != "leave"]
    assert planned.touched == everything[:letters_max]
    beyond = decisions.index(everything[letters_max]) if len(everything) > letters_max else len(decisions)
    assert planned.counts.total() == beyond
    assert planned.first_left == next((one for one in decisions[:beyond] if one.action == "leave"), None)
    careful = plan(decisions, "stop-on-error", letters_max)
    stop = beyond if planned.first_left is None else decisions.index(planned.first_left)
    assert careful.touched == decisions[:stop]
    assert careful.first_left == planned.first_left


def test_letters_that_are_left_alone_are_counted_and_not_kept() -> None:
    value_bytes, number = 100_000, 1_000
    many = (Decision(letter(bytes(value_bytes), offset=n), "leave", "still schema") for n in range(number))
    tracemalloc.start()
    try:
        planned = plan(many, "reinsert", 1)
        assert tracemalloc.get_traced_memory()[1] < value_bytes * number / 10
    finally:
        tracemalloc.stop()
    assert dict(planned.counts) == {("leave", "still schema", "schema", STATION): number}


@given(st.binary())
def test_escaped_bytes_are_printable_and_tell_all(raw: bytes) -> None:
    text = escaped(raw)
    assert text.isprintable()
    assert eval_escaped(text) == raw


def eval_escaped(text: str) -> bytes:
    def char(escape: re.Match[str]) -> str:
        kind, code = escape[0][1], escape[0][2:]
        if kind == "\\":
            return "\\"
        return bytes([int(code, 16)]).decode("utf-8", "surrogateescape") if kind == "x" else chr(int(code, 16))

    whole = re.sub(r"\\\\|\\x..|\\u....|\\U........", char, text)
    return whole.encode("utf-8", "surrogateescape")


def test_selections() -> None:
    one = letter(GOOD)
    assert Selection().takes(one)
    assert Selection(reason="schema", station="*line-1*", since_ms=NOW_MS, until_ms=NOW_MS + 1).takes(one)
    for other in (
        Selection(reason="undecodable"), Selection(station="*line-2*"), Selection(since_ms=NOW_MS + 1),
        Selection(until_ms=NOW_MS),
    ):  # fmt: skip
        assert not other.takes(one)


def facts(store: Warehouse) -> list[dict[str, Any]]:
    return store.rows("SELECT * EXCEPT (version, closed) FROM minute_facts FINAL ORDER BY ALL")


def dlq(data_dir: Path, *words: str, code: int = 0) -> None:
    assert main(["dlq", *words, "--data", str(data_dir)]) == code


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    with Runtime(replace(Settings(), data_dir=tmp_path), serve=True) as runtime:
        yield runtime


def store_all(runtime: Runtime, records: list[bytes], now_ms: int) -> None:
    """Send records and a tick, and wait until all is stored."""
    with runtime.sender() as sender:
        for value in records:
            sender.send_raw(STATION.encode(), value)
        sender.tick(now_ms)
        ends = sender.ends()
    runtime.wait_until_stored(ends)


def letters_in(runtime: Runtime) -> list[Letter]:
    return [one.letter for one in read_letters(runtime.system.kafka) if one.letter]


@pytest.mark.long
@pytest.mark.stack
def test_letters_whose_time_has_come_are_counted_as_if_never_rejected(
    runtime: Runtime, capsys: pytest.CaptureFixture[str]
) -> None:
    """A clock runs ahead by just so much that the guard takes its events some seconds later."""
    store, data_dir = runtime.store(), runtime.data_dir
    begin_ms = SystemClock().now_ms()
    ahead_ms = begin_ms + CLOCK_AHEAD_MS_MAX + 20_000
    events = [cycle(n, begin_ms - 60_000 + n) for n in range(1, 31)] + [cycle(n, ahead_ms + n) for n in (31, 32)]
    store_all(runtime, events, begin_ms)
    assert [one.headers.reason for one in letters_in(runtime)] == ["clock_future"] * 2
    before = facts(store)
    assert sum(row["good"] for row in before) == 30

    while SystemClock().now_ms() + CLOCK_AHEAD_MS_MAX < ahead_ms + 1_000:
        time.sleep(0.2)
    dlq(data_dir, "replay")
    assert "reinsert  2 letters clock_future" in capsys.readouterr().out
    assert store.rows("SELECT count() AS n FROM dlq_replays") == [{"n": 0}], "a dry run changes nothing"

    dlq(data_dir, "replay", "--yes")
    store_all(runtime, [], ahead_ms + 500)
    after = facts(store)
    assert sum(row["good"] for row in after) == 32
    raws = store.rows("SELECT hex(raw) AS raw FROM events FINAL WHERE outcome = 'accepted'")
    assert sorted(bytes.fromhex(row["raw"]) for row in raws) == sorted(events), "the very bytes"

    capsys.readouterr()
    dlq(data_dir, "replay", "--yes", "--force")
    assert "no letters that anything is left to do with" in capsys.readouterr().out
    store_all(runtime, [], ahead_ms + 500)
    assert facts(store) == after, "again changes nothing"
    assert store.rows("SELECT count() AS n FROM events FINAL") == [{"n": 32}]


@pytest.mark.long
@pytest.mark.stack
def test_what_stays_bad_is_listed_shown_counted_and_dropped(
    runtime: Runtime, capsys: pytest.CaptureFixture[str]
) -> None:
    value = b"\xffnever\x1b[31m"
    data_dir = runtime.data_dir
    store_all(runtime, [value], NOW_MS)
    (never,) = letters_in(runtime)

    dlq(data_dir, "ls")
    listed = capsys.readouterr().out
    assert "undecodable" in listed
    assert position_of(never) in listed
    dlq(data_dir, "show", f"{never.headers.partition}@{never.headers.offset}")
    shown = capsys.readouterr().out
    assert "\\xffnever\\x1b[31m" in shown
    assert "\x1b" not in shown
    words = [sys.executable, "-m", "sipe.cli", "dlq", "show", "--raw", position_of(never), "--data", str(data_dir)]
    assert subprocess.run(words, capture_output=True, timeout=60, check=True, env=environment()).stdout == value

    dlq(data_dir, "replay", "--policy", "stop-on-error", "--yes", code=1)
    assert "which is still undecodable: `sipe dlq show` shows it" in capsys.readouterr().err
    dlq(data_dir, "replay", "--yes")
    assert "leave     1 letter undecodable" in capsys.readouterr().out
    for attempt in range(2, ATTEMPTS_MAX + 2):
        dlq(data_dir, "replay", "--yes", "--force")
        store_all(runtime, [], NOW_MS + attempt)
        assert [one.headers.attempt for one in letters_in(runtime)] == [*range(1, attempt + 1)]
    capsys.readouterr()
    dlq(data_dir, "replay")
    assert f"was rejected {ATTEMPTS_MAX + 1} times" in capsys.readouterr().out
    dlq(data_dir, "replay", "--policy", "drop", "--yes")
    capsys.readouterr()
    dlq(data_dir, "ls", "--json")
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["reason"], row["sender"], row["letters"], row["dealt_with"]) == ("undecodable", STATION, 4, 4)
    assert {one.value for one in letters_in(runtime)} == {value}, "untouched each time"


@pytest.mark.stack
def test_a_crash_before_the_record_sends_again_and_counts_once(runtime: Runtime) -> None:
    """The letter is sent, and nobody lives to record that: the next replay sends it again, as a duplicate."""
    decision = [Decision(letter(cycle(1, NOW_MS)), "reinsert")]
    store = runtime.store()

    class Killed(Exception):
        pass

    class Dying(Writer):
        def write(self, blocks: Iterable[Block]) -> None:
            raise Killed

    for writer in (Dying(runtime.system.store), Writer(runtime.system.store)):
        with runtime.sender() as sender, suppress(Killed):
            carry_out(decision, "reinsert", sender, writer, SystemClock(), by="test", report=lambda *_: None)
        writer.close()
    store_all(runtime, [], NOW_MS + 120_000)
    outcomes = store.rows("SELECT outcome FROM events FINAL ORDER BY offset")
    assert [row["outcome"] for row in outcomes] == ["accepted", "duplicate"]
    assert dealt_with(store) == {decision[0].letter.headers.identity}
    assert sum(row["good"] for row in facts(store)) == 1
