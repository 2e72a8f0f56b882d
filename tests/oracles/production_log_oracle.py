"""What a replay of the production log has to give, computed naively: straight from the CSV, with polars, in one go.

It shares nothing with the stream, neither code nor method: no events, no fold, no calendar. Each machine's time is cut
at every start and end; in such an elementary segment the reported states are constant, and it goes to one of them. All
times are Unix milliseconds; the log's times are taken as UTC.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

MINUTE_MS = 60_000

_ELEMENT = {"D": "apt_ms", "S": "aust_ms", "B": "adet_ms"}  # every row has an order, so a breakdown is a delay
_RANK = {"B": 0, "S": 1, "D": 2}  # down > setup > executing
_TIMES = ["apt_ms", "aust_ms", "adet_ms", "unknown_ms", "conflict_ms"]
_PIECES = ["good", "scrap", "rework", "planned_run_ms", "pieces_with_standard"]


def reported_rows(log: Path, standards: Path) -> pl.DataFrame:
    """The log's rows: machine, order, product, code, from_ms, to_ms, and what the pieces of each row count as."""
    completed, scrap = pl.col("qty_completed"), pl.col("qty_mrb")
    rest = pl.max_horizontal(completed - scrap, 0)
    is_rework = (pl.col("rework") == "Y").fill_null(value=False)
    planned = pl.read_csv(standards, schema={"part": pl.String, "activity": pl.String, "planned_cycle_ms": pl.Int64})
    return (
        pl.read_csv(log, schema_overrides={"qty_completed": pl.Int64, "qty_mrb": pl.Int64, "rework": pl.String})
        .join(planned, on=["part", "activity"], how="left", maintain_order="left")
        .select(
            "machine",
            pl.col("case").alias("order"),
            pl.col("part").alias("product"),
            pl.col("report_type").alias("code"),
            pl.col("start").str.to_datetime(time_unit="ms").dt.epoch("ms").alias("from_ms"),
            pl.col("end").str.to_datetime(time_unit="ms").dt.epoch("ms").alias("to_ms"),
            pl.when(is_rework).then(0).otherwise(rest).alias("good"),
            scrap.alias("scrap"),
            pl.when(is_rework).then(rest).otherwise(0).alias("rework"),
            ((rest + scrap) * pl.col("planned_cycle_ms").fill_null(0)).alias("planned_run_ms"),
            pl.when(pl.col("planned_cycle_ms").is_null()).then(0).otherwise(rest + scrap).alias("pieces_with_standard"),
        )
    )


def elementary_segments(rows: pl.DataFrame) -> pl.DataFrame:
    """The time of one machine from its first start to its last end, cut at every start and end.

    Each segment has the element it belongs to, the order and product it goes to, and its time in conflict.
    """
    borders = pl.concat([rows["from_ms"], rows["to_ms"]]).unique().sort()
    segments = pl.DataFrame({"begin_ms": borders[:-1], "stop_ms": borders[1:]})
    winners = (
        segments.join(rows, how="cross")
        .filter(pl.col("from_ms") <= pl.col("begin_ms"), pl.col("to_ms") >= pl.col("stop_ms"))
        .with_columns(pl.col("code").replace_strict(_RANK).alias("rank"))
        .sort("begin_ms", "rank", "from_ms", "order", "product")
        .group_by("begin_ms", maintain_order=True)
        .agg(pl.col("code", "order", "product").first(), pl.col("code").n_unique().alias("states"))
    )
    return segments.join(winners, on="begin_ms", how="left", maintain_order="left").select(
        "begin_ms",
        "stop_ms",
        pl.col("code").replace_strict(_ELEMENT, default="unknown_ms").alias("element"),
        pl.col("order", "product").fill_null(""),
        (pl.col("states").fill_null(0) > 1).alias("in_conflict"),
    )


def station_facts(log: Path, standards: Path) -> list[dict[str, str | int | float | None]]:
    """Time elements, quantities and KPIs of each machine over the whole log, sorted by machine; undefined is None."""
    rows = reported_rows(log, standards)
    return [_station(str(machine), part) for (machine,), part in sorted(rows.group_by("machine"))]


