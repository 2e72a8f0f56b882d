"""The story of an order, from a template to a packed meter, told over HTTP: with a rejection, a rework and a recall.

    python examples/order-story.py [--json]                       with a service of its own, gone afterwards
    python examples/order-story.py --url https://... --admin ID    with a running one; the password is asked for

It prints what happens, and at the end the passport of a unit. Every line of the API is called through the typed client
(`edge/client`); what each call takes and answers is in docs/api/openapi.json, and the conventions are in docs/api.md.
"""

from __future__ import annotations

import argparse
import getpass
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import time
from typing import Literal

import msgspec
from rich.table import Table
from story import YEAR_MS, chapter, hired, say, service

from edge.client.calls import Client
from edge.client.login import TokenFile, enrol, sign_in
from edge.client.problems import ApiError
from edge.client.shapes import (
    Because,
    Bom,
    Check,
    Component,
    Entering,
    Failing,
    ForOrder,
    ForStation,
    GivenRole,
    Level,
    NewDecision,
    NewDisposal,
    NewLink,
    NewOrder,
    NewPerson,
    NewProduct,
    NewRange,
    NewSetup,
    NewSheet,
    NewTemplate,
    NewTick,
    Operation,
    OrderAction,
    Passport,
    Rework,
    Routing,
    Sheet,
    Step,
    Values,
    Words,
    Workflow,
)
from sipe.commands._output import out, print_json
from sipe.errors import SipeError

LINE = "manaus.final.line-1"
STATIONS = {name: f"{LINE}.{name}" for name in ("assembly", "calibration", "packing", "repair")}
ROLES = {
    "gil": "engineer",  # writes the technical sheet
    "ana": "engineer",  # checks it
    "caio": "quality",  # releases it, and revokes it
    "pia": "planner",
    "otto": "operator",
}
BOARD_LOT = "L-2026-031"


@dataclass(kw_only=True)
class Cast:
    """Everybody in the story: a client for each person, and one for each station's device."""

    tag: str
    """Ends every name, so that the story can be told again on the same service."""
    pins: dict[str, str] = field(default_factory=dict)
    people: dict[str, Client] = field(default_factory=dict)
    at: dict[str, Client] = field(default_factory=dict)

    def named(self, name: str) -> str:
        """A name in this telling."""
        return f"{name}-{self.tag}"


