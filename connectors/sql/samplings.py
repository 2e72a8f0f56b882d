"""Where sampling stands for each product and customer: how severely the next lot is inspected."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import msgspec
from sqlalchemy import Connection, select, update

from connectors.sql.schema.production import PRODUCTS
from connectors.sql.schema.release import SAMPLINGS
from connectors.sql.work import Work, canonical
from models.refusal import need_reason
from models.sampling import switching
from models.sampling.switching import LotResult, Switch


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Where it stands; at version 0 no lot was drawn yet."""

    product: str
    customer: str
    switch: Switch
    version: int


def random_of(seed: str) -> Random:
    """The numbers that a draw takes, the same ones for a seed in every version of Python."""
    return Random(seed)  # noqa: S311  a sample has to be drawn again from its seed, and nobody chooses that


def read(connection: Connection, product: str, customer: str) -> Sampling:
    """Where sampling stands."""
    return _sampling(connection, product, customer, for_update=False)


def lock(work: Work, product: str, customer: str) -> Sampling:
    """Where sampling stands, which nobody else changes until this work ends; raises `NotFound` without a product."""
    found = _sampling(work.connection, product, customer, for_update=True)
    if found.version:
        return found
    work.lock(select(PRODUCTS.c.id).where(PRODUCTS.c.id == product), "product", product)
    row = {"product": product, "customer": customer, "switch": canonical(found.switch), "version": 1}
    work.run(SAMPLINGS.insert().values(**row, changed_ms=work.now_ms))
    return _sampling(work.connection, product, customer, for_update=True)


def count(work: Work, before: Sampling, judged: LotResult) -> None:
    """What a judged lot makes of it; raises `Refused`."""
    _write(work, before, switching.after(before.switch, judged), "")


def resume(work: Work, product: str, customer: str, reason: str) -> Sampling:
    """Inspect again, tightened, after the process was improved; raises `Refused`."""
    before = lock(work, product, customer)
    need_reason(reason, "to resume sampling")
    return _write(work, before, switching.resume(before.switch), reason)


def _write(work: Work, before: Sampling, switch: Switch, reason: str) -> Sampling:
    row = SAMPLINGS.c.product == before.product, SAMPLINGS.c.customer == before.customer
    changed = {"switch": canonical(switch), "version": before.version + 1, "changed_ms": work.now_ms}
    work.run(update(SAMPLINGS).where(*row).values(changed))
    if switch.inspection != before.switch.inspection:
        on = f"sampling/{before.product}"
        states = {"before": before.switch, "after": switch}
        work.note(f"sampling_{switch.inspection}", on, reason=reason, **states)
        work.tell("sampling_changed", on, customer=before.customer, inspection=switch.inspection)
    return read(work.connection, before.product, before.customer)


def _sampling(connection: Connection, product: str, customer: str, *, for_update: bool) -> Sampling:
    query = select(SAMPLINGS).where(SAMPLINGS.c.product == product, SAMPLINGS.c.customer == customer)
    row = connection.execute(query.with_for_update() if for_update else query).one_or_none()
    if row is None:
        return Sampling(product=product, customer=customer, switch=Switch(), version=0)
    switch = msgspec.json.decode(row.switch, type=Switch)
    return Sampling(product=product, customer=customer, switch=switch, version=row.version)
