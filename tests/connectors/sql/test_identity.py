"""Who signs in, enrols or refreshes is who they are: no answer tells more than another, and no secret serves twice."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from at_once import AT_ONCE, together
from office import ROOT, open_office, who
from sqlalchemy import func, select

from connectors.sql import credentials, devices, erasure, people, sessions, trail
from connectors.sql.identity import FAILURES_MAX, LOCK_MS, LOCK_MS_MAX, Shown, lock_ms, sign_in, verify_again
from connectors.sql.schema.columns import METADATA
from connectors.sql.schema.identity import DEVICES, ENROLMENT_CODES, REFRESH_TOKENS, TOKEN_FAMILIES
from connectors.sql.schema.people import PEOPLE
from connectors.sql.secrecy import Cost, Secrets
from connectors.sql.sessions import DEVICE_MS, PERSON_MS, Session
from connectors.sql.work import Store
from models.audit import Entry, Sealed, Who, entry_of, verify
from models.identity import Role, Unproven
from models.refusal import Forbidden, NotFound, Refused, Stale
from sipe.clock import ManualClock

CHEAP = Cost(passes=1, memory_kib=8, lanes=1)
PASSWORD, OTHER_PASSWORD = "correct horse battery", "another horse battery"
PIN, BADGE = "493817", "04:A2:2B:91"
STATION = "manaus.final.line-1.cal-1"


class CountingSecrets(Secrets):
    """Counts the slow hashes that were held against something."""

    def __init__(self, cost: Cost = CHEAP) -> None:
        super().__init__(cost)
        self.held: list[bool] = []

    def fits(self, kept: str | None, secret: str) -> bool:
        self.held.append(kept is not None)
        return super().fits(kept, secret)


@pytest.fixture
def secrets() -> CountingSecrets:
    return CountingSecrets()


@pytest.fixture
def office(store: Store, secrets: CountingSecrets) -> Store:
    """Ana has a password, a badge and a PIN; nobody else has anything."""
    open_office(store)
    credentials.set_password(store, secrets, who("ana"), "ana", PASSWORD)
    store.work(ROOT, credentials.set_badge, "ana", BADGE)
    credentials.set_pin(store, secrets, who("ana"), "ana", PIN)
    return store


def by_name(secret: str = PASSWORD, person: str = "ana") -> Shown:
    return Shown(person=person, secret=secret)


def by_badge(secret: str = PIN, badge: str = BADGE) -> Shown:
    return Shown(badge=badge, secret=secret)


def enrolled(store: Store, secrets: Secrets, station: str = STATION) -> Session:
    return devices.enrol(store, secrets, store.work(ROOT, devices.offer, secrets, station).text)


def entries(store: Store) -> list[Entry]:
    with store.reading() as connection:
        head, lines = trail.head(connection), list(trail.export(connection))
    assert list(verify(lines, {head.seq: head.seal})) == []
    return [entry_of(msgspec.json.decode(line, type=Sealed)) for line in lines]


def actions(store: Store, on: str) -> list[str]:
    return [entry.action for entry in entries(store) if entry.on == on]


def person_row(store: Store, person: str = "ana") -> Any:
    with store.reading() as connection:
        return connection.execute(select(PEOPLE).where(PEOPLE.c.id == person)).one()


def everything(store: Store) -> str:
    """All that the store holds, as text."""
    with store.reading() as connection:
        return "\n".join(
            str(tuple(row)) for table in METADATA.tables.values() for row in connection.execute(select(table))
        )


@pytest.mark.parametrize(
    "shown",
    [by_name(), by_badge(), by_badge(PASSWORD), Shown(person="ana", badge=BADGE, secret=PIN)],
    ids=["name and password", "badge and PIN", "badge and password", "name, badge and PIN"],
)
def test_who_shows_what_is_theirs_comes_in(
    office: Store, secrets: CountingSecrets, clock: ManualClock, shown: Shown
) -> None:
    session = sign_in(office, secrets, shown)
    assert (session.principal.identity, session.principal.kind) == ("ana", "person")
    assert session.principal.roles == {Role("engineer")}
    assert session.principal.authenticated_ms == clock.now_ms()
    newest = entries(office)[-1]
    assert (newest.action, newest.on, newest.who.identity) == ("signed_in", "person/ana", "ana")
    assert newest.after is not None
    assert newest.after["token"] == session.principal.token


WRONG = {
    "a wrong password": by_name("a wrong password"),
    "an empty one": by_name(""),
    "a long one": by_name("x" * 100_000),
    "nobody": by_name(person="nemo"),
    "somebody without a password": by_name(person="bia"),
    "a PIN without the badge": by_name(PIN),
    "a wrong PIN": by_badge("493818"),
    "a strange badge": by_badge(badge="04:00"),
    "another's badge": Shown(person="bia", badge=BADGE, secret=PASSWORD),
    "a strange badge of somebody": Shown(person="ana", badge="04:00", secret=PASSWORD),
    "nothing": Shown(secret=PASSWORD),
}


@pytest.mark.parametrize("shown", WRONG.values(), ids=WRONG)
def test_every_wrong_answer_sounds_alike_and_costs_one_hash_and_one_entry(
    office: Store, secrets: CountingSecrets, shown: Shown
) -> None:
    before = len(entries(office))
    with pytest.raises(Unproven) as caught:
        sign_in(office, secrets, shown)
    assert caught.value.reason == "sign_in"
    with pytest.raises(Unproven) as wrong:
        sign_in(office, secrets, by_name("a wrong password"))
    assert str(caught.value) == str(wrong.value)
    assert len(secrets.held) == 2
    assert len(entries(office)) == before + 2
    assert entries(office)[-2].who.identity == "nobody"


def test_who_was_let_go_neither_comes_in_nor_signs_and_hears_no_other_words(
    office: Store, secrets: CountingSecrets
) -> None:
    ana = sign_in(office, secrets, by_name()).principal
    fail(office, secrets)
    office.work(ROOT, people.change, "ana", expected=1, active=False)
    with pytest.raises(Unproven) as wrong:
        sign_in(office, secrets, by_name(person="nemo"))
    with pytest.raises(Unproven, match=f"^{wrong.value}$"):
        sign_in(office, secrets, by_name())
    with pytest.raises(Unproven, match=f"^{wrong.value}$"):
        verify_again(office, secrets, ana, PASSWORD)
    assert person_row(office).failures == 3


def test_a_name_that_there_is_not_takes_as_long_as_one_that_there_is() -> None:
    """The hash that is made for nobody is of the same cost."""
    secrets = Secrets(CHEAP)
    costs = {kept.rsplit("$", 2)[0] for kept in (secrets.hashed(PASSWORD), secrets._nobodys)}
    assert costs == {"$argon2id$v=19$m=8,t=1,p=1"}
    assert not secrets.fits(None, PASSWORD)


def fail(store: Store, secrets: Secrets, times: int = 1, shown: Shown | None = None) -> None:
    for _ in range(times):
        with pytest.raises(Unproven):
            sign_in(store, secrets, shown or by_name("a wrong password"))


def test_five_wrong_answers_lock_out_for_a_time_that_doubles(
    office: Store, secrets: CountingSecrets, clock: ManualClock
) -> None:
    fail(office, secrets, FAILURES_MAX - 1)
    assert person_row(office).locked_until_ms is None
    fail(office, secrets, 1, by_badge("493818"))  # name and badge are counted together
    assert person_row(office).locked_until_ms == clock.now_ms() + LOCK_MS
    fail(office, secrets, 3, by_name())  # the right one
    assert person_row(office).locked_until_ms == clock.now_ms() + LOCK_MS
    clock.advance(LOCK_MS)
    fail(office, secrets)
    assert person_row(office).locked_until_ms == clock.now_ms() + 2 * LOCK_MS
    assert actions(office, "person/ana")[-9:] == [
        *["sign_in_refused"] * 4,
        "locked_out",
        *["sign_in_refused"] * 3,
        "locked_out",
    ]
    clock.advance(2 * LOCK_MS - 1)
    fail(office, secrets, 1, by_name())
    clock.advance(1)
    sign_in(office, secrets, by_name())
    assert (person_row(office).failures, person_row(office).locked_until_ms) == (0, None)


def test_a_right_answer_ends_the_count(office: Store, secrets: CountingSecrets) -> None:
    for _ in range(3):
        fail(office, secrets, FAILURES_MAX - 1)
        sign_in(office, secrets, by_name())


def test_nobody_is_locked_out_for_longer_than_an_hour() -> None:
    spans = [lock_ms(failures) for failures in range(100)]
    assert spans[:7] == [0, 0, 0, 0, 0, LOCK_MS, 2 * LOCK_MS]
    assert spans == sorted(spans)
    assert spans[-1] == lock_ms(10**9) == LOCK_MS_MAX == 3_600_000


def test_many_guesses_at_once_are_worth_no_more_than_five(office: Store, secrets: CountingSecrets) -> None:
    assert together(lambda _: sign_in(office, secrets, by_name("a wrong password"))) == {"sign_in": AT_ONCE}
    assert person_row(office).failures == FAILURES_MAX
    assert actions(office, "person/ana").count("locked_out") == 1


def test_a_right_answer_that_was_judged_before_the_lock_is_refused_after_it(
    office: Store, secrets: CountingSecrets
) -> None:
    class Slow(CountingSecrets):
        """While it hashes, others guess."""

        def fits(self, kept: str | None, secret: str) -> bool:
            right = super().fits(kept, secret)
            fail(office, secrets, FAILURES_MAX)
            return right

    with pytest.raises(Unproven):
        sign_in(office, Slow(), by_name())
    assert person_row(office).failures == FAILURES_MAX


def test_a_password_that_changes_meanwhile_is_looked_up_again(office: Store, secrets: CountingSecrets) -> None:
    class Slow(CountingSecrets):
        """While it hashes, the password is set anew, once."""

        def fits(self, kept: str | None, secret: str) -> bool:
            right = super().fits(kept, secret)
            if len(self.held) == 1:
                credentials.set_password(office, secrets, ROOT, "ana", OTHER_PASSWORD)
            return right

    slow = Slow()
    with pytest.raises(Unproven):
        sign_in(office, slow, by_name())
    assert len(slow.held) == 2
    with office.reading() as connection:
        assert connection.execute(select(func.count()).select_from(TOKEN_FAMILIES)).scalar_one() == 0


def test_a_hash_of_yesterdays_cost_is_renewed_at_sign_in(office: Store, secrets: CountingSecrets) -> None:
    before = person_row(office).password_hash
    dearer = CountingSecrets(CHEAP._replace(passes=2))
    with pytest.raises(Unproven):
        sign_in(office, dearer, by_name("a wrong password"))
    assert person_row(office).password_hash == before
    sign_in(office, dearer, by_name())
    after = person_row(office)
    assert after.password_hash.startswith("$argon2id$v=19$m=8,t=2,p=1$")
    assert after.pin_hash.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    sign_in(office, dearer, by_name())
    assert person_row(office).password_hash == after.password_hash


def test_one_password_typed_in_two_ways_is_one(office: Store, secrets: CountingSecrets) -> None:
    credentials.set_password(office, secrets, ROOT, "ana", "Ação é Ångström")
    sign_in(office, secrets, by_name("Ac\u0327a\u0303o e\u0301 A\u030angstro\u0308m"))


@pytest.mark.parametrize("password", ["", "eleven char", "aaaabbbbcccc", "x" * 257, "this is Gilberto's"])
def test_a_weak_password_is_refused(office: Store, secrets: CountingSecrets, password: str) -> None:
    office.work(ROOT, people.add, "gilberto", "Gil", [], "op-g")
    with pytest.raises(Refused) as caught:
        credentials.set_password(office, secrets, ROOT, "gilberto", password)
    assert caught.value.reason == "weak_secret"
    assert not password or password not in str(caught.value)


@pytest.mark.parametrize(
    "pin", ["", "49381", "111111", "121212", "123456", "987654", "49381a", "49381\uff17", "4" * 12]
)
def test_a_weak_pin_is_refused(office: Store, secrets: CountingSecrets, pin: str) -> None:
    with pytest.raises(Refused) as caught:
        credentials.set_pin(office, secrets, ROOT, "ana", pin)
    assert caught.value.reason == "weak_secret"


def test_a_pin_comes_and_goes_with_the_badge(office: Store, secrets: CountingSecrets) -> None:
    with pytest.raises(Refused) as caught:
        credentials.set_pin(office, secrets, ROOT, "bia", PIN)
    assert caught.value.reason == "no_badge"
    office.work(ROOT, credentials.set_badge, "ana", "04:FF:FF")
    for badge in (BADGE, "04:FF:FF"):
        fail(office, secrets, 1, by_badge(badge=badge))
    sign_in(office, secrets, by_badge(PASSWORD, "04:FF:FF"))
    office.work(ROOT, credentials.take_badge, "ana")
    fail(office, secrets, 1, by_badge(PASSWORD, "04:FF:FF"))


def test_a_badge_is_of_one_person(office: Store) -> None:
    with pytest.raises(Refused, match="somebody else has this badge"):
        office.work(ROOT, credentials.set_badge, "bia", f" {BADGE} ")
    with pytest.raises(Refused, match="a badge has"):
        office.work(ROOT, credentials.set_badge, "bia", "   ")
    with pytest.raises(NotFound):
        office.work(ROOT, credentials.set_badge, "nemo", "04:FF:FF")


def test_a_new_password_unlocks_and_signs_out_everywhere(office: Store, secrets: CountingSecrets) -> None:
    session = sign_in(office, secrets, by_name())
    fail(office, secrets, FAILURES_MAX)
    credentials.set_password(office, secrets, ROOT, "ana", OTHER_PASSWORD)
    sign_in(office, secrets, by_name(OTHER_PASSWORD))
    with pytest.raises(Unproven):
        sessions.refresh(office, secrets, session.refresh)


def test_who_signs_proves_it_again_and_wrong_answers_count(office: Store, secrets: CountingSecrets) -> None:
    ana = sign_in(office, secrets, by_badge()).principal
    verify_again(office, secrets, ana, PASSWORD)
    verify_again(office, secrets, ana, PIN)
    before = len(entries(office))
    for secret in ("wrong", "493818", "", OTHER_PASSWORD, BADGE):
        with pytest.raises(Unproven) as caught:
            verify_again(office, secrets, ana, secret)
        assert caught.value.reason == "sign_in"
    counted = entries(office)[before:]
    assert {entry.who for entry in counted} == {Who("ana", "person", ana.token)}
    assert [entry.action for entry in counted] == [*["sign_in_refused"] * 4, "locked_out"]
    with pytest.raises(Unproven):
        verify_again(office, secrets, ana, PASSWORD)


def test_a_secret_that_somebody_else_gave_signs_in_and_signs_nothing(office: Store, secrets: CountingSecrets) -> None:
    credentials.set_password(office, secrets, ROOT, "ana", OTHER_PASSWORD)
    credentials.set_pin(office, secrets, ROOT, "ana", PIN)
    ana = sign_in(office, secrets, by_name(OTHER_PASSWORD)).principal
    for secret in (OTHER_PASSWORD, PIN):
        with pytest.raises(Forbidden, match="set one of your own"):
            verify_again(office, secrets, ana, secret)
        verify_again(office, secrets, ana, secret, may_be_given=True)
    credentials.set_password(office, secrets, who("ana"), "ana", PASSWORD)
    verify_again(office, secrets, ana, PASSWORD)
    with pytest.raises(Forbidden):
        verify_again(office, secrets, ana, PIN)


def test_a_device_signs_nothing(office: Store, secrets: CountingSecrets) -> None:
    with pytest.raises(Unproven):
        verify_again(office, secrets, enrolled(office, secrets).principal, PASSWORD)


def test_a_token_serves_once_and_gives_the_next(office: Store, secrets: CountingSecrets, clock: ManualClock) -> None:
    session = sign_in(office, secrets, by_name())
    seen = {session.refresh}
    for number in range(2, 6):
        clock.advance(600_000)
        before, session = session, sessions.refresh(office, secrets, session.refresh)
        assert session.refresh not in seen
        assert session.principal.token == f"{before.principal.token.partition('.')[0]}.{number}"
        assert session.principal.authenticated_ms == before.principal.authenticated_ms
        seen.add(session.refresh)


def test_a_token_that_is_used_again_ends_its_family_and_no_other(office: Store, secrets: CountingSecrets) -> None:
    first, other = sign_in(office, secrets, by_name()), sign_in(office, secrets, by_name())
    second = sessions.refresh(office, secrets, first.refresh)
    for token in (first.refresh, second.refresh, first.refresh):
        with pytest.raises(Unproven) as caught:
            sessions.refresh(office, secrets, token)
        assert caught.value.reason == "refresh"
    (noted,) = [entry for entry in entries(office) if entry.action == "refresh_reused"]
    family = first.principal.token.partition(".")[0]
    assert (noted.on, noted.after) == ("person/ana", {"family": family, "number": 1})
    assert sessions.refresh(office, secrets, other.refresh).principal.identity == "ana"


def test_of_many_that_refresh_one_token_one_gets_a_successor_and_none_keeps_it(
    office: Store, secrets: CountingSecrets
) -> None:
    for _ in range(3):
        session = sign_in(office, secrets, by_name())
        successors: list[Session] = []

        def refresh(_: int, token: str = session.refresh, successors: list[Session] = successors) -> None:
            successors.append(sessions.refresh(office, secrets, token))

        came = together(refresh)
        assert came == {"done": 1, "refresh": AT_ONCE - 1}
        with pytest.raises(Unproven):
            sessions.refresh(office, secrets, successors[0].refresh)
        with office.reading() as connection:
            families = TOKEN_FAMILIES.c.id == session.principal.token.partition(".")[0]
            family = connection.execute(select(TOKEN_FAMILIES).where(families)).one()
            count = select(func.count()).where(REFRESH_TOKENS.c.family == family.id)
            assert connection.execute(count).scalar_one() == 2
        assert family.revoked_reason == "reuse"
    assert actions(office, "person/ana").count("refresh_reused") == 3


def test_a_person_signs_in_again_after_a_shift(office: Store, secrets: CountingSecrets, clock: ManualClock) -> None:
    session = sign_in(office, secrets, by_name())
    ends_ms = clock.now_ms() + PERSON_MS
    clock.set(ends_ms - 1)
    session = sessions.refresh(office, secrets, session.refresh)
    assert session.refresh_until_ms == ends_ms
    clock.set(ends_ms)
    with pytest.raises(Unproven):
        sessions.refresh(office, secrets, session.refresh)


def test_a_refresh_takes_the_roles_as_they_are_now(office: Store, secrets: CountingSecrets) -> None:
    session = sign_in(office, secrets, by_name())
    office.work(ROOT, people.change, "ana", expected=1, roles=[Role("operator", "manaus.final.line-1")])
    session = sessions.refresh(office, secrets, session.refresh)
    assert session.principal.roles == {Role("operator", "manaus.final.line-1")}
    office.work(ROOT, people.change, "ana", expected=2, active=False)
    with pytest.raises(Unproven):
        sessions.refresh(office, secrets, session.refresh)
    office.work(ROOT, people.change, "ana", expected=3, active=True)
    with pytest.raises(Unproven):  # who comes back signs in
        sessions.refresh(office, secrets, session.refresh)


def test_whoever_signs_out_is_out(office: Store, secrets: CountingSecrets) -> None:
    first = sign_in(office, secrets, by_name())
    second = sessions.refresh(office, secrets, first.refresh)
    for _ in range(2):
        office.work(who("ana"), sessions.sign_out, first.refresh)
    office.work(who("ana"), sessions.sign_out, "no such token")
    with pytest.raises(Unproven):
        sessions.refresh(office, secrets, second.refresh)
    assert actions(office, "person/ana").count("signed_out") == 1
    assert "refresh_reused" not in actions(office, "person/ana")


def test_a_device_trades_its_code_for_a_token(office: Store, secrets: CountingSecrets, clock: ManualClock) -> None:
    code = office.work(ROOT, devices.offer, secrets, STATION)
    typed = code.text.lower().replace("-", " ").replace("o", "0").replace("i", "1")
    session = devices.enrol(office, secrets, typed)
    principal = session.principal
    assert (principal.kind, principal.station) == ("device", STATION)
    assert principal.roles == {Role("station", "manaus.final.line-1")}
    assert session.refresh_until_ms == clock.now_ms() + DEVICE_MS
    with pytest.raises(Unproven) as caught:
        devices.enrol(office, secrets, code.text)
    assert caught.value.reason == "enrolment"
    assert actions(office, f"station/{STATION}") == ["enrolment_offered", "enrolment_refused"]
    assert actions(office, f"device/{principal.identity}") == ["device_enrolled"]
    clock.advance(DEVICE_MS - 1)
    session = sessions.refresh(office, secrets, session.refresh)
    clock.advance(DEVICE_MS)
    with pytest.raises(Unproven):
        sessions.refresh(office, secrets, session.refresh)


def test_a_device_that_has_lost_its_answers_shows_the_same_token_again(office: Store, secrets: CountingSecrets) -> None:
    first = enrolled(office, secrets)
    lost = [sessions.refresh(office, secrets, first.refresh) for _ in range(3)]
    last = sessions.refresh(office, secrets, lost[-1].refresh)
    assert last.principal.identity == first.principal.identity
    assert actions(office, f"device/{last.principal.identity}") == ["device_enrolled", *["refresh_repeated"] * 2]


@pytest.mark.parametrize("shown", ["first", "overtaken"])
def test_of_a_device_and_its_thief_both_are_out(office: Store, secrets: CountingSecrets, shown: str) -> None:
    first = enrolled(office, secrets)
    overtaken, newest = (sessions.refresh(office, secrets, first.refresh) for _ in range(2))
    if shown == "first":  # what was answered to it is in use
        newest = sessions.refresh(office, secrets, newest.refresh)
    for token in ({"first": first, "overtaken": overtaken}[shown].refresh, newest.refresh):
        with pytest.raises(Unproven):
            sessions.refresh(office, secrets, token)
    assert actions(office, f"device/{first.principal.identity}")[-1] == "refresh_reused"


def test_a_code_is_good_for_a_quarter_of_an_hour(office: Store, secrets: CountingSecrets, clock: ManualClock) -> None:
    early, late = (office.work(ROOT, devices.offer, secrets, STATION) for _ in range(2))
    assert early.text != late.text
    clock.advance(15 * 60_000 - 1)
    devices.enrol(office, secrets, early.text)
    clock.advance(1)
    with pytest.raises(Unproven):
        devices.enrol(office, secrets, late.text)
    with pytest.raises(Unproven):
        devices.enrol(office, secrets, "AAAA-AAAA-AAAA-AAAA")


def test_of_many_that_use_one_code_one_is_a_device(office: Store, secrets: CountingSecrets) -> None:
    for number in range(1, 4):
        code = office.work(ROOT, devices.offer, secrets, STATION)

        def enrol(_: int, text: str = code.text) -> None:
            devices.enrol(office, secrets, text)

        came = together(enrol)
        assert came == {"done": 1, "enrolment": AT_ONCE - 1}
        with office.reading() as connection:
            assert len(devices.listed(connection, STATION)) == number
            assert connection.execute(select(func.count()).select_from(DEVICES)).scalar_one() == number
            assert connection.execute(select(func.count()).select_from(TOKEN_FAMILIES)).scalar_one() == number


def test_a_code_is_for_a_station_that_is_named_like_one(office: Store, secrets: CountingSecrets) -> None:
    for station in ("", "line-1", f"{STATION}.x", f"{STATION}\n"):
        with pytest.raises(Refused, match="a station is named"):
            office.work(ROOT, devices.offer, secrets, station)


def test_a_device_that_is_revoked_is_out(office: Store, secrets: CountingSecrets) -> None:
    lost, kept = enrolled(office, secrets), enrolled(office, secrets)
    with pytest.raises(Refused, match="takes a reason"):
        office.work(ROOT, devices.revoke, lost.principal.identity, " ")
    for _ in range(2):
        office.work(ROOT, devices.revoke, lost.principal.identity, "stolen")
    with pytest.raises(Unproven):
        sessions.refresh(office, secrets, lost.refresh)
    assert sessions.refresh(office, secrets, kept.refresh).principal.identity == kept.principal.identity
    assert actions(office, f"device/{lost.principal.identity}") == ["device_enrolled", "device_revoked"]
    with office.reading() as connection:
        families = dict(connection.execute(select(TOKEN_FAMILIES.c.device, TOKEN_FAMILIES.c.revoked_reason)).all())
    assert families == {lost.principal.identity: "device_revoked", kept.principal.identity: None}
    with pytest.raises(NotFound):
        office.work(ROOT, devices.revoke, "device-0", "stolen")


def test_who_is_forgotten_is_out_and_nothing_says_who_they_were(office: Store, secrets: CountingSecrets) -> None:
    session = sign_in(office, secrets, by_badge())
    before = person_row(office)
    with pytest.raises(Stale):
        office.work(ROOT, erasure.forget, secrets, "ana", expected=9, reason="left")
    for _ in range(2):
        office.work(ROOT, erasure.forget, secrets, "ana", expected=1, reason="left")
    after, left = person_row(office), everything(office)
    assert (after.display, after.active, after.badge_digest, after.password_hash, after.pin_hash) == (
        "",
        0,
        *[None] * 3,
    )
    assert after.pseudonym != before.pseudonym
    for gone in (before.display, before.pseudonym, before.badge_digest, before.password_hash, before.pin_hash):
        assert gone not in left
    for shown in (by_name(), by_badge()):
        with pytest.raises(Unproven):
            sign_in(office, secrets, shown)
    with pytest.raises(Unproven):
        sessions.refresh(office, secrets, session.refresh)
    assert actions(office, "person/ana").count("person_forgotten") == 1


def test_who_is_forgotten_does_not_come_back(office: Store, secrets: CountingSecrets) -> None:
    office.work(ROOT, erasure.forget, secrets, "ana", expected=1, reason="left")
    for back in (
        lambda: office.work(ROOT, people.change, "ana", expected=2, active=True),
        lambda: credentials.set_password(office, secrets, ROOT, "ana", PASSWORD),
        lambda: office.work(ROOT, credentials.set_badge, "ana", BADGE),
    ):
        with pytest.raises(Refused) as caught:
            back()
        assert caught.value.reason == "forgotten"
    office.work(ROOT, credentials.set_badge, "bia", BADGE)


def test_no_secret_is_kept_or_shown(office: Store, secrets: CountingSecrets) -> None:
    code = office.work(ROOT, devices.offer, secrets, STATION)
    sessions_made = [sign_in(office, secrets, by_badge()), devices.enrol(office, secrets, code.text)]
    sessions_made.append(sessions.refresh(office, secrets, sessions_made[0].refresh))
    fail(office, secrets, 1, by_name("canary-password"))
    fail(office, secrets, 1, by_name(person="canary-name"))
    hidden = [PASSWORD, PIN, BADGE, "canary", code.text, code.text.replace("-", "")]
    hidden += [session.refresh for session in sessions_made]
    shown = everything(office) + repr([*sessions_made, code, by_name(), by_badge(), secrets])
    assert not [secret for secret in hidden if secret in shown]


def test_what_has_ended_is_pruned_and_what_lives_stays(
    office: Store, secrets: CountingSecrets, clock: ManualClock
) -> None:
    device = enrolled(office, secrets)
    sign_in(office, secrets, by_name())
    clock.advance(PERSON_MS)
    living = sessions.refresh(office, secrets, device.refresh)
    today = sign_in(office, secrets, by_name())
    assert office.work(ROOT, sessions.prune) == 1
    with office.reading() as connection:
        families = connection.execute(select(func.count()).select_from(TOKEN_FAMILIES)).scalar_one()
        assert (families, connection.execute(select(func.count()).select_from(REFRESH_TOKENS)).scalar_one()) == (2, 3)
    sessions.refresh(office, secrets, living.refresh)
    sessions.refresh(office, secrets, today.refresh)


def test_a_code_remembers_who_made_it_and_for_which_device(office: Store, secrets: CountingSecrets) -> None:
    device = enrolled(office, secrets).principal.identity
    with office.reading() as connection:
        row = connection.execute(select(ENROLMENT_CODES)).one()
    assert (row.created_by, row.device, row.station) == ("root", device, STATION)
