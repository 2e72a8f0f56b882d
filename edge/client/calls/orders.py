"""One method for each route about orders.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from typing import Literal

from edge.client.session import Session, part
from edge.client.shapes.common import SetupSheet
from edge.client.shapes.orders import (
    Adopted,
    Count,
    NewOrder,
    NewSetup,
    NewTick,
    Order,
    OrderAction,
    PageOfOrder,
    PageOfTakenOver,
    Serials,
    Wip,
)


class OrdersCalls(Session):
    """Routes about orders."""

    def add_order(self, body: NewOrder, *, key: str | None = None) -> Order:
        """Add a production order, as a draft."""
        return self.call("POST", "/v1/orders", Order, body=body, key=self.key(key))

    def order_list(
        self,
        *,
        status: Literal["cancelled", "closed", "completed", "draft", "held", "released", "running"] | None = None,
        line: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> PageOfOrder:
        """Orders by number; by status or line."""
        return self.call(
            "GET", "/v1/orders", PageOfOrder, query={"status": status, "line": line, "cursor": cursor, "limit": limit}
        )

    def order(self, number: str) -> Order:
        """An order as it stands."""
        return self.call("GET", f"/v1/orders/{part(number)}", Order)

    def act_on_order(self, number: str, body: OrderAction, *, version: int, key: str | None = None) -> Order:
        """Release, hold, resume, complete, reopen, close or cancel an order."""
        return self.call(
            "POST", f"/v1/orders/{part(number)}/actions", Order, body=body, version=version, key=self.key(key)
        )

    def begin_units(self, number: str, body: Count, *, key: str | None = None) -> Serials:
        """Give serials to units of an order, for labels that are printed before."""
        return self.call("POST", f"/v1/orders/{part(number)}/units", Serials, body=body, key=self.key(key))

    def adopt_unit(self, number: str, body: Adopted, *, key: str | None = None) -> Serials:
        """Take over a unit that was under way before this system was."""
        return self.call("POST", f"/v1/orders/{part(number)}/adopted-units", Serials, body=body, key=self.key(key))

    def take_wip_over(self, number: str, body: Wip, *, key: str | None = None) -> PageOfTakenOver:
        """Take over a list of units under way, with what they have behind them: all or none, and each once."""
        return self.call("POST", f"/v1/orders/{part(number)}/wip", PageOfTakenOver, body=body, key=self.key(key))

    def derive_setup(self, body: NewSetup, *, key: str | None = None) -> SetupSheet:
        """Derive a setup sheet from the technical sheet in force."""
        return self.call("POST", "/v1/setups", SetupSheet, body=body, key=self.key(key))

    def setup(self, setup_id: int) -> SetupSheet:
        """A setup sheet as it stands."""
        return self.call("GET", f"/v1/setups/{part(setup_id)}", SetupSheet)

    def tick_setup(self, setup_id: int, body: NewTick, *, version: int, key: str | None = None) -> SetupSheet:
        """Tick an item of the checklist off."""
        return self.call(
            "POST", f"/v1/setups/{part(setup_id)}/ticks", SetupSheet, body=body, version=version, key=self.key(key)
        )
