"""The account of a gateway's stations for `sipe gateway reconcile`: got from the gateway that runs, or kept here."""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlencode

import msgspec

from edge.agent.account import Kept, StationAccount, account_of, words_of
from edge.agent.page import HOST
from edge.agent.post import Shared, connect, home_of, login_of, tls_of
from edge.agent.seat import open_spool, open_tally
from edge.agent.settings import GatewayFile
from edge.clock import GatewayClock
from edge.uplink.reconcile import EXPLAINED, UNEXPLAINED
from sipe.errors import SipeError

TIMEOUT_S = 120.0
"""The office may have to look through weeks."""
_COLUMNS = tuple(finding for finding in EXPLAINED if finding != "stored")


def account(file: GatewayFile, station: str, hours: int) -> StationAccount:
    """Where the events of a station are; raises `SipeError`.

    A gateway that runs is asked over its status page: spool and token are for one process at a time.
    """
    if port := file.gateway.status_port:
        try:
            return _of_the_running(port, station, hours)
        except ConnectionRefusedError:
            pass  # it does not run: nobody else has the spool
    return _of_the_resting(file, station, hours)


def lines_of(found: StationAccount) -> Iterator[str]:
    """An account for people: a line for each hour, what the columns mean, and what nothing explains."""
    shown = [column for column in _COLUMNS if any(hour.found.get(column) for hour in found.hours)]
    heads = ["hour (UTC)", "here", "there", *(column.replace("_", " ") for column in shown), "unexplained"]
    rows = [
        [
            f"{datetime.fromtimestamp(hour.hour_ms / 1000, UTC):%Y-%m-%d %H:%M}",
            *(f"{count:,}" for count in (hour.here, hour.there)),
            *(f"{hour.found.get(column, 0):,}" for column in shown),
            f"{sum(hour.found.get(finding, 0) for finding in UNEXPLAINED):,}",
        ]
        for hour in found.hours
    ]
    yield found.station
    if not rows:
        yield "  no events, neither here nor there"
        return
    yield from (f"  {line}" for line in _table([heads, *rows]))
    yield from (f"  {column.replace('_', ' ')}: {words_of(column)}" for column in shown)
    for one in found.unexplained:
        yield f"  {one.finding}: {one.source}, boot {one.boot}, {one.first} to {one.last}: {words_of(one.finding)}"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        yield "  ".join([first.ljust(widths[0]), *map(str.rjust, others, widths[1:])])


def _of_the_running(port: int, station: str, hours: int) -> StationAccount:
    with closing(http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_S)) as connection:
        try:
            connection.request("GET", f"/account.json?{urlencode({'station': station, 'hours': hours})}")
            answer = connection.getresponse()
            body = answer.read()
        except ConnectionRefusedError:
            raise
        except (OSError, http.client.HTTPException) as error:
            raise SipeError(f"{HOST}:{port}: the gateway does not answer: {error!r}") from error
    if answer.status != HTTPStatus.OK:
        raise SipeError(body.decode(errors="replace"))
    try:
        return msgspec.json.decode(body, type=StationAccount)
    except msgspec.MsgspecError as error:
        raise SipeError(f"{HOST}:{port} is no gateway of this version: {error}") from error


def _of_the_resting(file: GatewayFile, station: str, hours: int) -> StationAccount:
    clock, directory = GatewayClock(), Path(file.gateway.directory)
    home = home_of(directory, station)
    shared = Shared(directory, file.office, tls_of(file.office), clock)
    with (
        open_spool(home, file.gateway) as spool,
        closing(open_tally(home, clock)) as tally,
        connect(shared, login_of(home, station)) as office,
    ):
        return account_of(station, Kept(spool, tally), office, clock.now_ms(), hours)
