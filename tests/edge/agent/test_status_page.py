"""The status page: the same for people and programs, nothing of it is markup that came from outside, loopback only."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator

import pytest

from edge.agent.account import HourAccount, StationAccount
from edge.agent.page import ChannelView, StationView, StatusPage, View, page_of
from edge.stations.display import Display
from sipe.errors import SipeError

STATION = "manaus.final.line-1.pack-1"
NASTY = "<script>alert('&')</script>"


def station(**changes: object) -> StationView:
    fields = {
        "name": STATION,
        "program": "scan",
        "display": Display(state="failed", text=f"not {NASTY}", then="take it off"),
        "problem": f"problem {NASTY}",
        "untold": 2,
        "lease_units": 20,
        "lease_until_ms": 1_700_000_900_000,
        "uplink": "away",
        "delivered": 17,
        "letters": 1,
        "is_late": True,
        "channels": [ChannelView(name="scanner-1", kind="serial", state="idle", cause=NASTY, bytes_in=5, connects=1)],
    }
    return StationView(**(fields | changes))  # type: ignore[arg-type]  # a view's own fields


VIEW = View(
    clock="office",
    skew_ms=-3_600_000,
    clock_problem="the clock of this machine is off",
    at_ms=1_700_000_000_000,
    waiting_bytes=1234,
    full=[],
    damaged_files=1,
    file_problem=f"channel[0]: {NASTY}",
    last_end="the event loop stood still",
    stations=[station(), station(name="manaus.final.line-1.pack-2", display=None, problem="not enrolled")],
)


def account(station: str, hours: int) -> StationAccount:
    if station != STATION:
        raise SipeError(f"there is no station {station!r} here")
    hour = HourAccount(hour_ms=3_600_000, here=hours, there=hours, found={"stored": hours})
    return StationAccount(station=station, hours=[hour], unexplained=[])


@pytest.fixture
def page() -> Iterator[StatusPage]:
    served = StatusPage(0, lambda: VIEW, account)
    yield served
    served.close()


def ask(page: StatusPage, path: str, host: str | None = None) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=10)
    connection.request("GET", path, headers={"Host": host} if host else {})
    return connection.getresponse()


def test_programs_get_all_there_is(page: StatusPage) -> None:
    told = json.load(ask(page, "/status.json"))
    assert told["waiting_bytes"] == 1234
    assert told["stations"][0]["display"] == {
        "state": "failed", "text": f"not {NASTY}", "order": None, "serial": None, "then": "take it off"
    }  # fmt: skip
    assert told["stations"][1]["display"] is None


def test_people_see_each_station_and_what_to_do(page: StatusPage) -> None:
    answer = ask(page, "/")
    text = answer.read().decode()
    assert answer.getheader("Content-Type") == "text/html; charset=utf-8"
    for words in ("1 of 2 stations", "manaus.final.line-1.pack-2", "failed", "take it off", "not enrolled", "away"):
        assert words in text
    assert "2 results to tell" in text


def test_what_came_from_outside_is_text(page: StatusPage) -> None:
    assert "<script" not in page_of(VIEW)
    assert page_of(VIEW).count("&lt;script&gt;alert(&#x27;&amp;&#x27;)") == 5
    assert "default-src 'none'" in (ask(page, "/").getheader("Content-Security-Policy") or "")


def test_nobody_else_is_answered(page: StatusPage) -> None:
    assert ask(page, "/status.json", host="evil.example:8091").status == 421
    assert ask(page, "/status.json", host="localhost:8091").status == 200
    assert ask(page, "/etc/passwd").status == 404


def test_an_account_is_of_one_station_and_some_hours(page: StatusPage) -> None:
    told = json.load(ask(page, f"/account.json?station={STATION}&hours=3"))
    assert told["hours"] == [{"hour_ms": 3_600_000, "here": 3, "there": 3, "found": {"stored": 3}}]


@pytest.mark.parametrize(
    ("query", "status", "why"),
    [
        ("station=nowhere", 503, "no station 'nowhere'"),
        ("", 400, "station"),
        (f"station={STATION}&hours=0", 400, "hours"),
        (f"station={STATION}&hours=99999", 400, "hours"),
        (f"station={STATION}&hours=many", 400, "hours"),
    ],
)
def test_an_account_that_cannot_be_given_says_why(page: StatusPage, query: str, status: int, why: str) -> None:
    answer = ask(page, f"/account.json?{query}")
    assert answer.status == status
    assert why in answer.read().decode()
