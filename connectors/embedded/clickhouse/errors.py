"""Errors that travel to the client, with the codes that ClickHouse gives them."""

from __future__ import annotations

from enum import IntEnum


class Code(IntEnum):
    """The error codes that this server raises by itself; the engine's own pass through as they are."""

    NO_SUCH_COLUMN_IN_TABLE = 16
    NOT_IMPLEMENTED = 48
    UNKNOWN_TYPE = 50
    UNKNOWN_PACKET_FROM_CLIENT = 99
    UNEXPECTED_PACKET_FROM_CLIENT = 101
    UNKNOWN_SETTING = 115
    INCORRECT_DATA = 117
    TOO_LARGE_STRING_SIZE = 131
    READONLY = 164
    TOO_MANY_SIMULTANEOUS_QUERIES = 202
    NOT_ENOUGH_SPACE = 243
    AUTHENTICATION_FAILED = 516
    STD_EXCEPTION = 1001


class ServerError(Exception):
    """A query failed; the connection goes on."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ProtocolError(ServerError):
    """What the client sends cannot be followed; it is told so and the connection ends."""
