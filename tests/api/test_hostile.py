"""Hostile input, wherever text comes in: refused as a problem, kept nowhere, and nothing has changed."""

from __future__ import annotations

import socket
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from httpx import Response
from office import open_office
from shop import ASSEMBLY, CALIBRATION, LINE, ready_shop
from sql_stores import content, store_of
from web import EXTRA, PIN, Web

from connectors.sql.schema.production import REFUSALS
from connectors.sql.schema.requests import ANSWERS
from connectors.sql.schema.trail import OUTBOX
from connectors.sql.work import Store
from sipe.clock import ManualClock

HOSTILE = {
    "SQL": "WA000001' OR '1'='1",
    "SQL that ends a statement": "'; DROP TABLE units; --",
    "SQL in a comment": "WA000001/**/UNION/**/SELECT/**/secret",
    "traversal": "../../../../etc/passwd",
    "traversal, coded twice": "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "traversal for Windows": "..\\..\\boot.ini",
    "header injection": "WA000001\r\nSet-Cookie: a=b",
    "a null": "WA000001\x00",
    "a newline at the end": "WA000001\n",
    "a Cyrillic A": "W\N{CYRILLIC CAPITAL LETTER A}000001",
    "a fullwidth digit": "WA00000\N{FULLWIDTH DIGIT ONE}",
    "an Arabic digit": "WA00000\N{ARABIC-INDIC DIGIT ONE}",
    "a zero-width space": "WA\N{ZERO WIDTH SPACE}000001",
    "text turned round": "\N{RIGHT-TO-LEFT OVERRIDE}100000AW",
    "a combining accent": "WA000001\N{COMBINING ACUTE ACCENT}",
    "a blank": " WA000001",
    "a template": "{{7*7}}${7*7}<%= 7*7 %>",
    "a script": "<script>alert(1)</script>",
    "ZPL": "^XZ^XA~JA",
    "a format": "%s%s%n{0.__class__}",
    "too long": "A" * 5_000,
}


@pytest.fixture
def store(clock: ManualClock) -> Iterator[Store]:
    with store_of(a_shop, clock) as store:
        yield store


def a_shop(store: Store) -> None:
    open_office(store, extra=EXTRA)
    ready_shop(store)


def asked(web: Web, text: str) -> list[Response]:
    """The answers to a text at every place where one can say a name."""
    part = quote(text, safe="")
    unit = f"/v1/stations/{CALIBRATION}/units/{part}"
    order = {"number": "OP-9", "product": "MTR-100", "routing_revision": 1, "planned_qty": 1, "line": LINE}
    order["serial_range"] = "wa"
    disposal = {"disposal": "scrap", "reason": "because", "secret": PIN}
    return [
        web.get("caio", f"/v1/units/{part}"),
        web.post("cal", f"{unit}/pass"),
        web.post("cal", f"{unit}/fail", {"reason": "because"}),
        web.post("caio", f"/v1/units/{part}/disposals", disposal),
        web.get("pia", f"/v1/orders/{part}"),
        web.get("pia", f"/v1/orders?line={part}"),
        web.get("pia", f"/v1/orders?cursor={part}"),
        web.get("cal", f"/v1/stations/{part}/contract?order=OP-1"),
        web.get("cal", f"/v1/stations/{CALIBRATION}/contract?order={part}"),
        web.get("gil", f"/v1/template-library/{part}"),
        web.post("asm", f"/v1/stations/{ASSEMBLY}/units", {"order": text}),
        web.post("pia", "/v1/orders", order | {"number": text}),
        web.post("pia", "/v1/orders", order | {"product": text}),
        web.post("pia", "/v1/orders/OP-1/adopted-units", {"serial": text, "next_step": "calibration"}),
    ]


