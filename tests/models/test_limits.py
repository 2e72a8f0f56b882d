"""Tests and limits, as sheets declare them; and layouts of labels under their numbers."""

from __future__ import annotations

import pytest
from label_shop import JOB, LABEL

from connectors.files import sheet_library
from models.labels.content import LabelError
from models.labels.layout import Layout, asked_by, check_layout, of_unit, payload
from models.labels.zpl import content_of
from models.production.limits import Limit, Measurement, measurements_of
from models.refusal import Refused
from models.sheets.check import asked_for, completed


def told_of(name: str) -> list[Measurement]:
    template = sheet_library.template(name)
    values = completed(template, sheet_library.samples(name).valid)
    return measurements_of(asked_for(template, values), values)


def test_a_load_point_is_rejected_at_the_share_of_its_limit_that_the_sheet_names() -> None:
    """Sample: limits of 1 % and 1.5 %, of which 70 % counts by default."""
    assert [(test.table, test.id, test.limits) for test in told_of("calibration")] == [
        ("load_points", point, [Limit(id="error_limit_percent", unit="%", low=-limit, high=limit)])
        for point, limit in (("P1", 0.7), ("P2", 0.7), ("P3", 0.7), ("P4", 1.05))
    ]


def test_the_serial_output_is_heard_within_limits() -> None:
    found = {(test.table, test.id): test.limits for test in told_of("serial-output-test")}
    assert found[None, "packet_period_s"] == [Limit(id="packet_period_s", unit="s", high=5)]
    assert found[None, "rate_deviation_percent"] == [Limit(id="rate_deviation_percent", unit="%", low=-3, high=3)]
    assert {table for table, _ in found} <= {None, "expected_quantities"}


def test_a_test_between_two_limits_has_both() -> None:
    for test in told_of("in-circuit-test"):
        low, high = test.limits
        assert low.low is not None
        assert high.high is not None
        assert low.low < high.high


@pytest.mark.parametrize("name", sheet_library.names())
def test_every_limit_of_the_library_is_of_a_test_that_its_sheet_has(name: str) -> None:
    template = sheet_library.template(name)
    values = completed(template, sheet_library.samples(name).valid)
    for test in told_of(name):
        assert test.limits
        rows = values[test.table] if test.table else [values]
        assert all(any(limit.id in row for row in rows) for limit in test.limits)


def test_a_sheet_that_names_no_limit_has_no_test() -> None:
    assert told_of("packing") == []


def test_a_layout_asks_for_values_and_becomes_what_the_machine_is_sent() -> None:
    assert asked_by(LABEL) == {"customer", "date_yymmdd", "gtin", "serial"}
    assert asked_by(JOB) == {"order", "serial"}
    values = {"customer": "^XA~JA", "gtin": "09506000134352", **of_unit("WA000001", "2026-11-23")}
    sent = payload(LABEL, values, copies=2)
    assert content_of(sent) == ["^XA~JA 261123", "WA000001", "010950600013435221WA000001"]
    assert "^PQ2" in sent
    assert payload(JOB, {"order": "OP-1", "serial": "WA000001"}) == "\x02V1=WA000001\rOP-1\x03"


def test_what_cannot_be_marked_is_refused_and_says_by_what() -> None:
    with pytest.raises(Refused, match=f"{JOB.number} cannot be made: serial: serial holds"):
        payload(JOB, {"order": "OP-1", "serial": "A\x03B"})
    with pytest.raises(LabelError, match="template"):
        check_layout(Layout(number="X", kind="laser", template=LABEL.template))
