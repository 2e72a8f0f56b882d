"""Sampling against what is published of ISO 2859-1, against how its tables are built, and against the binomial law."""

from __future__ import annotations

import math
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.sampling.draw import draw
from models.sampling.plans import Plan, Refused, accept_one_step_tighter, code_letter, judge, plan
from models.sampling.switching import LotResult, Switch, after, resume, switch_of
from models.sampling.tables import AQLS, CODE_LETTERS, LEVELS, MASTER_TABLES, Level, Severity

SIZES = (2, 3, 5, 8, 13, 20, 32, 50, 80, 125, 200, 315, 500, 800, 1250, 2000)
LETTERS = "ABCDEFGHJKLMNPQR"
LOTS = (8, 15, 25, 50, 90, 150, 280, 500, 1200, 3200, 10_000, 35_000, 150_000, 500_000, 500_001)
SEVERITIES: tuple[Severity, ...] = ("normal", "tightened", "reduced")
# Lot, level, AQL and severity, with the letter, sample size, acceptance and rejection number that books print for it.
PUBLISHED: list[tuple[int, Level, float, Severity, str, int, int, int]] = [
    (1_000, "II", 1.0, "normal", "J", 80, 2, 3),
    (1_000, "II", 1.0, "tightened", "J", 80, 1, 2),
    (1_000, "II", 1.0, "reduced", "J", 32, 1, 2),
    (500, "II", 0.65, "normal", "J", 80, 1, 2),
    (5_000, "II", 1.5, "normal", "L", 200, 7, 8),
    (5_000, "II", 1.5, "tightened", "L", 200, 5, 6),
    (2_000, "II", 1.0, "normal", "K", 125, 3, 4),
    (2_000, "II", 1.0, "reduced", "K", 50, 2, 3),
    (50, "II", 1.0, "normal", "E", 13, 0, 1),
    (150, "II", 1.5, "normal", "G", 32, 1, 2),
    (20_000, "II", 6.5, "reduced", "L", 80, 10, 11),
    (1_000, "II", 0.65, "tightened", "K", 125, 1, 2),
    (4_000, "II", 2.5, "normal", "L", 200, 10, 11),
    (1_000_000, "III", 0.025, "tightened", "S", 3150, 1, 2),
    (1_000_000, "III", 0.010, "normal", "Q", 1250, 0, 1),
]


def of_letter(letter: str, aql: float, severity: Severity) -> Plan:
    """The plan of the largest lot that has a letter at some level."""
    lots = ((size, level) for size in reversed(LOTS) for level in LEVELS if code_letter(size, level) == letter)
    size, level = next(lots)
    return plan(size, level, aql, severity)


def resolved(severity: Severity, letter: str, column: int) -> tuple[int, int]:
    """Sample size and acceptance number, the arrows followed on the cells by another way than the code's."""
    rows = MASTER_TABLES[severity]
    at = [row.letter for row in rows].index(letter)
    plans = [(index, row) for index, row in enumerate(rows) if isinstance(row.cells[column], int)]
    if rows[at].cells[column] == "^":
        _, row = max((index, row) for index, row in plans if index < at)
    else:
        _, row = min((index, row) for index, row in plans if index >= at)
    accept = row.cells[column]
    assert isinstance(accept, int)
    return row.sample_size, accept


def probability(sample_size: int, accept: int, aql: float, factor: float = 1.0) -> float:
    """How often a process of that quality is accepted: binomial up to 10 percent, Poisson above."""
    share = aql * factor / 100
    if aql <= 10:
        terms = (math.comb(sample_size, k) * share**k * (1 - share) ** (sample_size - k) for k in range(accept + 1))
    else:
        mean = sample_size * share
        terms = (math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(accept + 1))
    return sum(terms)


CELLS = list(product(LETTERS, range(len(AQLS))))


