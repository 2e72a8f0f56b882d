"""`sipe decode PROTOCOL FILE`: what the gateway makes of a line that was recorded, as JSON lines.

It needs nothing beside the gateway's own packages, so that it runs where the line is.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from io import BufferedReader
from pathlib import Path
from typing import cast

from edge.protocols.records import Discard, Frame, Record
from edge.protocols.registry import PROTOCOLS, Protocol
from sipe.errors import UsageError

PIECE_BYTES = 65_536
_BY_NAME = {protocol.name: protocol for protocol in PROTOCOLS}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("protocol", choices=tuple(_BY_NAME), help="; ".join(map(_help, PROTOCOLS)))
    parser.add_argument("file", metavar="FILE", help="bytes as they came; - is stdin")
    parser.add_argument("--hex", action="store_true", help="the file is text: two hexadecimal digits a byte")
    parser.add_argument(
        "--set", dest="settings", metavar="NAME=VALUE", action="append", default=[], help="a setting of the decoder"
    )
    parser.epilog = (
        "Each line is a JSON object: what was understood, with its kind and fields, or what was discarded and why, "
        "each with its offset in bytes. Counts go to stderr."
    )


def run(args: argparse.Namespace) -> int:
    """Print what is in the capture; raises `UsageError` when it cannot be read."""
    protocol = _BY_NAME[args.protocol]
    decoder = protocol.make(_settings(protocol, args.settings))
    frames: Counter[str] = Counter()
    size_bytes = 0
    for piece in _pieces(args.file, is_hex=args.hex):
        size_bytes += len(piece)
        frames.update(_print(decoder.feed(piece)))
    frames.update(_print(decoder.end()))
    counts = f"{size_bytes} bytes; frames: {_counts(frames)}; bytes discarded: {_counts(decoder.discarded)}"
    print(f"{protocol.name}: {counts}", file=sys.stderr)
    return 0


def _help(protocol: Protocol) -> str:
    settings = "".join(f", {name}={'|'.join(values)}" for name, values in protocol.settings.items())
    return f"{protocol.name}: {protocol.about}{settings}"


def _settings(protocol: Protocol, given: list[str]) -> dict[str, str]:
    found = {}
    for text in given:
        name, _, value = text.partition("=")
        if name not in protocol.settings:
            known = ", ".join(protocol.settings) or "none"
            raise UsageError(f"--set {text}: {name!r} is no setting of {protocol.name}, which has {known}")
        if value not in protocol.settings[name]:
            raise UsageError(f"--set {text}: {name} is one of {', '.join(protocol.settings[name])}")
        found[name] = value
    return found


def _pieces(file: str, *, is_hex: bool) -> Iterator[bytes]:
    """What is there, as soon as it is: the file may be a line that goes on."""
    name = "stdin" if file == "-" else file
    with ExitStack() as opened:
        try:
            stdin = cast("BufferedReader", sys.stdin.buffer)
            lines = stdin if file == "-" else opened.enter_context(Path(file).open("rb"))
            yield from _bytes_of_hex(lines, name) if is_hex else iter(lambda: lines.read1(PIECE_BYTES), b"")
        except OSError as error:
            raise UsageError(f"{name} cannot be read: {error.strerror}") from error


def _bytes_of_hex(lines: BufferedReader, name: str) -> Iterator[bytes]:
    for number, line in enumerate(lines, 1):
        for found in re.finditer(rb"\S+", line):
            word, where = found[0], f"{name}, line {number}, column {found.start() + 1}"
            if wrong := re.search(rb"[^0-9A-Fa-f]", word):
                raise UsageError(f"{where}: {wrong[0].decode('latin-1')!a} is no hexadecimal digit")
            if len(word) % 2:
                raise UsageError(f"{where}: {len(word)} hexadecimal digits, so half a byte is missing")
            yield bytes.fromhex(word.decode())


def _print(found: list[Frame | Discard]) -> Iterator[str]:
    """Print what was found, and give the kinds of the frames."""
    for record in found:
        kind = record.KIND if isinstance(record, Frame) else "discard"
        where = {"kind": kind, "offset": record.offset, "size_bytes": record.size_bytes}
        text = json.dumps(_plain(where | record.fields()), allow_nan=False)
        print(text.replace("\x7f", "\\u007f"))
        if isinstance(record, Frame):
            yield kind


def _plain(value: object) -> object:
    """The value as JSON has it: bytes in hexadecimal digits, and null for a number that is none."""
    if isinstance(value, Record):
        return _plain(value.fields())
    if isinstance(value, dict):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(inner) for inner in value]
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"
