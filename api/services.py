"""What the routes work with, made once when the service starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from connectors.sql.work import Store
from models.identity import Principal
from sipe.clock import Clock


@dataclass(frozen=True, kw_only=True)
class Services:
    """The transactional store, time, and who is asking."""

    store: Store
    clock: Clock
    principal_of: Callable[[str], Principal]
    """Of an access token; raises `Refused`."""
    verify_again: Callable[[Principal, str], None]
    """By password or PIN, when something is signed; raises `Refused`."""