class TestTheTables:
    @pytest.mark.parametrize("case", PUBLISHED)
    def test_published_plans(self, case: tuple[int, Level, float, Severity, str, int, int, int]) -> None:
        lot_size, level, aql, severity, letter, sample_size, accept, reject = case
        found = plan(lot_size, level, aql, severity)
        assert (found.letter, found.sample_size, found.accept, found.reject) == (letter, sample_size, accept, reject)

    def test_sizes_and_letters_are_the_preferred_numbers_in_order(self) -> None:
        assert [row.sample_size for row in MASTER_TABLES["normal"]] == list(SIZES)
        assert [row.sample_size for row in MASTER_TABLES["tightened"]] == [*SIZES, 3150]
        assert [row.sample_size for row in MASTER_TABLES["reduced"]] == [2, 2, *SIZES[:-2]]
        for severity, rows in MASTER_TABLES.items():
            assert "".join(row.letter for row in rows) == LETTERS + "S" * (severity == "tightened")
            assert {len(row.cells) for row in rows} == {len(AQLS)} == {26}

    @pytest.mark.parametrize(
        ("severity", "zero", "numbers"),
        [
            ("normal", 14, {17: 1, 18: 2, 19: 3, 20: 5, 21: 7, 22: 10, 23: 14, 24: 21}),
            ("tightened", 15, {18: 1, 19: 2, 20: 3, 21: 5, 22: 8, 23: 12, 24: 18}),
            ("reduced", 14, {18: 1, 19: 2, 20: 3, 21: 4, 22: 6, 23: 8, 24: 10}),
        ],
    )
    def test_a_plan_moves_one_letter_for_one_step_of_the_aql(
        self, severity: Severity, zero: int, numbers: dict[int, int]
    ) -> None:
        for at, row in enumerate(MASTER_TABLES[severity][2:16], start=2):
            for column, cell in enumerate(row.cells):
                diagonal = at + column
                if diagonal in numbers or diagonal == zero:
                    assert cell == numbers.get(diagonal, 0), (row.letter, AQLS[column])
                elif diagonal < 24:
                    assert isinstance(cell, str), (row.letter, AQLS[column])
                elif isinstance(cell, int):
                    assert row.letter in "CDE", "only small samples accept more than the diagonals say"

    def test_what_stands_beside_the_diagonals(self) -> None:
        tables = {
            (severity, row.letter): row.cells[-9:] for severity, rows in MASTER_TABLES.items() for row in rows[:2]
        }
        large = (1, 2, 3, 5, 7, 10, 14, 21, 30)
        assert tables["normal", "A"] == tables["reduced", "A"] == large
        assert tables["normal", "B"] == (*large[1:], 44)
        assert tables["reduced", "B"] == large
        assert tables["tightened", "A"] == ("v", 1, 2, 3, 5, 8, 12, 18, 27)
        assert tables["tightened", "B"] == (1, 2, 3, 5, 8, 12, 18, 27, 41)
        assert of_letter("A", 10, "tightened").letter == "D"
        s = MASTER_TABLES["tightened"][16]
        assert [AQLS[column] for column, cell in enumerate(s.cells) if isinstance(cell, int)] == [0.025]

    def test_aqls_are_five_to_a_decade(self) -> None:
        for low, high in zip(AQLS, AQLS[5:], strict=False):
            assert high == pytest.approx(10 * low)
        assert (AQLS[0], AQLS[5], AQLS[-1]) == (0.01, 0.1, 1000)

    def test_letters_rise_with_the_lot_and_with_the_level(self) -> None:
        bounds = [largest for largest, _ in CODE_LETTERS]
        assert bounds == [*LOTS[:-1], None]
        for level in LEVELS:
            letters = [code_letter(size, level) for size in LOTS]
            assert letters == sorted(letters)
        for size in LOTS:
            for rising in (LEVELS[:4], LEVELS[4:]):
                letters = [code_letter(size, level) for level in rising]
                assert letters == sorted(letters)

    @pytest.mark.parametrize(
        ("level", "letters"),
        [
            ("S-1", "AAAABBBBCCCCDDD"),
            ("S-2", "AAABBBCCCDDDEEE"),
            ("S-3", "AABBCCDDEEFFGGH"),
            ("S-4", "AABCCDEEFGGHJJK"),
            ("I", "AABCCDEFGHJKLMN"),
            ("II", LETTERS[:-1]),
            ("III", LETTERS[1:]),
        ],
    )
    def test_the_letters_column_by_column(self, level: Level, letters: str) -> None:
        assert "".join(code_letter(size, level) for size in LOTS) == letters

    @pytest.mark.parametrize("bound", [*LOTS[:-1]])
    def test_a_row_ends_with_its_largest_lot(self, bound: int) -> None:
        assert LETTERS.index(code_letter(bound + 1, "II")) == LETTERS.index(code_letter(bound, "II")) + 1


