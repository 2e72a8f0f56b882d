"""The client: one method for each route of the API.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from edge.client.calls.devices import DevicesCalls
from edge.client.calls.equipment import EquipmentCalls
from edge.client.calls.events import EventsCalls
from edge.client.calls.exchange import ExchangeCalls
from edge.client.calls.identity import IdentityCalls
from edge.client.calls.labels import LabelsCalls
from edge.client.calls.leases import LeasesCalls
from edge.client.calls.lots import LotsCalls
from edge.client.calls.orders import OrdersCalls
from edge.client.calls.people import PeopleCalls
from edge.client.calls.products import ProductsCalls
from edge.client.calls.sheets import SheetsCalls
from edge.client.calls.stations import StationsCalls
from edge.client.calls.templates import TemplatesCalls
from edge.client.calls.units import UnitsCalls


class Client(
    IdentityCalls,
    PeopleCalls,
    DevicesCalls,
    TemplatesCalls,
    SheetsCalls,
    ExchangeCalls,
    ProductsCalls,
    OrdersCalls,
    StationsCalls,
    LabelsCalls,
    EquipmentCalls,
    LeasesCalls,
    UnitsCalls,
    LotsCalls,
    EventsCalls,
):
    """The API, one method for each route; each raises `edge.client.problems.ApiError`.

    `version` is the version that a change is based on: 412 (`Stale`) when it is no longer that. `key` is for a caller
    who keeps it, to ask again after a restart and have it done once; without one, each call makes its own.
    """
