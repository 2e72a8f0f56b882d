"""Idempotency keys: what a POST has answered once, it answers again, and does not do again.

The key and the answer are written in the transaction of the effect: both are there, or neither.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

import msgspec
from sqlalchemy import delete, select

from api.http.problems import HttpRefused
from connectors.sql.schema.requests import ANSWERS
from connectors.sql.work import Work

KEPT_MS = 24 * 3_600_000


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it went out."""

    status: int
    body: str
    headers: dict[str, str]
    media: str = "application/json"


def once(work: Work, key: str, request_digest: str, answer: Callable[[], Sent]) -> Sent:
    """The answer that was given to this key, or a new one; raises `HttpRefused` when it was another request's."""
    mine = ANSWERS.c.subject == work.who.identity, ANSWERS.c.key == key
    if (row := work.one(select(ANSWERS).where(*mine))) is not None:
        if row.request_digest != request_digest:
            raise HttpRefused(
                HTTPStatus.UNPROCESSABLE_ENTITY, "key_reused", "this Idempotency-Key was another request's"
            )
        return msgspec.json.decode(row.answer, type=Sent)
    sent = answer()
    about = {"subject": work.who.identity, "key": key, "request_digest": request_digest}
    work.run(ANSWERS.insert().values(**about, answer=msgspec.json.encode(sent).decode(), at_ms=work.now_ms))
    return sent


def forget(work: Work) -> int:
    """Drop what nobody asks for again; how many."""
    return work.run(delete(ANSWERS).where(ANSWERS.c.at_ms < work.now_ms - KEPT_MS)).rowcount