class TestPlans:
    @pytest.mark.parametrize("severity", SEVERITIES)
    def test_arrows_lead_to_the_next_plan_with_its_own_sample_size(self, severity: Severity) -> None:
        for letter, column in CELLS:
            lot = of_letter(letter, AQLS[column], severity)
            if not lot.whole_lot:
                assert (lot.sample_size, lot.accept) == resolved(severity, letter, column), (letter, AQLS[column])
            assert lot.reject == lot.accept + 1

    @pytest.mark.parametrize("severity", SEVERITIES)
    def test_larger_lots_have_no_smaller_samples_and_larger_aqls_accept_no_less(self, severity: Severity) -> None:
        for column in range(len(AQLS)):
            plans = [resolved(severity, letter, column) for letter in LETTERS]
            assert plans == sorted(plans)
            assert [accept for _, accept in plans] == sorted(accept for _, accept in plans)
        for letter in LETTERS:
            accepts = [resolved(severity, letter, column)[1] for column in range(len(AQLS))]
            assert accepts == sorted(accepts)

    def test_a_process_at_the_aql_is_mostly_accepted(self) -> None:
        for letter, column in CELLS:
            sample_size, accept = resolved("normal", letter, column)
            assert 0.87 < probability(sample_size, accept, AQLS[column]) < 1, (letter, AQLS[column])

    @pytest.mark.parametrize("factor", [0.5, 1, 2, 4])
    def test_tightened_accepts_less_of_anything_and_reduced_more_of_what_is_bad(self, factor: float) -> None:
        for letter, column in CELLS:
            tightened, normal, reduced = (
                probability(*resolved(severity, letter, column), AQLS[column], factor)
                for severity in ("tightened", "normal", "reduced")
            )
            assert tightened <= normal + 1e-12, (letter, AQLS[column])
            if factor > 1 and AQLS[column] <= 10:  # better quality than that is accepted nearly always by both
                assert normal <= reduced + 1e-12, (letter, AQLS[column])

    @given(
        lot_size=st.integers(1, 2_000_000),
        level=st.sampled_from(LEVELS),
        aql=st.sampled_from(AQLS),
        severity=st.sampled_from(SEVERITIES),
    )
    def test_a_sample_is_never_larger_than_its_lot(
        self, lot_size: int, level: Level, aql: float, severity: Severity
    ) -> None:
        found = plan(lot_size, level, aql, severity)
        assert 1 <= found.sample_size <= lot_size
        asked = next(row.sample_size for row in MASTER_TABLES[severity] if row.letter == found.letter)
        assert found.whole_lot == (asked >= lot_size)
        assert found.sample_size == (lot_size if found.whole_lot else asked)

    @pytest.mark.parametrize(("lot_size", "sample_size", "whole"), [(12, 12, True), (13, 13, True), (14, 13, False)])
    def test_a_sample_as_large_as_the_lot_is_the_lot(self, lot_size: int, sample_size: int, whole: bool) -> None:
        found = plan(lot_size, "II", 1.0, "normal")
        assert (found.sample_size, found.whole_lot, found.accept) == (sample_size, whole, 0)

    def test_judged_by_the_acceptance_number(self) -> None:
        found = plan(1_000, "II", 1.0, "normal")
        assert [judge(found, count) for count in range(5)] == ["accepted"] * 3 + ["rejected"] * 2

    @pytest.mark.parametrize(
        ("reason", "lot_size", "level", "aql", "severity"),
        [
            ("lot_size", 0, "II", 1.0, "normal"),
            ("level", 10, "IV", 1.0, "normal"),
            ("aql", 10, "II", 0.5, "normal"),
            ("aql", 10, "II", math.nan, "normal"),
            ("severity", 10, "II", 1.0, "discontinued"),
        ],
    )
    def test_what_the_tables_do_not_have_is_refused(
        self, reason: str, lot_size: int, level: Level, aql: float, severity: Severity
    ) -> None:
        with pytest.raises(Refused) as refused:
            plan(lot_size, level, aql, severity)
        assert refused.value.reason == reason

    def test_fewer_than_none_cannot_be_nonconforming(self) -> None:
        with pytest.raises(Refused) as refused:
            judge(plan(100, "II", 1.0, "normal"), -1)
        assert refused.value.reason == "nonconforming"

    def test_one_step_tighter_is_the_same_sample_held_against_the_next_column(self) -> None:
        for letter, column in CELLS:
            found = of_letter(letter, AQLS[column], "normal")
            tighter = accept_one_step_tighter(found)
            if found.accept >= 2:
                assert tighter is not None
                assert 1 <= tighter < found.accept
        assert accept_one_step_tighter(plan(2_000, "II", 1.0, "normal")) == 2
        assert accept_one_step_tighter(of_letter("M", 6.5, "normal")) == 14, "the sample is that of L, at 4.0"
        assert accept_one_step_tighter(of_letter("Q", 0.010, "normal")) is None


