"""What depends on the store itself, on SQLite and on MariaDB: what is kept, what is unique, and who was first."""

from __future__ import annotations

import csv
import hashlib
import io
import threading
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from office import open_office, who
from shop import ASSEMBLY, PACKING, UNTIL_MS, make, ready_shop
from sqlalchemy import delete, update
from sqlalchemy.exc import DatabaseError
from yard import (
    PLACE,
    a_lot,
    accepted,
    drawn,
    good_units,
    in_the_way,
    inspected,
    lot_status,
    measured,
    open_yard,
    refusal,
    released,
)

from connectors.sql import force, lots, releases, samples, seals, stops, trail, units
from connectors.sql.schema.release import (
    CALIBRATIONS,
    CERTIFICATES,
    DELIVERIES,
    LOT_INSPECTIONS,
    LOT_ROUNDS,
    LOT_UNITS,
    SEALS,
)
from connectors.sql.work import Store
from models.audit import verify
from models.refusal import Refused
from models.release.lot import Seal
from models.sheets.revision import Ref

CAIO, DAVI, ANA = who("caio"), who("davi"), who("ana")


@pytest.fixture(autouse=True)
def yard(store: Store) -> None:
    open_office(store)
    ready_shop(store)
    open_yard(store)


def test_it_leaves_with_its_files_and_stays_as_it_was(store: Store) -> None:
    serials = good_units(store, 3)
    accepted(store, serials)
    assert in_the_way(store) == {}
    assert released(store).status == "released"
    with store.reading() as connection:
        files = {name: releases.file_of(connection, "L-1", name) for name in ("units.csv", "units.json")}
        manifest = msgspec.json.decode(releases.file_of(connection, "L-1", "manifest.json").body)
    rows = list(csv.reader(io.StringIO(files["units.csv"].body, newline="")))
    assert [row[1] for row in rows[1:]] == serials
    assert rows[1][:4] == ["L-1", serials[0], f"SEAL-{serials[0]}", "0.100"]
    told = msgspec.json.decode(files["units.json"].body)["units"]
    assert [unit["Serial"] for unit in told] == serials
    assert told[0][rows[0][3]] == 0.1
    assert (manifest["units_qty"], manifest["sheet"]["number"]) == (3, "TS-R")
    for told_of in manifest["files"]:
        body = files[told_of["name"]].body
        assert hashlib.sha256(body.encode()).hexdigest() == told_of["sha256"] == files[told_of["name"]].sha256
    assert refusal(store, releases.release, "L-1", None, by="caio") == "lot_status"
    assert refusal(store, lots.take_out, "L-1", None, serials[:1], "back") == "lot_closed"
    assert refusal(store, seals.replace, serials[0], PLACE, None, "x", opened=True) == "has_left"
    with store.reading() as connection:
        head, lines = trail.head(connection), list(trail.export(connection))
    assert list(verify(lines, {head.seq: head.seal})) == []
    assert b"lot_released" in lines[-1]


def test_a_rejected_lot_is_screened_and_what_does_not_conform_stays(store: Store) -> None:
    serials = good_units(store, 4)
    a_lot(store, serials)
    last = drawn(store)
    bad = last.drawn[0]
    inspected(store, last, bad)
    assert refusal(store, samples.conclude, "L-1", None, "accepted") == "other_judgement"
    assert store.work(DAVI, samples.conclude, "L-1", None, "rejected").status == "rejected"
    assert in_the_way(store)[""] == ["sample_missing"]
    assert refusal(store, releases.release, "L-1", None, by="caio") == "lot_status"
    screening = store.work(DAVI, samples.screen, "L-1", None, "all of them")
    assert screening.drawn == tuple(sorted(set(serials) - {bad}))
    worse = screening.drawn[-1]
    inspected(store, screening, worse)
    assert store.work(DAVI, samples.conclude, "L-1", None, "accepted").status == "accepted"
    with store.reading() as connection:
        left = lots.serials_of(connection, "L-1")
        stopped = {one.serial: one.stopped_reason for one in stops.stopped(connection, None, None, "", 10)}
    assert left == sorted(set(serials) - {bad, worse})
    assert stopped == dict.fromkeys((bad, worse), "does not conform in lot L-1: scratched")
    assert in_the_way(store) == {}
    assert released(store).status == "released"


