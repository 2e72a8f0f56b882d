"""One method for each route about identity.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from edge.client.session import Session
from edge.client.shapes.identity import Enrolling, Granted, Me, OwnPassword, OwnPin, Refreshing, SigningIn


class IdentityCalls(Session):
    """Routes about identity."""

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
