"""One method for each route of the API. Written by `make schemas` from its description: edit nothing here."""

from __future__ import annotations

from typing import Any, Literal

from edge.client.session import Session, part
from edge.client.shapes import (
    Adopted,
    AtTheGate,
    Batch,
    Because,
    Bom,
    Bypass,
    Calibrated,
    Certificate,
    ChangedPerson,
    Closed,
    CloseLease,
    Count,
    Enrolling,
    Entering,
    Failing,
    Findings,
    Forgetting,
    Form,
    ForOrder,
    ForStation,
    Granted,
    Imported,
    Joining,
    Layout,
    Leaving,
    LotNow,
    Me,
    NewBadge,
    NewBypass,
    NewCalibration,
    NewCertificate,
    NewDecision,
    NewDelegation,
    NewDisposal,
    NewJudgement,
    NewLease,
    NewLink,
    NewLot,
    NewMode,
    NewOrder,
    NewPerson,
    NewProduct,
    NewRange,
    NewReading,
    NewSeal,
    NewSecret,
    NewSetup,
    NewSheet,
    NewStop,
    NewTemplate,
    NewTick,
    OfferedCode,
    Order,
    OrderAction,
    OwnPassword,
    OwnPin,
    PageOfCalibrationRecord,
    PageOfCertificate,
    PageOfDeviceNow,
    PageOfDifference,
    PageOfLotSummary,
    PageOfOrder,
    PageOfPayload,
    PageOfPersonNow,
    PageOfReading,
    PageOfReported,
    PageOfSealOnUnit,
    PageOfSetupSheet,
    PageOfSheet,
    PageOfSignature,
    PageOfStoppedUnit,
    PageOfStr,
    PageOfSummary,
    PageOfTakenOver,
    Passport,
    PersonNow,
    Preview,
    PublicKeys,
    Published,
    Reading,
    Refreshing,
    ReleaseSignature,
    Resumption,
    Revised,
    RevokedSheet,
    Revoking,
    Routing,
    SamplingNow,
    ScanEntering,
    Scanned,
    Scanning,
    SealReplacement,
    SerialRange,
    Serials,
    SetupSheet,
    Sheet,
    SheetFile,
    SignedLease,
    SigningIn,
    StationContract,
    Template,
    TemplateFile,
    UnitNow,
    Use,
    Values,
    Why,
    Wip,
    Withdrawal,
    Workflow,
    WorkflowFile,
)