def minute_facts(log: Path, standards: Path, machine: str) -> pl.DataFrame:
    """Times and quantities of one machine by minute_ms, order and product, sorted by these three.

    Time without a report has no order and no product (''). Rows in which everything is zero are left out.
    """
    rows = reported_rows(log, standards).filter(pl.col("machine") == machine)
    if rows.is_empty():
        raise ValueError(f"the log has no machine {machine!r}")
    first, last = pl.col("begin_ms") // MINUTE_MS, (pl.col("stop_ms") - 1) // MINUTE_MS
    pieces_of_time = (
        elementary_segments(rows)
        .with_columns((pl.int_ranges(first, last + 1) * MINUTE_MS).alias("minute_ms"))
        .explode("minute_ms")
        .with_columns(
            pl.max_horizontal("begin_ms", "minute_ms").alias("begin_ms"),
            pl.min_horizontal("stop_ms", pl.col("minute_ms") + MINUTE_MS).alias("stop_ms"),
        )
    )
    times = _with_times(pieces_of_time).select("minute_ms", "order", "product", *_TIMES)
    pieces = rows.select(
        ((pl.col("to_ms") - 1) // MINUTE_MS * MINUTE_MS).alias("minute_ms"), "order", "product", *_PIECES
    )
    return (
        pl.concat([times, pieces], how="diagonal")
        .group_by("minute_ms", "order", "product")
        .agg(pl.col(*_TIMES, *_PIECES).sum())
        .filter(pl.any_horizontal(pl.col(*_TIMES, *_PIECES) != 0))
        .sort("minute_ms", "order", "product")
    )


def _with_times(segments: pl.DataFrame) -> pl.DataFrame:
    """The segments with one column for each of `_TIMES`."""
    length = pl.col("stop_ms") - pl.col("begin_ms")
    elements = [
        pl.when(pl.col("element") == name).then(length).otherwise(0).alias(name)
        for name in _TIMES
        if name != "conflict_ms"
    ]
    conflict = pl.when(pl.col("in_conflict")).then(length).otherwise(0).alias("conflict_ms")
    return segments.with_columns(*elements, conflict)


def _station(machine: str, rows: pl.DataFrame) -> dict[str, str | int | float | None]:
    time: dict[str, int] = _with_times(elementary_segments(rows)).select(pl.col(_TIMES).sum()).row(0, named=True)
    pieces: dict[str, int] = rows.select(pl.col(_PIECES).sum()).row(0, named=True)
    first_ms, last_ms = rows.select(pl.col("from_ms").min(), pl.col("to_ms").max()).row(0)
    pbt_ms = last_ms - first_ms
    apt_ms, unknown_ms = time["apt_ms"], time["unknown_ms"]
    pq = pieces["good"] + pieces["scrap"] + pieces["rework"]

    availability = _ratio(apt_ms, pbt_ms)
    effectiveness = _ratio(pieces["planned_run_ms"], apt_ms)
    quality = _ratio(pieces["good"], pq)
    oee = None
    if availability is not None and effectiveness is not None and quality is not None:
        oee = availability * effectiveness * quality
    unknown_share = _ratio(unknown_ms, pbt_ms)
    return {
        "machine": machine,
        "pbt_ms": pbt_ms,
        "apt_ms": apt_ms,
        "aust_ms": time["aust_ms"],
        "adet_ms": time["adet_ms"],
        "adot_ms": 0,
        "unknown_ms": unknown_ms,
        "conflict_ms": time["conflict_ms"],
        "planned_run_ms": pieces["planned_run_ms"],
        "standard_coverage": _ratio(pieces["pieces_with_standard"], pq),
        "pq": pq,
        "gq": pieces["good"],
        "sq": pieces["scrap"],
        "rq": pieces["rework"],
        "availability": availability,
        "effectiveness": effectiveness,
        "quality": quality,
        "oee": oee,
        "oee_low": oee,
        "oee_high": None if oee is None else oee * (apt_ms + unknown_ms) / apt_ms,
        "coverage": None if unknown_share is None else 1 - unknown_share,
    }


def _ratio(numerator: int, denominator: int) -> float | None:
    return numerator / denominator if denominator else None
