"""Events: batches that stations send, each answered line by line."""

from __future__ import annotations

import msgspec

from api.http.problems import HttpRefused, unavailable
from api.http.route import Act, Raw, Read, Routes
from connectors.clickhouse.client import Warehouse
from connectors.clickhouse.received import Place, read_until_ms, received
from connectors.ingest.answer import STATUS, Batch, batch_of
from connectors.ingest.coding import Limits
from models.refusal import NotNow, Refused
from sipe.contracts.fields import Boot, Seq, Source, Station, TimeMs
from sipe.errors import SipeError

routes = Routes("events")

RUNS_MAX = 20_000
"""Of one answer."""
STORE_TIMEOUT_S = 20.0
"""Somebody holds a request's place meanwhile."""

LINES = Raw(
    media="application/x-ndjson",
    bytes_max=Limits().bytes_max,
    description=(
        f"Events as JSON lines, at most {Limits().events_max}; coded as gzip, zstd or not at all (Content-Encoding). "
        "Each is stored byte for byte."
    ),
    example='{"type":"heartbeat","station":"manaus.final.line-1.cal-1","boot":7,"seq":2,"ts_ms":1772445502000}\n',
)


class ReceivedRun(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers of one source and boot without a gap between them, of events that happened within one hour."""

    source: Source
    boot: Boot
    hour_ms: TimeMs
    """When the hour began."""
    place: Place
    """In the store; among the dead letters; nowhere, as a `gap_detected` says that is in the store."""
    first: Seq
    last: Seq


class ReceivedEvents(msgspec.Struct, frozen=True, kw_only=True):
    """Which events of a station have come, wherever they are now."""

    runs: list[ReceivedRun]
    is_complete: bool
    """Whether these are all; else ask for less time."""
    behind_ms: int | None
    """What was taken from the station longer ago than this has found its place; null before anything was read."""


@routes.act("POST", "/v1/events", scope="events:write", raw=LINES, answer=Batch, lane="intake")
def send_events(call: Act) -> Batch:
    """Send a batch of events of the station that this device stands at."""
    inlet = call.services.inlet
    if inlet is None:
        raise unavailable("this service was started without a Kafka broker", 60)
    here = call.principal.station
    try:
        found = inlet.take(call.body, call.coding, call.principal.identity, lambda station: station == here)
    except NotNow:
        raise
    except Refused as refused:
        raise HttpRefused(STATUS[refused.reason], refused.reason, str(refused)) from refused
    return batch_of(found)


@routes.read(
    "/v1/stations/{station}/received-events",
    scope="events:write",
    answer=ReceivedEvents,
    needs=("from_ms", "to_ms"),
    from_ms=TimeMs,
    to_ms=TimeMs,
)
def received_events(call: Read, station: Station) -> ReceivedEvents:
    """Which events of this time have come, so that a gateway can hold its own account against it."""
    address = call.services.clickhouse
    if address is None:
        raise unavailable("this service was started without ClickHouse", 60)
    try:
        with Warehouse(address, STORE_TIMEOUT_S) as store:
            runs = received(store, station, call.query["from_ms"], call.query["to_ms"], RUNS_MAX + 1)
            read_ms = read_until_ms(store)
    except SipeError as error:
        raise unavailable(str(error), 10) from error
    behind_ms = None if read_ms is None else max(0, call.services.clock.now_ms() - read_ms)
    told = [ReceivedRun(**run._asdict()) for run in runs[:RUNS_MAX]]
    return ReceivedEvents(runs=told, is_complete=len(runs) <= RUNS_MAX, behind_ms=behind_ms)
