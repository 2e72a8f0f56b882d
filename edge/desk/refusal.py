"""Why no unit may come."""

from __future__ import annotations

from sipe.errors import SipeError


class NoStart(SipeError):
    """No unit may come now, and why, for the operator; `reason` is the office's word for it, if it is the office's."""

    def __init__(self, text: str, reason: str = "") -> None:
        super().__init__(text)
        self.reason = reason
