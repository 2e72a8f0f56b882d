"""Units that were under way before are taken over as a list: all or none, once, and they go on where they were."""

from __future__ import annotations

from typing import Any

import pytest
from shop import ASSEMBLY, CALIBRATION, ready_shop
from sql_stores import START_MS, content
from sqlalchemy import select
from web import Web, problem

from connectors.sql import passports
from connectors.sql.schema.trail import AUDIT
from connectors.sql.work import Store

PATH = "/v1/orders/OP-1/wip"
DONE = {"step": "assembly", "at_ms": START_MS - 86_400_000, "station": ASSEMBLY}


def unit(serial: str, *done: dict[str, Any]) -> dict[str, Any]:
    return {"serial": serial, "done": list(done)}


@pytest.fixture(autouse=True)
def shop(store: Store) -> None:
    ready_shop(store)


def test_a_list_is_taken_over_once_and_its_units_go_on_where_they_were(web: Web, store: Store) -> None:
    body = {"units": [unit("OLD-1", DONE), unit("OLD-2")]}
    told = web.post("pia", PATH, body).json()["items"]
    assert [(one["outcome"], one["next_place"]) for one in told] == [("taken", 1), ("taken", 0)]
    before = content(store)["units"]
    again = web.post("pia", PATH, body).json()["items"]
    assert [one["outcome"] for one in again] == ["known", "known"]
    assert content(store)["units"] == before
    assert web.get("pia", "/v1/orders/OP-1").json()["begun_qty"] == 2
    assert web.post("cal", f"/v1/stations/{CALIBRATION}/units/OLD-1/enter", {}).json()["outcome"] == "entered"
    problem(web.post("cal", f"/v1/stations/{CALIBRATION}/units/OLD-2/enter", {}), 409, "skipped")
    with store.reading() as connection:
        passport = passports.passport(connection, "OLD-1")
        entries = connection.execute(select(AUDIT.c.entry).where(AUDIT.c.entry.like("%unit_adopted%"))).scalars().all()
    first = passport.steps[0]
    assert (first.step, first.station, first.result) == ("assembly", ASSEMBLY, "adopted")
    assert len(entries) == 2


@pytest.mark.parametrize(
    ("given", "path", "words"),
    [
        (unit("old-1"), "units[1].serial", "capital letters"),
        (unit("OLD-1"), "units[0].serial", "2 times"),
        (unit("WA000005"), "units[1].serial", "still to be given"),
        (unit("OLD-2", DONE | {"step": "packing", "station": None}), "units[1].done[0].step", "here comes assembly"),
        (unit("OLD-2", DONE | {"station": CALIBRATION}), "units[1].done[0].station", "is not done at"),
        (unit("OLD-2", DONE | {"at_ms": START_MS + 9_000_000_000}), "units[1].done[0].at_ms", "lies ahead"),
        (unit("OLD-2", DONE, DONE, DONE), "units[1].done", "is made"),
    ],
)
def test_one_unit_that_cannot_be_keeps_all_of_them_out(
    web: Web, store: Store, given: dict[str, Any], path: str, words: str
) -> None:
    web.token("pia")
    before = content(store)
    answer = web.post("pia", PATH, {"units": [unit("OLD-1", DONE), given]})
    problem(answer, 422, "invalid")
    told = {one["path"]: one["detail"] for one in answer.json()["problems"]}
    assert words in told[path]
    assert content(store) == before


def test_another_history_of_a_known_unit_and_too_many_units_are_refused(web: Web) -> None:
    web.post("pia", PATH, {"units": [unit("OLD-1", DONE)]})
    problem(web.post("pia", PATH, {"units": [unit("OLD-1")]}), 422, "invalid")
    many = {"units": [unit(f"OLD-{number}") for number in range(2, 12)]}
    problem(web.post("pia", PATH, many), 409, "over_quantity")
    problem(web.post("lia", PATH, many), 403, "forbidden")
