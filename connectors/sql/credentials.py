"""What people prove with who they are: a password, or a badge together with a PIN.

Whatever is set ends a lock-out, is told to the trail without what it is, and signs the person out everywhere. Who has
set it is kept: with a secret that somebody else has given one signs in and gives oneself another, and signs nothing.
Standard: 21 CFR Part 11, 11.300.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select, update

from connectors.sql import sessions
from connectors.sql.schema.people import PEOPLE
from connectors.sql.secrecy import Secrets, digest_of_badge
from connectors.sql.work import Store, Work
from models.audit import Who
from models.refusal import Refused

PASSWORD_CHARS_MIN = 12
PIN_DIGITS_MIN = 6
SECRET_CHARS_MAX = 256
_EASY = "01234567890123456789"


def set_password(store: Store, secrets: Secrets, who: Who, person: str, password: str) -> None:
    """Give somebody a password; raises `Refused` when it is too short, too long, or says their name; `NotFound`."""
    check_password(person, password)
    kept = secrets.hashed(password)  # slow, so in no transaction
    store.work(who, _keep_password, person, kept)


def check_password(person: str, password: str) -> None:
    """Raise `Refused` when a password is too short, too long, or says whose it is."""
    if not PASSWORD_CHARS_MIN <= len(password) <= SECRET_CHARS_MAX:
        raise Refused("weak_secret", f"a password has {PASSWORD_CHARS_MIN} to {SECRET_CHARS_MAX} characters")
    if len(set(password)) < 5 or (len(person) > 3 and person.lower() in password.lower()):
        raise Refused("weak_secret", "a password has five different characters, and does not say whose it is")


def set_badge(work: Work, person: str, badge: str) -> None:
    """Give somebody a badge, in the place of the one before; its PIN goes with that. Raises `Refused`."""
    if not 4 <= len(badge.strip()) <= SECRET_CHARS_MAX:
        raise Refused("badge", f"a badge has 4 to {SECRET_CHARS_MAX} characters")
    found = digest_of_badge(badge)
    _locked(work, person)
    if work.one(select(PEOPLE.c.id).where(PEOPLE.c.badge_digest == found, PEOPLE.c.id != person)):
        raise Refused("exists", "somebody else has this badge")
    _set(work, person, "badge_set", badge_digest=found, pin_hash=None, pin_by=None)


def set_pin(store: Store, secrets: Secrets, who: Who, person: str, pin: str) -> None:
    """Give somebody who has a badge a PIN; raises `Refused` when it is too short or easily guessed; `NotFound`."""
    if not (pin.isascii() and pin.isdigit() and PIN_DIGITS_MIN <= len(pin) < PASSWORD_CHARS_MIN):
        raise Refused("weak_secret", f"a PIN has {PIN_DIGITS_MIN} to {PASSWORD_CHARS_MIN - 1} digits")
    if len(set(pin)) < 3 or pin in _EASY or pin[::-1] in _EASY:
        raise Refused("weak_secret", "a PIN has three different digits, and is no row of them")
    kept = secrets.hashed(pin)
    store.work(who, _keep_pin, person, kept)


def take_badge(work: Work, person: str) -> None:
    """Take somebody's badge and its PIN away, such as when it is lost."""
    _locked(work, person)
    _set(work, person, "badge_taken", badge_digest=None, pin_hash=None, pin_by=None)


def _keep_password(work: Work, person: str, kept: str) -> None:
    _locked(work, person)
    _set(work, person, "password_set", password_hash=kept, password_by=work.who.identity)


def _keep_pin(work: Work, person: str, kept: str) -> None:
    if _locked(work, person).badge_digest is None:
        raise Refused("no_badge", f"{person} has no badge, and a PIN serves together with one only")
    _set(work, person, "pin_set", pin_hash=kept, pin_by=work.who.identity)


def _locked(work: Work, person: str) -> Row[Any]:
    row = work.lock(select(PEOPLE).where(PEOPLE.c.id == person), "person", person)
    if row.forgotten_ms is not None:
        raise Refused("forgotten", f"{person} was forgotten")
    return row


def _set(work: Work, person: str, action: str, **columns: str | None) -> None:
    unlocked = {"failures": 0, "locked_until_ms": None}
    work.run(update(PEOPLE).where(PEOPLE.c.id == person).values(**unlocked, **columns))
    sessions.revoke_all(work, action, person=person)
    work.note(action, f"person/{person}")
