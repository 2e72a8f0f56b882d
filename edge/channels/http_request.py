"""The head of an HTTP/1.1 request (RFC 9112), as much of it as a POST with a body of known length needs; no I/O."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import NamedTuple

_REQUEST_LINE = re.compile(rb"([A-Z]{1,20}) (/[\x21-\x7e]*) HTTP/1\.[01]")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\x80-\xff\t]*)")
_LENGTH = re.compile(rb"[0-9]{1,12}")


class BadRequest(Exception):
    """It is not taken; what to answer."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class Head(NamedTuple):
    """What matters of a request before its body."""

    path: str
    """Without a query."""
    body_bytes: int
    authorization: bytes
    is_told_to_go_on: bool
    """It waits for 100 Continue before it sends its body."""


def parse_head(head: bytes) -> Head:
    """The head of a POST, up to and with the empty line; raises `BadRequest`, whatever the bytes."""
    request_line, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    request = _REQUEST_LINE.fullmatch(request_line)
    if request is None:
        raise BadRequest(HTTPStatus.BAD_REQUEST)
    if request[1] != b"POST":
        raise BadRequest(HTTPStatus.METHOD_NOT_ALLOWED)
    headers = _headers(lines)
    return Head(
        path=request[2].partition(b"?")[0].decode("ascii"),
        body_bytes=_length(headers),
        authorization=headers.get(b"authorization", b""),
        is_told_to_go_on=headers.get(b"expect", b"").lower() == b"100-continue",
    )


def _headers(lines: list[bytes]) -> dict[bytes, bytes]:
    """By names in small letters. A name that comes twice is refused: servers differ in which of the two is right."""
    headers: dict[bytes, bytes] = {}
    for line in lines:
        header = _HEADER.fullmatch(line)
        if header is None or header[1].lower() in headers:
            raise BadRequest(HTTPStatus.BAD_REQUEST)
        headers[header[1].lower()] = header[2].rstrip(b" \t")
    return headers


def _length(headers: dict[bytes, bytes]) -> int:
    if b"transfer-encoding" in headers or b"content-length" not in headers:
        raise BadRequest(HTTPStatus.LENGTH_REQUIRED)  # a body in pieces has no length to hold against the limit
    length = headers[b"content-length"]
    if not _LENGTH.fullmatch(length):
        raise BadRequest(HTTPStatus.BAD_REQUEST)
    return int(length)
