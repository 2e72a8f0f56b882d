"""Which kinds of changes there are: what `Change.kind` says, and in a sentence what has happened."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CHANGE_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "approval_due": "A level of a sheet's approval will soon have been open for too long.",
        "approval_expired": "A level was open for too long: it is escalated, or the sheet is returned or rejected.",
        "bom_added": "A revision of a bill of materials was published.",
        "bypass_granted": "Somebody lets one kind of refusal pass at a station, so often and so long.",
        "certificate_added": "A bench or a reference standard was calibrated.",
        "certificate_withdrawn": "A certificate holds no longer than until now.",
        "entry_refused": "A unit was refused at a station, or would have been; `outcome` says which.",
        "layout_added": "A layout of a label or of a laser marking was published.",
        "lease_closed": "An offline lease has ended; the serials that were not used are given back.",
        "lease_reported": "What was done under an offline lease was taken in.",
        "lease_taken": "A station may work for a while without the service, on serials of its own.",
        "lot_added": "A lot for delivery was formed.",
        "lot_changed": "A lot was drawn from, judged or released; `status` says which.",
        "lot_joined": "Units joined a lot.",
        "lot_left": "Units left a lot.",
        "order_added": "A production order was added, as a draft.",
        "order_changed": "A production order was released, held, completed or the like; `action` says which.",
        "routing_added": "A revision of a routing was published.",
        "sampling_changed": "Inspection of a product's lots became tightened, normal or reduced.",
        "seal_removed": "A seal was taken off a unit.",
        "setup_derived": "A setup sheet was derived; its checklist is open.",
        "setup_obsolete": "A setup sheet is not in force any more: contracts under its digest are over.",
        "setup_ready": "The checklist of a setup sheet was done, or is open again.",
        "sheet_approved": "A technical sheet is in force.",
        "sheet_decided": "Somebody decided about a sheet; `decision` says how.",
        "sheet_revoked": "A technical sheet is not in force any more; units that were made by it are held or recalled.",
        "sheet_submitted": "A technical sheet waits for its first level.",
        "sheet_taken_over": "Somebody else goes on with a sheet whose author is gone.",
        "station_mode": "A station observes, warns or enforces from now on.",
        "template_added": "A version of a template was published.",
        "unit_calibrated": "The points of a unit's calibration were measured.",
        "unit_disposed": "A unit that was stopped was disposed of; `disposal` says how.",
        "unit_entered": "A unit came to a station.",
        "unit_failed": "A unit failed a step.",
        "unit_linked": "Something went into a unit.",
        "unit_passed": "A unit passed a step.",
        "unit_sealed": "A unit was sealed.",
        "unit_stopped": "A unit is quarantined, held or recalled.",
        "units_begun": "Serials were given to units of an order.",
        "workflow_added": "A version of a workflow was published.",
    }
)
