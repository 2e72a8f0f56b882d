"""Definitions that come in versions: workflows, templates, routings, bills of materials. One is added, none changes."""

from __future__ import annotations

from sqlalchemy import Column, Connection, select

from connectors.sql.work import Work
from models.refusal import Refused


def newest(connection: Connection, key: Column[str], version: Column[int], name: str) -> int:
    """The newest version of what is called so; 0 when there is none. The columns are of one table."""
    query = select(version).where(key == name).order_by(version.desc()).limit(1)
    return connection.execute(query).scalar_one_or_none() or 0


def check_next(work: Work, key: Column[str], version: Column[int], name: str, given: int) -> None:
    """Raise `Refused` unless what is given is the version behind the newest."""
    known = newest(work.connection, key, version, name)
    if given != known + 1:
        raise Refused("version", f"the next {version.name} of {version.table.name} {name} is {known + 1}, not {given}")
