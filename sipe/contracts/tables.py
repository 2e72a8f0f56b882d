"""ClickHouse tables, declared once: the sink writes these columns, and a test holds the migrations against them.

Every table is filled at least once with rows whose key and content follow from the log, so that writing a row again
changes nothing. `version` is the position in the log, (log epoch, offset), as one number: see `version_of`.
"""

from __future__ import annotations

from dataclasses import dataclass

_OFFSET_BITS = 40


def version_of(epoch: int, offset: int) -> int:
    """The position in a partition's log as one growing number: a later epoch beats every earlier offset."""
    return (epoch << _OFFSET_BITS) | offset


@dataclass(frozen=True)
class Column:
    """A column and its ClickHouse type."""

    name: str
    type: str


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table as the sink writes it."""

    name: str
    columns: tuple[Column, ...]
    filled: tuple[Column, ...] = ()
    """Further columns, which the store fills by itself."""
    key: tuple[str, ...]
    description: str

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns in the order in which rows are written."""
        return tuple(column.name for column in self.columns)


_CODE = "LowCardinality(String)"
_TIME = "DateTime64(3, 'UTC')"


def _columns(**types: str) -> tuple[Column, ...]:
    return tuple(Column(name, type_) for name, type_ in types.items())


STORED_AT: tuple[Column, ...] = _columns(stored_at="DateTime('UTC')")
"""When the row was stored, by the store's clock; in no `SELECT *`."""

DIMENSIONS: tuple[Column, ...] = _columns(
    station=_CODE, minute="DateTime('UTC')", order=_CODE, product=_CODE, shift=_CODE
)

MEASURES: tuple[Column, ...] = _columns(
    # ISO 22400 time elements; pbt = apt + aust + adet + adot + unknown, to the millisecond.
    pbt_ms="UInt32",
    apt_ms="UInt32",
    aust_ms="UInt32",
    adet_ms="UInt32",
    adot_ms="UInt32",
    unknown_ms="UInt32",
    # Outside planned busy time: planned stops inside a shift, and production outside of it.
    planned_stop_ms="UInt32",
    overtime_ms="UInt32",
    # Time with two or more distinct states at once; part of the elements above, not beside them.
    conflict_ms="UInt32",
    # Failures: time in state down inside planned busy time, and the failures that began.
    down_ms="UInt32",
    failures="UInt32",
    # People: attendance (APAT) and the part of it in which the station worked (APWT); two operators count twice.
    attended_ms="UInt32",
    worked_ms="UInt32",
    # Quantities; signed, because a reclassification moves a piece that another minute may hold.
    good="Int64",
    scrap="Int64",
    rework="Int64",
    cycles="Int64",
    cycle_ms="Int64",
    planned_run_ms="Int64",
    pieces_with_standard="Int64",
    # Pieces that sources without counting authority reported: a cross-check, never added.
    other_source_pieces="Int64",
)

MINUTE_FACTS = Table(
    name="minute_facts",
    columns=(*DIMENSIONS, *MEASURES, *_columns(closed="UInt8", version="UInt64", is_deleted="UInt8")),
    filled=STORED_AT,
    key=("station", "minute", "order", "product", "shift"),
    description="What is known now of each station and minute; the highest version of a key counts.",
)

MINUTE_FACTS_HISTORY = Table(
    name="minute_facts_history",
    columns=(*DIMENSIONS, *MEASURES, *_columns(published_ms="Int64", version="UInt64", is_deleted="UInt8")),
    filled=STORED_AT,
    key=("station", "minute", "order", "product", "shift", "version"),
    description="Each closed minute as it was first published, and each restatement since.",
)

STOPS = Table(
    name="stops",
    columns=_columns(
        station=_CODE,
        from_ts=_TIME,
        to_ts=_TIME,
        state=_CODE,
        reason="String",
        classified_by="String",
        stop_version="UInt32",
        order=_CODE,
        product=_CODE,
        shift=_CODE,
        open="UInt8",
        version="UInt64",
        is_deleted="UInt8",
    ),
    filled=STORED_AT,
    key=("station", "from_ts"),
    description="Uninterrupted spans of planned busy time in one loss state with one reason.",
)

EVENTS = Table(
    name="events",
    columns=_columns(
        station=_CODE,
        ts=_TIME,
        type=_CODE,
        source=_CODE,
        boot="UInt32",
        seq="Int64",
        epoch="UInt32",
        partition="UInt16",
        offset="Int64",
        record_ts=_TIME,
        outcome=_CODE,
        raw="String",
    ),
    key=("station", "ts", "epoch", "partition", "offset"),
    description="The archive: every event as it came, and what the fold did with it.",
)

REJECTS = Table(
    name="rejects",
    columns=_columns(
        epoch="UInt32",
        partition="UInt16",
        offset="Int64",
        record_ts=_TIME,
        reason=_CODE,
        detail="String",
        key="String",
        raw="String",
        attempt="UInt8",
    ),
    key=("epoch", "partition", "offset"),
    description="Messages that are no events: why, and their bytes; `attempt` counts how often they were sent again.",
)

