"""Why events are not taken now."""

from __future__ import annotations

from http import HTTPStatus

from api.http.problems import NotNow


class Busy(NotNow):
    """Kafka takes no more, or does not answer: 503."""

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__("busy", detail, retry_after_s)


class TooFast(NotNow):
    """Somebody asks for more than their share: 429."""

    def __init__(self, detail: str, retry_after_s: int) -> None:
        wait = f"{detail}: wait {retry_after_s} s"
        super().__init__("too_fast", wait, retry_after_s, HTTPStatus.TOO_MANY_REQUESTS)
