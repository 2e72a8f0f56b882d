"""Who has read which instruction. A reading is of the words and the picture: when they change, it is read anew."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, select

from connectors.sql.schema.contracts import READINGS
from connectors.sql.work import Work, canonical
from models.production.routing import Instruction, Rework, Step
from models.refusal import NotFound


class Place(NamedTuple):
    """Where an instruction was read: at which station, for which order and step."""

    station: str
    order: str
    step: str


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """That somebody said they have read an instruction."""

    person: str
    instruction: Instruction
    station: str
    order: str
    step: str
    at_ms: int


def confirm(work: Work, place: Place, step: Step | Rework, instruction_id: str) -> Reading:
    """Keep that who asks has read an instruction; once more changes nothing. Raises `NotFound`."""
    instruction = next((one for one in to_confirm(step) if one.id == instruction_id), None)
    if instruction is None:
        raise NotFound("instruction to confirm", instruction_id)
    digest, person = _digest(instruction), work.who.identity
    row = work.one(select(READINGS).where(READINGS.c.person == person, READINGS.c.digest == digest))
    if row is not None:
        return _reading(row)
    about = {"person": person, "digest": digest, "station": place.station, "step": place.step}
    told = {**about, "order_number": place.order, "instruction": canonical(instruction), "at_ms": work.now_ms}
    work.run(READINGS.insert().values(told))
    work.note("instruction_read", f"station/{place.station}", after={**place._asdict(), "instruction": instruction})
    return _reading(work.run(select(READINGS).where(READINGS.c.person == person, READINGS.c.digest == digest)).one())


def missing(connection: Connection, person: str, step: Step | Rework) -> list[str]:
    """The instructions of a step that somebody has not confirmed yet."""
    asked = {_digest(one): one.id for one in to_confirm(step)}
    if not asked:
        return []
    query = select(READINGS.c.digest).where(READINGS.c.person == person, READINGS.c.digest.in_(sorted(asked)))
    read = set(connection.execute(query).scalars())
    return [name for digest, name in asked.items() if digest not in read]


def at_station(connection: Connection, station: str) -> list[Reading]:
    """What was read at a station, in order."""
    query = select(READINGS).where(READINGS.c.station == station).order_by(READINGS.c.at_ms, READINGS.c.person)
    return [_reading(row) for row in connection.execute(query)]


def to_confirm(step: Step | Rework) -> list[Instruction]:
    """The instructions that each operator says to have read."""
    return [one for one in step.instructions if one.confirm] if isinstance(step, Step) else []


def _digest(instruction: Instruction) -> str:
    return hashlib.sha256(canonical(instruction).encode()).hexdigest()


def _reading(row: Row[Any]) -> Reading:
    return Reading(
        person=row.person,
        instruction=msgspec.json.decode(row.instruction, type=Instruction),
        station=row.station,
        order=row.order_number,
        step=row.step,
        at_ms=row.at_ms,
    )
