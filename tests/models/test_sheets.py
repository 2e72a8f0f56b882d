"""Sheets against JSON Schema, which says the same of any template and any values in words of its own."""

from __future__ import annotations

import copy
import random
from typing import Any

import jsonschema
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.sheets.check import asked_for, completed, problems
from models.sheets.compare import Change, changes, digest
from models.sheets.schema import json_schema
from models.sheets.template import Template, TemplateError, template_of

WORDS = {"en": "word", "pt": "palavra"}
ONLY_OURS = {"decimals", "key_doubled"}
"""What JSON Schema is not asked to say; but of a whole number it says that it is one."""
WHOLE = {"address"}


def field(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "type": kind, "label": WORDS, "help": WORDS} | more


def form(*fields: dict[str, Any]) -> dict[str, Any]:
    sections = [{"title": WORDS, "fields": list(fields)}]
    return {"name": "form", "version": 1, "title": WORDS, "purpose": WORDS, "sections": sections}


def options(*values: str) -> list[dict[str, Any]]:
    return [{"value": value, "label": WORDS} for value in values]


def number(name: str, **more: Any) -> dict[str, Any]:
    return field("number", name, **({"unit": "V", "low": 0, "high": 10} | more))


def choice(name: str, *values: str, **more: Any) -> dict[str, Any]:
    return field("choice", name, options=options(*(values or ("yes", "no"))), **more)


def table(name: str, *columns: dict[str, Any], **more: Any) -> dict[str, Any]:
    return field("table", name, **({"columns": list(columns), "key": columns[0]["id"]} | more))


FILE = {"name": "a.png", "media": "image/png", "size_bytes": 9, "sha256": "0" * 64}
FORM = form(
    choice("port", "optical", "rs485", default="optical"),
    number("address", decimals=0, when={"field": "port", "values": ["rs485"]}),
    choice("parity", when={"field": "address", "values": [1, 2]}),
    field("text", "register", pattern="[0-9A-F]+", chars_max=4, required=False),
    field("reference", "product", to="product"),
    field("text", "remark", required=False),
    field("file", "picture", media=["image/png"], bytes_max=100, when={"field": "port", "values": ["optical"]}),
    table("points", number("load", high=200), choice("phase", "a", "b", default="a"), rows_max=3, required=False),
)

scalars = (
    st.sampled_from(
        ["optical", "rs485", "yes", "no", "a", "AF01", "af", "x" * 9, "P-1", "", "\n", "AF01\n", "P-1\n", "10\u00a0mm"]
    )
    | st.sampled_from([0, 1, 2, 5, 10, 11, -1, 0.5, 1.0, 201, True, float(2**60), 10**400, -(10**400)])
    | st.none()
)
WRONG_FILES = (
    {"media": "text/html"}, {"size_bytes": 101}, {"sha256": "x"}, {"sha256": "0" * 64 + "\n"}, {"name": "a\n"},
    {"more": 1},
)  # fmt: skip
files = st.sampled_from([FILE, {}, *(FILE | wrong for wrong in WRONG_FILES)])
rows = st.dictionaries(st.sampled_from(["load", "phase", "other"]), scalars, max_size=3)
tables = st.lists(rows | scalars, max_size=4)
filled_in = st.dictionaries(
    st.sampled_from(["port", "address", "parity", "register", "product", "remark", "picture", "points", "other"]),
    scalars | files | tables,
)


@st.composite
def nearly_right(draw: st.DrawFn) -> dict[str, Any]:
    """Values of `FORM` that are right but for a few."""
    values: dict[str, Any] = {"product": "P-1", "picture": FILE, "points": [{"load": 5}]}
    if draw(st.booleans()):
        values = {"port": "rs485", "address": draw(st.sampled_from([1, 2, 5])), "product": "P-1"}
        if values["address"] < 5:
            values["parity"] = "yes"
    for name, value in draw(
        st.dictionaries(st.sampled_from([*values, "register"]), scalars | files | tables, max_size=2)
    ).items():
        values[name] = value
    return values


@given(values=filled_in | nearly_right())
@example(values={"port": "rs485", "address": 0.5, "product": "P-1"})
def test_what_has_no_problem_is_valid_and_the_other_way_round(values: dict[str, Any]) -> None:
    template = template_of(FORM)
    said = [one for one in problems(template, values) if one.code not in ONLY_OURS or one.path in WHOLE]
    valid = jsonschema.Draft202012Validator(json_schema(template)).is_valid(values)
    assert valid == (not said), (said, values)


@given(values=nearly_right(), seed=st.integers())
def test_a_sheet_is_what_counts_on_it(values: dict[str, Any], seed: int) -> None:
    template = template_of(FORM)
    if problems(template, values):
        return
    counts = completed(template, values)
    assert problems(template, counts) == []
    assert completed(template, counts) == counts
    shuffled = dict(random.Random(seed).sample(list(values.items()), len(values)))
    assert digest(template, shuffled) == digest(template, counts) == digest(template, values)
    assert changes(template, values, shuffled) == []


@given(before=nearly_right(), after=nearly_right())
def test_two_sheets_have_one_digest_when_nothing_is_different(before: dict[str, Any], after: dict[str, Any]) -> None:
    template = template_of(FORM)
    if problems(template, before) or problems(template, after):
        return
    same_rows = completed(template, before).get("points") == completed(template, after).get("points")
    alike = changes(template, before, after) == []
    assert (digest(template, before) == digest(template, after)) == (alike and same_rows)
    assert alike == (changes(template, after, before) == [])


def test_a_version_of_the_template_is_part_of_the_digest() -> None:
    first, second = template_of(FORM), template_of(FORM | {"version": 2})
    values = {"product": "P-1", "picture": FILE}
    assert digest(first, values) != digest(second, values)


