"""Whatever people do in whatever order: the store says what a tiny model says, and its trail is whole."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from office import open_office, right_values, who
from sql_stores import START_MS, store_of
from sqlalchemy import func, select

from connectors.sql import approvals, force, sheets, trail
from connectors.sql.approvals import Voice
from connectors.sql.schema.sheets import APPROVED_SHEETS, DECISIONS
from models.audit import verify
from models.refusal import Refused
from models.sheets.revision import Ref
from sipe.clock import ManualClock

NUMBER = "TS-1"
PEOPLE = st.sampled_from(["gil", "ana", "bia", "caio", "davi"])
LEVELS = {"check": {"gil", "ana", "bia", "davi"}, "release": {"caio", "davi"}}
KINDS = st.sampled_from(["approve"] * 4 + ["reject", "return", "withdraw"])


class TinyModel:
    """One sheet: what its revisions are, who wrote them, and who has signed at the open level."""

    def __init__(self) -> None:
        self.statuses: list[str] = []
        self.authors: list[str] = []
        self.level = ""
        self.decisions = 0

    @property
    def newest(self) -> str:
        return self.statuses[-1] if self.statuses else "none"

    def begin(self, person: str) -> bool:
        if self.statuses:
            return False
        self.statuses, self.authors = ["draft"], [person]
        return True

    def revise(self, person: str) -> bool:
        if self.newest not in {"approved", "rejected", "revoked"}:
            return False
        self.statuses.append("draft")
        self.authors.append(person)
        return True

    def submit(self, person: str) -> bool:
        if self.newest not in {"draft", "returned", "withdrawn"} or person != self.authors[-1]:
            return False
        self.statuses[-1], self.level = "submitted", "check"
        return True

    def decide(self, kind: str, person: str, level: str) -> bool:
        if self.newest != "submitted" or level != self.level:
            return False
        author = person == self.authors[-1]
        if author != (kind == "withdraw") or (kind != "withdraw" and person not in LEVELS[level]):
            return False
        self.decisions += 1
        match kind:
            case "approve" if level == "check":
                self.level = "release"
            case "approve":
                self.statuses = ["obsolete" if status == "approved" else status for status in self.statuses]
                self.statuses[-1] = "approved"
            case _:
                self.statuses[-1] = {"reject": "rejected", "return": "returned", "withdraw": "withdrawn"}[kind]
        return True

    def revoke(self) -> bool:
        if self.newest != "approved":
            return False
        self.statuses[-1] = "revoked"
        return True


class SheetMachine(RuleBasedStateMachine):
    @initialize()
    def open(self) -> None:
        self.scope = ExitStack()
        self.store = self.scope.enter_context(store_of(open_office, ManualClock(START_MS)))
        self.model = TinyModel()

    def teardown(self) -> None:
        if hasattr(self, "scope"):
            self.scope.close()

    def both(self, expected: bool, person: str, what: Any, *args: Any, **options: Any) -> None:
        try:
            self.store.work(who(person), what, *args, **options)
            done = True
        except Refused:
            done = False
        assert done == expected, f"{what.__name__} of {person}"

    @property
    def ref(self) -> Ref:
        return Ref(NUMBER, max(1, len(self.model.statuses)))

    def version(self) -> int:
        with self.store.reading() as connection:
            return sheets.read(connection, self.ref).version if self.model.statuses else 1

    @rule(person=PEOPLE)
    def begin(self, person: str) -> None:
        about = {"template": "calibration", "product": "MTR-100", "step": "calibration"}
        self.both(self.model.begin(person), person, sheets.begin, NUMBER, right_values(), **about)

    @rule(person=PEOPLE)
    def revise(self, person: str) -> None:
        self.both(self.model.revise(person), person, sheets.revise, NUMBER)

    @rule(person=PEOPLE)
    def submit(self, person: str) -> None:
        ref, version = self.ref, self.version()
        self.both(self.model.submit(person), person, sheets.put_up, ref, version)

    @rule(data=st.data(), kind=KINDS, person=PEOPLE)
    def decide(self, data: st.DataObject, kind: Any, person: str) -> None:
        level = data.draw(st.sampled_from([self.model.level or "check"] * 4 + list(LEVELS)))
        ref = self.ref
        self.both(
            self.model.decide(kind, person, level), person, approvals.give, ref, Voice(kind, level, "because"), None
        )

    @rule()
    def revoke(self) -> None:
        ref, version = self.ref, self.version()
        self.both(self.model.revoke(), "caio", force.revoke, ref, version, "because")

    @invariant()
    def they_agree(self) -> None:
        if not hasattr(self, "store"):
            return
        with self.store.reading() as connection:
            revisions = [Ref(NUMBER, at) for at in range(1, len(self.model.statuses) + 1)]
            found = [sheets.read(connection, ref) for ref in revisions]
            assert [one.status for one in found] == self.model.statuses
            assert [one.author for one in found] == self.model.authors
            if self.model.newest == "submitted":
                assert found[-1].level == self.model.level
            in_force = connection.execute(select(APPROVED_SHEETS.c.revision).where(APPROVED_SHEETS.c.in_force == 1))
            approved = [
                ref.revision for ref, status in zip(revisions, self.model.statuses, strict=True) if status == "approved"
            ]
            assert in_force.scalars().all() == approved
            assert connection.execute(select(func.count()).select_from(DECISIONS)).scalar_one() == self.model.decisions
            head, lines = trail.head(connection), trail.export(connection)
            assert list(verify(lines, {head.seq: head.seal})) == []


SheetMachine.TestCase.settings = settings(stateful_step_count=25)
TestSheetMachine = SheetMachine.TestCase
