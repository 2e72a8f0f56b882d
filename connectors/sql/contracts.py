"""Contracts in the store: made once, when a station is set up, and told byte for byte as they were made.

A copy elsewhere is only ever found by the digest of its bytes, which the store says: it can be missing, never wrong.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any, Protocol

from sqlalchemy import Connection, bindparam, select

from connectors.sql import layouts, products
from connectors.sql.schema.contracts import CONTRACTS
from connectors.sql.work import Work
from models.production.contract import contract, digest_of, encoded, is_a_label
from models.production.order import Order
from models.production.routing import Step
from models.production.setup import Setup
from models.refusal import NotFound
from models.sheets.check import asked_for
from models.sheets.template import Template

NEAR_MAX = 256
"""Contracts of some kilobytes each: more than a plant has at work."""


class Copies(Protocol):
    """Where copies of contracts may lie; whatever goes wrong there is no error, there is just no copy."""

    def get(self, digest: str) -> bytes | None:
        """The bytes with this digest."""

    def put(self, digest: str, body: bytes) -> None:
        """Keep a copy for a while."""

    def drop(self, digests: list[str]) -> None:
        """Keep no copy of these any longer."""


class NoCopies:
    """For whoever has no cache."""

    def get(self, _: str) -> bytes | None:
        """There is none."""
        return None

    def put(self, _: str, __: bytes) -> None:
        """Nothing is kept."""

    def drop(self, _: list[str]) -> None:
        """There is nothing to drop."""


NO_COPIES = NoCopies()


class NearCopies:
    """The copies that this process asked for last, and behind them those that lie further away. Threads may share it.

    Under a digest there is one contract for good, so a copy that another process has dropped does no harm here: the
    store names the digest, or no more.
    """

    def __init__(self, behind: Copies, size: int = NEAR_MAX) -> None:
        self._behind = behind
        self._size = size
        self._near: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, digest: str) -> bytes | None:
        """The bytes with this digest."""
        with self._lock:
            if (body := self._near.get(digest)) is not None:
                self._near.move_to_end(digest)
                return body
        if (body := self._behind.get(digest)) is not None:
            self._keep(digest, body)
        return body

    def put(self, digest: str, body: bytes) -> None:
        """Keep a copy near and far."""
        self._keep(digest, body)
        self._behind.put(digest, body)

    def drop(self, digests: list[str]) -> None:
        """Keep no copy of these any longer."""
        with self._lock:
            for digest in digests:
                self._near.pop(digest, None)
        self._behind.drop(digests)

    def _keep(self, digest: str, body: bytes) -> None:
        with self._lock:
            self._near[digest] = body
            while len(self._near) > self._size:
                self._near.popitem(last=False)


_BODY = select(CONTRACTS.c.body).where(CONTRACTS.c.setup_digest == bindparam("setup_digest"))


def make(work: Work, order: Order, step: Step, setup: Setup, *, template: Template, values: Mapping[str, Any]) -> None:
    """Keep what a setup sheet tells its station, from now on and for good."""
    numbers = [values[field.id] for field in asked_for(template, values) if is_a_label(field) and field.id in values]
    product = products.read(work.connection, order.product)
    marked = {
        "customer": order.customer,
        "gtin": product.gtin.zfill(14) if product.gtin else "",
        "order": order.number,
        "product": order.product,
        "product_name": product.display,
        "quantity": str(order.planned_qty),
        "station": setup.station,
    }
    told = contract(
        order,
        step,
        setup.station,
        setup=setup,
        template=template,
        values=values,
        layouts=layouts.known(work.connection, numbers),
        marked=marked,
    )
    body = encoded(told)
    row = {"setup_digest": setup.digest, "digest": digest_of(body), "body": body.decode()}
    work.run(CONTRACTS.insert().values(**row, created_ms=work.now_ms))


def digests(connection: Connection, setup_digest: str) -> list[str]:
    """By what copies of a setup sheet's contract are found; nothing when it has none."""
    query = select(CONTRACTS.c.digest).where(CONTRACTS.c.setup_digest == setup_digest)
    return list(connection.execute(query).scalars())


def body_of(connection: Connection, setup_digest: str, digest: str, copies: Copies) -> bytes:
    """A contract as it was made: a copy, else the store's own. Raises `NotFound`."""
    if (copy := copies.get(digest)) is not None:
        return copy
    if (text := connection.execute(_BODY, {"setup_digest": setup_digest}).scalar_one_or_none()) is None:
        raise NotFound("contract", setup_digest)
    body = str(text).encode()
    copies.put(digest, body)
    return body