def test_hostile_text_is_refused_wherever_it_comes_in(web: Web, store: Store) -> None:
    for who in ("asm", "cal", "pia", "gil", "caio"):
        web.token(who)
    before = content(store)
    for what, text in HOSTILE.items():
        for answer in asked(web, text):
            assert 400 <= answer.status_code < 500, (what, answer.request.url)
            assert answer.headers["content-type"] == "application/problem+json", (what, answer.request.url)
            assert "set-cookie" not in answer.headers
            assert "Traceback" not in answer.text
    assert content(store) == before


def test_what_enters_under_a_hostile_serial_is_kept_as_a_refusal_and_as_nothing_else(web: Web, store: Store) -> None:
    web.token("cal")
    before = content(store)
    for what, text in {**HOSTILE, "small letters": "wa000001"}.items():
        answer = web.post("cal", f"/v1/stations/{CALIBRATION}/units/{quote(text, safe='')}/enter", {})
        assert answer.status_code in {404, 409, 422}, what
    after = content(store)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {REFUSALS.name, ANSWERS.name, OUTBOX.name}


@pytest.mark.parametrize(
    "head",
    [
        b"GET /v1/orders HTTP/1.1\r\nhost: x\r\nauthorization: Bearer a\x00b\r\n\r\n",
        b"GET /v1/orders HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET /v1/" + b"a" * 200_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST /v1/orders HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcdef",
        b"POST /v1/orders HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/orders HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"GET\x00 / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ],
    ids=["a null", "a header", "an address", "two lengths", "a length below 0", "a chunk", "a method", "TLS"],
)
def test_what_is_no_http_gets_no_further_than_the_door(web: Web, head: bytes) -> None:
    with socket.create_connection(("127.0.0.1", web.client.base_url.port or 0), timeout=30) as connection:
        try:
            connection.sendall(head)
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(65_536)
        except OSError:  # closed from the other side, at whatever byte
            answer = b""
    assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))
    assert web.get("pia", "/v1/orders").status_code == 200


LEVEL = {"name": "check", "meaning": "checked", "roles": ["engineer"]}
DEFINITIONS = {
    "a name that no column holds": {"name": "n" * 5_000},
    "a name that no address holds": {"name": "two/levels"},
    "a version that no column holds": {"version": 2**70},
    "a number of 5,000 digits": {"version": int("9" * 4_000)},
    "a level that nobody can name": {"levels": [LEVEL | {"name": "l" * 5_000}]},
    "a time that no column holds": {"levels": [LEVEL | {"time_limit_ms": 2**70}]},
    "a meaning that cannot be read": {"levels": [LEVEL | {"meaning": "\x1b[2J"}]},
    "a thousand levels": {"levels": [LEVEL] * 1_000},
}


@pytest.mark.parametrize("given", DEFINITIONS.values(), ids=list(DEFINITIONS))
def test_what_is_kept_fits_into_where_it_is_kept(web: Web, store: Store, given: dict[str, Any]) -> None:
    web.token("caio")
    before = content(store)
    workflow = {"name": "new", "version": 1, "levels": [LEVEL], **given}
    assert web.post("caio", "/v1/workflows", workflow).status_code == 422
    assert content(store) == before


def test_a_cursor_that_somebody_made_up_is_refused(web: Web) -> None:
    for told in ('["TS-1",99999999999999999999]', '["TS-1"]', "1", '"\ud83d"', "[" * 1_000, '{"a":1}'):
        cursor = urlsafe_b64encode(told.encode(errors="surrogatepass")).decode()
        assert web.get("gil", f"/v1/sheets?cursor={cursor}").status_code == 422, told


def test_the_sampling_of_a_product_that_is_not_there_is_not_resumed(web: Web, store: Store) -> None:
    web.token("caio")
    before = content(store)
    resumed = {"customer": "", "reason": "it was mended", "secret": PIN}
    answer = web.post("caio", "/v1/samplings/NO-SUCH/resumptions", resumed)
    assert answer.status_code == 404, answer.text
    assert {name for name, rows in content(store).items() if rows != before[name]} <= {"people", "audit", "audit_head"}