SERIALS = st.sets(st.text("ab01", min_size=1, max_size=4), max_size=20).map(sorted)


class TestTheDraw:
    @given(serials=SERIALS, seed=st.integers(), share=st.floats(0, 1))
    def test_who_lists_the_units_does_not_matter(self, serials: list[str], seed: int, share: float) -> None:
        size = int(share * len(serials))
        drawn = draw(serials, size, Random(seed))
        assert drawn == draw(Random(seed + 1).sample(serials, len(serials)), size, Random(seed))
        assert len(set(drawn)) == len(drawn) == size
        assert set(drawn) <= set(serials)
        assert list(drawn) == sorted(drawn)

    def test_every_unit_is_drawn_as_often_as_any_other(self) -> None:
        rng, times = Random(7), dict.fromkeys("abcde", 0)
        for _ in range(5_000):
            for serial in draw("abcde", 2, rng):
                times[serial] += 1
        assert all(1_850 < count < 2_150 for count in times.values()), times  # 2 000 each; sigma is 35

    def test_a_draw_can_be_done_again_years_later(self) -> None:
        assert draw([f"{number:03}" for number in range(100)], 3, Random(1)) == ("013", "035", "091")

    @pytest.mark.parametrize(
        ("reason", "serials", "size"),
        [("serial_doubled", "aba", 1), ("sample_size", "ab", 3), ("sample_size", "a", -1)],
    )
    def test_what_cannot_be_drawn_is_refused(self, reason: str, serials: str, size: int) -> None:
        with pytest.raises(Refused) as refused:
            draw(serials, size, Random(0))
        assert refused.value.reason == reason


FEW = {severity: plan(1_000, "II", 0.65, severity) for severity in SEVERITIES}
"""Accepts with 1, 1 and 0: a lot that is accepted adds two."""
MANY = {severity: plan(1_000, "II", 1.5, severity) for severity in SEVERITIES}
"""The normal plan accepts with 3, and one step tighter with 2: a lot with at most two adds three."""


def lots(story: str, plans: dict[Severity, Plan] = FEW, **known: bool) -> Switch:
    """Where inspection stands after lots: a for accepted, r for rejected."""
    switch = Switch()
    for letter in story:
        severity = switch.inspection
        assert severity != "discontinued"
        found = 0 if letter == "a" else plans[severity].reject
        switch = after(switch, LotResult(plan=plans[severity], nonconforming=found, **known))
    return switch


