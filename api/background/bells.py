"""Has streams of other processes learn at once what this one has told, and the other way round; without Redis later."""

from __future__ import annotations

from threading import Event

from api.services import Services
from connectors.redis import bell


def announce(services: Services, stop: Event) -> None:
    """Tell the others that there is something."""
    if services.redis_url is not None:
        rung = Event()
        services.store.when_told(rung.set)
        bell.announce(services.redis_url, rung, stop)


def hear(services: Services, stop: Event) -> None:
    """Wake the streams of this process."""
    if services.redis_url is not None:
        bell.hear(services.redis_url, services.live.wake, stop)