def main() -> None:
    """Tell it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="a running service, instead of one of its own")
    parser.add_argument("--admin", help="who administers people there; their password is asked for, or read from stdin")
    parser.add_argument("--json", action="store_true", help="print the passport alone, as JSON")
    args = parser.parse_args()
    if (args.url is None) != (args.admin is None):
        parser.error("--url and --admin belong together")
    if args.json:
        out().quiet = True
    with ExitStack() as stack:
        if args.url:
            root = sign_in(args.url, person=args.admin, secret=_password())
        else:
            args.url, root = stack.enter_context(service("api"))
        passport = tell(args.url, stack.enter_context(root), stack)
    if args.json:
        print_json(msgspec.to_builtins(passport))


def tell(url: str, root: Client, stack: ExitStack) -> Passport:
    """The whole story."""
    cast = Cast(tag=secrets.token_hex(3))
    chapter("People sign in, devices enrol")
    hire(cast, url, root, stack)
    chapter("A technical sheet is written, rejected, corrected and approved")
    publish_template(cast)
    sheet = write_sheet(cast)
    chapter("A product, and an order for it")
    make_product(cast)
    order = release_order(cast)
    chapter("The calibration station is set up")
    set_up(cast, order)
    chapter("Units are made; one fails, and is repaired")
    first, second, third = (begin(cast, order) for _ in range(3))
    make_straight(cast, first)
    make_with_rework(cast, second)
    enter(cast, "calibration", third)
    chapter("The sheet was wrong after all: a recall")
    recall(cast, sheet, (second, first, third))
    chapter("A new sheet, and the order is made to its end")
    revise_and_approve(cast, sheet, {"reference_standard": "EQ-RS-004"}, "EQ-RS-004 is in place of EQ-RS-002")
    set_up(cast, order)
    finish(cast, order, second)
    chapter("The passport of a unit")
    passport = cast.people["caio"].unit_passport(second)
    show(passport)
    holding = cast.people["caio"].units_of_lot(BOARD_LOT).items
    say(f"Boards of lot {BOARD_LOT} went into {len(holding)} units, {second} among them.")
    return passport


def hire(cast: Cast, url: str, root: Client, stack: ExitStack) -> None:
    """The administrator adds people and gives out codes; with them, everybody signs in and every device enrols."""
    for person, role in ROLES.items():
        identity = cast.named(person)
        new = NewPerson(id=identity, display=person.title(), roles=(GivenRole(name=role),))
        client, cast.pins[person] = hired(root, url, new)
        cast.people[person] = stack.enter_context(client)
        say(f"{person.title()}, {role}, signs in with a badge and the PIN that was given, and sets one of their own.")
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    for name, station in STATIONS.items():
        code = root.offer_code(ForStation(station=station)).code
        cast.at[name] = stack.enter_context(enrol(url, code, TokenFile(directory / name)))
        say(f"The device at {station} enrols with a code that is good once.")


def publish_template(cast: Cast) -> None:
    """Quality takes a template from the library, and says who has to approve what is filled in."""
    caio = cast.people["caio"]
    check = Level(name="check", meaning="checked against the drawing", roles=("engineer",))
    release = Level(name="release", meaning="released for production", roles=("quality",))
    caio.publish_workflow(Workflow(name=cast.named("two-levels"), version=1, levels=(check, release)))
    template = msgspec.structs.replace(caio.library_template("calibration"), name=cast.named("calibration"))
    bound = NewTemplate(template=template, workflow=cast.named("two-levels"), workflow_version=1)
    published = caio.publish_template(bound)
    fields = sum(len(section.fields) for section in template.sections)
    say(f"Caio publishes template {published.name} from the library: {fields} fields, two levels of approval.")


def write_sheet(cast: Cast) -> str:
    """Gil fills the sheet in; Caio rejects it, Gil corrects it, and both levels approve. Returns its number."""
    gil, number = cast.people["gil"], cast.named("TS")
    template, product = cast.named("calibration"), cast.named("MTR-100")
    wrong = {**VALUES, "product": product, "maximum_current_a": 1_200}
    for problem in gil.preview(template, 1, wrong).problems:
        say(f"The preview says of {problem.path}: {problem.detail}.")
    values = {**VALUES, "product": product, "warm_up_min": 1}
    new = NewSheet(number=number, template=template, product=product, step="calibration", values=values)
    sheet = submit(cast, gil.begin_sheet(new))
    decide(cast, "ana", sheet)
    decide(cast, "caio", sheet, "reject", "after one minute the sensor still drifts")
    revise_and_approve(cast, number, {"warm_up_min": 15}, "fifteen minutes, as in the type test")
    return number


def revise_and_approve(cast: Cast, number: str, changed: dict[str, object], why: str) -> None:
    """The author begins the next revision with what the last one says, changes it, and it goes all the way."""
    gil = cast.people["gil"]
    draft = gil.revise_sheet(number)
    values = Values(values={**draft.values, **changed})
    draft = gil.save_sheet(number, draft.revision, values, version=draft.version)
    for one in gil.sheet_changes(number, draft.revision).items:
        say(f"Gil begins revision {draft.revision}: {one.path} was {one.before}, is {one.after} ({why}).")
    sheet = submit(cast, draft)
    decide(cast, "ana", sheet)
    decide(cast, "caio", sheet)


def submit(cast: Cast, draft: Sheet) -> Sheet:
    """From now on the revision never changes; the service is told which version Gil has seen last."""
    sheet = cast.people["gil"].submit_sheet(draft.number, draft.revision, version=draft.version)
    say(f"Gil submits {sheet.number}/{sheet.revision}; level {sheet.level!r} is open.")
    return sheet


def decide(
    cast: Cast, person: str, sheet: Sheet, kind: Literal["approve", "reject"] = "approve", why: str = ""
) -> None:
    """Somebody reads the sheet as it stands now, and signs for the level that is open with their PIN once more."""
    client = cast.people[person]
    seen = client.sheet(sheet.number, sheet.revision)
    decision = NewDecision(kind=kind, level=seen.level or "", reason=why, secret=cast.pins[person])
    decided = client.decide_sheet(seen.number, seen.revision, decision, version=seen.version)
    words = f": {why}" if why else ""
    say(f"{person.title()} signs at level {seen.level!r}: {kind}{words}. The sheet is {decided.status}.")


def make_product(cast: Cast) -> None:
    """A product, what goes into it, which way it goes, and what its serials are like."""
    gil, product = cast.people["gil"], cast.named("MTR-100")
    gil.add_product(NewProduct(id=product, display="Three-phase meter MTR-100"))
    board = Component(material="PCB-100", qty=1, traced=True)
    gil.publish_bom(Bom(product=product, revision=1, components=(board,)))
    calibration = Step(
        name="calibration",
        stations=(STATIONS["calibration"],),
        template=cast.named("calibration"),
        rework="repair",
        checks=(Check(id="tray", words=Words(en="Empty the tray", pt="Esvaziar a bandeja")),),
    )
    steps = (
        Step(name="assembly", stations=(STATIONS["assembly"],)),
        calibration,
        Step(name="packing", stations=(STATIONS["packing"],)),
    )
    repair = Rework(name="repair", stations=(STATIONS["repair"],), returns_to="calibration")
    operations = tuple(Operation(steps=(step,)) for step in steps)
    gil.publish_routing(Routing(product=product, revision=1, operations=operations, rework=(repair,)))
    prefix = f"W{cast.tag.upper()}-"
    gil.add_serial_range(NewRange(id=cast.named("serials"), prefix=prefix, digits=6, first=1, last=999_999))
    say(f"{product} goes through assembly, calibration and packing; its serials are like {prefix}000001.")


def release_order(cast: Cast) -> str:
    """The planner adds an order for three meters and releases it; changes say which version they are based on."""
    pia, number = cast.people["pia"], cast.named("OP")
    new = NewOrder(
        number=number,
        product=cast.named("MTR-100"),
        routing_revision=1,
        planned_qty=3,
        line=LINE,
        serial_range=cast.named("serials"),
        customer="Distribuidora Norte",
    )
    draft = pia.add_order(new)
    order = pia.act_on_order(number, OrderAction(action="release"), version=draft.version)
    say(f"Pia adds order {number} for {order.planned_qty} meters and releases it.")
    with refused("no_setup"):
        cast.at["calibration"].station_contract(STATIONS["calibration"], order=number)
    return number


def set_up(cast: Cast, order: str) -> None:
    """The setup sheet comes from the sheet in force; the line starts when its checklist is done."""
    where = NewSetup(order=order, station=STATIONS["calibration"], step="calibration")
    setup = cast.people["gil"].derive_setup(where)
    say(f"Gil derives the setup sheet from {setup.sheet_number}/{setup.sheet_revision}, by its digest.")
    with refused("setup_open"):
        cast.at["calibration"].station_contract(STATIONS["calibration"], order=order)
    otto = cast.people["otto"]
    for item in setup.checklist:
        valid_until_ms = int(time() * 1_000) + YEAR_MS if item.kind == "calibrated" else None
        tick = NewTick(item=item.id, seen=item.expected, valid_until_ms=valid_until_ms)
        setup = otto.tick_setup(setup.id, tick, version=setup.version)
        say(f"Otto ticks off {item.words!r} {item.expected}".rstrip() + ".")
    told = cast.at["calibration"].station_contract(STATIONS["calibration"], order=order)
    points = sum(len(table.rows) for table in told.contract.tables if table.id == "load_points")
    say(
        f"The station asks by order number and is told {len(told.contract.parameters)} parameters, {points} load "
        f"points, and that {told.allowance.allowed_qty} units may be begun, the next one {told.allowance.next_serial}."
    )


def begin(cast: Cast, order: str) -> str:
    """A unit gets its serial where it is begun; what goes into it is told."""
    station, device = STATIONS["assembly"], cast.at["assembly"]
    serial = device.begin_unit(station, ForOrder(order=order)).serial
    device.link_unit(station, serial, NewLink(kind="material", child="PCB-100", lot=BOARD_LOT))
    device.pass_unit(station, serial)
    say(f"{serial} is begun and assembled, with a board of lot {BOARD_LOT}.")
    return serial


def enter(cast: Cast, name: str, serial: str) -> None:
    """A unit comes to a station."""
    cast.at[name].enter_unit(STATIONS[name], serial, Entering())


def passes(cast: Cast, serial: str, *names: str) -> None:
    """A unit goes through stations, and passes at each."""
    for name in names:
        enter(cast, name, serial)
        unit = cast.at[name].pass_unit(STATIONS[name], serial)
    say(f"{serial} passes {', '.join(names)}; it is {unit.status}.")


def make_straight(cast: Cast, serial: str) -> None:
    """A unit that nothing happens to, but that somebody wants to skip a step with."""
    with refused("skipped"):
        enter(cast, "packing", serial)
    passes(cast, serial, "calibration", "packing")


def make_with_rework(cast: Cast, serial: str) -> None:
    """A unit that fails goes to repair, and from there back to where it failed."""
    enter(cast, "calibration", serial)
    cast.at["calibration"].fail_unit(STATIONS["calibration"], serial, Failing(reason="P1: error 1.8 %, limit 1 %"))
    say(f"{serial} fails calibration.")
    with refused("failed"):
        enter(cast, "packing", serial)
    passes(cast, serial, "repair", "calibration", "packing")


def recall(cast: Cast, number: str, serials: tuple[str, str, str]) -> None:
    """The sheet is revoked: what was made by it is recalled or held, and quality disposes of each unit."""
    caio = cast.people["caio"]
    (sheet,) = (one for one in caio.sheet_list(status="approved").items if one.number == number)
    why = "the certificate of EQ-RS-002 had ended"
    caio.revoke_sheet(number, sheet.revision, Because(reason=why), version=sheet.version)
    say(f"Caio revokes {number}/{sheet.revision}: {why}.")
    for serial in serials:
        say(f"{serial} is {caio.unit_passport(serial).status}.")
    with refused("held"):
        cast.at["calibration"].pass_unit(STATIONS["calibration"], serials[2])
    pin = cast.pins["caio"]
    for serial, given in zip(
        serials,
        (
            NewDisposal(disposal="rework", rework="repair", reason="calibrate it again", secret=pin),
            NewDisposal(disposal="use_as_is", reason="it was measured at the laboratory as well", secret=pin),
            NewDisposal(disposal="scrap", reason="its cover broke when it was opened", secret=pin),
        ),
        strict=True,
    ):
        unit = caio.dispose_unit(serial, given)
        say(f"Caio disposes of {serial}: {given.disposal}, {given.reason}; it is {unit.status}.")


def finish(cast: Cast, order: str, recalled: str) -> None:
    """The recalled unit goes the way again, one is made for the scrapped one, and the order is closed."""
    passes(cast, recalled, "repair", "calibration", "packing")
    passes(cast, begin(cast, order), "calibration", "packing")
    with refused("over_quantity"):
        begin(cast, order)
    pia = cast.people["pia"]
    for action in ("complete", "close"):
        version = pia.order(order).version
        closed = pia.act_on_order(order, OrderAction(action=action), version=version)
    say(f"Order {order} is {closed.status}: {closed.good_qty} good, {closed.scrap_qty} scrapped.")


def show(passport: Passport) -> None:
    """The passport, as people read it."""
    say(
        f"{passport.serial} of order {passport.order}, {passport.product}: {passport.status}; "
        f"{passport.coverage:.0%} of what should be known of it is known."
    )
    table = Table("step", "attempt", "result", "sheet", "at", "why", box=None, header_style="bold")
    for step in passport.steps:
        when = datetime.fromtimestamp(step.entered_ms / 1_000, UTC).strftime("%H:%M:%S")
        style = "green" if step.result == "passed" else "yellow"
        row = (step.step, str(step.attempt), step.result or "", step.sheet or "", when, step.reason)
        table.add_row(*row, style=style)
    out().print(table)
    for link in passport.contains:
        say(f"It holds {link.child} of lot {link.lot}.")


@contextmanager
def refused(reason: str) -> Iterator[None]:
    """What the service has to refuse, and in which words it does; anything else ends the story."""
    try:
        yield
    except ApiError as error:
        if error.reason != reason:
            raise
        say(f"Refused: {error}.")
    else:
        raise SipeError(f"this had to be refused as {reason}, and was done")


def _password() -> str:
    return getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")


VALUES: dict[str, object] = {
    "accuracy_class": "1",
    "nominal_voltage_v": 240,
    "nominal_current_a": 15,
    "maximum_current_a": 120,
    "meter_constant_imp_kwh": 1_000,
    "reference_standard": "EQ-RS-002",
    "reference_uncertainty_percent": 0.04,
    "warm_up_min": 15,
    "room_temperature_c": 23,
    "load_points": [
        {"point": "P1", "load_current_a": 120, "error_limit_percent": 1},
        {"point": "P2", "load_current_a": 15, "error_limit_percent": 1},
        {"point": "P3", "load_current_a": 15, "power_factor": "0.5i", "error_limit_percent": 1},
    ],
    "adjustment_method": "none",
}
"""What a sheet of the template 'calibration' says."""


if __name__ == "__main__":
    main()
