"""Signing in, and proving once more who one is when something is signed.

Every wrong answer sounds the same and costs the same work: one slow hash, whether there is such a person or not, and
one entry on the trail. After `FAILURES_MAX` of them in a row a person is locked out for a time that doubles; right
answers are refused meanwhile, in the same words, and do not make it longer. Answers are counted one after the other and
judged as the count then stands: many at once are worth no more than many in a row. Standard: NIST SP 800-63B, 3.2.2;
IEC 62443-3-3 SR 1.11.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any, Literal, NamedTuple, TypeVar

from sqlalchemy import Connection, Row, select, update

from connectors.sql import sessions
from connectors.sql.credentials import PASSWORD_CHARS_MIN, SECRET_CHARS_MAX
from connectors.sql.schema.people import PEOPLE
from connectors.sql.secrecy import Secrets, digest_of_badge
from connectors.sql.sessions import NOBODY, Session
from connectors.sql.work import Store, Work
from models.audit import Who
from models.identity import Principal, Unproven
from models.refusal import Forbidden

T = TypeVar("T")

FAILURES_MAX = 5
LOCK_MS = 60_000
LOCK_MS_MAX = 3_600_000


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What somebody shows: their name, their badge or both, and a password or, with the badge, a PIN."""

    secret: str = field(repr=False)
    person: str | None = None
    badge: str | None = field(default=None, repr=False)
    signed_in: bool = False
    """Whether a token stands for the badge that was shown before."""

    @property
    def column(self) -> Literal["password_hash", "pin_hash"]:
        """What the secret is held against: a PIN is digits, shorter than any password."""
        may_be_pin = self.badge is not None or self.signed_in
        looks_like_it = self.secret.isdigit() and len(self.secret) < PASSWORD_CHARS_MIN
        return "pin_hash" if may_be_pin and looks_like_it else "password_hash"


class _Answer(NamedTuple):
    """What was shown by whom, held against what was kept of it."""

    person: str | None
    column: str
    kept: str | None
    right: bool
    renewed: str | None


class _Changed(Exception):
    """What was kept is no longer what the answer was held against."""


def sign_in(store: Store, secrets: Secrets, shown: Shown) -> Session:
    """Let somebody in; raises `Unproven`, always in the same words."""

    def begin(work: Work, person: str) -> Session:
        session = sessions.begin(work, secrets, person=person)
        work.note("signed_in", f"person/{person}", after={"token": session.principal.token, "by": shown.column[:-5]})
        return session

    return _prove(store, secrets, shown, None, begin)


def verify_again(
    store: Store, secrets: Secrets, principal: Principal, secret: str, *, may_be_given: bool = False
) -> None:
    """Make sure that whoever signs is who signed in, by their password or their PIN.

    Wrong answers count as those at signing in do. Raises `Unproven`, and `Forbidden` for a secret that somebody else
    has given them, unless it may be one. Standard: 21 CFR Part 11, 11.200(a)(1)(i).
    """
    who = Who(principal.identity, principal.kind, principal.token)
    shown = Shown(person=principal.identity, secret=secret, signed_in=True)

    def check(work: Work, person: str) -> str:
        row = work.run(select(PEOPLE).where(PEOPLE.c.id == person)).one()
        if not may_be_given and getattr(row, f"{shown.column[:-5]}_by") != person:
            raise Forbidden(
                "given_secret", "somebody else has given you this secret, and may know it: set one of your own"
            )
        return person

    _prove(store, secrets, shown, who, check)


def lock_ms(failures: int) -> int:
    """For how long somebody is locked out after so many wrong answers in a row."""
    if failures < FAILURES_MAX:
        return 0
    return min(LOCK_MS_MAX, LOCK_MS << min(failures - FAILURES_MAX, 16))


def _prove(store: Store, secrets: Secrets, shown: Shown, who: Who | None, then: Callable[[Work, str], T]) -> T:
    """Do something in the name of whoever this is, once that is proven; the slow hash is made in no transaction."""
    while True:
        with store.reading() as connection:
            answer = _held_against(_row(connection, shown), secrets, shown)
        by = who or (Who(answer.person, "person", "none") if answer.person and answer.right else NOBODY)
        try:
            done = store.work(by, _settle, answer, then)
        except _Changed:
            continue  # somebody else has just set or renewed it
        if done is None:
            raise Unproven(
                "sign_in",
                "this is not a name or a badge with the secret that belongs to it; "
                "after several wrong answers a right one is refused, too, for a while",
            )
        return done


def _row(connection: Connection, shown: Shown) -> Row[Any] | None:
    if shown.person is not None:
        of_person = PEOPLE.c.id == shown.person
    elif shown.badge is not None:
        of_person = PEOPLE.c.badge_digest == digest_of_badge(shown.badge)
    else:
        return None
    return connection.execute(select(PEOPLE).where(of_person)).one_or_none()


def _held_against(row: Row[Any] | None, secrets: Secrets, shown: Shown) -> _Answer:
    kept: str | None = None if row is None else getattr(row, shown.column)
    wrong_badge = row is not None and shown.badge is not None and not _is_badge(row, shown.badge)
    can_be_right = row is not None and not wrong_badge and len(shown.secret) <= SECRET_CHARS_MAX
    right = secrets.fits(kept if can_be_right else None, shown.secret)
    renewed = secrets.hashed(shown.secret) if right and kept is not None and secrets.is_outdated(kept) else None
    return _Answer(None if row is None else row.id, shown.column, kept, right, renewed)


def _is_badge(row: Row[Any], badge: str) -> bool:
    return compare_digest(row.badge_digest or "", digest_of_badge(badge))


def _settle(work: Work, answer: _Answer, then: Callable[[Work, str], T]) -> T | None:
    """Count the answer; None when it does not count as right."""
    if answer.person is None:
        work.note("sign_in_refused", "strangers")  # not the name: people type their password there
        return None
    of_person = PEOPLE.c.id == answer.person
    row = work.run(select(PEOPLE).where(of_person).with_for_update()).one()
    if getattr(row, answer.column) != answer.kept:
        raise _Changed
    on = f"person/{answer.person}"
    if row.locked_until_ms is not None and work.now_ms < row.locked_until_ms:
        work.note("sign_in_refused", on, reason="locked")
        return None
    if not (answer.right and row.active):
        _count(work, answer.person, row.failures + 1)
        return None
    renewed = {answer.column: answer.renewed} if answer.renewed else {}
    work.run(update(PEOPLE).where(of_person).values(failures=0, locked_until_ms=None, **renewed))
    return then(work, answer.person)


def _count(work: Work, person: str, failures: int) -> None:
    locked_ms = lock_ms(failures)
    until_ms = work.now_ms + locked_ms if locked_ms else None
    work.run(update(PEOPLE).where(PEOPLE.c.id == person).values(failures=failures, locked_until_ms=until_ms))
    counted = {"failures": failures, "locked_until_ms": until_ms}
    work.note("locked_out" if locked_ms else "sign_in_refused", f"person/{person}", after=counted)
