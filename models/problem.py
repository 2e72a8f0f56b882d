"""Problem documents (RFC 9457): every error says what is wrong, where, and what to do, in one shape.

A problem's `type` is `urn:sipe:problem:` and a reason. Reasons are stable: programs decide by them, people read
`detail`.
"""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from models.refusal import Refused

MEDIA = "application/problem+json"
TYPE = "urn:sipe:problem:"


class FieldProblem(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with one field, and where it is."""

    path: str
    code: str
    detail: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem document."""

    type: str
    title: str
    status: int
    detail: str
    problems: tuple[FieldProblem, ...] = ()


def problem_of(refused: Refused, status: HTTPStatus) -> Problem:
    """What a refusal is for whoever has asked."""
    return Problem(
        type=TYPE + refused.reason,
        title=status.phrase,
        status=status,
        detail=str(refused),
        problems=tuple(FieldProblem(path=one.path, code=one.code, detail=one.detail) for one in refused.problems),
    )
