"""What the office hears of a station's visits: the results, in the order in which they came about.

A unit may go through several stations while the office is away, and each of them tells what it did when it can. So the
office may hear of a visit before it hears of the one before it: it refuses that, and is told again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from edge.client.calls import Client
from edge.client.problems import Conflict, Invalid, NotFound
from edge.client.shapes import Failing, Use, Visit
from edge.desk.journal import Journal, Visited
from edge.pauses import Draw, Pauses
from models.production.lease import LASTS_MS_MAX
from sipe.clock import Clock

FINAL = (Conflict, NotFound, Invalid)
"""What the office will say again, however often it is asked; anything else may be otherwise later."""
EARLY = frozenset({"skipped", "in_work", "failed"})
"""Why a visit is refused when another station has not told yet what came before it."""
EARLY_PAUSES = Pauses(first_s=5, longest_s=600)
VISITS_A_REPORT = 200


class Early(NamedTuple):
    """A visit that the office cannot take yet: how often it was told, and when it is told again."""

    told: int
    again_ms: int


class Telling:
    """Tells what a journal has; for one thread."""

    def __init__(
        self,
        station: str,
        client: Client,
        journal: Journal,
        clock: Clock,
        *,
        monotonic_ms: Callable[[], int],
        draw: Draw,
    ) -> None:
        self._station = station
        self._client = client
        self._journal = journal
        self._clock = clock
        self._monotonic_ms = monotonic_ms
        self._draw = draw
        self._early: dict[int, Early] = {}

    def tell(self, answered: Callable[[], None]) -> int:
        """Tell what has not been heard, the earliest first; how many visits were heard. `answered` follows each answer.

        What is refused is kept with the reason, and not told again, unless it may only have come early: then for as
        long as something can still come before it. Raises `ApiError` when nothing can be told now, such as without a
        connection or a token that is good: the rest waits.
        """
        finished = [visit for visit in self._journal.visits("finished") if self._is_due(visit)]
        heard = 0
        for lease, visits in groupby(finished, key=attrgetter("lease")):
            some = list(visits)
            heard += self._told_one_by_one(some) if lease is None else self._reported(lease, some)
            answered()
        return heard

    def _told_one_by_one(self, visits: Sequence[Visited]) -> int:
        for visit in visits:
            serial, key = visit.serial or "", f"{visit.key}-result"
            try:
                if visit.result == "passed":
                    self._client.pass_unit(self._station, serial, key=key)
                else:
                    self._client.fail_unit(self._station, serial, Failing(reason=visit.reason), key=key)
            except FINAL as error:
                self._journal.told(visit, "refused", f"{error.reason}: {error}")
            else:
                self._journal.told(visit, "taken")
        return len(visits)

    def _reported(self, lease: str, visits: Sequence[Visited]) -> int:
        for start in range(0, len(visits), VISITS_A_REPORT):
            some = visits[start : start + VISITS_A_REPORT]
            try:
                answers = self._client.report_use(self._station, lease, Use(visits=tuple(map(_visit, some)))).items
            except FINAL as error:
                for visit in some:
                    self._journal.told(visit, "refused", f"{error.reason}: {error}")
            else:
                for visit, answer in zip(some, answers, strict=True):
                    if not self._is_early(visit, answer.refusal):
                        self._journal.told(visit, answer.outcome, answer.detail)
        return sum(visit.id not in self._early for visit in visits)

    def _is_due(self, visit: Visited) -> bool:
        return visit.id not in self._early or self._early[visit.id].again_ms <= self._monotonic_ms()

    def _is_early(self, visit: Visited, refusal: str | None) -> bool:
        """Whether it is told again: a lease may still be out under which something came before it."""
        before = self._early.pop(visit.id, Early(0, 0))
        if refusal not in EARLY or self._clock.now_ms() - _left_ms(visit) > LASTS_MS_MAX:
            return False
        told = before.told + 1
        pause_ms = round(1000 * EARLY_PAUSES.after(told, self._draw))
        self._early[visit.id] = Early(told, self._monotonic_ms() + pause_ms)
        return True


def _visit(visit: Visited) -> Visit:
    return Visit(
        serial=visit.serial or "",
        entered_ms=visit.entered_ms,
        left_ms=_left_ms(visit),
        result=visit.result or "failed",
        reason=visit.reason,
    )


def _left_ms(visit: Visited) -> int:
    return visit.entered_ms if visit.left_ms is None else visit.left_ms
