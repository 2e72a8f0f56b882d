"""Requests that nobody thought of: whatever is sent, the service answers what its description promises, never 5xx."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from office import open_office
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks
from shop import CALIBRATION, LINE, ready_shop
from sql_stores import KINDS, START_MS, SqlServers
from web import EXTRA, PIN, Web

from api.app import openapi
from api.v1.events import LINES
from models.identity import ROLES, Role
from sipe.clock import ManualClock

CASES = int(os.environ.get("FUZZ_CASES", "50000" if os.environ.get("SIPE_PROVE") else "150")) // 2
"""On each of the two stores."""
SOMEBODY = "davi"
"""Who may do everything that a person may."""
SCHEMA = schemathesis.openapi.from_dict(openapi()).exclude(path="/v1/stream")  # which never ends: test_stream.py
CASES_OF = [
    found.ok().as_strategy(generation_mode=mode)
    for found in SCHEMA.get_all_operations()
    if isinstance(found, Ok)
    for mode in GenerationMode
]
PROMISED = (
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
)
KNOWN: dict[str, list[Any]] = {
    "station": [CALIBRATION],
    "serial": ["WA000001", "WA000002", "WA00000\N{CYRILLIC CAPITAL LETTER A}"],
    "order": ["OP-1"],
    "number": ["OP-1", "TS-1"],
    "line": [LINE],
    "product": ["MTR-100"],
    "step": ["calibration"],
    "template": ["calibration"],
    "name": ["calibration", "two-levels"],
    "level": ["check", "release"],
    "serial_range": ["wa"],
    "range_id": ["wa"],
    "person": ["ana", "otto"],
    "secret": [PIN],
    "reason": ["because"],
    "version": [1, 2],
    "revision": [1, 2],
    "routing_revision": [1],
    "workflow": ["two-levels"],
    "workflow_version": [1],
    "setup_id": [1],
}
"""What there is: requests about nothing are all refused by the same few lines."""


@schemathesis.serializer(LINES.media)
def lines(_: object, value: object) -> bytes:
    return str(value).encode(errors="surrogatepass")


@pytest.fixture(scope="module", params=KINDS)
def web(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    clock, directory = ManualClock(START_MS), tmp_path_factory.mktemp("fuzz")
    everything = tuple(Role(name) for name in sorted(ROLES))
    with closing(SqlServers(directory)) as servers, servers.store(request.param, clock) as store:
        open_office(store, extra={**EXTRA, SOMEBODY: everything})
        ready_shop(store)
        with Web(store, clock, directory) as web:
            yield web


@settings(
    max_examples=CASES, phases=[Phase.generate], database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
@given(data=st.data())
@pytest.mark.timeout(600 + CASES)
def test_every_answer_is_one_that_is_described(web: Web, data: st.DataObject) -> None:
    case = data.draw(data.draw(st.sampled_from(CASES_OF)))
    for given_ in (case.path_parameters, case.query, case.body):
        if isinstance(given_, dict):
            known = [name for name in given_ if name in KNOWN]
            for name in data.draw(st.sets(st.sampled_from(known))) if known else ():
                given_[name] = data.draw(st.sampled_from(KNOWN[name]))
    case.headers["authorization"] = f"Bearer {web.token(SOMEBODY)}"
    answer = case.call(base_url=str(web.client.base_url))
    assert answer.status_code < 500, case.as_curl_command()
    case.validate_response(answer, checks=PROMISED)
