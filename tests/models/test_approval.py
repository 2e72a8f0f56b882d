"""Cases against a model that knows nothing but lists of voices, whatever is decided and whoever comes and goes."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from models.approval.case import (
    AGAIN,
    Case,
    Decision,
    Refused,
    approvers,
    decide,
    elapse,
    is_stalled,
    submit,
    submit_again,
)
from models.approval.workflow import Delegation, Level, Person, Workflow, WorkflowError

HOUR_MS = 3_600_000
NAMES = ("ana", "bia", "caio", "davi", "eva", "gil")
ROLES = ("engineer", "quality", "manager")


def level(name: str = "check", **given: Any) -> Level:
    return Level(**({"name": name, "meaning": "checked", "roles": frozenset({"engineer"})} | given))


def staff(**roles: str) -> dict[str, Person]:
    return {name: Person(name, frozenset(words.split())) for name, words in roles.items()}


def opened(*levels: Level, author: str = "gil") -> Case:
    return submit(Workflow(name="w", version=1, levels=levels), author, 0)


def say(case: Case, kind: str, person: str, **given: Any) -> Decision:
    fields: dict[str, Any] = {
        "kind": kind,
        "person": person,
        "level": case.level.name,
        "at_ms": 1,
        "reason": "because",
    } | given
    return Decision(**fields)


def after(case: Case, people: dict[str, Person], *voices: str) -> Case:
    """The case after voices such as 'approve ana'."""
    for voice in voices:
        kind, person = voice.split()
        case = decide(case, say(case, kind, person), people)
    return case


def refusal(case: Case, decision: Decision, people: dict[str, Person], *delegations: Delegation) -> str:
    with pytest.raises(Refused) as refused:
        decide(case, decision, people, delegations)
    return refused.value.reason


TWO = staff(ana="engineer", bia="engineer", caio="quality", gil="engineer")


class TestWhatHasADefinedResult:
    def test_below_the_minimum_nothing_goes_on(self) -> None:
        case = after(opened(level(approvals_min=2)), TWO, "approve ana")
        assert (case.status, case.at) == ("open", 0)

    def test_levels_are_taken_one_after_the_other(self) -> None:
        case = opened(level(), level("release", roles=frozenset({"quality"})))
        assert refusal(case, say(case, "approve", "caio"), TWO) == "not_an_approver"
        assert refusal(case, say(case, "approve", "ana", level="release"), TWO) == "other_level"
        case = after(case, TWO, "approve ana")
        assert (case.status, case.level.name) == ("open", "release")
        assert after(case, TWO, "approve caio").status == "approved"

    def test_a_rejection_ends_it_and_no_later_level_opens(self) -> None:
        case = after(opened(level(), level("release", roles=frozenset({"quality"}))), TWO, "reject ana")
        assert (case.status, case.at) == ("rejected", 0)
        assert refusal(case, say(case, "approve", "bia"), TWO) == "not_open"
        with pytest.raises(Refused):
            submit_again(case, "gil", 2)

    def test_too_many_against_it_to_agree_is_no_consensus(self) -> None:
        case = after(opened(level(approvals_min=2, rejections_min=2)), TWO, "approve ana", "reject bia")
        assert case.status == "no_consensus"
        again = submit_again(case, "gil", 5)
        assert (again.status, again.round, again.decisions) == ("open", 2, ())

    def test_a_delegate_who_is_against_it_leaves_no_quorum_either(self) -> None:
        case = opened(level(approvals_min=2, rejections_min=2, delegation=True))
        stands_in = Delegation("ana", "bia", 0, HOUR_MS)
        people = staff(ana="engineer", bia="engineer", gil="")
        assert decide(case, say(case, "reject", "bia", principal="ana"), people, [stands_in]).status == "no_consensus"

    def test_nobody_decides_before_the_level_opened_or_the_last_decision(self) -> None:
        case = opened(level(approvals_min=2))
        case = decide(case, say(case, "approve", "ana", at_ms=5), TWO)
        assert refusal(case, say(case, "approve", "bia", at_ms=4), TWO) == "too_early"

    def test_nobody_withdraws_for_the_author(self) -> None:
        case = opened(level())
        assert refusal(case, say(case, "withdraw", "gil", principal="ana"), TWO) == "no_delegation"

    def test_one_person_decides_once_on_a_level(self) -> None:
        case = after(opened(level(approvals_min=2)), TWO, "approve ana")
        for kind in ("approve", "reject", "return"):
            assert refusal(case, say(case, kind, "ana"), TWO) == "decided_already"

    def test_one_person_on_two_levels_is_a_matter_of_policy(self) -> None:
        second = level("again")
        apart = level("again", separation=frozenset({"earlier_levels"}))
        assert after(opened(level(), second), TWO, "approve ana", "approve ana").status == "approved"
        case = after(opened(level(), apart), TWO, "approve ana")
        assert refusal(case, say(case, "approve", "ana"), TWO) == "decided_earlier"

    def test_the_author_does_not_decide_unless_the_level_lets_them(self) -> None:
        case = opened(level())
        assert refusal(case, say(case, "approve", "gil"), TWO) == "is_the_author"
        assert after(opened(level(separation=frozenset())), TWO, "approve gil").status == "approved"

    def test_a_revoked_role_takes_the_right_and_leaves_the_signature(self) -> None:
        case = after(opened(level(approvals_min=2)), TWO, "approve ana")
        now = TWO | staff(ana="", bia="")
        assert refusal(case, say(case, "approve", "bia"), now) == "not_an_approver"
        assert is_stalled(case, now)
        assert not is_stalled(case, now | staff(davi="engineer"))
        assert after(case, now | staff(davi="engineer"), "approve davi").status == "approved"

    def test_who_left_can_neither_decide_nor_be_represented(self) -> None:
        case = opened(level(delegation=True))
        gone = TWO | {"ana": TWO["ana"]._replace(active=False)}
        stands_in = Delegation("ana", "caio", 0, HOUR_MS)
        assert refusal(case, say(case, "approve", "ana"), gone) == "unknown_person"
        assert refusal(case, say(case, "approve", "caio", principal="ana"), gone, stands_in) == "not_an_approver"

    def test_a_return_or_rejection_takes_a_reason(self) -> None:
        case = opened(level())
        assert {refusal(case, say(case, kind, "ana", reason=" "), TWO) for kind in ("reject", "return")} == {
            "reason_missing"
        }

    def test_the_author_and_nobody_else_withdraws(self) -> None:
        case = opened(level())
        assert refusal(case, say(case, "withdraw", "ana"), TWO) == "not_the_author"
        assert after(case, TWO, "withdraw gil").status == "withdrawn"

    @pytest.mark.parametrize(
        ("policy", "status"), [("escalate", "open"), ("return", "returned"), ("reject", "rejected")]
    )
    def test_time_runs_out(self, policy: str, status: str) -> None:
        case = opened(level(time_limit_ms=HOUR_MS, on_time_limit=policy))
        assert elapse(case, HOUR_MS - 1) == case
        late = elapse(case, HOUR_MS)
        assert (late.status, late.escalated) == (status, policy == "escalate")
        assert elapse(late, 2 * HOUR_MS) == late
        if policy == "return":
            assert submit_again(case, "gil", HOUR_MS).status == "open", "before a timer saw it"
        if policy != "escalate":
            assert refusal(case, say(case, "approve", "ana", at_ms=HOUR_MS), TWO) == "not_open", "before a timer saw it"


class TestDelegation:
    CASE = opened(level(delegation=True, approvals_min=2))
    STANDS_IN = Delegation("ana", "caio", 0, HOUR_MS)

    def test_the_voice_is_that_of_who_is_represented(self) -> None:
        case = decide(self.CASE, say(self.CASE, "approve", "caio", principal="ana"), TWO, [self.STANDS_IN])
        assert refusal(case, say(case, "approve", "ana"), TWO) == "decided_already"
        assert after(case, TWO, "approve bia").status == "approved"

    def test_nobody_has_two_voices(self) -> None:
        both = [Delegation("ana", "bia", 0, HOUR_MS), Delegation("bia", "ana", 0, HOUR_MS)]
        case = after(self.CASE, TWO, "approve ana")
        assert refusal(case, say(case, "approve", "ana", principal="bia"), TWO, *both) == "decided_already"
        assert refusal(case, say(case, "approve", "bia", principal="ana"), TWO, *both) == "decided_already"

    @pytest.mark.parametrize(
        "delegations",
        [
            [],
            [Delegation("bia", "caio", 0, HOUR_MS)],
            [Delegation("ana", "caio", 2, 9)],
            [Delegation("ana", "caio", 0, 1)],
        ],
    )
    def test_without_a_delegation_that_holds_now_there_is_none(self, delegations: list[Delegation]) -> None:
        decision = say(self.CASE, "approve", "caio", principal="ana")
        assert refusal(self.CASE, decision, TWO, *delegations) == "no_delegation"

    def test_the_author_represents_nobody_and_a_level_may_forbid_it(self) -> None:
        to_author = Delegation("ana", "gil", 0, HOUR_MS)
        assert refusal(self.CASE, say(self.CASE, "approve", "gil", principal="ana"), TWO, to_author) == "is_the_author"
        case = opened(level())
        assert refusal(case, say(case, "approve", "caio", principal="ana"), TWO, self.STANDS_IN) == "no_delegation"


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"roles": frozenset()}, "level 'check' names neither roles nor people"),
        ({"approvals_min": 0}, "level 'check' needs no approval"),
        ({"rejections_min": 0}, "level 'check' is rejected by nobody"),
        ({"roles": frozenset(), "people": frozenset({"ana"}), "approvals_min": 2}, "needs 2 approvals of 1 people"),
        ({"time_limit_ms": 0}, "level 'check' has no time"),
    ],
)
def test_a_level_that_cannot_work_says_why(given: dict[str, Any], complaint: str) -> None:
    with pytest.raises(WorkflowError, match=complaint):
        level(**given)


@pytest.mark.parametrize("levels", [(), (level(), level())])
def test_a_workflow_that_cannot_work_says_why(levels: tuple[Level, ...]) -> None:
    with pytest.raises(WorkflowError, match="workflow 'w' has"):
        Workflow(name="w", version=1, levels=levels)


class Voice(NamedTuple):
    kind: str
    person: str
    principal: str


class Model:
    """What a level's list of voices means, said as plainly as possible."""

    def __init__(self, levels: tuple[Level, ...], author: str) -> None:
        self.levels, self.author = levels, author
        self.voices: list[list[Voice]] = [[] for _ in levels]
        self.status, self.at = "open", 0

    def has_a_part(self, name: str, at: int) -> bool:
        return any(name in {voice.person, voice.principal} for voice in self.voices[at])

    def kept_out(self, name: str) -> bool:
        rules = self.levels[self.at].separation
        earlier = any(self.has_a_part(name, at) for at in range(self.at))
        return (
            self.has_a_part(name, self.at)
            or ("author" in rules and name == self.author)
            or ("earlier_levels" in rules and earlier)
        )

    def is_approver(self, person: Person) -> bool:
        here = self.levels[self.at]
        return person.active and (person.id in here.people or any(role in here.roles for role in person.roles))

    def allows(self, voice: Voice, people: dict[str, Person], lent: set[tuple[str, str]]) -> bool:
        if self.status != "open" or not people[voice.person].active:
            return False
        if voice.kind == "withdraw":
            return voice.person == self.author and not voice.principal
        own = not voice.principal
        if not own and not (self.levels[self.at].delegation and (voice.principal, voice.person) in lent):
            return False
        who = people[voice.person if own else voice.principal]
        return self.is_approver(who) and not self.kept_out(who.id) and not self.kept_out(voice.person)

    def left(self, people: dict[str, Person]) -> int:
        return sum(self.is_approver(person) and not self.kept_out(person.id) for person in people.values())

    def hear(self, voice: Voice, people: dict[str, Person]) -> None:
        if voice.kind in {"withdraw", "return"}:
            self.status = {"withdraw": "withdrawn", "return": "returned"}[voice.kind]
            return
        self.voices[self.at].append(voice)
        here = self.levels[self.at]
        agreed = sum(one.kind == "approve" for one in self.voices[self.at])
        against = sum(one.kind == "reject" for one in self.voices[self.at])
        left = self.left(people)
        heard = self.voices[self.at]
        self.voices[self.at] = [one for one in heard if one.kind != "reject"]
        would_be_left = self.left(people)
        self.voices[self.at] = heard
        if against == here.rejections_min:
            self.status = "rejected"
        elif agreed == here.approvals_min:
            if self.at == len(self.levels) - 1:
                self.status = "approved"
            else:
                self.at += 1
        elif against and agreed + left < here.approvals_min <= agreed + would_be_left:
            self.status = "no_consensus"


