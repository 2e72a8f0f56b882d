"""Not now: nothing is wrong with what was sent, and the same again later may well be taken."""

from __future__ import annotations

from http import HTTPStatus

from api.http.problems import HttpRefused


class Busy(HttpRefused):
    """Kafka takes no more, or does not answer: 503, and `Retry-After` in whole seconds."""

    def __init__(
        self,
        detail: str,
        retry_after_s: int,
        *,
        reason: str = "busy",
        status: HTTPStatus = HTTPStatus.SERVICE_UNAVAILABLE,
    ) -> None:
        super().__init__(status, reason, detail, {"Retry-After": str(retry_after_s)})
        self.retry_after_s = retry_after_s


class TooFast(Busy):
    """Somebody asks for more than their share: 429, and `Retry-After` in whole seconds."""

    def __init__(self, detail: str, retry_after_s: int) -> None:
        wait = f"{detail}: wait {retry_after_s} s"
        super().__init__(wait, retry_after_s, reason="too_fast", status=HTTPStatus.TOO_MANY_REQUESTS)
