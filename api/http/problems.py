"""Problem documents as answers: the status and the headers that each refusal comes with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus

import msgspec
from fastapi import Request, Response

from models.identity import Unproven
from models.problem import MEDIA, FieldProblem, problem_of
from models.refusal import Forbidden, Invalid, NotFound, NotNow, Refused, Stale, TooMuch
from models.sheets.exchange import pointer


class HttpRefused(Refused):
    """Refused by how it was asked, not by what was asked for."""

    def __init__(
        self,
        status: HTTPStatus,
        reason: str,
        detail: str,
        headers: Mapping[str, str] | None = None,
        problems: Iterable[FieldProblem] = (),
    ) -> None:
        super().__init__(reason, detail)
        self.status = status
        self.headers = dict(headers or {})
        self.problems = tuple(problems)


def answer_to(refused: Refused) -> Response:
    """The problem document that a refusal becomes."""
    status = status_of(refused)
    return Response(msgspec.json.encode(problem_of(refused, status)), status, _headers(refused), MEDIA)


def _headers(refused: Refused) -> dict[str, str]:
    match refused:
        case HttpRefused(headers=headers):
            return headers
        case NotNow(retry_after_s=wait_s):
            return {"Retry-After": str(wait_s)}
        case _:
            return {}


def status_of(refused: Refused) -> HTTPStatus:
    """400 and 422 name a field, 401 and 403 a person, 404 and 409 a thing, 412 a version."""
    match refused:
        case HttpRefused(status=status):
            return status
        case TooMuch():
            return HTTPStatus.TOO_MANY_REQUESTS
        case NotNow():
            return HTTPStatus.SERVICE_UNAVAILABLE
        case NotFound():
            return HTTPStatus.NOT_FOUND
        case Stale():
            return HTTPStatus.PRECONDITION_FAILED
        case Unproven():
            return HTTPStatus.UNAUTHORIZED
        case Forbidden():
            return HTTPStatus.FORBIDDEN
        case Invalid():
            return HTTPStatus.UNPROCESSABLE_ENTITY
        case _:
            return HTTPStatus.CONFLICT


def unreadable(detail: str, path: str = "") -> HttpRefused:
    """What was sent is no JSON, or not of the shape that is asked for."""
    said = f"{path}: {detail}" if path else detail
    flaw = FieldProblem(path=pointer(path), code="unreadable", detail=detail)
    return HttpRefused(HTTPStatus.UNPROCESSABLE_ENTITY, "unreadable", said, problems=[flaw])


def unavailable(detail: str, retry_after_s: int = 1) -> NotNow:
    """Something that this service needs does not answer; nothing has changed."""
    return NotNow("unavailable", detail, retry_after_s)


async def no_route(request: Request, error: Exception) -> Response:
    """What Starlette refuses by itself: no such path, or not by this method."""
    status = HTTPStatus(getattr(error, "status_code", HTTPStatus.NOT_FOUND))
    reason = "no_such_method" if status == HTTPStatus.METHOD_NOT_ALLOWED else "no_such_path"
    headers = getattr(error, "headers", None)
    return answer_to(HttpRefused(status, reason, f"{request.method} is not served here", headers))


async def broken(_: Request, __: Exception) -> Response:
    """A mistake of ours: the transaction was rolled back, the log says what it was, and the answer says nothing."""
    return answer_to(HttpRefused(HTTPStatus.INTERNAL_SERVER_ERROR, "broken", "this service has made a mistake"))
