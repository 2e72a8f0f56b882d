"""What publications say, as metrics: taken from the rows that were stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from connectors.clickhouse.block import Block
from sipe.contracts import tables
from sipe.metrics import EVENT_LATENCY, EVENTS, LOG_TIME, PUBLICATIONS, REJECTS, Monitor

LIVE_S = 3600.0
"""An event that is older when it is stored was sent from a store, or lies in a simulated past."""

Publication = tuple[Block, ...]
"""The blocks that belong together: rows and the progress that says they are in."""


def tally(publications: Iterable[Publication], monitor: Monitor, now_s: float) -> None:
    """Count what has just been stored, at `now_s` (Unix time)."""
    for publication in publications:
        monitor.count(PUBLICATIONS)
        for block in publication:
            if block.table is tables.EVENTS:
                _events(block, monitor, now_s)
            elif block.table is tables.REJECTS:
                for reason, number in Counter(block.columns["reason"]).items():
                    monitor.count(REJECTS, number, reason=reason)
            elif block.table is tables.FLOW_PROGRESS:
                for partition, now_ms in zip(block.columns["partition"], block.columns["now_ms"], strict=True):
                    monitor.set(LOG_TIME, now_ms / 1000, partition=int(partition))


def _events(block: Block, monitor: Monitor, now_s: float) -> None:
    outcomes = block.columns["outcome"]
    for outcome, number in Counter(outcomes).items():
        monitor.count(EVENTS, number, outcome=outcome)
    ages_s = now_s - np.asarray(block.columns["ts"])[np.asarray(outcomes) == "accepted"] / 1000
    for age_s in ages_s[ages_s <= LIVE_S]:
        monitor.observe(EVENT_LATENCY, max(float(age_s), 0.0))
