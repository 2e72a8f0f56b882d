"""Live: changes as they are agreed."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from api.http.route import Read, Routes
from api.live.sight import Sight
from api.v1.shapes import LinePath
from sipe.contracts.fields import Station

routes = Routes("live")

Kinds = Annotated[
    str,
    Meta(
        pattern=r"^[a-z_]{1,40}(,[a-z_]{1,40}){0,31}$(?!\n)",
        description="Kinds of changes, with commas between them; all of them unless it is said.",
        examples=["order_changed,unit_stopped"],
    ),
]


@routes.stream("/v1/stream", scope="read", kinds=Kinds, line=LinePath, station=Station)
def changes_stream(call: Read) -> Sight:
    """Changes of what the caller may read, as server-sent events, from now on or from behind Last-Event-ID."""
    line, station = call.query.get("line"), call.query.get("station")
    if line is not None or station is not None:
        call.principal.check("read", line=line, station=station or call.principal.station)
    kinds = call.query.get("kinds", "")
    return Sight(principal=call.principal, kinds=frozenset(kinds.split(",")) - {""}, line=line, station=station)
