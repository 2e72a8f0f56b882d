"""Duties: what one process at a time does for all, such as telling Kafka; another takes over when it goes silent.

Who holds a duty renews it long before its term ends. A process that was frozen beyond its term may still finish what it
had begun, so whatever is done on duty has to bear being done twice.
"""

from __future__ import annotations

import socket
from secrets import token_hex

from sqlalchemy import select, update

from connectors.sql.schema.duties import DUTIES
from connectors.sql.work import Work
from models.audit import Who

SERVICE = Who("service", "service", "none")
"""Who works in the store on nobody's request; it notes nothing."""


def holder() -> str:
    """A name for this process that no other one has: its host, so that a person finds it, and something random."""
    return f"{socket.gethostname()[:40]}-{token_hex(6)}"


def take(work: Work, duty: str, me: str, term_ms: int) -> bool:
    """Whether the duty is mine from now on for a term: it was already, or is nobody's any more."""
    until = {"holder": me, "until_ms": work.now_ms + term_ms}
    if work.one(select(DUTIES.c.name).where(DUTIES.c.name == duty)) is None:
        work.run(DUTIES.insert().values(name=duty, **until))
        return True
    free = (DUTIES.c.holder == me) | (DUTIES.c.until_ms <= work.now_ms)
    return work.run(update(DUTIES).where(DUTIES.c.name == duty, free).values(until)).rowcount == 1


def release(work: Work, duty: str, me: str) -> None:
    """Let another process have it at once."""
    mine = DUTIES.c.name == duty, DUTIES.c.holder == me
    work.run(update(DUTIES).where(*mine).values(until_ms=work.now_ms))
