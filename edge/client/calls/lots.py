"""One method for each route about lots.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from typing import Any, Literal

from edge.client.session import Session, part
from edge.client.shapes.lots import (
    AtTheGate,
    Findings,
    Joining,
    Leaving,
    LotNow,
    NewJudgement,
    NewLot,
    PageOfLotSummary,
    ReleaseSignature,
    Resumption,
    SamplingNow,
    Why,
)


class LotsCalls(Session):
    """Routes about lots."""

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
