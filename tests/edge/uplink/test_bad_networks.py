"""A courier and an office in two networks: whatever becomes of the line between them, it notices, and comes back."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from two_networks import why_not
from uplink_site import TIMEOUT_S, UplinkSite
from waiting import until

from api.keys import rotate
from sipe.clock import SystemClock

WITHIN_S = 90.0
"""After some attempts in vain the breaker pauses for up to a minute."""

pytestmark = [pytest.mark.stack, pytest.mark.skipif(bool(why_not()), reason=why_not())]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[UplinkSite]:
    with ExitStack() as stack:
        yield UplinkSite(tmp_path, stack)


def black_hole(site: UplinkSite, _: pytest.MonkeyPatch) -> Callable[[], None]:
    site.networks.black_hole()
    return site.networks.heal


def resets(site: UplinkSite, _: pytest.MonkeyPatch) -> Callable[[], None]:
    site.relay.refuse()
    return site.relay.heal


def slow(site: UplinkSite, _: pytest.MonkeyPatch) -> Callable[[], None]:
    site.relay.latency_s = 2 * TIMEOUT_S
    return site.relay.heal


def expired(site: UplinkSite, _: pytest.MonkeyPatch) -> Callable[[], None]:
    site.show("expired")
    site.relay.cut()
    return lambda: site.show("office")


def nameless(site: UplinkSite, patch: pytest.MonkeyPatch) -> Callable[[], None]:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    patch.setattr(socket, "getaddrinfo", fail)
    site.relay.cut()
    return patch.undo


Break = Callable[[UplinkSite, pytest.MonkeyPatch], Callable[[], None]]
"""Breaks the line, and gives what heals it."""


@pytest.mark.parametrize(
    ("break_it", "problem"),
    [
        (black_hole, "timed out"),
        (resets, "refused"),
        (slow, "timed out"),
        (expired, "certificate has expired"),
        (nameless, "name resolution"),
    ],
)
def test_what_the_line_does_is_noticed_and_costs_nothing(
    site: UplinkSite, monkeypatch: pytest.MonkeyPatch, break_it: Break, problem: str
) -> None:
    site.happen(3)
    until(lambda: site.spool.waiting_bytes == 0, "the line is good at first", WITHIN_S)
    heal = break_it(site, monkeypatch)
    site.happen(600)
    until(lambda: problem in site.courier.problem, f"it is told: {problem}", WITHIN_S)
    assert site.courier.state == "away"
    site.happen(3)
    heal()
    until(lambda: site.spool.waiting_bytes == 0, "all is sent", WITHIN_S)
    assert site.arrivals() == list(range(1, site.events + 1))
    assert site.courier.letters == 0


def test_keys_that_are_rotated_under_load_cost_no_event(site: UplinkSite) -> None:
    """Two rotations make every token worthless; some are made while nobody can trade one."""
    site.happen(1)
    until(lambda: site.spool.waiting_bytes == 0, "there is a good token at first", WITHIN_S)
    traded = site.tokens.kept
    for number in range(8):
        if number == 5:
            assert site.tokens.kept > traded, "no token was refused"
            site.networks.black_hole()
        rotate(site.keys_directory, SystemClock().now_ms())
        site.happen(100)
        time.sleep(0.5)  # a token has to be good until it is used
    until(lambda: site.courier.state == "away", "the office is away", WITHIN_S)
    site.networks.heal()
    until(lambda: site.spool.waiting_bytes == 0, "all is sent", WITHIN_S)
    assert site.arrivals() == list(range(1, site.events + 1))
    assert site.courier.letters == 0
