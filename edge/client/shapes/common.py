"""What several tags take and answer, as structs.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct


class ChecklistItem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of the checklist, and who did it."""

    id: str
    kind: str
    words: str
    words_pt: str
    expected: str
    done_by: str | None
    done_ms: int | None
    valid_until_ms: int | None


class Choice(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="choice"):
    """One of some values."""

    id: str
    label: Words
    help: Words
    required: bool = True
    when: Condition | None = None
    protocol: bool = False
    options: tuple[Option, ...]
    default: str | None = None


class Condition(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Asks for a field only when an earlier one of the same sheet has one of some values."""

    field: str
    values: tuple[str | int | float, ...]


class Contract(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What stands as long as the setup does: told once, then kept as it was told."""

    order: str
    product: str
    routing_revision: int
    station: str
    step: str
    setup_digest: str | None
    sheet: SheetAtWork | None
    parameters: tuple[Parameter, ...]
    protocol: tuple[Parameter, ...]
    tests: tuple[Measurement, ...]
    tables: tuple[Rows, ...]
    files: dict[str, str]
    labels: tuple[Label, ...]
    instructions: tuple[Instruction, ...]


class FieldProblem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is wrong with one field, and where it is."""

    path: str
    code: str
    detail: str


class File(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="file"):
    """A file, known by its digest; what is in it lies elsewhere."""

    id: str
    label: Words
    help: Words
    required: bool = True
    when: Condition | None = None
    protocol: bool = False
    media: tuple[str, ...]
    bytes_max: int = 50000000


class HeldRole(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A role, on one line or (empty) on all of them."""

    name: str
    line: str


class Instruction(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the station shows; with `confirm`, somebody has to say that they have read it before the line starts."""

    id: str
    words: Words
    picture: str | None = None
    confirm: bool = False


class Label(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A label or an engraving that the sheet names: with its layout, whoever has a serial can make it."""

    id: str
    number: str
    layout: Layout | None
    values: dict[str, str]


class Layout(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a drawing number stands for. It never changes: the next revision has a number of its own."""

    number: str
    kind: Literal["laser", "zpl"]
    template: dict[str, Any]


class Level(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One level: its approvers are the people named and those who hold one of the roles."""

    name: str
    meaning: str
    roles: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    approvals_min: int = 1
    rejections_min: int = 1
    separation: tuple[Literal["author", "earlier_levels"], ...] = ("author",)
    delegation: bool = False
    time_limit_ms: int | None = None
    on_time_limit: Literal["escalate", "reject", "return"] = "escalate"


class Limit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a measured value may be: from `low` to `high`, or just `equal`."""

    id: str
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    equal: str | None = None


class Measurement(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something to be measured; under which conditions says the row of its table, which has the test's id as key."""

    id: str
    table: str | None = None
    limits: tuple[Limit, ...]


class Number(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="number"):
    """A number in a unit, within [low, high], with so many decimals at most."""

    id: str
    label: Words
    help: Words
    required: bool = True
    when: Condition | None = None
    protocol: bool = False
    unit: str
    low: float
    high: float
    decimals: int = 3
    default: int | float | None = None
    limits: Literal["either_side", "high", "low", "share"] | None = None


class Option(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of the values of a choice, and what people read for it."""

    value: str
    label: Words


class PageOfStr(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[str, ...]
    next: str | None = None


class Parameter(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value of the approved sheet, with its unit."""

    id: str
    value: str | int | float
    unit: str | None = None


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem document."""

    type: str
    title: str
    status: int
    detail: str
    problems: tuple[FieldProblem, ...] = ()


class Reference(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="reference"):
    """The number of something that is kept elsewhere."""

    id: str
    label: Words
    help: Words
    required: bool = True
    when: Condition | None = None
    protocol: bool = False
    to: Literal["component", "document", "equipment", "fixture", "label", "product", "program", "standard"]
    default: str | None = None


class Rows(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A table of the approved sheet: tests and their limits, registers, load points."""

    id: str
    key: str
    units: dict[str, str]
    rows: tuple[dict[str, Any], ...]


class Section(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Fields that belong together, under a heading."""

    title: Words
    fields: tuple[Text | Number | Choice | File | Reference | Table, ...]


class SetupSheet(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A setup sheet as it stands."""

    id: int
    order: str
    station: str
    step: str
    sheet_number: str
    sheet_revision: int
    sheet_digest: str
    digest: str
    status: str
    checklist: tuple[ChecklistItem, ...]
    version: int


class Sheet(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A revision of a sheet as it stands."""

    number: str
    revision: int
    product: str
    step: str
    template: str
    template_version: int
    status: Literal[
        "approved", "draft", "no_consensus", "obsolete", "rejected", "returned", "revoked", "submitted", "withdrawn"
    ]
    author: str
    values: dict[str, Any]
    digest: str | None
    round: int
    level: str | None
    may_decide: tuple[str, ...]
    version: int
    created_ms: int
    changed_ms: int


class SheetAtWork(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which technical sheet is at work."""

    number: str
    revision: int
    digest: str
    template: str
    template_version: int


class Table(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="table"):
    """Rows of cells. The cells of the key column differ, and rows are told apart by them."""

    id: str
    label: Words
    help: Words
    required: bool = True
    when: Condition | None = None
    protocol: bool = False
    columns: tuple[Text | Number | Choice | Reference, ...]
    key: str
    rows_min: int = 1
    rows_max: int = 100


class Template(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A version of a template."""

    name: str
    version: int
    title: Words
    purpose: Words
    sections: tuple[Section, ...]


class Text(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="text"):
    """One line of text; a pattern has to match the whole of it."""

    id: str
    label: Words
    help: Words
    required: bool = True
    when: Condition | None = None
    protocol: bool = False
    default: str | None = None
    chars_max: int = 200
    pattern: str | None = None
    limits: Literal["equal"] | None = None


class UnitNow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A unit as it is now, and how it came in. Of a unit that nobody knows, at a station that observes, only that."""

    serial: str
    outcome: Literal["bypassed", "entered", "observed", "refused", "warned"] = "entered"
    warning: str = ""
    order: str | None = None
    status: Literal["done", "held", "in_work", "quarantined", "recalled", "rework", "scrapped", "waiting"] | None = None
    step: str | None = None
    next_place: int | None = None
    rework: str | None = None
    version: int | None = None


class Words(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The same words in English and in Portuguese."""

    en: str
    pt: str


class Workflow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A version of a workflow; it never changes, and a document keeps the one that it was submitted with."""

    name: str
    version: int
    levels: tuple[Level, ...] = ()
