"""Why events are not taken now."""

from __future__ import annotations

from models.refusal import NotNow, TooMuch


class Busy(NotNow):
    """Kafka takes no more, or does not answer."""

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__("busy", detail, retry_after_s)


class TooFast(TooMuch):
    """Somebody asks for more than their share."""

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__("too_fast", f"{detail}: wait {retry_after_s} s", retry_after_s)