levels_drawn = st.builds(
    Level,
    name=st.sampled_from(["check", "verify", "release"]),
    meaning=st.just("checked"),
    roles=st.frozensets(st.sampled_from(ROLES), min_size=1),
    people=st.frozensets(st.sampled_from(NAMES), max_size=2),
    approvals_min=st.integers(1, 3),
    rejections_min=st.integers(1, 2),
    separation=st.frozensets(st.sampled_from(["author", "earlier_levels"])),
    delegation=st.booleans(),
)


class Approvals(RuleBasedStateMachine):
    """The case and the model hear the same, and have to be of one mind."""

    @initialize(
        levels=st.lists(levels_drawn, min_size=1, max_size=3, unique_by=lambda one: one.name),
        roles=st.lists(st.frozensets(st.sampled_from(ROLES), min_size=1), min_size=len(NAMES), max_size=len(NAMES)),
        author=st.sampled_from(NAMES),
    )
    def submit(self, levels: list[Level], roles: list[frozenset[str]], author: str) -> None:
        self.people = {name: Person(name, its) for name, its in zip(NAMES, roles, strict=True)}
        self.lent: set[tuple[str, str]] = set()
        self.case = opened(*levels, author=author)
        self.model = Model(tuple(levels), author)
        self.past: list[Decision] = []

    @rule(
        kind=st.sampled_from(["approve"] * 5 + ["reject", "reject", "return", "withdraw"]),
        person=st.sampled_from(NAMES),
        principal=st.sampled_from(["", "", *NAMES]),
    )
    def decide(self, kind: str, person: str, principal: str) -> None:
        voice = Voice(kind, person, principal)
        decision = say(self.case, kind, person, principal=principal)
        delegations = [Delegation(by, to, 0, HOUR_MS) for by, to in self.lent]
        allowed = self.model.allows(voice, self.people, self.lent)
        try:
            case = decide(self.case, decision, self.people, delegations)
        except Refused:
            assert not allowed
            return
        assert allowed
        assert case.decisions == (*self.case.decisions, decision)
        self.case = case
        self.model.hear(voice, self.people)

    @rule(name=st.sampled_from(NAMES), roles=st.frozensets(st.sampled_from(ROLES)), active=st.booleans())
    def change_staff(self, name: str, roles: frozenset[str], active: bool) -> None:
        self.people[name] = Person(name, roles, active)

    @rule(by_to=st.sampled_from([(by, to) for by in NAMES for to in NAMES if by != to]))
    def lend(self, by_to: tuple[str, str]) -> None:
        self.lent.add(by_to)

    @precondition(lambda self: self.case.status in AGAIN)
    @rule()
    def submit_again(self) -> None:
        before = self.case.round
        self.case = submit_again(self.case, self.model.author, 0)
        self.model = Model(self.model.levels, self.model.author)
        assert self.case.round == before + 1

    @invariant()
    def of_one_mind(self) -> None:
        if hasattr(self, "case"):
            assert (self.case.status, self.case.at) == (self.model.status, self.model.at)
            open_to = approvers(self.case, self.people) if self.case.status == "open" else []
            for name in open_to:
                assert self.model.allows(Voice("approve", name, ""), self.people, set())

    @invariant()
    def approved_means_a_quorum_on_every_level(self) -> None:
        if hasattr(self, "case") and self.case.status == "approved":
            for one in self.case.workflow.levels:
                voices = [d.counts_for for d in self.case.decisions if d.level == one.name and d.kind == "approve"]
                assert len(set(voices)) == len(voices) >= one.approvals_min


TestApprovals = Approvals.TestCase
TestApprovals.settings = settings(stateful_step_count=40)