def test_a_number_is_used_once_and_a_place_is_sealed_once(store: Store) -> None:
    first, second = begun(store, 2)
    for serial in (first, second):
        measured(store, serial)
        store.work(ANA, units.enter, PACKING, serial)
    store.work(ANA, seals.put, PACKING, first, Seal(PLACE, "A-1"))
    assert refusal(store, seals.put, PACKING, first, Seal(PLACE, "A-2")) == "sealed"
    assert refusal(store, seals.put, PACKING, second, Seal(PLACE, "A-1")) == "seal_used"
    assert refusal(store, seals.replace, first, PLACE, "A-2", " ", opened=False) == "reason_missing"
    assert refusal(store, seals.replace, first, "top", "A-2", "torn", opened=False) == "not_found"
    store.work(DAVI, seals.replace, first, PLACE, "A-2", "torn", opened=False)
    assert refusal(store, seals.put, PACKING, second, Seal(PLACE, "A-1")) == "seal_used"
    with store.reading() as connection:
        found = seals.of_unit(connection, first)
    assert [(one.number, one.removed_reason, one.removed_by) for one in found] == [
        ("A-1", "torn", "davi"),
        ("A-2", "", None),
    ]


def test_of_many_that_put_one_number_one_does(store: Store) -> None:
    serials = begun(store, 4)
    for serial in serials:
        measured(store, serial)
        store.work(ANA, units.enter, PACKING, serial)
    barrier, outcomes = threading.Barrier(len(serials)), list[str]()

    def put(serial: str) -> None:
        barrier.wait()
        try:
            store.work(ANA, seals.put, PACKING, serial, Seal(PLACE, "A-1"))
            outcomes.append("put")
        except Refused as refused:
            outcomes.append(refused.reason)

    threads = [threading.Thread(target=put, args=(serial,)) for serial in serials]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["put"] + ["seal_used"] * 3


def test_of_two_who_release_or_judge_at_once_one_does(store: Store) -> None:
    serials = good_units(store, 2)
    a_lot(store, serials)
    inspected(store, drawn(store))

    def judge() -> None:
        store.work(DAVI, samples.conclude, "L-1", None, "accepted")

    assert sorted(at_once(judge, judge)) == ["done", "lot_not_drawn"]
    assert sorted(at_once(lambda: released(store), lambda: released(store))) == ["done", "lot_status"]


def test_a_revocation_and_a_release_at_once_agree(store: Store) -> None:
    """Either the lot has left, and its units are recalled then; or it is refused because they were."""
    accepted(store, good_units(store, 2))
    outcomes = at_once(
        lambda: store.work(CAIO, force.revoke, Ref("TS-1", 1), None, "wrong") and None, lambda: released(store) and None
    )
    assert outcomes in (["done", "done"], ["done", "not_released"])
    assert lot_status(store) == ("released" if outcomes[1] == "done" else "accepted")
    with store.reading() as connection:
        assert [one.status for one in stops.stopped(connection, "recalled", None, "", 10)] == ["recalled"] * 2


def test_the_store_itself_refuses_to_change_what_was_kept(store: Store) -> None:
    serials = good_units(store, 2)
    accepted(store, serials)
    released(store)
    for statement in (
        update(CALIBRATIONS).values(is_good=1),
        delete(CALIBRATIONS),
        update(CERTIFICATES).values(valid_until_ms=UNTIL_MS + 1),
        delete(CERTIFICATES),
        update(SEALS).values(number="A-1"),
        delete(SEALS),
        update(LOT_UNITS).values(lot="L-2"),
        delete(LOT_UNITS),
        update(LOT_ROUNDS).values(judgement="rejected"),
        update(LOT_ROUNDS).values(drawn="[]"),
        delete(LOT_ROUNDS),
        update(LOT_INSPECTIONS).values(conforms=1),
        delete(LOT_INSPECTIONS),
        update(DELIVERIES).values(body=""),
        delete(DELIVERIES),
    ):
        with pytest.raises(DatabaseError), store.transactions.writing() as held:
            held.execute(statement)


def begun(store: Store, count: int = 1) -> list[str]:
    """Units that are assembled."""
    serials = [unit.serial for unit in store.work(who("pia"), units.begin, "OP-1", count)]
    for serial in serials:
        make(store, serial, ASSEMBLY)
    return serials


def at_once(*what: Callable[[], Any]) -> list[str]:
    """What became of things that were done at the same time, in the order in which they were asked for."""
    barrier, outcomes = threading.Barrier(len(what)), [""] * len(what)

    def run(at: int) -> None:
        barrier.wait()
        try:
            what[at]()
            outcomes[at] = "done"
        except Refused as refused:
            outcomes[at] = refused.reason

    threads = [threading.Thread(target=run, args=(at,)) for at in range(len(what))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
