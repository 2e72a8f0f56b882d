"""The API as one page of Markdown: its conventions, its problems and every route, from the same declarations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from api.http.conventions import BODY_BYTES_MAX, KEY_PATTERN
from api.http.once import KEPT_MS
from api.http.reasons import REASONS
from api.http.route import Route
from api.tokens import LIFETIME_S
from models.identity import HOLDERS, ROLES
from models.problem import MEDIA, TYPE

_MINUTES = LIFETIME_S // 60
_KEPT_H = KEPT_MS // 3_600_000

_INTRODUCTION = f"""\
# The API

Written by `make schemas` from the routes that are declared in `api/v1/`; edit those, not this page. The
[OpenAPI description](api/openapi.json) has every shape and an example of every body and answer; a running service gives
it at `/v1/openapi.json`. The quickest way in is the story of an order, [order-story.py](../examples/order-story.py):

    .venv/bin/python examples/order-story.py

It uses the typed client, `edge/client/`, which is written from the description, too, and needs nothing but msgspec.

## Who asks

People sign in (`POST /v1/sign-in`) with name and password, or badge and PIN. A device enrols (`POST /v1/enrolments`)
with a code that somebody made for its station. Both get an access token for `Authorization: Bearer ...`, good for
{_MINUTES} minutes, and a refresh token for the next one (`POST /v1/refresh`). A refresh token is used once: whoever
uses it again has a copy, or is the one who was copied, and the session ends. A person who has lost the answer signs in
again. A device sends the same token again, which is good as long as what was answered to it was never used.

What a role may do is its scopes; where it may, is the line it is given on. A device acts at its own station. A
decision, a disposal or a bypass is a signature: the body takes the `secret`, password or PIN, once more.

## How one asks

- **Bodies are JSON**, at most {BODY_BYTES_MAX:,} bytes; a field that is not known is refused. Times are Unix
  milliseconds in UTC (`_ms`), quantities are units (`_qty`), serials are text; a serial's `/` is sent as `%2F`.
- **`Idempotency-Key`** on every POST that changes something: a text like `{KEY_PATTERN}` of your own, new for
  each request and the same when it is sent again. The same key gets the same answer for {_KEPT_H} hours and is done
  once; with another body it is refused (422, `key_reused`).
- **`ETag` and `If-Match`**: an answer that has a `version` has it as `ETag`, and a change says which version it is
  based on: 412 when somebody else was quicker, 428 when it does not say.
- **Long lists come in pages**: `next` is the `cursor` of the page behind; what is in a cursor is nobody's business.
- **Live**: `GET /v1/stream` tells changes as server-sent events; `Last-Event-ID` goes on where one was, and `reset`
  says that this is too far back: read again. The kinds of changes are in [contracts.md](contracts.md#changes).
- **Events** come to `POST /v1/events` as JSON lines, gzip or zstd, and are answered line by line;
  [by MQTT](mqtt.md) the same, where HTTPS may not pass.

## What is answered when it is not done

A problem document (RFC 9457, `{MEDIA}`) with a `type` of `{TYPE}` and a reason. Reasons are
stable: programs decide by them, people read `detail`, which names what and where. `problems` lists what is wrong with
which field of a sheet. Nothing has changed, except that a refused entry at a station is kept as one. After 429 and 503
ask again with the same key, not before `Retry-After`.
"""

_ROUTES = """\
## Routes

*Who* may do it by their role; `v` takes `If-Match`, `s` is a signature.
"""


def markdown(routes: Iterable[Route]) -> str:
    """The whole page."""
    return "\n".join((_INTRODUCTION, *_reasons(), _ROUTES, *_routes(routes)))


def _reasons() -> Iterator[str]:
    rows = (
        (str(int(status)), words, ", ".join(f"`{reason}`" for reason in sorted(reasons)))
        for status, (words, reasons) in REASONS.items()
    )
    yield from _table(("status", "when", "reasons"), rows)


def _routes(routes: Iterable[Route]) -> Iterator[str]:
    for tag, of_tag in groupby(routes, key=lambda route: route.tag):
        yield f"### {tag.capitalize()}\n"
        rows = ((f"`{route.method} {route.path}`", route.summary, _who(route), _marks(route)) for route in of_tag)
        yield from _table(("route", "what", "who", ""), rows)


def _who(route: Route) -> str:
    if route.scope is None:
        return "anybody"
    holders = HOLDERS[route.scope]
    if holders == ROLES:
        return "everybody"
    if len(holders) > len(ROLES) / 2:
        return "all but " + ", ".join(sorted(ROLES - holders))
    return ", ".join(sorted(holders))


def _marks(route: Route) -> str:
    return " ".join(mark for mark, is_so in (("v", route.if_match), ("s", route.signed)) if is_so)


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for cells in (header, ("---",) * len(header), *rows):
        yield f"| {' | '.join(cells)} |"
    yield ""
