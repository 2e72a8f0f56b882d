"""An office to test with: its people, a workflow of two levels, a template of the library, and a sheet of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from connectors.files import sheet_library
from connectors.sql import approvals, people, sheets, templates
from connectors.sql.approvals import Voice
from connectors.sql.work import Store
from models.approval.workflow import Level, Workflow
from models.audit import Who
from models.identity import Role
from models.sheets.revision import Ref, Revision

ROOT = Who("root", "admin", "t-root")
STAFF = {
    "gil": ["engineer"],
    "ana": ["engineer"],
    "bia": ["engineer"],
    "caio": ["quality"],
    "davi": ["quality", "engineer"],
    "root": ["admin"],
}
NOBODY_ELSE: Mapping[str, Iterable[Role]] = {}
TWO_LEVELS = Workflow(
    name="two-levels",
    version=1,
    levels=(
        Level(name="check", meaning="checked against the drawing", roles=frozenset({"engineer"})),
        Level(name="release", meaning="released for production", roles=frozenset({"quality"})),
    ),
)
TEMPLATE = "calibration"


def who(person: str) -> Who:
    """Somebody, signed in."""
    return Who(person, "engineer", f"t-{person}")


def open_office(store: Store, extra: Mapping[str, Iterable[Role]] = NOBODY_ELSE) -> None:
    """Hire the staff, and publish the workflow and the template."""
    staff = {person: [Role(role) for role in roles] for person, roles in STAFF.items()}
    for person, held in {**staff, **extra}.items():
        store.work(ROOT, people.add, person, person.title(), held, f"op-{person}")
    store.work(ROOT, templates.add_workflow, TWO_LEVELS)
    template = sheet_library.template(TEMPLATE)
    store.work(ROOT, templates.add_template, template, TWO_LEVELS.name, TWO_LEVELS.version)


def right_values() -> dict[str, Any]:
    """A sheet without a problem."""
    return sheet_library.samples(TEMPLATE).valid


def draft(store: Store, number: str = "TS-1", author: str = "gil") -> Revision:
    """A sheet that its author has filled in."""
    about = {"template": TEMPLATE, "product": "MTR-100", "step": "calibration"}
    return store.work(who(author), sheets.begin, number, right_values(), **about)


def submitted(store: Store, number: str = "TS-1", author: str = "gil") -> Revision:
    """A sheet that waits for its first level."""
    found = draft(store, number, author)
    return store.work(who(author), sheets.put_up, found.ref, found.version)


def say(store: Store, ref: Ref, words: str, *, expected: int | None = None) -> Revision:
    """A voice, such as 'approve ana check' or 'return caio release'; a reason is given where one is needed."""
    kind, person, level, *principal = words.split()
    voice = Voice(kind, level, "" if kind == "approve" else "because", *principal)  # type: ignore[arg-type]  # words are the kinds
    return store.work(who(person), approvals.give, ref, voice, expected)


def approved(store: Store, number: str = "TS-1") -> Revision:
    """A sheet that went all the way."""
    ref = submitted(store, number).ref
    say(store, ref, "approve ana check")
    return say(store, ref, "approve caio release")
