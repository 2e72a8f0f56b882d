"""The one definition of each KPI in SQL, and the views made of it.

`python -m connectors.clickhouse.kpi_sql` prints the migration that creates the views; a test says when the committed
one is stale. A query by `kpi_select` shows the same columns as a view: the group, every sum of `models.kpi.Sums`, `pq`,
and every KPI under its name in `models.kpi.KPIS`. A KPI whose divisor is not positive is NULL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sipe.contracts.tables import MEASURES

GROUPS: dict[str, str] = {
    "site": "splitByChar('.', station)[1]",
    "area": "splitByChar('.', station)[2]",
    "line": "splitByChar('.', station)[3]",
    "station": "station",
    "order": "`order`",
    "product": "product",
    "shift": "shift",
    "hour": "toStartOfHour(minute)",
}
"""What facts can be grouped by."""

SUMS: dict[str, str] = {
    **{measure.name: f"sum(facts.{measure.name})" for measure in MEASURES},
    "aoet_ms": "sumIf(facts.apt_ms + facts.aust_ms + facts.adet_ms + facts.adot_ms, facts.`order` != '')",
    "order_pieces": "sumIf(facts.good + facts.scrap + facts.rework, facts.`order` != '')",
}
"""What is summed over the facts of a group."""

_PQ_OR_NULL = "nullIf(greatest(pq, 0), 0)"  # quantities are signed

KPIS: dict[str, str] = {
    "availability": "apt_ms / nullIf(pbt_ms, 0)",
    "effectiveness": "planned_run_ms / nullIf(apt_ms, 0)",
    "quality": f"good / {_PQ_OR_NULL}",
    "oee": "availability * effectiveness * quality",
    "nee": "(apt_ms + aust_ms) / nullIf(pbt_ms, 0) * effectiveness * quality",
    "utilization_efficiency": "apt_ms / nullIf(apt_ms + aust_ms + adet_ms, 0)",
    "setup_ratio": "aust_ms / nullIf(apt_ms + aust_ms, 0)",
    "technical_efficiency": "apt_ms / nullIf(apt_ms + adet_ms, 0)",
    "throughput_rate": "order_pieces * 3600000 / nullIf(aoet_ms, 0)",
    "scrap_ratio": f"scrap / {_PQ_OR_NULL}",
    "rework_ratio": f"rework / {_PQ_OR_NULL}",
    "mtbf_ms": "(apt_ms + aust_ms) / nullIf(failures, 0)",
    "mttr_ms": "down_ms / nullIf(failures, 0)",
    "worker_efficiency": "worked_ms / nullIf(attended_ms, 0)",
    "units_per_attended_hour": "pq * 3600000 / nullIf(attended_ms, 0)",
    "coverage": "1 - unknown_ms / nullIf(pbt_ms, 0)",
    "oee_low": "oee",
    "oee_high": "oee * ((apt_ms + unknown_ms) / nullIf(apt_ms, 0))",
    "standard_coverage": f"pieces_with_standard / {_PQ_OR_NULL}",
}
"""Each KPI from the sums, from `pq`, and from the KPIs above it."""

VIEWS: dict[str, tuple[str, ...]] = {
    "kpi_by_station": ("site", "area", "line", "station"),
    "kpi_by_line": ("site", "area", "line"),
    "kpi_by_order": ("site", "order"),
    "kpi_by_shift": ("site", "area", "line", "shift"),
    "kpi_by_hour": ("site", "area", "line", "station", "hour"),
}
"""The views and what each groups by. An order may pass several lines; its time without an order is the order ''."""


def kpi_select(group_by: Sequence[str], where: str | None = None) -> str:
    """A query for the KPIs of the current facts, by any of `GROUPS`; with `station` it brings the `display` name.

    `where` is trusted SQL over the columns of `minute_facts_current`; values from outside come in as its parameters.
    Raises `KeyError` on an unknown group.
    """
    inner = [
        f"{GROUPS[name]} AS {_quoted(name)}" if GROUPS[name] != _quoted(name) else _quoted(name) for name in group_by
    ]
    inner += [f"{expression} AS {name}" for name, expression in SUMS.items()]
    outer = [_quoted(name) for name in group_by]
    if "station" in group_by:
        outer.append("ifNull(nullIf(names.display, ''), station) AS display")
    outer += [*SUMS, "good + scrap + rework AS pq"]
    outer += [f"{expression} AS {name}" for name, expression in KPIS.items()]
    lines = [
        "SELECT",
        *_listed(outer, "    "),
        "FROM",
        "(",
        "    SELECT",
        *_listed(inner, "        "),
        "    FROM minute_facts_current AS facts",
        *([f"    WHERE {where}"] if where else []),
        f"    GROUP BY {', '.join(map(_quoted, group_by))}",
        ") AS sums",
        *(["LEFT JOIN stations_current AS names USING (station)"] if "station" in group_by else []),
    ]
    return "\n".join(lines)


def views_migration() -> str:
    """The migration that creates every KPI view, or replaces it by its present definition."""
    head = "-- Written by: python -m connectors.clickhouse.kpi_sql\n"
    views = (f"CREATE OR REPLACE VIEW {view} AS\n{kpi_select(group_by)};\n" for view, group_by in VIEWS.items())
    return "\n".join((head, *views))


def _quoted(name: str) -> str:
    return f"`{name}`" if name == "order" else name


def _listed(items: Sequence[str], indent: str) -> Iterator[str]:
    for item in items[:-1]:
        yield f"{indent}{item},"
    yield f"{indent}{items[-1]}"


if __name__ == "__main__":
    print(views_migration(), end="")  # noqa: T201  # the file goes where the shell sends it
