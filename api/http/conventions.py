"""Conventions that every route keeps: entity tags, idempotency keys, cursors, and bounded JSON bodies."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec

from api.http.problems import HttpRefused, unreadable

T = TypeVar("T")

BODY_BYTES_MAX = 1_000_000
ROW_MAX = 2**63 - 1
"""What a column of whole numbers holds at most."""
KEY_PATTERN = r"[A-Za-z0-9._:-]{8,64}"


def tag(version: int) -> str:
    """The entity tag of a version (RFC 9110, 8.8.3)."""
    return f'"{version}"'


def version_in(if_match: str | None) -> int:
    """The version that a change is based on; raises `HttpRefused`, for a change of what nobody has read is none."""
    if if_match is None:
        raise HttpRefused(
            HTTPStatus.PRECONDITION_REQUIRED, "if_match_missing", "send If-Match with the ETag of what you have read"
        )
    found = re.fullmatch(r'"([0-9]{1,18})"', if_match.strip())
    if found is None:
        raise HttpRefused(HTTPStatus.PRECONDITION_FAILED, "stale", "If-Match is no ETag of this service")
    return int(found.group(1))


def key_in(idempotency_key: str | None) -> str:
    """The idempotency key of a POST; raises `HttpRefused`."""
    if idempotency_key is None:
        raise HttpRefused(
            HTTPStatus.BAD_REQUEST, "key_missing", "send Idempotency-Key: a text of your own, new for each request"
        )
    if not re.fullmatch(KEY_PATTERN, idempotency_key):
        raise HttpRefused(HTTPStatus.BAD_REQUEST, "key_text", f"Idempotency-Key has to be like {KEY_PATTERN}")
    return idempotency_key


def position_in(last_event_id: str | None) -> int | None:
    """The position that a stream goes on from; what is no position is one that nobody knows."""
    if not last_event_id:
        return None
    return int(last_event_id) if re.fullmatch(r"[0-9]{1,18}", last_event_id.strip()) else -1


def digest_of(method: str, path: str, body: bytes) -> str:
    """What makes two requests the same one."""
    return hashlib.sha256(b"\x00".join((method.encode(), path.encode(), body))).hexdigest()


def body_of(raw: bytes, type_: type[T]) -> T:
    """A JSON body as a value of its type; raises `HttpRefused` that names the field."""
    try:
        return msgspec.json.decode(raw or b"{}", type=type_)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$")
        raise unreadable(what, path.rstrip("`").lstrip(".")) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(f"no JSON: {error}") from error


def parameter(text: str, type_: Any, name: str) -> Any:
    """A value from a path or a query; raises `HttpRefused` that names it."""
    try:
        return msgspec.convert(text, type_, strict=False)
    except msgspec.ValidationError as error:
        raise unreadable(str(error).partition(" - at")[0], name) from error


def cursor_of(key: str | int | tuple[str, int]) -> str:
    """Where the next page begins: behind this key. What is in it is nobody's business."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def key_of(cursor: str, type_: type[T]) -> T:
    """The key in a cursor; raises `HttpRefused`."""
    try:
        found = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=type_)
    except (msgspec.MsgspecError, binascii.Error, ValueError) as error:
        raise unreadable("this is no cursor that this service gave", "cursor") from error
    if any(isinstance(part, int) and part > ROW_MAX for part in (found if isinstance(found, tuple) else (found,))):
        raise unreadable("this is no cursor that this service gave", "cursor")
    return found