STATIONS = Table(
    name="stations",
    columns=_columns(
        station=_CODE,
        display="String",
        has_calendar="UInt8",
        accepted="UInt64",
        duplicates="UInt64",
        late="UInt64",
        missing="UInt64",
        last_ts=_TIME,
        version="UInt64",
    ),
    key=("station",),
    description="Each station's name, and how many of its events were accepted, doubled, late or missing.",
)

REFOLDS = Table(
    name="refolds",
    columns=_columns(station=_CODE, day="Date", events="UInt64", version="UInt64"),
    key=("station", "day"),
    description="Station-days that late events touch and that have to be folded again from the archive.",
)

STATION_HEALTH = Table(
    name="station_health",
    columns=_columns(
        station=_CODE,
        minute="DateTime('UTC')",
        partition="UInt16",
        received="UInt32",
        accepted="UInt32",
        duplicates="UInt32",
        late="UInt32",
        missing="Int64",
        rejected="UInt32",
        skew_min_ms="Int64",
        skew_max_ms="Int64",
        skew_sum_ms="Int64",
        version="UInt64",
    ),
    filled=STORED_AT,
    key=("station", "minute", "partition"),
    description="What became of each station's messages, per minute of the tick that took them in: received = accepted "
    "+ duplicates + late + rejected. `missing` is a change, negative when a straggler fills a gap, so the minutes of a "
    "station add up to its totals in `stations`. The skew is the record's time less the event's, over all events. "
    "Rejects without a station's name as their key are under the station ''.",
)

PUBLICATIONS = Table(
    name="publications",
    columns=_columns(partition="UInt16", epoch="UInt32", offset="Int64", now_ms="Int64"),
    filled=_columns(stored_at="SimpleAggregateFunction(min, DateTime64(3, 'UTC'))"),
    key=("partition", "epoch", "offset", "now_ms"),
    description="When what the tick at `offset` published was stored, by the store's clock; a repeat keeps the first "
    "time. Kept for 30 days.",
)

REFOLDS_DONE = Table(
    name="refolds_done",
    columns=_columns(station=_CODE, day="Date", version="UInt64", resume_ms="Int64"),
    key=("station", "day"),
    description="Up to which version of `refolds` a station-day is folded again. `resume_ms` above 0: a stop reaches "
    "into what the flow still restates; the day is folded once more when the station's floor is that high.",
)

QUARANTINE = Table(
    name="quarantine",
    columns=_columns(
        station=_CODE,
        partition="UInt16",
        since_ms="Int64",
        quarantined="UInt8",
        rejected="UInt16",
        seen="UInt16",
        reason=_CODE,
        version="UInt64",
    ),
    key=("station", "partition"),
    description="Senders that were ever set aside: whether they are now, since when, how many of their last records "
    "were rejected then, and mostly why.",
)

FLOW_PROGRESS = Table(
    name="flow_progress",
    columns=_columns(
        partition="UInt16", epoch="UInt32", offset="Int64", tick_offset="Int64", now_ms="Int64", version="UInt64"
    ),
    key=("partition", "epoch"),
    description="How far each log is in: records before `offset` are archived, and what the tick before "
    "`tick_offset` published, at `now_ms`, is stored.",
)

DLQ_REPLAYS = Table(
    name="dlq_replays",
    columns=_columns(
        topic=_CODE,
        epoch="UInt32",
        partition="UInt16",
        offset="Int64",
        attempt="UInt8",
        policy=_CODE,
        at_ms="Int64",
        by=_CODE,
    ),
    key=("topic", "epoch", "partition", "offset", "at_ms"),
    description="What was done with dead letters, and by whom: written by `sipe dlq replay` once it is done.",
)
AUDIT_ANCHORS = Table(
    name="audit_anchors",
    columns=_columns(seq="Int64", seal="String", at_ms="Int64"),
    key=("seq", "seal"),
    description="The head of the audit trail, once a minute, written by the web service: `sipe audit verify` holds an "
    "exported trail against it.",
)

TABLES: tuple[Table, ...] = (
    EVENTS,
    REJECTS,
    MINUTE_FACTS,
    MINUTE_FACTS_HISTORY,
    STOPS,
    STATIONS,
    REFOLDS,
    QUARANTINE,
    STATION_HEALTH,
    PUBLICATIONS,
    REFOLDS_DONE,
    FLOW_PROGRESS,
    DLQ_REPLAYS,
    AUDIT_ANCHORS,
)
"""In the order in which the sink writes them: the archive first, the progress last. The flow writes all but
`refolds_done`, which belongs to `sipe reprocess`, `dlq_replays`, which belongs to `sipe dlq`, and `audit_anchors`."""
