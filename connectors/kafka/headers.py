"""Headers of a Kafka message, read so that no producer can stop a reader with them."""

from __future__ import annotations

from operator import methodcaller

from confluent_kafka import Message

Headers = list[tuple[str, bytes | None]]

# A name that is no UTF-8 makes the client return a broken list with an error pending. Only a call from C is always
# checked for that; a call that CPython has specialised is not, and using the list would crash the process.
_headers = methodcaller("headers")


def headers_of(message: Message) -> Headers | None:
    """The headers, or None when there are none, and when the client cannot read them."""
    try:
        headers: Headers | None = _headers(message)
    except (SystemError, UnicodeDecodeError):
        return None
    return headers
