"""Every template that is shipped is worth it: long enough, in two languages, unlike the others, with samples."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import jsonschema
import pytest

from connectors.files import sheet_library
from models.sheets.check import completed, problems
from models.sheets.compare import changes, digest
from models.sheets.fields import Choice, Table, Words
from models.sheets.schema import json_schema
from models.sheets.template import Template

NAMES = sheet_library.names()
each_template = pytest.mark.parametrize("name", NAMES)


def words_of(template: Template) -> Iterator[Words]:
    yield from (template.title, template.purpose)
    for section in template.sections:
        yield section.title
        for field in section.fields:
            for part in (field, *(field.columns if isinstance(field, Table) else ())):
                yield from (part.label, part.help)
                if isinstance(part, Choice):
                    yield from (option.label for option in part.options)


@each_template
def test_a_template_asks_for_enough(name: str) -> None:
    template = sheet_library.template(name)
    assert template.name == name
    assert len(template.fields) >= 12
    assert sum(field.when is not None for field in template.fields) >= 2
    assert any(isinstance(field, Table) for field in template.fields)


@each_template
def test_it_speaks_both_languages(name: str) -> None:
    template = sheet_library.template(name)
    helps = [field.help for field in template.fields]
    assert all(words.en != words.pt for words in (*helps, template.title, template.purpose))
    assert all(words.en.endswith(".") and words.pt.endswith(".") for words in helps)
    assert len({words.en for words in helps}) == len(helps), "every field has a help of its own"
    assert all(words.en == words.en.strip() and words.pt == words.pt.strip() for words in words_of(template))


@each_template
def test_the_sheet_that_is_right_has_no_problem(name: str) -> None:
    template, sample = sheet_library.template(name), sheet_library.samples(name)
    assert problems(template, sample.valid) == []
    jsonschema.Draft202012Validator(json_schema(template)).validate(sample.valid)
    written_out = completed(template, sample.valid)
    assert digest(template, written_out) == digest(template, sample.valid)
    assert changes(template, sample.valid, written_out) == []


@each_template
def test_the_sheet_that_is_not_has_the_problems_it_should_have(name: str) -> None:
    template, sample = sheet_library.template(name), sheet_library.samples(name)
    assert [(problem.path, problem.code) for problem in problems(template, sample.broken)] == sample.problems
    assert len({code for _, code in sample.problems}) >= 5
    assert not jsonschema.Draft202012Validator(json_schema(template)).is_valid(sample.broken)


@each_template
def test_its_schema_is_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema(sheet_library.template(name)))


def test_no_two_templates_ask_for_the_same() -> None:
    fields = {name: {field.id for field in sheet_library.template(name).fields} for name in NAMES}
    for one, other in combinations(NAMES, 2):
        shared = fields[one] & fields[other]
        assert len(shared) <= 0.4 * min(len(fields[one]), len(fields[other])), (one, other, sorted(shared))
