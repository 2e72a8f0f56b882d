"""The parts of an uplink: who may ask, how much may go, what a batch is, and where dead letters lie."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.client.shapes.events import Batch, Lines, RejectedLine
from edge.pauses import Pauses
from edge.spool.rows import Row
from edge.uplink.batch import body_of, fitting, verdict_of
from edge.uplink.breaker import Breaker
from edge.uplink.bucket import Bucket
from edge.uplink.letters import Letter, Letters

GATEWAYS = 50


class Hand:
    """A clock that is set by hand."""

    now_s = 0.0

    def read_s(self) -> float:
        return self.now_s


def row(position: int, value: bytes = b"{}") -> Row:
    return Row(position, "plant.line.cal-1", "gateway", 1, position, 0, 0, 0, value)


def letter(value: bytes, detail: str = "why") -> Letter:
    return Letter(1_700_000_000_000, "plant.line.cal-1", "schema", detail, value)


@given(st.lists(st.tuples(st.floats(0, 30), st.booleans()), max_size=40), st.integers(0, 99))
def test_while_nobody_answers_one_at_a_time_asks_and_none_for_longer_than_the_longest_pause(
    steps: list[tuple[float, bool]], seed: int
) -> None:
    hand, pauses = Hand(), Pauses(longest_s=20.0)
    breaker = Breaker(pauses, random.Random(seed).uniform, hand.read_s)
    for later_s, answers in steps:
        hand.now_s += later_s
        waits = [breaker.wait_s() for _ in range(5)]
        assert max(waits) <= pauses.longest_s
        asking = waits.count(0.0)
        if breaker.is_open:
            assert asking <= 1
        else:
            assert asking == 5
        if asking and answers:
            breaker.answered()
            assert not breaker.is_open
        elif asking:
            breaker.failed()
            assert breaker.is_open


def test_what_the_office_asks_for_comes_on_top() -> None:
    hand = Hand()
    breaker = Breaker(Pauses(first_s=1.0), random.Random(1).uniform, hand.read_s)
    breaker.failed(retry_after_s=30.0)
    assert 30.0 <= breaker.wait_s() <= 31.0


def test_a_plant_does_not_come_back_at_once_after_an_outage() -> None:
    """Fifty gateways that lost the office at the same moment ask for it at moments of their own."""
    hand = Hand()
    breakers = [Breaker(Pauses(), random.Random(seed).uniform, hand.read_s) for seed in range(GATEWAYS)]
    asked: Counter[int] = Counter()
    while hand.now_s < 600.0:
        for breaker in breakers:
            if not breaker.wait_s():
                asked[int(hand.now_s)] += 1
                breaker.failed()
        hand.now_s += 0.05
    last_minutes = [asked[second] for second in range(300, 600)]
    assert max(last_minutes) <= 10
    assert sum(last_minutes) >= GATEWAYS


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(0, 100)), max_size=30))
def test_a_bucket_gives_no_more_than_its_rate(steps: list[tuple[float, int]]) -> None:
    hand = Hand()
    bucket, given_in_all = Bucket(20.0, hand.read_s), 0
    for later_s, wanted in steps:
        hand.now_s += later_s
        taken = bucket.take(wanted)
        assert 0 <= taken <= min(wanted, 20)
        given_in_all += taken
        assert given_in_all <= 20 * (1 + hand.now_s) + 1e-6


@given(st.lists(st.integers(1, 50), min_size=1, max_size=20), st.integers(1, 120))
def test_a_batch_is_the_first_that_fit_and_one_at_least(sizes: list[int], bytes_max: int) -> None:
    rows = [row(2 * number, b"x" * size) for number, size in enumerate(sizes)]
    found = fitting(rows, bytes_max)
    assert found == rows[: len(found)]
    assert len(found) >= 1
    assert len(found) == 1 or len(body_of(found)) < bytes_max
    assert len(found) == len(rows) or sum(sizes[: len(found) + 1]) + len(found) + 1 > bytes_max


def test_lines_that_an_answer_does_not_name_or_that_there_are_none_of_are_not_taken() -> None:
    rows = [row(2), row(4), row(6), row(8)]
    answer = Batch(
        accepted=(Lines(first=0, last=1),),
        known=(Lines(first=3, last=3), Lines(first=4, last=1_000_000_000)),
        not_sent=(),
        rejected=(RejectedLine(line=9, reason="schema", detail="there is none"),),
    )
    found = verdict_of(rows, answer)
    assert ([one.position for one in found.taken], found.refused) == ([2, 6, 8], [])


def test_letters_are_read_as_they_were_written_by_whoever_starts_next(tmp_path: Path) -> None:
    letters = [letter(b'{"type":"heartbeat"}'), letter(b"\xff\x00\n not even text"), letter(b"x", "a\nb\u2028c")]
    Letters(tmp_path / "letters").keep(letters[:2])
    Letters(tmp_path / "letters").keep(letters[2:])
    assert list(Letters(tmp_path / "letters")) == letters
    assert (tmp_path / "letters").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("torn", range(1, 40, 7))
def test_a_letter_that_a_power_cut_tore_takes_no_other_with_it(tmp_path: Path, torn: int) -> None:
    letters = Letters(tmp_path)
    letters.keep([letter(b"first")])
    (path,) = tmp_path.glob("*.jsonl")
    whole = path.read_bytes()
    letters.keep([letter(b"second")])
    path.write_bytes(path.read_bytes()[: len(whole) + torn])
    letters.keep([letter(b"third")])
    assert [one.value for one in letters] == [b"first", b"third"]


def test_too_many_letters_push_out_the_oldest_and_that_is_counted(tmp_path: Path) -> None:
    letters = Letters(tmp_path, file_bytes_max=200, files_max=3)
    values = [f"event {number}".encode() for number in range(40)]
    for value in values:
        letters.keep([letter(value)])
    kept = [one.value for one in letters]
    assert kept == values[-len(kept) :]
    assert 3 <= len(kept) < 40
    assert letters.dropped_files > 0
    assert len(list(tmp_path.glob("*.jsonl"))) == 3
