"""One method for each route about people.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from edge.client.session import Session, part
from edge.client.shapes.people import (
    ChangedPerson,
    Forgetting,
    NewBadge,
    NewDelegation,
    NewPerson,
    NewSecret,
    PageOfPersonNow,
    PersonNow,
)


class PeopleCalls(Session):
    """Routes about people."""

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