def test_rows_are_known_by_their_key() -> None:
    template = template_of(form(table("points", number("load"), number("limit", required=False))))
    before = {"points": [{"load": 1, "limit": 5}, {"load": 2, "limit": 5}]}
    after = {"points": [{"load": 3}, {"load": 2, "limit": 6}]}
    assert changes(template, before, after) == [
        Change("points[1]", {"load": 1, "limit": 5}, None),
        Change("points[2].limit", 5, 6),
        Change("points[3]", None, {"load": 3}),
    ]


def test_a_condition_looks_at_the_default_and_only_at_what_is_asked_for() -> None:
    template = template_of(
        form(
            choice("lit", default="yes"),
            choice("bright", default="yes", when={"field": "lit", "values": ["yes"]}),
            number("glare", when={"field": "bright", "values": ["yes"]}),
        )
    )

    def names(values: dict[str, Any]) -> list[str]:
        return [field.id for field in asked_for(template, values)]

    assert names({}) == ["lit", "bright", "glare"]
    assert names({"bright": "no"}) == ["lit", "bright"]
    assert names({"lit": "no"}) == ["lit"]
    assert names({"lit": "no", "bright": "yes"}) == ["lit"], "what is not asked for decides nothing"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, "5", None, [5]])
def test_what_is_no_number_is_none(value: object) -> None:
    template = template_of(form(number("volts")))
    assert [problem.code for problem in problems(template, {"volts": value})] == ["type"]


def test_a_number_is_told_with_all_its_digits() -> None:
    template = template_of(form(number("volts", decimals=9)))
    told = [problem.detail for value in (10.0000001, -(10**400)) for problem in problems(template, {"volts": value})]
    assert told == ["10.0000001 V is above 10", f"-1{'0' * 38} V is below 0"]


def test_a_file_name_that_nobody_can_read_is_none() -> None:
    template = template_of(form(field("file", "picture", media=["image/png"])))
    values = {"picture": FILE | {"name": "\ud800.png"}}
    assert [(problem.path, problem.code) for problem in problems(template, values)] == [("picture", "file")]


@pytest.mark.parametrize(("value", "code"), [("a\u2028b", "pattern"), ("a\x00b", "pattern"), ("x" * 201, "too_long")])
def test_text_is_a_line_that_people_can_read(value: str, code: str) -> None:
    template = template_of(form(field("text", "remark")))
    assert [problem.code for problem in problems(template, {"remark": value})] == [code]


def test_a_hostile_name_is_shown_and_not_obeyed() -> None:
    template = template_of(form(number("volts")))
    [problem] = [one for one in problems(template, {"volts": 1, "\x1b[2J" + "x" * 99: 1}) if one.code == "unknown"]
    assert problem.path.isprintable()
    assert len(problem.path) <= 48


BROKEN: list[tuple[dict[str, Any], str]] = [
    (form(number("volts"), number("volts")), "the template has 2 fields 'volts'"),
    (form(number("volts", low=10)), "field 'volts': low 10 is not below high 10"),
    (form(number("volts", default=11)), "field 'volts': the default 11: 11 V is above 10"),
    (form(choice("lit", "yes", "yes")), "field 'lit': two options have one value"),
    (form(choice("lit", default="maybe")), "field 'lit': the default 'maybe': it is none of yes, no"),
    (form(number("volts", decimals=0, default=0.5)), "the default 0.5: more than 0 decimals"),
    (form(number("volts", high=float("inf"))), "or one of them is no number"),
    (form(field("text", "code", pattern="[")), "field 'code': the pattern is none"),
    (form(field("text", "code", pattern="(?i)a")), "field 'code': the pattern is none"),
    (form(field("text", "code", pattern="[0-9]+", default="x")), "the default 'x': it has to be like [0-9]+"),
    (form(field("reference", "product", to="product", default="")), "the default '': it is no number of a product"),
    (form(table("rows", number("volts", default=1), number("amps"))), "no required column without a default"),
    (
        form(number("volts", when={"field": "lit", "values": ["yes"]}), choice("lit")),
        "'lit', which is no earlier field",
    ),
    (form(choice("lit"), number("volts", when={"field": "lit", "values": ["on"]})), "being 'on', which it never is"),
    (form(table("rows", number("volts"), number("volts"))), "field 'rows': the table has 2 fields 'volts'"),
    (form(table("rows", number("volts"), number("amps"), key="ohms")), "the key 'ohms' is no required column"),
    (form(table("rows", number("volts", required=False), number("amps"))), "the key 'volts' is no required column"),
    (form(table("rows", number("volts"), number("amps"), rows_min=5, rows_max=4)), "more rows are needed than allowed"),
    (form(table("rows", number("volts"), number("amps", low=10))), "column 'amps': low 10 is not below high 10"),
    (form(number("Volts")), "Expected `str` matching regex"),
    (form(number("volts", colour="red")), "Object contains unknown field `colour`"),
    (form(), "Expected `array` of length >= 1"),
]


@pytest.mark.parametrize(("given", "complaint"), BROKEN, ids=[complaint for _, complaint in BROKEN])
def test_a_template_that_cannot_work_says_why(given: dict[str, Any], complaint: str) -> None:
    before = copy.deepcopy(given)
    with pytest.raises(TemplateError) as raised:
        template_of(given)
    assert complaint in str(raised.value)
    assert given == before


def test_what_a_template_means_is_a_template() -> None:
    template = template_of(FORM)
    assert isinstance(template, Template)
    jsonschema.Draft202012Validator.check_schema(json_schema(template))
