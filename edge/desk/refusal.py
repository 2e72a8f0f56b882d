"""Why no unit may come."""

from __future__ import annotations

from sipe.errors import SipeError


class NoStart(SipeError):
    """No unit may come now, and why, for the operator; `reason` is the office's word for it, if it is the office's."""

    def __init__(self, text: str, reason: str = "", *, is_final: bool = False) -> None:
        """`is_final`: the office has said so, and will again."""
        super().__init__(text)
        self.reason = reason
        self.is_final = is_final
