"""Files of templates, workflows and sheets: what comes in is what went out, and a change on the way is seen."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from office import TWO_LEVELS

from connectors.files import sheet_library
from models.approval.workflow import Level, Workflow
from models.refusal import Invalid
from models.sheets.exchange import (
    SheetFile,
    TemplateFile,
    TemplateRef,
    WorkflowFile,
    canonical,
    check_whole,
    digest_of,
    pointer,
    sheet_file,
    template_digest,
    template_file,
    workflow_file,
)
from models.sheets.form import form_of, html

NAMES = sheet_library.names()
scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
documents = st.recursive(
    scalars | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def a_sheet(name: str, values: dict[str, Any]) -> SheetFile:
    template = sheet_library.template(name)
    ref = TemplateRef(name, template.version, template_digest(template))
    about = {"number": "TS-1", "revision": 1, "product": "MTR-100", "step": "packing", "status": "draft"}
    return sheet_file(**about, author="gil", template=ref, values=values, sheet_digest=None)


def shuffled(value: Any) -> Any:
    """The same, its keys the other way round."""
    if isinstance(value, dict):
        return {name: shuffled(value[name]) for name in reversed(value)}
    return [shuffled(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", NAMES)
def test_a_template_comes_in_as_it_went_out_however_it_is_laid_out(name: str) -> None:
    file = template_file(sheet_library.template(name), "two-levels", 1)
    for text in (canonical(file), json.dumps(shuffled(json.loads(canonical(file))), indent=3).encode()):
        back = msgspec.json.decode(text, type=TemplateFile)
        check_whole(back)
        assert back == file
        assert canonical(back) == canonical(file)


@given(data=st.data())
def test_a_sheet_comes_in_as_it_went_out(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(NAMES))
    valid = sheet_library.samples(name).valid
    values = {key: valid[key] for key in data.draw(st.sets(st.sampled_from(sorted(valid))))}
    values |= data.draw(st.dictionaries(st.text(max_size=6), documents, max_size=3))
    file = a_sheet(name, values)
    back = msgspec.json.decode(canonical(file), type=SheetFile)
    check_whole(back)
    assert canonical(back) == canonical(file)
    assert back.values == json.loads(canonical(values))


@given(document=documents)
def test_the_canonical_form_is_one_and_says_the_same(document: Any) -> None:
    text = canonical(document)
    assert json.loads(text) == document
    assert canonical(json.loads(text)) == text == canonical(shuffled(document))


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(document=documents, other=documents)
def test_another_value_is_another_digest(document: Any, other: Any) -> None:
    one, two = a_sheet("packing", {"x": document}), a_sheet("packing", {"x": other})
    assert (one.digest == two.digest) == (canonical(document) == canonical(other))


def test_roles_of_a_workflow_have_no_order() -> None:
    roles = frozenset({"engineer", "quality", "supervisor", "planner"})
    workflow = Workflow(name="one", version=1, levels=(Level(name="check", meaning="seen", roles=roles),))
    texts = {canonical(workflow_file(workflow)) for _ in range(5)}
    assert len(texts) == 1
    back = msgspec.json.decode(texts.pop(), type=WorkflowFile)
    check_whole(back)
    assert back.workflow == workflow


@pytest.mark.parametrize(
    "changed",
    [{"status": "approved"}, {"values": {"carton": "x"}}, {"revision": 2}, {"author": "ana"}, {"product": "MTR-200"}],
)
def test_what_was_changed_on_the_way_is_refused_at_the_digest(changed: dict[str, Any]) -> None:
    file = msgspec.structs.replace(a_sheet("packing", {}), **changed)
    with pytest.raises(Invalid) as told:
        check_whole(file)
    assert [one.path for one in told.value.problems] == ["/digest"]
    check_whole(msgspec.structs.replace(file, digest=digest_of(file)))


def test_a_template_that_cannot_work_names_its_fields() -> None:
    template = sheet_library.template("packing")
    first = template.sections[0]
    number = next(field for field in template.fields if type(field).__name__ == "Number")
    broken = msgspec.structs.replace(number, id="broken", low=5.0, high=1.0)
    sections = (msgspec.structs.replace(first, fields=(*first.fields, broken)), *template.sections[1:])
    with pytest.raises(Invalid) as told:
        check_whole(template_file(msgspec.structs.replace(template, sections=sections), "two-levels", 1))
    assert told.value.problems[0].path == f"/template/sections/0/fields/{len(first.fields)}"
    assert "low 5 is not below high 1" in told.value.problems[0].detail


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$.template.sections[0].fields[12].unit", "/template/sections/0/fields/12/unit"),
        ("load_points[1].point", "/load_points/1/point"),
        ("a~b", "/a~0b"),
        ("", ""),
        ("$", ""),
    ],
)
def test_a_place_is_a_json_pointer(path: str, expected: str) -> None:
    assert pointer(path) == expected


class TestForms:
    @pytest.mark.parametrize("name", NAMES)
    def test_an_empty_form_has_every_field_and_a_filled_in_one_those_that_are_asked_for(self, name: str) -> None:
        template, valid = sheet_library.template(name), sheet_library.samples(name).valid
        empty = [row.id for section in form_of(template, "en").sections for row in section.rows]
        assert empty == [field.id for field in template.fields]
        filled = {row.id: row for section in form_of(template, "pt", valid).sections for row in section.rows}
        assert set(valid) <= set(filled)
        for name_, value in valid.items():
            row = filled[name_]
            assert len(row.rows) == len(value) if isinstance(value, list) else row.value is not None

    @pytest.mark.parametrize("language", ["en", "pt"])
    def test_it_says_units_choices_and_conditions_in_words(self, language: Any) -> None:
        template, valid = sheet_library.template("calibration"), sheet_library.samples("calibration").valid
        rows = {row.id: row for section in form_of(template, language, valid).sections for row in section.rows}
        range_, only_if = {
            "en": ("50 to 500 V", "only if Adjustment: gains are written"),
            "pt": ("50 a 500 V", "somente se Ajuste: gravação de ganhos"),
        }[language]
        assert (rows["nominal_voltage_v"].allowed, rows["nominal_voltage_v"].value) == (range_, "240 V")
        assert rows["gain_registers"].only_if == only_if
        assert rows["load_points"].rows[1][:3] == ["P2", "15 A", "1" if language == "en" else "1,0"]

    @given(hostile=st.text("<>&\"'/=script \u202e", min_size=1, max_size=30))
    def test_no_text_of_a_sheet_is_markup(self, hostile: str) -> None:
        template, valid = sheet_library.template("calibration"), sheet_library.samples("calibration").valid
        points = [{**valid["load_points"][0], "point": hostile}]
        page = html(form_of(template, "en", valid | {"product": hostile, "load_points": points}, subtitle=hostile))
        plain = html(form_of(template, "en", valid | {"product": "x", "load_points": points}, subtitle="x"))
        tags = [page.count(char) for char in "<>"]
        bare = html(form_of(template, "en", valid | {"product": "x", "load_points": [points[0] | {"point": "x"}]}, "x"))
        assert tags == [bare.count(char) for char in "<>"] == [plain.count(char) for char in "<>"]


def test_the_office_s_workflow_comes_back() -> None:
    assert msgspec.json.decode(canonical(workflow_file(TWO_LEVELS)), type=WorkflowFile).workflow == TWO_LEVELS