class Client(Session):
    """The API, one method for each route; each raises `edge.client.problems.ApiError`.

    `version` is the version that a change is based on: 412 (`Stale`) when it is no longer that. `key` is for a caller
    who keeps it, to ask again after a restart and have it done once; without one, each call makes its own.
    """

    def sign_in(self, body: SigningIn) -> Granted:
        """Sign in with a name or a badge, and a password or a PIN."""
        return self.call("POST", "/v1/sign-in", Granted, body=body)

    def refresh(self, body: Refreshing) -> Granted:
        """Trade a refresh token for an access token and the next refresh token."""
        return self.call("POST", "/v1/refresh", Granted, body=body)

    def sign_out(self, body: Refreshing) -> None:
        """End what follows from one sign-in, by any of its refresh tokens; says nothing about whether there is one."""
        self.do("POST", "/v1/sign-out", body=body)

    def enrol_device(self, body: Enrolling) -> Granted:
        """Trade an enrolment code for a device's first tokens."""
        return self.call("POST", "/v1/enrolments", Granted, body=body)

    def me(self) -> Me:
        """Who one is, as this token says it."""
        return self.call("GET", "/v1/me", Me)

    def set_own_password(self, body: OwnPassword) -> None:
        """Give oneself another password; whoever is signed in as this person has to sign in again."""
        self.do("PUT", "/v1/me/password", body=body)

    def set_own_pin(self, body: OwnPin) -> None:
        """Give oneself another PIN for one's badge; whoever is signed in as this person has to sign in again."""
        self.do("PUT", "/v1/me/pin", body=body)

    def list_people(self, *, cursor: str | None = None, limit: int | None = None) -> PageOfPersonNow:
        """Everybody, in the order of their ids."""
        return self.call("GET", "/v1/people", PageOfPersonNow, query={"cursor": cursor, "limit": limit})

    def add_person(self, body: NewPerson, *, key: str | None = None) -> PersonNow:
        """Add somebody; they can sign in once they have a password, or a badge and a PIN."""
        return self.call("POST", "/v1/people", PersonNow, body=body, key=self.key(key))

    def show_person(self, person: str) -> PersonNow:
        """A person."""
        return self.call("GET", f"/v1/people/{part(person)}", PersonNow)

    def change_person(self, person: str, body: ChangedPerson, *, version: int) -> PersonNow:
        """Give somebody other roles, let them go, or let them come back; what they signed stays signed."""
        return self.call("PUT", f"/v1/people/{part(person)}", PersonNow, body=body, version=version)

    def set_password(self, person: str, body: NewSecret) -> None:
        """Give somebody a password; they are signed out everywhere."""
        self.do("PUT", f"/v1/people/{part(person)}/password", body=body)

    def set_pin(self, person: str, body: NewSecret) -> None:
        """Give somebody who has a badge a PIN; they are signed out everywhere."""
        self.do("PUT", f"/v1/people/{part(person)}/pin", body=body)

    def set_badge(self, person: str, body: NewBadge) -> None:
        """Give somebody a badge in the place of the one before, whose PIN goes with it."""
        self.do("PUT", f"/v1/people/{part(person)}/badge", body=body)

    def take_badge(self, person: str, *, key: str | None = None) -> None:
        """Take somebody's badge and its PIN away, such as when it is lost."""
        self.do("POST", f"/v1/people/{part(person)}/badge/losses", key=self.key(key))

    def forget_person(self, person: str, body: Forgetting, *, version: int, key: str | None = None) -> PersonNow:
        """Forget a person for good: name, badge, secrets and pseudonym go, what they signed stays."""
        return self.call(
            "POST", f"/v1/people/{part(person)}/erasure", PersonNow, body=body, version=version, key=self.key(key)
        )

    def delegate(self, body: NewDelegation, *, key: str | None = None) -> NewDelegation:
        """Let somebody decide for oneself for a while."""
        return self.call("POST", "/v1/me/delegations", NewDelegation, body=body, key=self.key(key))

    def list_devices(self, *, station: str | None = None) -> PageOfDeviceNow:
        """Every device, or those of a station, the revoked ones, too."""
        return self.call("GET", "/v1/devices", PageOfDeviceNow, query={"station": station})

    def offer_code(self, body: ForStation) -> OfferedCode:
        """Make a code that a device of a station enrols with."""
        return self.call("POST", "/v1/devices/codes", OfferedCode, body=body)

    def revoke_device(self, device: str, body: Revoking, *, key: str | None = None) -> None:
        """Let a device do nothing any more, once its access token has ended."""
        self.do("POST", f"/v1/devices/{part(device)}/revocation", body=body, key=self.key(key))

    def publish_workflow(self, body: Workflow, *, key: str | None = None) -> Published:
        """Publish the next version of a workflow."""
        return self.call("POST", "/v1/workflows", Published, body=body, key=self.key(key))

    def workflow(self, name: str, version: int) -> Workflow:
        """A version of a workflow."""
        return self.call("GET", f"/v1/workflows/{part(name)}/{part(version)}", Workflow)

    def publish_template(self, body: NewTemplate, *, key: str | None = None) -> Published:
        """Publish the next version of a template."""
        return self.call("POST", "/v1/templates", Published, body=body, key=self.key(key))

    def template_list(self) -> PageOfSummary:
        """Every template, in its newest version."""
        return self.call("GET", "/v1/templates", PageOfSummary)

    def template(self, name: str, version: int) -> Template:
        """A version of a template."""
        return self.call("GET", f"/v1/templates/{part(name)}/{part(version)}", Template)

    def template_schema(self, name: str, version: int) -> dict[str, Any]:
        """A version of a template as JSON Schema."""
        return self.call("GET", f"/v1/templates/{part(name)}/{part(version)}/schema", dict[str, Any])

    def preview(self, name: str, version: int, body: dict[str, Any], *, key: str | None = None) -> Preview:
        """What values would be worth as a sheet; nothing is kept."""
        return self.call(
            "POST", f"/v1/templates/{part(name)}/{part(version)}/preview", Preview, body=body, key=self.key(key)
        )

    def template_library(self) -> PageOfSummary:
        """The templates that come with SIPE, to be published as they are or changed first."""
        return self.call("GET", "/v1/template-library", PageOfSummary)

    def library_template(self, name: str) -> Template:
        """A template that comes with SIPE."""
        return self.call("GET", f"/v1/template-library/{part(name)}", Template)

    def begin_sheet(self, body: NewSheet, *, key: str | None = None) -> Sheet:
        """Begin a sheet, as a draft."""
        return self.call("POST", "/v1/sheets", Sheet, body=body, key=self.key(key))

    def sheet_list(
        self,
        *,
        status: Literal[
            "approved", "draft", "no_consensus", "obsolete", "rejected", "returned", "revoked", "submitted", "withdrawn"
        ]
        | None = None,
        product: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> PageOfSheet:
        """Sheets, newest revision of each number last; by status or product."""
        return self.call(
            "GET",
            "/v1/sheets",
            PageOfSheet,
            query={"status": status, "product": product, "cursor": cursor, "limit": limit},
        )

    def sheet(self, number: str, revision: int) -> Sheet:
        """A revision of a sheet."""
        return self.call("GET", f"/v1/sheets/{part(number)}/{part(revision)}", Sheet)

    def save_sheet(self, number: str, revision: int, body: Values, *, version: int) -> Sheet:
        """Keep what the author has filled in so far."""
        return self.call("PUT", f"/v1/sheets/{part(number)}/{part(revision)}", Sheet, body=body, version=version)

    def revise_sheet(self, number: str, *, key: str | None = None) -> Sheet:
        """Begin the next revision, with what the newest one says."""
        return self.call("POST", f"/v1/sheets/{part(number)}/revisions", Sheet, key=self.key(key))

    def submit_sheet(self, number: str, revision: int, *, version: int, key: str | None = None) -> Sheet:
        """Submit a draft for approval; from now on it never changes."""
        return self.call(
            "POST", f"/v1/sheets/{part(number)}/{part(revision)}/submit", Sheet, version=version, key=self.key(key)
        )

    def decide_sheet(
        self, number: str, revision: int, body: NewDecision, *, version: int, key: str | None = None
    ) -> Sheet:
        """Approve, reject, return or withdraw a submitted sheet, and sign it."""
        return self.call(
            "POST",
            f"/v1/sheets/{part(number)}/{part(revision)}/decisions",
            Sheet,
            body=body,
            version=version,
            key=self.key(key),
        )

    def sheet_decisions(self, number: str, revision: int) -> PageOfSignature:
        """Everything that was decided about a revision, in every round."""
        return self.call("GET", f"/v1/sheets/{part(number)}/{part(revision)}/decisions", PageOfSignature)

    def sheet_changes(self, number: str, revision: int, *, since: int | None = None) -> PageOfDifference:
        """What a revision says differently than an earlier one (by default the one before)."""
        return self.call(
            "GET", f"/v1/sheets/{part(number)}/{part(revision)}/changes", PageOfDifference, query={"since": since}
        )

    def revoke_sheet(
        self, number: str, revision: int, body: Because, *, version: int, key: str | None = None
    ) -> RevokedSheet:
        """Take an approved sheet out of force: units made by it are held or recalled."""
        return self.call(
            "POST",
            f"/v1/sheets/{part(number)}/{part(revision)}/revoke",
            RevokedSheet,
            body=body,
            version=version,
            key=self.key(key),
        )

    def take_sheet_over(
        self, number: str, revision: int, body: Because, *, version: int, key: str | None = None
    ) -> Sheet:
        """Go on with a draft, or what came back, whose author is no longer active."""
        return self.call(
            "POST",
            f"/v1/sheets/{part(number)}/{part(revision)}/takeover",
            Sheet,
            body=body,
            version=version,
            key=self.key(key),
        )

    def inbox(self) -> PageOfSheet:
        """The sheets that wait for a decision of yours."""
        return self.call("GET", "/v1/inbox", PageOfSheet)

    def export_template(self, name: str, version: int) -> TemplateFile:
        """A version of a template as a file, in canonical form."""
        return self.call("GET", f"/v1/templates/{part(name)}/{part(version)}/export", TemplateFile)

    def export_workflow(self, name: str, version: int) -> WorkflowFile:
        """A version of a workflow as a file, in canonical form."""
        return self.call("GET", f"/v1/workflows/{part(name)}/{part(version)}/export", WorkflowFile)

    def export_sheet(self, number: str, revision: int) -> SheetFile:
        """A revision of a sheet as a file, with its template's digest and everything that was decided about it."""
        return self.call("GET", f"/v1/sheets/{part(number)}/{part(revision)}/export", SheetFile)

    def import_template(self, body: TemplateFile, *, key: str | None = None) -> Imported:
        """Publish a template from a file; the same again changes nothing."""
        return self.call("POST", "/v1/templates/import", Imported, body=body, key=self.key(key))

    def import_workflow(self, body: WorkflowFile, *, key: str | None = None) -> Imported:
        """Publish a workflow from a file; the same again changes nothing."""
        return self.call("POST", "/v1/workflows/import", Imported, body=body, key=self.key(key))

    def import_sheet(self, body: SheetFile, *, key: str | None = None) -> Sheet:
        """Begin a sheet from a file: a draft, whatever it was where it comes from."""
        return self.call("POST", "/v1/sheets/import", Sheet, body=body, key=self.key(key))

    def template_form(self, name: str, version: int, *, language: Literal["en", "pt"] | None = None) -> Form:
        """A template as an empty form."""
        return self.call("GET", f"/v1/templates/{part(name)}/{part(version)}/form", Form, query={"language": language})

    def template_page(self, name: str, version: int, *, language: Literal["en", "pt"] | None = None) -> str:
        """A template as an empty form, to read and to print."""
        return self.do(
            "GET", f"/v1/templates/{part(name)}/{part(version)}/form.html", query={"language": language}
        ).body.decode()

    def sheet_form(self, number: str, revision: int, *, language: Literal["en", "pt"] | None = None) -> Form:
        """A sheet as a form that is filled in."""
        return self.call("GET", f"/v1/sheets/{part(number)}/{part(revision)}/form", Form, query={"language": language})

    def sheet_page(self, number: str, revision: int, *, language: Literal["en", "pt"] | None = None) -> str:
        """A sheet as a form that is filled in, to read and to print."""
        return self.do(
            "GET", f"/v1/sheets/{part(number)}/{part(revision)}/form.html", query={"language": language}
        ).body.decode()

    def add_product(self, body: NewProduct, *, key: str | None = None) -> NewProduct:
        """Add a product."""
        return self.call("POST", "/v1/products", NewProduct, body=body, key=self.key(key))

    def publish_routing(self, body: Routing, *, key: str | None = None) -> Revised:
        """Publish the next revision of a product's routing."""
        return self.call("POST", "/v1/routings", Revised, body=body, key=self.key(key))

    def routing(self, product: str, revision: int) -> Routing:
        """A revision of a product's routing."""
        return self.call("GET", f"/v1/routings/{part(product)}/{part(revision)}", Routing)

    def publish_bom(self, body: Bom, *, key: str | None = None) -> Revised:
        """Publish the next revision of a product's bill of materials."""
        return self.call("POST", "/v1/boms", Revised, body=body, key=self.key(key))

    def bom(self, product: str, revision: int) -> Bom:
        """A revision of a product's bill of materials."""
        return self.call("GET", f"/v1/boms/{part(product)}/{part(revision)}", Bom)

    def add_serial_range(self, body: NewRange, *, key: str | None = None) -> SerialRange:
        """Add a serial range; it overlaps no other one."""
        return self.call("POST", "/v1/serial-ranges", SerialRange, body=body, key=self.key(key))

    def serial_range(self, range_id: str) -> SerialRange:
        """A serial range as it stands."""
        return self.call("GET", f"/v1/serial-ranges/{part(range_id)}", SerialRange)

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

    def station_contract(self, station: str, *, order: str, step: str | None = None) -> StationContract:
        """What a station has to do for an order, with which approved parameters."""
        return self.call(
            "GET", f"/v1/stations/{part(station)}/contract", StationContract, query={"order": order, "step": step}
        )

    def station_setups(self, station: str, *, order: str | None = None) -> PageOfSetupSheet:
        """The setup sheets that are at work at a station, or wait for their checklist."""
        return self.call("GET", f"/v1/stations/{part(station)}/setups", PageOfSetupSheet, query={"order": order})

    def begin_unit(self, station: str, body: ForOrder, *, key: str | None = None) -> UnitNow:
        """Begin a unit: the next serial of the order, in work at this station."""
        return self.call("POST", f"/v1/stations/{part(station)}/units", UnitNow, body=body, key=self.key(key))

    def enter_unit(self, station: str, serial: str, body: Entering, *, key: str | None = None) -> UnitNow:
        """A unit comes to a station; a refusal says what to do with it."""
        return self.call(
            "POST", f"/v1/stations/{part(station)}/units/{part(serial)}/enter", UnitNow, body=body, key=self.key(key)
        )

    def pass_unit(self, station: str, serial: str, *, key: str | None = None) -> UnitNow:
        """A unit passed the step that it is in work at."""
        return self.call("POST", f"/v1/stations/{part(station)}/units/{part(serial)}/pass", UnitNow, key=self.key(key))

    def fail_unit(self, station: str, serial: str, body: Failing, *, key: str | None = None) -> UnitNow:
        """A unit failed the step that it is in work at."""
        return self.call(
            "POST", f"/v1/stations/{part(station)}/units/{part(serial)}/fail", UnitNow, body=body, key=self.key(key)
        )

    def link_unit(self, station: str, serial: str, body: NewLink, *, key: str | None = None) -> NewLink:
        """Say what went into a unit that is in work here."""
        return self.call(
            "POST", f"/v1/stations/{part(station)}/units/{part(serial)}/links", NewLink, body=body, key=self.key(key)
        )

    def set_station_mode(self, station: str, body: NewMode) -> NewMode:
        """Have a station observe, warn or enforce."""
        return self.call("PUT", f"/v1/stations/{part(station)}/mode", NewMode, body=body)

    def station_mode(self, station: str) -> NewMode:
        """How strictly a station is ruled."""
        return self.call("GET", f"/v1/stations/{part(station)}/mode", NewMode)

    def grant_bypass(self, station: str, body: NewBypass, *, key: str | None = None) -> Bypass:
        """Let one kind of refusal pass at a station, so often and so long."""
        return self.call("POST", f"/v1/stations/{part(station)}/bypasses", Bypass, body=body, key=self.key(key))

    def look_up_scan(self, station: str, body: Scanning, *, key: str | None = None) -> Scanned:
        """Say what a scanned line is about: a unit, an order, material, a product."""
        return self.call("POST", f"/v1/stations/{part(station)}/scans", Scanned, body=body, key=self.key(key))

    def enter_scanned_unit(self, station: str, body: ScanEntering, *, key: str | None = None) -> UnitNow:
        """A unit comes to a station, by the line that was scanned from it."""
        return self.call("POST", f"/v1/stations/{part(station)}/enter", UnitNow, body=body, key=self.key(key))

    def confirm_reading(self, station: str, body: NewReading, *, key: str | None = None) -> Reading:
        """Confirm that you have read an instruction; it is asked for once, until its words or its picture change."""
        return self.call("POST", f"/v1/stations/{part(station)}/readings", Reading, body=body, key=self.key(key))

    def station_readings(self, station: str) -> PageOfReading:
        """Who has read which instruction at a station."""
        return self.call("GET", f"/v1/stations/{part(station)}/readings", PageOfReading)

    def add_layout(self, body: Layout, *, key: str | None = None) -> Layout:
        """Publish the layout of a label or an engraving, under the number that sheets name."""
        return self.call("POST", "/v1/layouts", Layout, body=body, key=self.key(key))

    def layout(self, number: str) -> Layout:
        """The layout under a number."""
        return self.call("GET", f"/v1/layouts/{part(number)}", Layout)

    def unit_payloads(
        self, station: str, serial: str, *, date: str | None = None, copies: int | None = None
    ) -> PageOfPayload:
        """What is printed or marked for a unit that is in work here; the date is today's where the station is."""
        return self.call(
            "GET",
            f"/v1/stations/{part(station)}/units/{part(serial)}/payloads",
            PageOfPayload,
            query={"date": date, "copies": copies},
        )

    def add_certificate(self, body: NewCertificate, *, key: str | None = None) -> Certificate:
        """Say until when a bench or a reference standard is good."""
        return self.call("POST", "/v1/certificates", Certificate, body=body, key=self.key(key))

    def certificate_list(
        self,
        *,
        kind: Literal["bench", "standard"] | None = None,
        equipment: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> PageOfCertificate:
        """Certificates, in the order in which they were added."""
        return self.call(
            "GET",
            "/v1/certificates",
            PageOfCertificate,
            query={"kind": kind, "equipment": equipment, "cursor": cursor, "limit": limit},
        )

    def withdraw_certificate(
        self, certificate_id: int, body: Withdrawal, *, version: int, key: str | None = None
    ) -> Certificate:
        """Have a certificate end earlier; what was measured from then on keeps its lots here."""
        return self.call(
            "POST",
            f"/v1/certificates/{part(certificate_id)}/withdrawals",
            Certificate,
            body=body,
            version=version,
            key=self.key(key),
        )

    def calibrate_unit(self, station: str, serial: str, body: NewCalibration, *, key: str | None = None) -> Calibrated:
        """Keep what a bench has measured of a unit, good or not."""
        return self.call(
            "POST",
            f"/v1/stations/{part(station)}/units/{part(serial)}/calibrations",
            Calibrated,
            body=body,
            key=self.key(key),
        )

    def unit_calibrations(self, serial: str) -> PageOfCalibrationRecord:
        """Every record of a unit, in the order in which they came."""
        return self.call("GET", f"/v1/units/{part(serial)}/calibrations", PageOfCalibrationRecord)

    def calibrated_units(
        self,
        *,
        since_ms: int,
        bench: str | None = None,
        standard: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> PageOfStr:
        """The units that were measured with a bench or a standard from a time on, such as one that drifted."""
        return self.call(
            "GET",
            "/v1/calibrated-units",
            PageOfStr,
            query={"since_ms": since_ms, "bench": bench, "standard": standard, "cursor": cursor, "limit": limit},
        )

    def seal_unit(self, station: str, serial: str, body: NewSeal, *, key: str | None = None) -> NewSeal:
        """Put a seal on a unit; its number is used once, ever."""
        return self.call(
            "POST", f"/v1/stations/{part(station)}/units/{part(serial)}/seals", NewSeal, body=body, key=self.key(key)
        )

    def unit_seals(self, serial: str) -> PageOfSealOnUnit:
        """Every seal that was ever on a unit."""
        return self.call("GET", f"/v1/units/{part(serial)}/seals", PageOfSealOnUnit)

    def replace_seal(self, serial: str, body: SealReplacement, *, key: str | None = None) -> PageOfSealOnUnit:
        """Remove a seal for a reason, and put another one in its place."""
        return self.call(
            "POST", f"/v1/units/{part(serial)}/seal-replacements", PageOfSealOnUnit, body=body, key=self.key(key)
        )

    def public_keys(self) -> PublicKeys:
        """The public keys that sign now, or did before the last rotation."""
        return self.call("GET", "/v1/keys", PublicKeys)

    def take_lease(self, station: str, body: NewLease, *, key: str | None = None) -> SignedLease:
        """Take a lease: contract, serials and quantity for a time without a connection."""
        return self.call("POST", f"/v1/stations/{part(station)}/leases", SignedLease, body=body, key=self.key(key))

    def report_use(self, station: str, lease_id: str, body: Use, *, key: str | None = None) -> PageOfReported:
        """Say what was done under a lease, in any order and as often as needed; each visit counts once."""
        return self.call(
            "POST",
            f"/v1/stations/{part(station)}/leases/{part(lease_id)}/use",
            PageOfReported,
            body=body,
            key=self.key(key),
        )

    def close_lease(self, station: str, lease_id: str, body: CloseLease, *, key: str | None = None) -> Closed:
        """End a lease and give back what was not used; of a lost station a supervisor does, and they are void."""
        return self.call(
            "POST", f"/v1/stations/{part(station)}/leases/{part(lease_id)}/close", Closed, body=body, key=self.key(key)
        )

    def stopped_units(
        self,
        *,
        status: Literal["held", "quarantined", "recalled"] | None = None,
        line: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> PageOfStoppedUnit:
        """Units that are quarantined, held or recalled, and wait for somebody to dispose of them."""
        return self.call(
            "GET",
            "/v1/stopped-units",
            PageOfStoppedUnit,
            query={"status": status, "line": line, "cursor": cursor, "limit": limit},
        )

    def unit_passport(self, serial: str) -> Passport:
        """Everything about a unit, forward and back."""
        return self.call("GET", f"/v1/units/{part(serial)}", Passport)

    def units_of_lot(self, lot: str) -> PageOfStr:
        """Which units hold something of a lot, directly or through other units."""
        return self.call("GET", f"/v1/lots/{part(lot)}/units", PageOfStr)

    def stop_unit(self, serial: str, body: NewStop, *, key: str | None = None) -> UnitNow:
        """Quarantine, hold or recall a unit."""
        return self.call("POST", f"/v1/units/{part(serial)}/stops", UnitNow, body=body, key=self.key(key))

    def dispose_unit(self, serial: str, body: NewDisposal, *, key: str | None = None) -> UnitNow:
        """Decide what becomes of a unit that was stopped: rework, scrap, or use as it is."""
        return self.call("POST", f"/v1/units/{part(serial)}/disposals", UnitNow, body=body, key=self.key(key))

    def add_lot(self, body: NewLot, *, key: str | None = None) -> LotNow:
        """Begin a lot, without a unit."""
        return self.call("POST", "/v1/release-lots", LotNow, body=body, key=self.key(key))

    def lot_list(
        self,
        *,
        status: Literal["accepted", "cancelled", "drawn", "open", "rejected", "released", "screening"] | None = None,
        product: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> PageOfLotSummary:
        """Lots by their ids; by status or product."""
        return self.call(
            "GET",
            "/v1/release-lots",
            PageOfLotSummary,
            query={"status": status, "product": product, "cursor": cursor, "limit": limit},
        )

    def release_lot(self, lot: str) -> LotNow:
        """A lot as it stands."""
        return self.call("GET", f"/v1/release-lots/{part(lot)}", LotNow)

    def join_lot(self, lot: str, body: Joining, *, version: int, key: str | None = None) -> LotNow:
        """Units that are done join a lot."""
        return self.call(
            "POST", f"/v1/release-lots/{part(lot)}/units", LotNow, body=body, version=version, key=self.key(key)
        )

    def leave_lot(self, lot: str, body: Leaving, *, version: int, key: str | None = None) -> LotNow:
        """Units stay behind; while the sample is under way, only those that are not done any more."""
        return self.call(
            "POST", f"/v1/release-lots/{part(lot)}/removals", LotNow, body=body, version=version, key=self.key(key)
        )

    def cancel_lot(self, lot: str, body: Why, *, version: int, key: str | None = None) -> LotNow:
        """Give a lot up before its sample is drawn."""
        return self.call(
            "POST", f"/v1/release-lots/{part(lot)}/cancel", LotNow, body=body, version=version, key=self.key(key)
        )

    def draw_sample(self, lot: str, *, version: int, key: str | None = None) -> LotNow:
        """Draw the sample of a lot, with a seed that nobody chooses."""
        return self.call("POST", f"/v1/release-lots/{part(lot)}/draws", LotNow, version=version, key=self.key(key))

    def inspect_units(self, lot: str, body: Findings, *, version: int, key: str | None = None) -> LotNow:
        """Keep what was found of units of the sample; those that do not conform go into quarantine."""
        return self.call(
            "POST", f"/v1/release-lots/{part(lot)}/inspections", LotNow, body=body, version=version, key=self.key(key)
        )

    def judge_lot(self, lot: str, body: NewJudgement, *, version: int, key: str | None = None) -> LotNow:
        """Accept or reject a lot, as its sample says, and sign it."""
        return self.call(
            "POST", f"/v1/release-lots/{part(lot)}/judgements", LotNow, body=body, version=version, key=self.key(key)
        )

    def screen_lot(self, lot: str, body: Why, *, version: int, key: str | None = None) -> LotNow:
        """Have every unit of a rejected lot inspected."""
        return self.call(
            "POST", f"/v1/release-lots/{part(lot)}/screenings", LotNow, body=body, version=version, key=self.key(key)
        )

    def lot_at_the_gate(self, lot: str) -> AtTheGate:
        """Whether a lot may leave as it is, and everything that is in the way."""
        return self.call("GET", f"/v1/release-lots/{part(lot)}/gate", AtTheGate)

    def release(self, lot: str, body: ReleaseSignature, *, version: int, key: str | None = None) -> LotNow:
        """Let a lot leave, and sign it; refused with unit and reason as long as anything is in the way."""
        return self.call(
            "POST", f"/v1/release-lots/{part(lot)}/release", LotNow, body=body, version=version, key=self.key(key)
        )

    def delivery_manifest(self, lot: str) -> dict[str, Any]:
        """What went with a lot: its files with their digests, and the sheet it was released by."""
        return self.call("GET", f"/v1/release-lots/{part(lot)}/delivery/manifest.json", dict[str, Any])

    def delivery_units(self, lot: str) -> dict[str, Any]:
        """The units of a lot with their seals and errors, as its customer got them."""
        return self.call("GET", f"/v1/release-lots/{part(lot)}/delivery/units.json", dict[str, Any])

    def delivery_table(self, lot: str) -> str:
        """The units of a lot with their seals and errors, as a table for spreadsheets (RFC 4180)."""
        return self.do("GET", f"/v1/release-lots/{part(lot)}/delivery/units.csv").body.decode()

    def sampling(self, product: str, *, customer: str | None = None) -> SamplingNow:
        """How severely the next lot of a product is inspected for a customer."""
        return self.call("GET", f"/v1/samplings/{part(product)}", SamplingNow, query={"customer": customer})

    def resume_sampling(self, product: str, body: Resumption, *, key: str | None = None) -> SamplingNow:
        """Inspect lots again, tightened, after too many were rejected and the process was improved."""
        return self.call(
            "POST", f"/v1/samplings/{part(product)}/resumptions", SamplingNow, body=body, key=self.key(key)
        )

    def send_events(self, body: bytes) -> Batch:
        """Send a batch of events of the station that this device stands at."""
        return self.call("POST", "/v1/events", Batch, body=body, media="application/x-ndjson")
