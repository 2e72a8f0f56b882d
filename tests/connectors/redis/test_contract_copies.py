"""Copies of contracts in a real Redis: found by what they say, bounded in time, and nobody waits for a dead server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_services import require
from redis_server import RedisServer

from connectors.redis.breaker import REST_S, REST_S_MAX, Breaker
from connectors.redis.contracts import KEPT_S, RedisCopies
from connectors.sql.contracts import NearCopies
from models.production.contract import digest_of
from sipe.metrics import Metric, Unmonitored

BODY = b'{"order":"OP-1"}'
DIGEST = digest_of(BODY)
KEY = f"sipe:contract:{DIGEST}"


class Counting(Unmonitored):
    """A monitor that says what it was told."""

    def __init__(self) -> None:
        self.outcomes = Counter[str]()

    def count(self, metric: Metric, amount: float = 1, **labels: str | int) -> None:
        self.outcomes[str(labels["outcome"])] += int(amount)


class HandClock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    require("redis")
    with RedisServer(tmp_path) as server:
        yield server


def test_what_was_put_is_found_for_a_while(redis: RedisServer) -> None:
    copies = RedisCopies(redis.url)
    assert copies.get(DIGEST) is None
    copies.put(DIGEST, BODY)
    assert copies.get(DIGEST) == BODY
    assert 0 < int(redis.ask("TTL", KEY).removeprefix(b":")) <= KEPT_S
    copies.drop([DIGEST, "0" * 64])
    assert copies.get(DIGEST) is None
    copies.close()


@pytest.mark.parametrize("wrong", ['{"order":"OP-2"}', '{"order":"OP-1"} ', '{"order":"OP', "x" * 2_000_000])
def test_a_copy_that_says_something_else_is_thrown_away(redis: RedisServer, wrong: str) -> None:
    told = Counting()
    copies = RedisCopies(redis.url, monitor=told)
    redis.ask("SET", KEY, wrong)
    assert copies.get(DIGEST) is None
    assert told.outcomes["wrong"] == 1
    assert redis.ask("EXISTS", KEY) == b":0"
    copies.close()


def test_what_is_no_text_is_no_copy(redis: RedisServer) -> None:
    copies = RedisCopies(redis.url)
    redis.ask("HSET", KEY, "a", "b")
    assert copies.get(DIGEST) is None
    copies.close()


@pytest.mark.parametrize("url", ["redis://:wrong@127.0.0.1:{port}/0", "redis://127.0.0.1:1/0"])
def test_who_is_not_let_in_has_no_copies_and_no_error(redis: RedisServer, url: str) -> None:
    told = Counting()
    copies = RedisCopies(url.format(port=redis.port), monitor=told)
    copies.put(DIGEST, BODY)
    assert copies.get(DIGEST) is None
    assert told.outcomes["failed"] >= 1
    copies.close()


def test_a_dead_redis_is_asked_once_and_found_again_when_it_lives(redis: RedisServer) -> None:
    told, clock = Counting(), HandClock()
    copies = RedisCopies(redis.url, monitor=told, monotonic=clock)
    copies.put(DIGEST, BODY)
    redis.kill()
    for _ in range(1_000):
        assert copies.get(DIGEST) is None
    assert told.outcomes["failed"] == 1
    redis.start()
    clock.now_s += REST_S
    assert copies.get(DIGEST) == BODY
    copies.close()


def test_near_copies_are_asked_first_and_bounded(redis: RedisServer) -> None:
    told = Counting()
    far = RedisCopies(redis.url, monitor=told)
    near = NearCopies(far, size=2)
    bodies = {digest_of(body): body for body in (b"1", b"2", b"3")}
    for digest, body in bodies.items():
        near.put(digest, body)
    first, second, third = bodies
    assert [near.get(digest) for digest in (second, third)] == [b"2", b"3"]
    assert told.outcomes["found"] == 0
    assert near.get(first) == b"1"
    assert told.outcomes["found"] == 1
    near.drop(list(bodies))
    assert [near.get(digest) for digest in bodies] == [None, None, None]
    far.close()


def test_rests_grow_and_one_caller_tries_for_all() -> None:
    clock = HandClock()
    breaker = Breaker(clock)
    rests = []
    for _ in range(8):
        breaker.failed()
        begun_s = clock.now_s
        while not breaker.allows():
            clock.now_s += 0.25
        assert not breaker.allows()
        rests.append(clock.now_s - begun_s)
    assert rests[:3] == [REST_S, REST_S * 2, REST_S * 4]
    assert rests[-1] == REST_S_MAX
    breaker.answered()
    assert breaker.allows()
    assert breaker.allows()
