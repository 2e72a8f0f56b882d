"""What a decoder gives: what it has understood, and what it has thrown away."""

from __future__ import annotations


class Record:
    """A value that is compared and shown by its fields. Nobody changes one."""

    FIELDS: tuple[str, ...] = ()
    """The names of its attributes, in the order in which they are shown."""

    def fields(self) -> dict[str, object]:
        """Its fields by name."""
        return {name: getattr(self, name) for name in self.FIELDS}

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.fields() == self.fields()

    def __hash__(self) -> int:
        return hash((type(self).__name__, tuple(getattr(self, name) for name in self.FIELDS)))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.FIELDS)
        return f"{type(self).__name__}({shown})"


class Frame(Record):
    """Something that was understood, at an offset in bytes from where the decoder began to listen."""

    KIND = ""
    """The protocol and what it is in it, such as `pima.packet`."""

    def __init__(self, offset: int, size_bytes: int) -> None:
        self.offset = offset
        self.size_bytes = size_bytes


class Discard(Record):
    """Bytes in a row that were thrown away for one reason."""

    FIELDS = ("offset", "size_bytes", "reason")

    def __init__(self, offset: int, size_bytes: int, reason: str) -> None:
        self.offset = offset
        self.size_bytes = size_bytes
        self.reason = reason
