"""The station contract over HTTP: limits, labels, what is read and what is scanned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from label_shop import CUSTOMER, GTIN, JOB, LABEL, LABELLING, LASER, open_label_shop
from office import open_office
from shop import CALIBRATION, ready_shop
from sql_stores import store_of
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DatabaseError
from web import EXTRA, Web, problem

from connectors.sql.schema.contracts import CONTRACTS, LAYOUTS
from connectors.sql.schema.trail import AUDIT
from connectors.sql.work import Store
from models.barcodes import GS, scan
from models.labels.laser import engraving_of, lines_of
from models.labels.zpl import commands_of, content_of
from models.production.contract import digest_of
from sipe.clock import ManualClock


@pytest.fixture
def store(clock: ManualClock) -> Iterator[Store]:
    with store_of(a_label_shop, clock) as store:
        yield store


def a_label_shop(store: Store) -> None:
    open_office(store, extra=EXTRA)
    open_label_shop(store)


def contract_of(web: Web, station: str, order: str, who: str = "asm") -> dict[str, Any]:
    answer = web.get(who, f"/v1/stations/{station}/contract?order={order}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_contract_says_the_tests_their_limits_and_how_to_speak(web: Web, store: Store) -> None:
    ready_shop(store)
    told = contract_of(web, CALIBRATION, "OP-1", "cal")
    assert told["mode"] == "enforce"
    contract = told["contract"]
    assert contract["tests"][0] == {
        "id": "P1",
        "table": "load_points",
        "limits": [{"id": "error_limit_percent", "unit": "%", "low": -0.7, "high": 0.7}],
    }
    assert [one["id"] for one in contract["protocol"]] == ["pulse_pickup"]
    with store.reading() as connection:
        query = select(CONTRACTS).where(CONTRACTS.c.setup_digest == contract["setup_digest"])
        (row,) = connection.execute(query).all()
    assert (row.setup_digest, row.digest) == (contract["setup_digest"], digest_of(row.body.encode()))
    assert msgspec.json.decode(row.body) == contract


def test_what_was_told_never_changes(store: Store) -> None:
    for table in (CONTRACTS, LAYOUTS):
        for statement in (update(table).values(created_ms=0), delete(table)):
            with pytest.raises(DatabaseError, match="never changes"), store.transactions.writing() as held:
                held.execute(statement)


class TestLabels:
    def marked(self, web: Web, who: str, station: str, serial: str, query: str = "") -> list[dict[str, Any]]:
        answer = web.get(who, f"/v1/stations/{station}/units/{serial}/payloads{query}")
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])

    def test_what_is_printed_and_marked_is_the_unit_and_no_order_text_is_a_command(
        self, web: Web, store: Store
    ) -> None:
        serial = web.post("asm", f"/v1/stations/{LASER}/units", {"order": "OP-2"}).json()["serial"]
        (job,) = self.marked(web, "asm", LASER, serial)
        assert (job["id"], job["layout"], job["kind"]) == ("marking_job", JOB.number, "laser")
        assert lines_of(job["payload"], engraving_of(JOB.template).framing) == [f"V1={serial}", "OP-2"]
        web.post("asm", f"/v1/stations/{LASER}/units/{serial}/pass")
        problem(web.get("pack", f"/v1/stations/{LABELLING}/units/{serial}/payloads"), 409, "not_in_work")
        web.post("pack", f"/v1/stations/{LABELLING}/units/{serial}/enter", {"order": "OP-2"})
        (label,) = self.marked(web, "pack", LABELLING, serial, "?copies=2&date=2026-09-22")
        who_, bars, matrix = content_of(label["payload"])
        assert (who_, bars) == (f"{CUSTOMER} 260922", serial)
        assert scan("]d2" + matrix).elements == (("01", "0" + GTIN), ("21", serial))
        names = [name for name, _ in commands_of(label["payload"])]
        assert (names.count("^XA"), names.count("^XZ"), "~J" in "".join(names)) == (1, 1, False)
        assert ("^PQ", "2") in commands_of(label["payload"])

    def test_a_gateway_can_make_them_from_the_contract_alone(self, web: Web, store: Store) -> None:
        (label,) = contract_of(web, LABELLING, "OP-2", "pack")["contract"]["labels"]
        assert label["layout"] == msgspec.to_builtins(LABEL)
        assert label["values"] == {"customer": CUSTOMER, "gtin": f"0{GTIN}"}

    def test_only_today_is_marked(self, web: Web, store: Store) -> None:
        serial = web.post("asm", f"/v1/stations/{LASER}/units", {"order": "OP-2"}).json()["serial"]
        for day in ("2026-09-30", "2026-02-30"):
            problem(web.get("asm", f"/v1/stations/{LASER}/units/{serial}/payloads?date={day}"), 422, "date")

    def test_a_layout_is_published_once_and_only_when_it_works(self, web: Web, store: Store) -> None:
        body = msgspec.to_builtins(LABEL) | {"number": "ETQ-9"}
        assert web.post("gil", "/v1/layouts", body).status_code == 201
        assert web.get("otto", "/v1/layouts/ETQ-9").json() == body
        problem(web.post("gil", "/v1/layouts", body), 409, "exists")
        wrong = {"number": "X-1", "kind": "laser", "template": {"name": "x"}}
        problem(web.post("gil", "/v1/layouts", wrong), 422, "cannot_work")
        problem(web.get("otto", "/v1/layouts/X-1"), 404, "not_found")


class TestReadings:
    def test_each_operator_confirms_once_and_it_is_kept(self, web: Web, store: Store) -> None:
        path, body = f"/v1/stations/{LASER}/readings", {"order": "OP-2", "instruction": "goggles"}
        assert contract_of(web, LASER, "OP-2", "otto")["to_read"] == ["goggles"]
        first = web.post("otto", path, body)
        assert (first.status_code, first.json()["person"]) == (201, "otto")
        assert web.post("otto", path, body).json() == first.json()
        assert contract_of(web, LASER, "OP-2", "otto")["to_read"] == []
        assert contract_of(web, LASER, "OP-2", "sara")["to_read"] == ["goggles"]
        (reading,) = web.get("caio", path).json()["items"]
        assert reading["instruction"]["words"]["pt"] == "Usar óculos"
        with store.reading() as connection:
            entries = list(connection.execute(select(AUDIT.c.entry).where(AUDIT.c.entry.like("%instruction_read%"))))
        assert len(entries) == 1

    def test_only_a_person_reads_and_only_what_there_is(self, web: Web, store: Store) -> None:
        path, body = f"/v1/stations/{LASER}/readings", {"order": "OP-2", "instruction": "goggles"}
        problem(web.post("asm", path, body), 403, "forbidden")
        problem(web.post("lia", path, body), 403, "forbidden")
        problem(web.post("otto", path, body | {"instruction": "gloves"}), 404, "not_found")
        problem(web.post("otto", path, body | {"step": "label"}), 409, "no_such_step")


class TestScans:
    @pytest.fixture(autouse=True)
    def serial(self, web: Web, store: Store) -> str:
        return str(web.post("pia", "/v1/orders/OP-2/units", {"count": 1}).json()["serials"][0])

    def scanned(self, web: Web, text: str) -> dict[str, Any]:
        answer = web.post("asm", f"/v1/stations/{LASER}/scans", {"text": text})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    @pytest.mark.parametrize(
        ("text", "kind", "found"),
        [
            ("WL000001", "unit", {"serial": "WL000001", "order": "OP-2", "product": "MTR-200"}),
            ("]C0WL000001", "unit", {"serial": "WL000001"}),
            (f"]d2010{GTIN}21WL000001", "unit", {"serial": "WL000001", "order": "OP-2", "product": "MTR-200"}),
            (f"https://id.gs1.org/01/0{GTIN}/21/WL000001", "unit", {"order": "OP-2"}),
            ("OP-2", "order", {"order": "OP-2"}),
            (f"]d2010{GTIN}10L-7{GS}21WL999999", "unknown", {"serial": "WL999999", "product": "MTR-200"}),
            (f"]C1010{GTIN}10L-7", "material", {"lot": "L-7", "product": "MTR-200"}),
            (f"]E0{GTIN}", "product", {"product": "MTR-200", "gtin": f"0{GTIN}"}),
            ("nothing", "unknown", {}),
        ],
    )
    def test_a_line_says_what_it_is_about(self, web: Web, text: str, kind: str, found: dict[str, str]) -> None:
        told = self.scanned(web, text)
        assert told["kind"] == kind
        assert {name: told[name] for name in found} == found

    def test_a_scanned_unit_enters_and_everything_else_is_told_apart(self, web: Web, serial: str) -> None:
        path = f"/v1/stations/{LASER}/enter"
        assert "scan the unit" in problem(web.post("asm", path, {"text": "OP-2"}), 409, "no_unit")
        problem(web.post("asm", path, {"text": "WL777777"}), 409, "foreign_serial")
        problem(web.post("asm", path, {"text": "wl777777\u0430"}), 422, "barcode_character")
        problem(web.post("asm", path, {"text": "]d20109506000134353"}), 422, "barcode_check_digit")
        problem(web.post("pack", path, {"text": serial}), 403, "forbidden")
        unit = web.post("asm", path, {"text": f"(01)0{GTIN}(21){serial}", "order": "OP-2"}).json()
        assert (unit["serial"], unit["status"], unit["outcome"]) == (serial, "in_work", "entered")

    def test_the_article_number_on_the_label_has_to_be_the_units(self, web: Web, serial: str) -> None:
        web.post("gil", "/v1/products", {"id": "OTHER", "display": "Other", "gtin": "4006381333931"})
        words = problem(
            web.post("asm", f"/v1/stations/{LASER}/scans", {"text": f"(01)04006381333931(21){serial}"}),
            409,
            "wrong_product",
        )
        assert words == f"{serial} is a MTR-200, and the label says OTHER"
