"""The quarantine out of the archive: who sent what last, and what became of it."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any, cast

from connectors.clickhouse.archive_health import Position
from connectors.clickhouse.client import Warehouse
from models.quarantine import NEUTRAL, Quarantine
from sipe.contracts.codec import Reject, RejectReason
from sipe.contracts.fields import STATION_PATTERN

SENDERS_AT_ONCE = 100
"""So many senders share a query, which reads the partition's rejects from end to end."""

_STATION = STATION_PATTERN.removesuffix(r"(?!\n)").removesuffix("$") + r"\z"
"""The same in RE2, where `$` is the end too, and nothing looks ahead."""

_BEFORE = "partition = %(partition)s AND (epoch, offset) < (%(epoch)s, %(offset)s)"

_SENDERS = f"""
SELECT sender, max(last) AS last
FROM (
    SELECT station AS sender, max((epoch, offset)) AS last FROM events WHERE {_BEFORE} GROUP BY sender
    UNION ALL
    SELECT key AS sender, max((epoch, offset)) AS last FROM rejects
    WHERE {_BEFORE} AND match(key, %(station)s) GROUP BY sender
)
GROUP BY sender ORDER BY last DESC LIMIT %(senders)s
"""  # noqa: S608  constants only

_LAST = f"""
SELECT sender, reason FROM (
    SELECT station AS sender, '' AS reason, epoch, offset FROM events FINAL WHERE station IN %(some)s AND {_BEFORE}
    ORDER BY epoch DESC, offset DESC LIMIT %(records)s BY sender
    UNION ALL
    SELECT key AS sender, reason, epoch, offset FROM rejects FINAL
    WHERE key IN %(some)s AND reason NOT IN %(neutral)s AND {_BEFORE}
    ORDER BY epoch DESC, offset DESC LIMIT %(records)s BY sender
)
ORDER BY epoch DESC, offset DESC LIMIT %(records)s BY sender
"""  # noqa: S608  constants only

_EXAMPLES = f"""
SELECT reason, argMax((key, detail), (epoch, offset)) AS example FROM rejects
WHERE {_BEFORE} AND match(key, %(station)s) AND reason NOT IN %(neutral)s AND reason != 'quarantined' GROUP BY reason
"""  # noqa: S608  constants only

_TICKS = f"""
SELECT DISTINCT epoch, offset, now_ms FROM publications
WHERE {_BEFORE} AND now_ms > %(since_ms)s ORDER BY epoch, offset
"""  # noqa: S608  constants only

_LONG_AGO = f"SELECT max((epoch, offset)) AS last FROM publications WHERE {_BEFORE} AND now_ms <= %(since_ms)s"  # noqa: S608  the same

_WAITING = """
SELECT sender, reason, detail FROM (
    SELECT station AS sender, '' AS reason, '' AS detail, epoch, offset FROM events FINAL
    WHERE partition = %(partition)s
    UNION ALL
    SELECT key AS sender, reason, detail, epoch, offset FROM rejects FINAL
    WHERE partition = %(partition)s AND match(key, %(station)s)
)
WHERE (epoch, offset) >= (%(epoch)s, %(offset)s) AND (epoch, offset) < (%(end_epoch)s, %(end_offset)s)
ORDER BY epoch, offset
"""


def restore_quarantine(
    store: Warehouse, quarantine: Quarantine, partition: int, now_ms: int | None, *, published: Position, end: Position
) -> None:
    """Judge again what is archived before `end`, as far as it still matters.

    `published` is where the first record after the last published tick stands, `now_ms` the time of that tick. Exact
    while no more senders are known than are remembered. Raises `SipeError` when the store does not answer.
    """
    rules = quarantine.rules
    scope: dict[str, Any] = {"partition": partition, "epoch": published[0], "offset": published[1]}
    scope |= {
        "station": _STATION,
        "senders": rules.senders_max,
        "records": rules.recalled_records,
        "neutral": tuple(sorted(NEUTRAL)),
    }
    scope |= {"since_ms": (now_ms or 0) - rules.heard_within_ms, "end_epoch": end[0], "end_offset": end[1]}
    ticks = store.rows(_TICKS, scope)
    positions = [(row["epoch"], row["offset"]) for row in ticks]
    long_ago = store.rows(_LONG_AGO, scope)[0]["last"]
    senders = store.rows(_SENDERS, scope)[::-1]
    for at in range(0, len(senders), SENDERS_AT_ONCE):
        some = senders[at : at + SENDERS_AT_ONCE]
        outcomes: dict[str, list[RejectReason | None]] = {row["sender"]: [] for row in some}
        for name, reason in reversed(store.tuples(_LAST, scope | {"some": tuple(outcomes)})):
            outcomes[name].append(_reason(reason))
        for row in some:
            after = bisect_right(positions, row["last"])
            heard_of_late = row["last"] > long_ago and after < len(ticks)
            quarantine.recall(row["sender"], outcomes[row["sender"]], ticks[after]["now_ms"] if heard_of_late else 0)
    for row in store.rows(_EXAMPLES, scope):
        quarantine.recall_example(row["reason"], *row["example"])
    for row in store.rows(_WAITING, scope):
        reason = _reason(row["reason"])
        is_event = reason in {None, "quarantined"}
        quarantine.judge(row["sender"], None if reason is None or is_event else Reject(reason, row["detail"], b""))


def _reason(text: str) -> RejectReason | None:
    return cast("RejectReason", text) if text else None
