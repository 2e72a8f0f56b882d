"""The stop after a bad deploy: what was published before it is written, the progress is not, and the flow ends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from connectors.clickhouse.block import Block
from models.quarantine import Poisoned
from sipe.contracts.tables import FLOW_PROGRESS
from sipe.contracts.topics import STATION_EVENTS_TOPIC
from sipe.errors import SipeError


class LastPublication(tuple[Block, ...]):
    """A publication after which the flow has to stop: its rows are written, then `error` is raised.

    It brings no progress, so that a flow which is started again comes to the same record and stops there again.
    """

    error: SipeError

    def __new__(cls, blocks: Iterable[Block], error: SipeError) -> Self:
        """The blocks but for the progress."""
        publication = super().__new__(cls, (block for block in blocks if block.table is not FLOW_PROGRESS))
        publication.error = error
        return publication


def poison_error(poisoned: Poisoned, partition: int, offset: int) -> SipeError:
    """Which record the flow stopped at, why, and what to do."""
    return SipeError(
        f"{STATION_EVENTS_TOPIC.name}[{partition}]@{offset}: {poisoned.quarantined} of the {poisoned.heard} senders of "
        f"the last hour are in quarantine, mostly for `{poisoned.reason}` ({poisoned.example}): a bad deploy? mend the "
        "producers or deploy the version that fits them; nothing is lost, `sipe dlq ls` shows it, and "
        "SIPE_STOP_ON_POISON=0 lets the flow go on with the rest"
    )
