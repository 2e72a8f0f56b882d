"""Not now: nothing is wrong with what was sent, and the same again later may well be taken."""

from __future__ import annotations

from models.refusal import Refused


class Busy(Refused):
    """Kafka takes no more, or does not answer: 503, and `Retry-After` in whole seconds."""

    def __init__(self, detail: str, retry_after_s: int, *, reason: str = "busy") -> None:
        super().__init__(reason, detail)
        self.retry_after_s = retry_after_s


class TooFast(Busy):
    """This device sends more than its share: 429, and `Retry-After` in whole seconds."""

    def __init__(self, device: str, retry_after_s: int) -> None:
        detail = f"{device} sends more events than it may: wait {retry_after_s} s"
        super().__init__(detail, retry_after_s, reason="too_fast")
