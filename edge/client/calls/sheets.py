"""One method for each route about sheets.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from typing import Literal

from edge.client.session import Session, part
from edge.client.shapes.common import Sheet
from edge.client.shapes.sheets import (
    Because,
    NewDecision,
    NewSheet,
    PageOfDifference,
    PageOfSheet,
    PageOfSignature,
    RevokedSheet,
    Values,
)


class SheetsCalls(Session):
    """Routes about sheets."""

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
