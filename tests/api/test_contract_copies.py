"""Whatever becomes of Redis, a station is told what the store says: sooner with it, later without, never else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from real_services import require
from redis import Redis
from redis_server import RedisServer
from shop import CALIBRATION, ready_shop
from web import Web, problem

from connectors.redis.contracts import RedisCopies
from connectors.sql.work import Store
from sipe.clock import ManualClock
from sipe.metrics import Metric, Unmonitored

PATH = f"/v1/stations/{CALIBRATION}/contract?order=OP-1"


class Outcomes(Unmonitored):
    """A monitor that says what it was told."""

    def __init__(self) -> None:
        self.counted = Counter[str]()

    def count(self, metric: Metric, amount: float = 1, **labels: str | int) -> None:
        self.counted[str(labels["outcome"])] += int(amount)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    require("redis")
    with RedisServer(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def outcomes() -> Outcomes:
    return Outcomes()


@pytest.fixture
def web(redis: RedisServer, outcomes: Outcomes, store: Store, clock: ManualClock, tmp_path: Path) -> Iterator[Web]:
    copies = RedisCopies(redis.url, monitor=outcomes, monotonic=lambda: clock.now_ms() / 1_000)
    store.when_dropped(copies.drop)
    with Web(store, clock, tmp_path, copies) as web:
        yield web
    copies.close()


def told(web: Web) -> dict[str, Any]:
    answer = web.get("cal", PATH)
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["contract"])


def keys(redis: RedisServer) -> list[str]:
    with Redis.from_url(redis.url, decode_responses=True) as client:
        return sorted(client.scan_iter("sipe:contract:*"))


def revoke(web: Web) -> None:
    etag = web.get("caio", "/v1/sheets/TS-1/1").headers["etag"]
    assert web.post("caio", "/v1/sheets/TS-1/1/revoke", {"reason": "wrong point"}, if_match=etag).status_code == 200


def test_a_copy_is_told_until_it_is_wrong(web: Web, store: Store, redis: RedisServer, outcomes: Outcomes) -> None:
    ready_shop(store)
    first = told(web)
    (key,) = keys(redis)
    assert told(web) == first
    assert (outcomes.counted["missing"], outcomes.counted["found"]) == (1, 1)
    poisoned = first | {"parameters": [{"id": "nominal_voltage_v", "value": 1, "unit": "V"}]}
    redis.ask("SET", key, msgspec.json.encode(poisoned).decode())
    assert told(web) == first
    assert outcomes.counted["wrong"] == 1
    assert told(web) == first
    assert outcomes.counted["found"] == 2


def test_a_revocation_evicts(web: Web, store: Store, redis: RedisServer) -> None:
    ready_shop(store)
    told(web)
    assert len(keys(redis)) == 1
    revoke(web)
    assert keys(redis) == []
    problem(web.get("cal", PATH), 409, "no_setup")


def test_a_revocation_that_redis_did_not_hear_of_counts_all_the_same(
    web: Web, store: Store, redis: RedisServer, outcomes: Outcomes, clock: ManualClock
) -> None:
    ready_shop(store)
    first = told(web)
    redis.kill()
    assert told(web) == first
    revoke(web)
    redis.start()
    clock.advance(60_000)
    assert len(keys(redis)) == 1, "the copy outlived the revocation"
    problem(web.get("cal", PATH), 409, "no_setup")
    assert outcomes.counted["failed"] >= 1
