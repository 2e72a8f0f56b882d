"""What lots of a product have to show: the release sheet that is in force."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection

from connectors.sql import setups, sheets
from models.release.demand import STEP, TEMPLATE, Release, release_of
from models.sheets.revision import Ref


class InForce(NamedTuple):
    """What is demanded, and by which sheet."""

    release: Release
    sheet: Ref
    digest: str


def in_force(connection: Connection, product: str) -> InForce:
    """What lots of a product have to show now; raises `Refused` unless one release sheet is in force."""
    ref, digest = setups.in_force(connection, product, STEP, TEMPLATE)
    return InForce(release_of(sheets.read(connection, ref).values), ref, digest)
