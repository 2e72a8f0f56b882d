"""Production orders: a state machine with a table, and how many units an order may still begin.

States are those of ISA-95 operations: an order is released to the floor, runs, may be held, is completed and closed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from models.refusal import Refused, need_reason

Status = Literal["draft", "released", "running", "held", "completed", "closed", "cancelled"]
Action = Literal["release", "start", "hold", "resume", "complete", "reopen", "close", "cancel"]

NEXT: dict[tuple[Status, Action], Status] = {
    ("draft", "release"): "released",
    ("draft", "cancel"): "cancelled",
    ("released", "start"): "running",
    ("released", "hold"): "held",
    ("released", "cancel"): "cancelled",
    ("running", "hold"): "held",
    ("running", "complete"): "completed",
    ("held", "resume"): "running",  # back to released when no unit was begun, see `act`
    ("held", "complete"): "completed",
    ("held", "cancel"): "cancelled",
    ("completed", "reopen"): "running",
    ("completed", "close"): "closed",
}
NEEDS_REASON: frozenset[Action] = frozenset({"hold", "cancel", "reopen"})


@dataclass(frozen=True, kw_only=True)
class Order:
    """An order as it stands; quantities are units."""

    number: str
    product: str
    routing_revision: int
    planned_qty: int
    over_qty: int = 0
    """How many more than planned may be begun."""
    line: str
    serial_range: str
    customer: str = ""
    priority: int = 0
    due_ms: int | None = None
    status: Status = "draft"
    begun_qty: int = 0
    good_qty: int = 0
    scrap_qty: int = 0
    version: int = 1

    @property
    def left_qty(self) -> int:
        """How many units may still be begun: scrapped ones are made again."""
        return self.planned_qty + self.over_qty + self.scrap_qty - self.begun_qty

    def check_may_begin(self) -> None:
        """Raise `Refused` unless another unit of this order may be begun."""
        self.check_may_work()
        self.check_has_left()

    def check_has_left(self) -> None:
        """Raise `Refused` when all that the order is for is begun."""
        if self.left_qty < 1:
            allowed = self.planned_qty + self.over_qty
            raise Refused("over_quantity", f"order {self.number} is for {allowed} units, and all of them are begun")

    def check_may_work(self) -> None:
        """Raise `Refused` unless units of this order may be worked on."""
        if self.status not in {"released", "running"}:
            raise Refused("order_not_released", f"order {self.number} is {self.status}")


def act(order: Order, action: Action, reason: str = "") -> Order:
    """The order after an action; raises `Refused`."""
    status = NEXT.get((order.status, action))
    if status is None:
        raise Refused("not_now", f"order {order.number} is {order.status}; it cannot {action} now")
    if action in NEEDS_REASON:
        need_reason(reason, f"to {action} an order")
    if action == "cancel" and order.begun_qty:
        raise Refused("begun", f"{order.begun_qty} units of order {order.number} are begun; complete it instead")
    if action == "complete" and order.good_qty < order.planned_qty:
        need_reason(reason, f"{order.planned_qty - order.good_qty} good units are missing: to complete it short")
    if action == "resume" and not order.begun_qty:
        status = "released"
    return replace(order, status=status)
