"""Problem documents (RFC 9457) as errors: one class for each way of going on from there."""

from __future__ import annotations

import msgspec

from edge.client.shapes import FieldProblem, Problem
from sipe.errors import SipeError

TYPE = "urn:sipe:problem:"
DETAIL_CHARS_MAX = 500
NO_PROBLEM_DOCUMENT = "no_problem_document"
"""The reason of an answer that is not the service's own, such as a proxy's page."""


class ApiError(SipeError):
    """The API has refused; `reason` is one word of a fixed set, for programs, and the text a sentence, for people."""

    def __init__(
        self,
        status: int,
        reason: str,
        detail: str,
        problems: tuple[FieldProblem, ...] = (),
        *,
        retry_after_s: float = 0.0,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.reason = reason
        self.retry_after_s = retry_after_s
        """For how long the service asks to be left alone."""
        self.problems = problems
        """What is wrong with which field of a sheet, a template or the like."""


class Unreached(ApiError):
    """The service did not answer, or too late, or that it cannot now; asking again with the same key is safe."""


class Unauthenticated(ApiError):
    """Nobody is signed in, or no longer: sign in or enrol again (401)."""


class Forbidden(ApiError):
    """Not this person or device, or the signature was wrong (403)."""


class NotFound(ApiError):
    """There is no such thing (404)."""


class Conflict(ApiError):
    """Not as things stand, and `reason` says why: a station shows the text to its operator (409)."""


class Stale(ApiError):
    """Somebody else has changed it since it was read: read it again, and decide anew (412)."""


class Invalid(ApiError):
    """What was sent is wrong; the text names the field, or `problems` does (400, 413, 422, 428)."""


_BY_STATUS: dict[int, type[ApiError]] = {
    400: Invalid,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: Stale,
    413: Invalid,
    422: Invalid,
    428: Invalid,
    429: Unreached,
    502: Unreached,
    503: Unreached,
    504: Unreached,
}


def error_of(status: int, body: bytes, retry_after_s: float = 0.0) -> ApiError:
    """The error that an answer is; whatever is no problem document, such as a proxy's page, is quoted."""
    kind = _BY_STATUS.get(status, ApiError)
    try:
        told = msgspec.json.decode(body, type=Problem)
    except msgspec.MsgspecError:
        shown = body[:DETAIL_CHARS_MAX].decode(errors="replace").strip()
        said = f"{status}: {' '.join(shown.split()) or 'nothing was said'}"
        return kind(status, NO_PROBLEM_DOCUMENT, said, retry_after_s=retry_after_s)
    return kind(status, told.type.removeprefix(TYPE), told.detail, told.problems, retry_after_s=retry_after_s)
