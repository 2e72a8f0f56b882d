from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.clickhouse.block import Block
from connectors.clickhouse.client import Address
from connectors.clickhouse.writer import Retry, Writer
from sipe.contracts.tables import FLOW_PROGRESS
from sipe.errors import SipeError


class Clock:
    """Time that only passes by waiting."""

    def __init__(self) -> None:
        self.waits_s: list[float] = []

    def sleep(self, wait_s: float) -> None:
        self.waits_s.append(wait_s)

    def monotonic_s(self) -> float:
        return sum(self.waits_s)


def waits(retry: Retry) -> list[float]:
    found = []
    for wait_s in retry.waits_s():
        retry.sleep(wait_s)
        found.append(wait_s)
    return found


def test_the_limit_doubles_up_to_the_cap() -> None:
    clock = Clock()
    retry = Retry(
        first_s=1, cap_s=8, give_up_after_s=40, random=lambda: 1.0, sleep=clock.sleep, monotonic_s=clock.monotonic_s
    )
    assert waits(retry) == [1, 2, 4, 8, 8, 8, 8]


@given(st.lists(st.floats(0.01, 1), min_size=1), st.floats(0, 60))
def test_jitter_is_full_and_giving_up_is_never_late(draws: list[float], give_up_after_s: float) -> None:
    clock, position = Clock(), iter(range(10_000))
    retry = Retry(
        first_s=0.1,
        cap_s=10,
        give_up_after_s=give_up_after_s,
        random=lambda: draws[next(position) % len(draws)],
        sleep=clock.sleep,
        monotonic_s=clock.monotonic_s,
    )
    for attempt, wait_s in enumerate(waits(retry)):
        assert wait_s == draws[attempt % len(draws)] * min(10, 0.1 * 2**attempt)
    assert clock.monotonic_s() <= give_up_after_s


def test_a_server_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    address = Address(host="127.0.0.1", port=port, database="sipe", user="sipe", password="")
    clock = Clock()
    retry = Retry(
        first_s=1, cap_s=4, give_up_after_s=12, random=lambda: 1.0, sleep=clock.sleep, monotonic_s=clock.monotonic_s
    )
    block = Block(FLOW_PROGRESS, {name: [0] for name in FLOW_PROGRESS.column_names})
    expected = rf"gave up writing table flow_progress: ClickHouse at 127\.0\.0\.1:{port}/sipe does not answer"
    with pytest.raises(SipeError, match=expected) as caught:
        Writer(address, retry).write([block])
    assert clock.waits_s == [1, 2, 4, 4]
    assert "\n" not in str(caught.value)
