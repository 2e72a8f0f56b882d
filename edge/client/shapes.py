"""What the API takes and answers, as structs. Written by `make schemas` from its description: edit nothing here."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct


class Adopted(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A unit that was under way before."""

    serial: str
    next_step: str


class Allowance(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What changes with every unit: never cached."""

    allowed_qty: int
    next_serial: str | None


class AtTheGate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a lot may leave as it is, and if not, everything that is in the way, unit by unit."""

    lot: str
    may_leave: bool
    problems: tuple[FieldProblem, ...]


class Batch(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of each line of a batch, counted from 1; blank lines are in none of these."""

    accepted: tuple[Lines, ...]
    known: tuple[Lines, ...]
    not_sent: tuple[Lines, ...]
    rejected: tuple[RejectedLine, ...]


class Because(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why."""

    reason: str


class Bom(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A revision of a product's bill of materials; it never changes."""

    product: str
    revision: int
    components: tuple[Component, ...]


class Bypass(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A bypass that was granted."""

    id: int
    refusal: str
    until_ms: int
    uses_max: int


class Calibrated(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """That it is kept; whether all of it is within its limits."""

    serial: str
    good: bool


class CalibrationRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A record of a unit as it is kept."""

    point: str
    error_pct: float
    low_pct: float
    high_pct: float
    good: bool
    bench: str
    position: int
    standard: str
    measured_ms: int
    station: str
    setup_digest: str | None
    by: str
    created_ms: int


class Certificate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A bench or a standard is good in [valid_from_ms, valid_until_ms); a bench with the standard on it."""

    id: int = 0
    kind: Literal["bench", "standard"]
    equipment: str
    certificate: str
    standard: str | None = None
    valid_from_ms: int
    valid_until_ms: int
    withdrawn_reason: str = ""
    version: int = 1


class ChangedPerson(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is to be otherwise; what is left out stays."""

    roles: tuple[GivenRole, ...] | None = None
    active: bool | None = None
    reason: str = ""


class Check(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that somebody confirms before the line starts."""

    id: str
    words: Words


class ChecklistItem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of the checklist, and who did it."""

    id: str
    kind: str
    words: str
    words_pt: str
    expected: str
    done_by: str | None
    done_ms: int | None
    valid_until_ms: int | None


class Choice(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="choice"):
    """One of some values."""

    id: str
    label: Words
    help: Words
    required: bool = True
    when: Condition | None = None
    protocol: bool = False
    options: tuple[Option, ...]
    default: str | None = None


class CloseLease(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A lease is not used any more; somebody else than its device says why."""

    reason: str = ""


class Closed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A lease that has ended, and what became of the serials that were not reported as used."""

    id: str
    given_back: tuple[str, ...]
    void: tuple[str, ...] = ()


class Component(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """So much of a material for one unit."""

    material: str
    qty: float
    unit: str = "pcs"
    position: str = ""
    traced: bool = False


class Condition(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Asks for a field only when an earlier one of the same sheet has one of some values."""

    field: str
    values: tuple[str | int | float, ...]


class Contract(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What stands as long as the setup does: told once, then kept as it was told."""

    order: str
    product: str
    routing_revision: int
    station: str
    step: str
    setup_digest: str | None
    sheet: SheetAtWork | None
    parameters: tuple[Parameter, ...]
    protocol: tuple[Parameter, ...]
    tests: tuple[Measurement, ...]
    tables: tuple[Rows, ...]
    files: dict[str, str]
    labels: tuple[Label, ...]
    instructions: tuple[Instruction, ...]


class Count(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How many."""

    count: int = 1


class DeviceNow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A device; revoked, it may do nothing any more."""

    id: str
    station: str
    enrolled_ms: int
    revoked_ms: int | None


class Difference(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value that another revision says differently."""

    path: str
    before: Any
    after: Any


class DoneStep(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A step that a unit has passed elsewhere: when, and at which station where that is known."""

    step: str
    at_ms: int
    station: str | None = None


class Enrolling(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An enrolment code."""

    code: str

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class Entering(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A unit comes: for which order, and by which setup sheet the station works."""

    order: str | None = None
    setup_digest: str | None = None


class Failing(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A unit failed, and why."""

    reason: str


class FieldProblem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is wrong with one field, and where it is."""

    path: str
    code: str
    detail: str


class File(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="file"):
    """A file, known by its digest; what is in it lies elsewhere."""

    id: str
    label: Words
    help: Words
    required: bool = True
    when: Condition | None = None
    protocol: bool = False
    media: tuple[str, ...]
    bytes_max: int = 50000000


class FiledDecision(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was decided about a sheet where it comes from; here it is history, and approves nothing."""

    round: int
    level: str
    kind: str
    person: str
    principal: str
    meaning: str
    reason: str
    digest: str
    at_ms: int


class Findings(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was found of units of the sample."""

    units: tuple[UnitFinding, ...]


class ForOrder(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """For an order."""

    order: str


class ForStation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The station that a device is for."""

    station: str


class Forgetting(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why, and the administrator's own password or PIN."""

    reason: str
    secret: str

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class Form(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A form, empty or filled in."""

    title: str
    subtitle: str
    purpose: str
    language: Literal["en", "pt"]
    sections: tuple[FormSection, ...]


class FormRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A field as people see it; a table has columns, and its rows as lists of texts."""

    id: str
    label: str
    help: str
    allowed: str
    required: bool
    only_if: str
    value: str | None
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class FormSection(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Fields under a heading."""

    title: str
    rows: tuple[FormRow, ...]


class GivenRole(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A role, on one line or, without one, on all of them."""

    name: str
    line: str | None = None


class Granted(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An access token for `Authorization: Bearer`, and the refresh token for the next one (RFC 6749, 5.1)."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int = 600
    refresh_token: str
    refresh_until_ms: int

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class HeldRole(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A role, on one line or (empty) on all of them."""

    name: str
    line: str


class Imported(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came in from a file, and whether it is new here."""

    name: str
    version: int
    is_new: bool


class Instruction(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the station shows; with `confirm`, somebody has to say that they have read it before the line starts."""

    id: str
    words: Words
    picture: str | None = None
    confirm: bool = False


class Joining(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Units that join a lot."""

    serials: tuple[str, ...]


class Label(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A label or an engraving that the sheet names: with its layout, whoever has a serial can make it."""

    id: str
    number: str
    layout: Layout | None
    values: dict[str, str]


class Layout(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a drawing number stands for. It never changes: the next revision has a number of its own."""

    number: str
    kind: Literal["laser", "zpl"]
    template: dict[str, Any]


class Lease(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a device may do at its station for an order, and until when."""

    id: str
    station: str
    device: str
    contract: Contract
    serials: tuple[str, ...]
    begins: bool
    qty: int
    issued_ms: int
    expires_ms: int


class Leaving(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Units that stay behind, and why."""

    serials: tuple[str, ...]
    reason: str


class Level(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One level: its approvers are the people named and those who hold one of the roles."""

    name: str
    meaning: str
    roles: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    approvals_min: int = 1
    rejections_min: int = 1
    separation: tuple[Literal["author", "earlier_levels"], ...] = ("author",)
    delegation: bool = False
    time_limit_ms: int | None = None
    on_time_limit: Literal["escalate", "reject", "return"] = "escalate"


class Limit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a measured value may be: from `low` to `high`, or just `equal`."""

    id: str
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    equal: str | None = None


class Lines(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Lines one after the other that share an answer."""

    first: int
    last: int


class Link(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went into a unit: a unit by its serial, or material of a lot."""

    kind: str
    child: str
    lot: str = ""
    relation: str = "mounted"
    position: str = ""


class LotNow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A lot as it stands, with its units and what was drawn from them."""

    id: str
    product: str
    customer: str
    status: Literal["accepted", "cancelled", "drawn", "open", "rejected", "released", "screening"]
    units: tuple[str, ...]
    rounds: tuple[LotRound, ...]
    version: int


class LotRound(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Units that were drawn, by which plan of ISO 2859-1, and what was found; a screening takes all, by none."""

    round: int
    kind: Literal["sample", "screening"]
    level: Literal["I", "II", "III", "S-1", "S-2", "S-3", "S-4"]
    inspection: Literal["discontinued", "normal", "reduced", "tightened"]
    aql: float | None
    accept: int | None
    reject: int | None
    seed: str
    presented_qty: int
    drawn: tuple[str, ...]
    to_inspect: tuple[str, ...]
    nonconforming: tuple[str, ...]
    judgement: Literal["accepted", "rejected"] | None
    judged_by: str | None
    judged_ms: int | None
    drawn_by: str
    drawn_ms: int


class LotSummary(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A lot in a list."""

    id: str
    product: str
    customer: str
    status: Literal["accepted", "cancelled", "drawn", "open", "rejected", "released", "screening"]
    round: int
    version: int


class Me(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who the token says one is."""

    identity: str
    kind: Literal["device", "person"]
    station: str | None
    pseudonym: str | None
    roles: tuple[HeldRole, ...]


class MeasuredPoint(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The error of a unit at a load point, and the limits that the bench held it against."""

    voltage_v: float
    current_pct: float
    base: Literal["Ib", "Imax", "In"] = "Ib"
    power_factor: float = 1.0
    character: Literal["", "C", "L"] = ""
    error_pct: float
    low_pct: float
    high_pct: float


class Measurement(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something to be measured; under which conditions says the row of its table, which has the test's id as key."""

    id: str
    table: str | None = None
    limits: tuple[Limit, ...]


class NewBadge(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A badge."""

    badge: str

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class NewBypass(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One kind of refusal to let pass; whoever grants it proves once more who they are."""

    refusal: str
    reason: str
    until_ms: int
    uses_max: int = 1
    serial: str | None = None
    secret: str

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class NewCalibration(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a bench has measured of a unit that is in work there."""

    bench: str
    position: int
    standard: str
    measured_ms: int
    setup_digest: str | None = None
    points: tuple[MeasuredPoint, ...]


class NewCertificate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Until when a bench or a reference standard is good; a bench names the standard that is on it."""

    kind: Literal["bench", "standard"]
    equipment: str
    certificate: str
    standard: str | None = None
    valid_from_ms: int
    valid_until_ms: int


class NewDecision(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A decision, at the level that was seen open; whoever decides proves once more who they are."""

    kind: Literal["approve", "reject", "return", "withdraw"]
    level: str
    reason: str = ""
    principal: str | None = None
    secret: str

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class NewDelegation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who decides in one's place, and when."""

    to: str
    from_ms: int
    until_ms: int
    reason: str = ""


class NewDisposal(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What becomes of a unit that was stopped; whoever disposes proves once more who they are."""

    disposal: Literal["rework", "scrap", "use_as_is"]
    rework: str | None = None
    reason: str
    secret: str

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class NewJudgement(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the sample says of the lot, signed: whoever judges proves once more who they are."""

    judgement: Literal["accepted", "rejected"]
    steady: bool = True
    secret: str

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class NewLease(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a station wants to be able to do without a connection: for how many units, and how long."""

    order: str
    step: str | None = None
    qty: int
    lasts_ms: int = 1800000


class NewLink(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something went into a unit: another unit by its serial, or material of a lot."""

    kind: Literal["material", "unit"]
    child: str
    lot: str = ""
    relation: str = "mounted"
    position: str = ""


class NewLot(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A lot of one product for one customer."""

    id: str
    product: str
    customer: str = ""


class NewMode(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How strictly a station is ruled."""

    mode: Literal["enforce", "observe", "warn"]


class NewOrder(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A production order; units are pieces."""

    number: str
    product: str
    routing_revision: int
    planned_qty: int
    over_qty: int = 0
    line: str
    serial_range: str
    customer: str = ""
    priority: int = 0
    due_ms: int | None = None


class NewPerson(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody new. The id is a number of the staff register, as it can never be forgotten."""

    id: str
    display: str
    roles: tuple[GivenRole, ...] = ()


class NewProduct(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A product."""

    id: str
    display: str
    gtin: str | None = None


class NewRange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A serial range: numbers first to last behind a prefix."""

    id: str
    prefix: str
    digits: int
    first: int
    last: int
    check: Literal["mod10", "mod11", "none"] = "none"


class NewReading(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An instruction of the step at work here that the person who sends this has read."""

    order: str
    instruction: str
    step: str | None = None


class NewSeal(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A seal that is put on a unit."""

    place: str
    number: str


class NewSecret(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A password or a PIN."""

    value: str

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class NewSetup(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a sheet is put to work."""

    order: str
    station: str
    step: str


class NewSheet(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sheet to be begun: what it is about, and what is filled in so far."""

    number: str
    template: str
    product: str
    step: str
    values: dict[str, Any] = {}


class NewStop(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A unit is taken off its way."""

    status: Literal["held", "quarantined", "recalled"]
    reason: str


class NewTemplate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A version of a template, and the workflow that its sheets go through."""

    template: Template
    workflow: str
    workflow_version: int


class NewTick(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An item that was done: what was scanned, and until when its calibration holds."""

    item: str
    seen: str = ""
    valid_until_ms: int | None = None


class Number(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="number"):
    """A number in a unit, within [low, high], with so many decimals at most."""

    id: str
    label: Words
    help: Words
    required: bool = True
    when: Condition | None = None
    protocol: bool = False
    unit: str
    low: float
    high: float
    decimals: int = 3
    default: int | float | None = None
    limits: Literal["either_side", "high", "low", "share"] | None = None


class OfferedCode(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A code, shown this once: it enrols one device, within a quarter of an hour."""

    code: str
    station: str
    until_ms: int

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class Operation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step, or alternatives of which one is done."""

    steps: tuple[Step, ...]


class Option(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of the values of a choice, and what people read for it."""

    value: str
    label: Words


class Order(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An order as it stands; quantities are units."""

    number: str
    product: str
    routing_revision: int
    planned_qty: int
    line: str
    serial_range: str
    over_qty: int = 0
    customer: str = ""
    priority: int = 0
    due_ms: int | None = None
    status: Literal["cancelled", "closed", "completed", "draft", "held", "released", "running"] = "draft"
    begun_qty: int = 0
    good_qty: int = 0
    scrap_qty: int = 0
    version: int = 1


class OrderAction(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is done with an order, and why."""

    action: Literal["cancel", "close", "complete", "hold", "release", "reopen", "resume"]
    reason: str = ""


class OwnPassword(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A new password, and the secret that one has signed in with."""

    secret: str
    password: str

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class OwnPin(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A new PIN, and the secret that one has signed in with."""

    secret: str
    pin: str

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class PageOfCalibrationRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[CalibrationRecord, ...]
    next: str | None = None


class PageOfCertificate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[Certificate, ...]
    next: str | None = None


class PageOfDeviceNow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[DeviceNow, ...]
    next: str | None = None


class PageOfDifference(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[Difference, ...]
    next: str | None = None


class PageOfLotSummary(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[LotSummary, ...]
    next: str | None = None


class PageOfOrder(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[Order, ...]
    next: str | None = None


class PageOfPayload(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[Payload, ...]
    next: str | None = None


class PageOfPersonNow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[PersonNow, ...]
    next: str | None = None


class PageOfReading(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[Reading, ...]
    next: str | None = None


class PageOfReported(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[Reported, ...]
    next: str | None = None


class PageOfSealOnUnit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[SealOnUnit, ...]
    next: str | None = None


class PageOfSetupSheet(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[SetupSheet, ...]
    next: str | None = None


class PageOfSheet(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[Sheet, ...]
    next: str | None = None


class PageOfSignature(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[Signature, ...]
    next: str | None = None


class PageOfStoppedUnit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[StoppedUnit, ...]
    next: str | None = None


class PageOfStr(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[str, ...]
    next: str | None = None


class PageOfSummary(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[Summary, ...]
    next: str | None = None


class PageOfTakenOver(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[TakenOver, ...]
    next: str | None = None


class Parameter(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value of the approved sheet, with its unit."""

    id: str
    value: str | int | float
    unit: str | None = None


class Passed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A step that a unit was at, and by which sheet."""

    step: str
    attempt: int
    station: str
    sheet: str | None
    sheet_digest: str | None
    by: str
    entered_ms: int
    left_ms: int | None
    result: str | None
    reason: str


class Passport(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything about a unit."""

    serial: str
    order: str
    product: str
    routing_revision: int
    status: Literal["done", "held", "in_work", "quarantined", "recalled", "rework", "scrapped", "waiting"]
    stopped_reason: str
    steps: tuple[Passed, ...]
    contains: tuple[Link, ...]
    contained_in: tuple[str, ...]
    coverage: float
    missing: tuple[str, ...]


class Payload(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a printer or a laser is sent; nothing where the sheet names a label that no layout is published for."""

    id: str
    layout: str
    kind: str | None
    payload: str | None


class PersonNow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person."""

    id: str
    display: str
    active: bool
    roles: tuple[HeldRole, ...]
    version: int


class Preview(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a sheet would be: its problems, and without any what counts and its digest."""

    problems: tuple[FieldProblem, ...]
    values: dict[str, Any] | None = None
    digest: str | None = None


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem document."""

    type: str
    title: str
    status: int
    detail: str
    problems: tuple[FieldProblem, ...] = ()


class PublicKey(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A key that signatures of this service are checked with (RFC 8037)."""

    kid: str
    x: str
    kty: str = "OKP"
    crv: str = "Ed25519"
    alg: str = "EdDSA"
    use: str = "sig"


class PublicKeys(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A set of keys (RFC 7517)."""

    keys: tuple[PublicKey, ...]


class Published(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was published, and in which version."""

    name: str
    version: int


class Reading(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """That somebody said they have read an instruction."""

    person: str
    instruction: Instruction
    station: str
    order: str
    step: str
    at_ms: int


class Reference(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="reference"):
    """The number of something that is kept elsewhere."""

    id: str
    label: Words
    help: Words
    required: bool = True
    when: Condition | None = None
    protocol: bool = False
    to: Literal["component", "document", "equipment", "fixture", "label", "product", "program", "standard"]
    default: str | None = None


class Refreshing(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A refresh token."""

    refresh_token: str

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class RejectedLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line that is no event, or of another station: sending it again will not help."""

    line: int
    reason: (
        Literal[
            "clock_future",
            "clock_unset",
            "key_mismatch",
            "quarantined",
            "schema",
            "too_big",
            "undecodable",
            "unknown_type",
        ]
        | Literal["not_yours"]
    )
    detail: str


class ReleaseSignature(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The signature of whoever lets a lot leave."""

    secret: str

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class Reported(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a visit: taken, taken and the unit held at once, known from before, or refused."""

    serial: str
    entered_ms: int
    outcome: Literal["held", "known", "refused", "taken"]
    refusal: str | None = None
    detail: str = ""


class Resumption(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The process was improved, and sampling goes on: signed."""

    customer: str = ""
    reason: str
    secret: str

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class Revised(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was published, and in which revision."""

    product: str
    revision: int


class RevokedSheet(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sheet that is not in force any more."""

    number: str
    revision: int
    product: str
    step: str
    template: str
    template_version: int
    status: Literal[
        "approved", "draft", "no_consensus", "obsolete", "rejected", "returned", "revoked", "submitted", "withdrawn"
    ]
    author: str
    values: dict[str, Any]
    digest: str | None
    round: int
    level: str | None
    may_decide: tuple[str, ...]
    version: int
    created_ms: int
    changed_ms: int
    leases_until_ms: int | None


class Revoking(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why."""

    reason: str


class Rework(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Repair off the line; a unit that passes it goes back to an operation, by the name of one of its steps."""

    name: str
    stations: tuple[str, ...]
    returns_to: str
    attempts_max: int = 3


class Routing(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A revision of a product's routing; it never changes."""

    product: str
    revision: int
    operations: tuple[Operation, ...]
    rework: tuple[Rework, ...] = ()


class Rows(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A table of the approved sheet: tests and their limits, registers, load points."""

    id: str
    key: str
    units: dict[str, str]
    rows: tuple[dict[str, Any], ...]


class SamplingNow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How severely the next lot of a product is inspected for a customer."""

    product: str
    customer: str
    inspection: Literal["discontinued", "normal", "reduced", "tightened"]
    score: int
    rejected: int
    version: int


class ScanEntering(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A unit comes, by what is on it: for which order, and by which setup sheet the station works."""

    text: str
    order: str | None = None
    setup_digest: str | None = None


class Scanned(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a line says, and what of it is known here."""

    kind: Literal["material", "order", "product", "unit", "unknown"]
    text: str
    elements: dict[str, str]
    serial: str | None = None
    order: str | None = None
    product: str | None = None
    gtin: str | None = None
    lot: str | None = None


class Scanning(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line that was scanned."""

    text: str


class SealOnUnit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A seal that is, or was, on a unit."""

    place: str
    number: str
    by: str
    at_ms: int
    removed_by: str | None
    removed_ms: int | None
    removed_reason: str
    opened: bool


class SealReplacement(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A seal is removed, and another one put in its place, or none."""

    place: str
    number: str | None = None
    opened: bool
    reason: str


class Section(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Fields that belong together, under a heading."""

    title: Words
    fields: tuple[Text | Number | Choice | File | Reference | Table, ...]


class SerialRange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Numbers first to last, written with `digits` digits behind a prefix, and a check digit if there is one."""

    id: str
    prefix: str
    digits: int
    first: int
    last: int
    next: int
    check: Literal["mod10", "mod11", "none"] = "none"
    version: int = 1


class Serials(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Serials that were given just now."""

    serials: tuple[str, ...]


class SetupSheet(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A setup sheet as it stands."""

    id: int
    order: str
    station: str
    step: str
    sheet_number: str
    sheet_revision: int
    sheet_digest: str
    digest: str
    status: str
    checklist: tuple[ChecklistItem, ...]
    version: int


class Sheet(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A revision of a sheet as it stands."""

    number: str
    revision: int
    product: str
    step: str
    template: str
    template_version: int
    status: Literal[
        "approved", "draft", "no_consensus", "obsolete", "rejected", "returned", "revoked", "submitted", "withdrawn"
    ]
    author: str
    values: dict[str, Any]
    digest: str | None
    round: int
    level: str | None
    may_decide: tuple[str, ...]
    version: int
    created_ms: int
    changed_ms: int


class SheetAtWork(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which technical sheet is at work."""

    number: str
    revision: int
    digest: str
    template: str
    template_version: int


class SheetFile(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A revision of a sheet, with the template it was filled in by and what was decided about it."""

    kind: Literal["sipe-sheet"] = "sipe-sheet"
    format: Literal[1] = 1
    number: str
    revision: int
    product: str
    step: str
    status: str
    author: str
    template: TemplateRef
    values: dict[str, Any]
    sheet_digest: str | None
    decisions: tuple[FiledDecision, ...] = ()
    digest: str


class Signature(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A decision as it was signed: by whom, when, about which content, and what the signature says."""

    round: int
    level: str
    kind: str
    person: str
    principal: str | None
    meaning: str
    reason: str
    digest: str
    at_ms: int


class SignedLease(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A lease, and the same signed: what the station keeps, and checks by the keys of `/v1/keys`."""

    lease: Lease
    signed: str


class SigningIn(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A name, a badge or both, with the secret that belongs to it."""

    person: str | None = None
    badge: str | None = None
    secret: str

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class StationContract(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What stands as long as the setup does, and what changes with every unit, person or day."""

    contract: Contract
    allowance: Allowance
    mode: Literal["enforce", "observe", "warn"]
    to_read: tuple[str, ...]


class Step(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Work on a unit at one of some stations."""

    name: str
    stations: tuple[str, ...]
    template: str | None = None
    attempts_max: int = 3
    rework: str | None = None
    checks: tuple[Check, ...] = ()
    instructions: tuple[Instruction, ...] = ()


class StoppedUnit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A unit that passes nowhere until somebody disposes of it."""

    serial: str
    order: str
    product: str
    status: Literal["done", "held", "in_work", "quarantined", "recalled", "rework", "scrapped", "waiting"]
    reason: str
    failed_step: str | None
    rework: tuple[str, ...]
    version: int


class Summary(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A template in a list."""

    name: str
    version: int
    title: str
    title_pt: str


class Table(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="table"):
    """Rows of cells. The cells of the key column differ, and rows are told apart by them."""

    id: str
    label: Words
    help: Words
    required: bool = True
    when: Condition | None = None
    protocol: bool = False
    columns: tuple[Text | Number | Choice | Reference, ...]
    key: str
    rows_min: int = 1
    rows_max: int = 100


class TakenOver(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A unit that was taken over now, or that was before, just so."""

    serial: str
    outcome: Literal["known", "taken"]
    next_place: int


class Template(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A version of a template."""

    name: str
    version: int
    title: Words
    purpose: Words
    sections: tuple[Section, ...]


class TemplateFile(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A version of a template, and the workflow that its sheets go through."""

    kind: Literal["sipe-template"] = "sipe-template"
    format: Literal[1] = 1
    template: Template
    workflow: VersionRef
    digest: str


class TemplateRef(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A version of a template, and what it says."""

    name: str
    version: int
    digest: str


class Text(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="text"):
    """One line of text; a pattern has to match the whole of it."""

    id: str
    label: Words
    help: Words
    required: bool = True
    when: Condition | None = None
    protocol: bool = False
    default: str | None = None
    chars_max: int = 200
    pattern: str | None = None
    limits: Literal["equal"] | None = None


class UnitFinding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was found of a unit of the sample; of one that does not conform, in words."""

    serial: str
    conforms: bool
    findings: str = ""


class UnitNow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A unit as it is now, and how it came in. Of a unit that nobody knows, at a station that observes, only that."""

    serial: str
    outcome: Literal["bypassed", "entered", "observed", "refused", "warned"] = "entered"
    warning: str = ""
    order: str | None = None
    status: Literal["done", "held", "in_work", "quarantined", "recalled", "rework", "scrapped", "waiting"] | None = None
    step: str | None = None
    next_place: int | None = None
    rework: str | None = None
    version: int | None = None


class Use(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was done under a lease."""

    visits: tuple[Visit, ...]


class Values(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is filled in."""

    values: dict[str, Any]


class VersionRef(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A version of something."""

    name: str
    version: int


class Visit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """That a unit was worked on: from when to when, and what came of it."""

    serial: str
    entered_ms: int
    left_ms: int
    result: Literal["failed", "passed"]
    reason: str = ""


class Why(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why something is done with a lot."""

    reason: str


class Wip(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Units that were under way before this system was."""

    units: tuple[WipUnit, ...]


class WipUnit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A unit under way, and what it has behind it, in order."""

    serial: str
    done: tuple[DoneStep, ...] = ()


class Withdrawal(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """From when on a certificate is worth nothing, and why; that may lie in the past."""

    from_ms: int
    reason: str


class Words(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The same words in English and in Portuguese."""

    en: str
    pt: str


class Workflow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A version of a workflow; it never changes, and a document keeps the one that it was submitted with."""

    name: str
    version: int
    levels: tuple[Level, ...] = ()


class WorkflowFile(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A version of a workflow."""

    kind: Literal["sipe-workflow"] = "sipe-workflow"
    format: Literal[1] = 1
    workflow: Workflow
    digest: str
