"""Whoever refreshes whatever token in whatever order: only the newest of a living family gives a successor.

Of a device's, the one that was traded last does, too.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from office import ROOT, open_office, who
from sql_stores import START_MS, store_of
from sqlalchemy import select

from connectors.sql import credentials, devices, people, sessions, trail
from connectors.sql.identity import Shown, sign_in
from connectors.sql.schema.identity import TOKEN_FAMILIES
from connectors.sql.schema.people import PEOPLE
from connectors.sql.secrecy import Cost, Secrets
from connectors.sql.sessions import DEVICE_MS, PERSON_MS
from connectors.sql.work import Store
from models.audit import verify
from models.identity import Unproven
from sipe.clock import ManualClock

SECRETS = Secrets(Cost(passes=1, memory_kib=8, lanes=1))
STATION = "manaus.final.line-1.calibration-1"
ANA = Shown(person="ana", secret="correct horse battery")  # noqa: S106  of a store that is thrown away


@dataclass
class Family:
    """What a tiny model knows of a family: its tokens, the newest last."""

    id: str
    tokens: dict[str, int]
    """Until when each is good, in ms."""
    alive: bool = True
    is_device: bool = False
    traded: str | None = None
    """The token that was traded last."""


def an_office(store: Store) -> None:
    open_office(store)
    credentials.set_password(store, SECRETS, ROOT, "ana", ANA.secret)


class TokenMachine(RuleBasedStateMachine):
    @initialize()
    def open(self) -> None:
        self.scope = ExitStack()
        self.clock = ManualClock(START_MS)
        self.store = self.scope.enter_context(store_of(an_office, self.clock))
        self.families: list[Family] = []
        self.active = True

    def teardown(self) -> None:
        if hasattr(self, "scope"):
            self.scope.close()

    @rule()
    def sign_in(self) -> None:
        try:
            session = sign_in(self.store, SECRETS, ANA)
        except Unproven:
            assert not self.active
            self.clock.advance(3_600_000)  # past any lock
            return
        assert self.active
        family = session.principal.token.partition(".")[0]
        self.families.append(Family(family, {session.refresh: session.refresh_until_ms}))

    @rule()
    def enrol(self) -> None:
        session = devices.enrol(self.store, SECRETS, self.store.work(ROOT, devices.offer, SECRETS, STATION).text)
        family = session.principal.token.partition(".")[0]
        self.families.append(Family(family, {session.refresh: session.refresh_until_ms}, is_device=True))

    @rule(data=st.data())
    def refresh(self, data: st.DataObject) -> None:
        if not self.families:
            return
        family = data.draw(st.sampled_from(self.families))
        *_, newest = family.tokens
        token = data.draw(st.sampled_from([*family.tokens, *[newest, family.traded or newest] * 2]))
        good = token == newest or (family.is_device and token == family.traded)
        ended = self.clock.now_ms() >= family.tokens[token]
        expected = family.alive and good and not ended and (self.active or family.is_device)
        try:
            session = sessions.refresh(self.store, SECRETS, token)
        except Unproven:
            assert not expected
            family.alive = family.alive and good and ended  # it was not reuse, and nobody was asked for
        else:
            assert expected
            family.tokens[session.refresh] = session.refresh_until_ms
            family.traded = token

    @rule(data=st.data())
    def sign_out(self, data: st.DataObject) -> None:
        if not self.families:
            return
        family = data.draw(st.sampled_from(self.families))
        self.store.work(who("ana"), sessions.sign_out, data.draw(st.sampled_from([*family.tokens])))
        family.alive = False

    @rule(active=st.booleans())
    def let_go_or_come_back(self, active: bool) -> None:
        with self.store.reading() as connection:
            version = connection.execute(select(PEOPLE.c.version).where(PEOPLE.c.id == "ana")).scalar_one()
        self.store.work(ROOT, people.change, "ana", expected=version, active=active)
        self.active = active

    @rule(by_ms=st.sampled_from([1, 600_000, PERSON_MS // 2, PERSON_MS, DEVICE_MS]))
    def wait(self, by_ms: int) -> None:
        self.clock.advance(by_ms)

    @invariant()
    def they_agree(self) -> None:
        if not hasattr(self, "store"):
            return
        with self.store.reading() as connection:
            rows = connection.execute(select(TOKEN_FAMILIES.c.id, TOKEN_FAMILIES.c.revoked_ms))
            assert {row.id: row.revoked_ms is None for row in rows} == {one.id: one.alive for one in self.families}
            head, lines = trail.head(connection), trail.export(connection)
            assert list(verify(lines, {head.seq: head.seal})) == []


TokenMachine.TestCase.settings = settings(stateful_step_count=25)
TestTokenMachine = TokenMachine.TestCase
