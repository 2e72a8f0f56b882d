"""What the fold must give, worked out step by step from the definitions, sharing no code with it.

Times are whole steps of ten seconds. Slow and plain on purpose: every question is answered by looking at each event.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sipe.contracts import events as ev
from sipe.contracts.calendar import Calendar
from sipe.contracts.tables import MEASURES

STEP_MS = 10_000
PRECEDENCE = ["down", "maintenance", "setup", "executing", "idle", "planned_stop", "off"]
RETIRE_MS = 7 * 86_400_000

Cell = tuple[int, str, str, str]
Facts = dict[Cell, dict[str, int]]
StopRow = tuple[int, int, str, str, str, int, str, str, str, bool]


class Oracle:
    """The expected facts and stops of one station, given all its events (no duplicates, none late) and the time now."""

    def __init__(self, events: Sequence[ev.StationEvent], now_ms: int, default_heartbeat_ms: int = 60_000) -> None:
        self.events = sorted(events, key=_identity)
        self.now_ms = now_ms
        self.default_heartbeat_ms = default_heartbeat_ms
        self.told = [e for e in self.events if not isinstance(e, ev.StopClassified | ev.UnitReclassified)]
        definitions = (ev.CalendarAssigned, ev.StandardTimeSet, ev.CountingAuthoritySet)
        self.activity = [e for e in self.told if not isinstance(e, definitions)]
        self.heartbeats: dict[tuple[str, int], int] = {}
        for e in self.activity:
            if isinstance(e, ev.StationBorn):
                key = e.source, e.boot
                self.heartbeats[key] = max(e.heartbeat_ms, self.heartbeats.get(key, 0))

    def state_at(self, t: int) -> tuple[str, str, str, str, bool]:
        """(state, order, product, reason, conflict)."""
        claims: list[tuple[int, int, str, str, str, str]] = []
        for source in {e.source for e in self.activity}:
            own = [e for e in self.activity if e.source == source]
            if not any(e.ts_ms <= t < e.ts_ms + 3 * self._heartbeat_ms(source, e.boot) for e in own):
                continue
            marks = [e for e in own if isinstance(e, ev.StateChanged | ev.StationBorn) and e.ts_ms <= t]
            if marks and isinstance(marks[-1], ev.StateChanged):
                m = marks[-1]
                claims.append((PRECEDENCE.index(m.state), m.ts_ms, m.order or "", m.product or "", m.reason, m.state))
        for e in self.activity:
            if isinstance(e, ev.IntervalReported) and e.from_ts_ms <= t < e.ts_ms:
                claims.append(
                    (PRECEDENCE.index(e.state), e.from_ts_ms, e.order or "", e.product or "", e.reason, e.state)
                )
        order, product = self.order_at(t)
        if not claims:
            return "unknown", order, product, "", False
        _, _, claimed_order, claimed_product, reason, state = min(claims)
        if claimed_order:
            product = claimed_product or (product if claimed_order == order else "")
            order = claimed_order
        elif claimed_product:
            product = claimed_product
        return state, order, product, reason, len({c[5] for c in claims}) > 1

    def order_at(self, t: int) -> tuple[str, str]:
        current = ("", "")
        for e in self.activity:
            if e.ts_ms <= t and isinstance(e, ev.OrderStarted):
                current = (e.order, e.product)
            if e.ts_ms <= t and isinstance(e, ev.OrderEnded) and e.order == current[0]:
                current = ("", "")
        return current

    def plan_at(self, t: int) -> tuple[str, str]:
        """(shift, 'busy' | 'planned_stop' | '')."""
        calendar = self._calendar_at(t)
        if calendar is None:
            if not self.activity:
                return "", ""
            first = min(map(_from_ms, self.activity))
            last = max(e.ts_ms for e in self.activity)
            return "", "busy" if first <= t < last else ""
        if not self._heard(t):
            return "", ""
        return _calendar_says(calendar, t)

    def note_at(self, t: int) -> tuple[str, str, int] | None:
        notes = [e for e in self.events if isinstance(e, ev.StopClassified) and e.from_ts_ms <= t < e.to_ts_ms]
        if not notes:
            return None
        top = max(notes, key=lambda e: (e.stop_version, _identity(e)))
        return top.reason, top.by, top.stop_version

    def operators_at(self, t: int) -> int:
        on: dict[str, bool] = {}
        for e in self.activity:
            if isinstance(e, ev.OperatorSignedOn | ev.OperatorSignedOff) and e.ts_ms <= t:
                on[e.operator] = isinstance(e, ev.OperatorSignedOn)
        return sum(on.values()) if self._heard(t) else 0

    def facts(self) -> Facts:
        found: Facts = defaultdict(lambda: dict.fromkeys((m.name for m in MEASURES), 0))
        start = self._start_ms()
        before = self.state_at(start - STEP_MS)[0]
        for t in range(start, self.now_ms, STEP_MS):
            state, order, product, _, conflict = self.state_at(t)
            shift, plan = self.plan_at(t)
            cell = found[t // 60_000 * 60_000, order, product, shift]
            if plan == "busy" and state != "planned_stop":
                cell["pbt_ms"] += STEP_MS
                element = {"executing": "apt_ms", "setup": "aust_ms", "unknown": "unknown_ms"}.get(
                    state, "adet_ms" if order else "adot_ms"
                )
                cell[element] += STEP_MS
                cell["conflict_ms"] += STEP_MS * conflict
                cell["down_ms"] += STEP_MS * (state == "down")
                cell["failures"] += state == "down" and before != "down"
            else:
                cell["planned_stop_ms"] += STEP_MS * (plan != "")
                cell["overtime_ms"] += STEP_MS * (state in ("executing", "setup"))
            operators = self.operators_at(t)
            cell["attended_ms"] += STEP_MS * operators
            cell["worked_ms"] += STEP_MS * operators * (state in ("executing", "setup"))
            before = state
        self._add_pieces(found)
        return {key: cell for key, cell in found.items() if any(cell.values())}

    def stops(self) -> list[StopRow]:
        rows: list[StopRow] = []
        for t in range(self._start_ms(), self.now_ms, STEP_MS):
            state, order, product, reason, _ = self.state_at(t)
            shift, plan = self.plan_at(t)
            if plan != "busy" or state not in ("down", "maintenance", "idle", "off", "unknown"):
                continue
            reason, by, version = self.note_at(t) or (reason, "", 0)
            end = t + STEP_MS
            row: StopRow = (t, end, state, reason, by, version, order, product, shift, end == self.now_ms)
            if rows and rows[-1][1] == t and rows[-1][2:8] == row[2:8]:
                row = (rows[-1][0], *row[1:8], rows[-1][8], row[9])
                rows.pop()
            rows.append(row)
        return rows

    def _add_pieces(self, found: Facts) -> None:
        counting = [e for e in self.activity if _pieces(e) is not None]
        leaders: dict[str, tuple[int, str, int, int]] = {}
        for e in counting:
            if isinstance(e, ev.CycleCompleted) and e.cycle_id is not None:
                leaders[e.cycle_id] = min(_identity(e), leaders.get(e.cycle_id, _identity(e)))
        for e in counting:
            pieces = _pieces(e)
            assert pieces is not None
            t = e.ts_ms - 1 if isinstance(e, ev.IntervalReported) else e.ts_ms
            minute = t // 60_000 * 60_000
            order, product, step = (getattr(e, name) or "" for name in ("order", "product", "step"))
            cell = found[minute, order, product, self._shift_of(minute)]
            if _kind(e) != self._authority(step, minute, counting):
                cell["other_source_pieces"] += sum(pieces.values())
                continue
            for result, qty in pieces.items():
                cell[result] += qty
            planned = e.planned_cycle_ms if e.planned_cycle_ms is not None else self._standard(product, step, minute)  # type: ignore[attr-defined]
            if planned is not None:
                cell["planned_run_ms"] += planned * sum(pieces.values())
                cell["pieces_with_standard"] += sum(pieces.values())
            if isinstance(e, ev.CycleCompleted) and (e.cycle_id is None or leaders[e.cycle_id] == _identity(e)):
                cell["cycles"] += 1
                cell["cycle_ms"] += e.cycle_ms
        for e in self.events:
            if isinstance(e, ev.UnitReclassified):
                minute = e.cycle_ts_ms // 60_000 * 60_000
                cell = found[minute, e.order, e.product, self._shift_of(minute)]
                cell[e.result_before] -= 1
                cell[e.result] += 1

    def _authority(self, step: str, minute: int, counting: list[ev.StationEvent]) -> str:
        declared = [
            e
            for e in self.events
            if isinstance(e, ev.CountingAuthoritySet) and (e.step or "") == step and e.valid_from_ms <= minute
        ]
        if declared:
            return max(declared, key=lambda e: (e.valid_from_ms, _identity(e))).source_kind
        return _kind(min((e for e in counting if (getattr(e, "step", None) or "") == step), key=_identity))

    def _standard(self, product: str, step: str, minute: int) -> int | None:
        known = [
            e
            for e in self.events
            if isinstance(e, ev.StandardTimeSet)
            and (e.product, e.step) == (product, step)
            and e.valid_from_ms <= minute
        ]
        return max(known, key=lambda e: (e.valid_from_ms, _identity(e))).planned_cycle_ms if known else None

    def _calendar_at(self, t: int) -> Calendar | None:
        known = [e for e in self.events if isinstance(e, ev.CalendarAssigned) and e.valid_from_ms <= t]
        return max(known, key=lambda e: (e.valid_from_ms, _identity(e))).calendar if known else None

    def _shift_of(self, minute: int) -> str:
        calendar = self._calendar_at(minute + 59_999)
        return _calendar_says(calendar, minute)[0] if calendar else ""

    def _heartbeat_ms(self, source: str, boot: int) -> int:
        return self.heartbeats.get((source, boot), self.default_heartbeat_ms)

    def _heard(self, t: int) -> bool:
        return any(_from_ms(e) <= t < e.ts_ms + RETIRE_MS for e in self.told)

    def _start_ms(self) -> int:
        return min(map(_from_ms, self.told), default=self.now_ms) // 60_000 * 60_000


def _identity(e: ev.StationEvent) -> tuple[int, str, int, int]:
    return e.ts_ms, e.source, e.boot, e.seq


def _from_ms(e: ev.StationEvent) -> int:
    return e.from_ts_ms if isinstance(e, ev.IntervalReported) else e.ts_ms


def _kind(e: ev.StationEvent) -> str:
    return e.source.split("-")[0]


def _pieces(e: ev.StationEvent) -> dict[str, int] | None:
    if isinstance(e, ev.CycleCompleted):
        return {e.result: e.qty}
    if isinstance(e, ev.IntervalReported) and e.good + e.scrap + e.rework:
        return {"good": e.good, "scrap": e.scrap, "rework": e.rework}
    return None


def _calendar_says(calendar: Calendar, t: int) -> tuple[str, str]:
    """(shift, 'busy' | 'planned_stop' | '') at an instant; of overlapping shifts the one that starts later."""
    zone = ZoneInfo(calendar.zone)
    local = datetime.fromtimestamp(t / 1000, UTC).astimezone(zone)
    best: tuple[int, int, str, str] | None = None
    for days in (-2, -1, 0, 1):
        day = local.date() + timedelta(days=days)
        exceptions = [x for x in calendar.exceptions if x.date == str(day)]
        shifts = exceptions[0].shifts if exceptions else [s for s in calendar.shifts if day.isoweekday() in s.days]
        for shift in shifts:
            start, end = _span(zone, day.isoformat(), shift.start, shift.end)
            if start <= t < end and (best is None or (start, end, shift.name) > best[:3]):
                best = (start, end, shift.name, f"{day}/{shift.name}")
    if best is None:
        return "", ""
    for days in (-1, 0):
        day = local.date() + timedelta(days=days)
        for stop in calendar.breaks:
            start, end = _span(zone, day.isoformat(), stop.start, stop.end)
            if day.isoweekday() in stop.days and start <= t < end:
                return best[3], "planned_stop"
    if any(stop.from_ms <= t < stop.to_ms for stop in calendar.planned_stops):
        return best[3], "planned_stop"
    return best[3], "busy"


def _span(zone: ZoneInfo, day: str, start: str, end: str) -> tuple[int, int]:
    first = datetime.fromisoformat(f"{day}T{start}")
    last = datetime.fromisoformat(f"{day}T{end}")
    if end <= start:
        last += timedelta(days=1)
    return tuple(int(at.replace(tzinfo=zone).timestamp()) * 1000 for at in (first, last))  # type: ignore[return-value]