class TestSwitching:
    @pytest.mark.parametrize(
        ("story", "inspection"),
        [
            ("r", "normal"),
            ("rr", "tightened"),
            ("raaar", "tightened"),
            ("raaaar", "normal"),
            ("raaaarr", "tightened"),
            ("rraaaa", "tightened"),
            ("rraaaaa", "normal"),
            ("rraaaraaaa", "tightened"),
            ("rrrrrr", "tightened"),
            ("rrrrrrr", "discontinued"),
            ("rrarararara", "tightened"),
            ("rrararararar", "discontinued"),
            ("rrrrrraaaaarr", "tightened"),
            ("rrrrrraaaaarrrrrr", "tightened"),
            ("rraaaaar", "normal"),
        ],
    )
    def test_lots_that_are_rejected(self, story: str, inspection: str) -> None:
        assert lots(story).inspection == inspection

    def test_reduced_takes_fifteen_lots_of_small_plans_and_ten_of_large_ones(self) -> None:
        assert lots("a" * 14, reduced_allowed=True).inspection == "normal"
        assert lots("a" * 15, reduced_allowed=True).inspection == "reduced"
        assert lots("a" * 9, MANY, reduced_allowed=True).inspection == "normal"
        assert lots("a" * 10, MANY, reduced_allowed=True).inspection == "reduced"

    def test_reduced_takes_a_steady_process_and_somebody_who_wants_it(self) -> None:
        assert lots("a" * 40).inspection == "normal"
        assert lots("a" * 40, reduced_allowed=True, steady=False).inspection == "normal"
        start = lots("a" * 40)
        last = LotResult(plan=FEW["normal"], nonconforming=0, reduced_allowed=True)
        assert after(start, last).inspection == "reduced"

    def test_the_score_begins_again_with_a_lot_that_is_rejected_or_only_just_accepted(self) -> None:
        assert lots("aaa").score == 6
        assert lots("aaar").score == 0
        assert lots("aara").score == 2
        scores = [
            after(Switch(score=9), LotResult(plan=MANY["normal"], nonconforming=found)).score for found in range(5)
        ]
        assert scores == [12, 12, 12, 0, 0]
        assert after(Switch(score=9), LotResult(plan=FEW["normal"], nonconforming=1)).score == 11

    @pytest.mark.parametrize(
        ("rejected", "known"),
        [
            (True, {"reduced_allowed": True}),
            (False, {"reduced_allowed": False}),
            (False, {"reduced_allowed": True, "steady": False}),
        ],
    )
    def test_reduced_ends_with_the_first_lot_that_is_not_as_good(self, rejected: bool, known: dict[str, bool]) -> None:
        reduced = lots("a" * 18, reduced_allowed=True)
        assert reduced.inspection == "reduced"
        found = FEW["reduced"].reject if rejected else 0
        assert after(reduced, LotResult(plan=FEW["reduced"], nonconforming=found, **known)) == Switch()

    @given(st.lists(st.booleans(), max_size=12))
    def test_a_lot_that_is_submitted_again_changes_nothing(self, story: list[bool]) -> None:
        for inspection in SEVERITIES:
            switch = Switch(inspection=inspection, score=4, last=(True, False), rejected=1)
            again = [LotResult(plan=FEW[inspection], nonconforming=0 if good else 9, original=False) for good in story]
            assert switch_of(again, switch) == switch

    def test_discontinued_until_it_is_resumed_and_then_tightened(self) -> None:
        ended = lots("rrrrrrr")
        with pytest.raises(Refused) as refused:
            after(ended, LotResult(plan=FEW["tightened"], nonconforming=0))
        assert refused.value.reason == "discontinued"
        assert resume(ended) == Switch(inspection="tightened")
        with pytest.raises(Refused) as refused:
            resume(Switch())
        assert refused.value.reason == "not_discontinued"

    def test_a_lot_that_was_inspected_otherwise_does_not_count(self) -> None:
        with pytest.raises(Refused) as refused:
            after(Switch(), LotResult(plan=FEW["tightened"], nonconforming=0))
        assert refused.value.reason == "other_severity"

    @given(st.lists(st.booleans(), max_size=40))
    def test_as_told_by_the_words_of_the_standard(self, story: list[bool]) -> None:
        """The rules again, on the whole list of a spell instead of on what the fold keeps of it."""
        spell: list[bool] = []
        inspection = "normal"
        switch = Switch()
        for good in story:
            if inspection == "discontinued":
                break
            severity: Severity = "tightened" if inspection == "tightened" else "normal"
            found = LotResult(plan=FEW[severity], nonconforming=0 if good else 2)
            switch = after(switch, found)
            spell.append(good)
            if inspection == "normal" and spell[-5:].count(False) >= 2:
                inspection, spell = "tightened", []
            elif inspection == "tightened" and spell[-5:] == [True] * 5:
                inspection, spell = "normal", []
            elif inspection == "tightened" and spell.count(False) == 5:
                inspection = "discontinued"
            assert switch.inspection == inspection
