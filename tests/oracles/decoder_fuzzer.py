"""A fuzzer that is led through a decoder by what each input reaches: libFuzzer, by way of atheris.

    python tests/oracles/decoder_fuzzer.py pima DIRECTORY --bytes 200000 --seed 1

Inputs that reach something new are kept in the directory and changed further. Each is a line: whatever is on it, and
however it is cut, each byte is told of once, little is kept, and what is right behind it is understood. Ends with 0 and
a line of JSON after so many bytes; libFuzzer ends with another code, and keeps the input, when that is not so, when one
input takes longer than ten seconds, or when the process grows beyond its limit.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import pickle
import sys
from pathlib import Path
from typing import NoReturn

import atheris

ROOT = Path(__file__).resolve().parents[2]
INPUT_BYTES_MAX = 2_048
INPUT_S_MAX = 10
RSS_MB_MAX = 400
KEPT_BYTES_MAX = 4_096
"""What a decoder is when it is written down, beside what it waits with."""
CHOICES = 3
"""The bytes of an input that choose the settings, what comes behind it, and where it is cut."""

if __name__ == "__main__":
    sys.path[0:0] = [str(ROOT), str(ROOT / "tests" / "oracles")]

with atheris.instrument_imports(include=["edge.protocols"]):
    from line_oracle import cut, decoded, frames
    from line_seeds import seeds_of

    from edge.protocols.registry import PROTOCOLS, Protocol

    for each in PROTOCOLS:  # which are imported when they are made
        each.make({})


class Lines:
    """Tries lines on the decoders of a protocol, until there were so many bytes."""

    def __init__(self, protocol: Protocol, bytes_wanted: int) -> None:
        self._protocol = protocol
        self._wanted = bytes_wanted
        self._settings = [
            dict(zip(protocol.settings, words, strict=True)) for words in itertools.product(*protocol.settings.values())
        ]
        self.bytes = self.lines = self.understood = 0

    def seeds(self) -> list[bytes]:
        """What to begin with: everything that is right, for all settings."""
        return [
            bytes([at, number, 0]) + right
            for at, settings in enumerate(self._settings)
            for number, right in enumerate(seeds_of(self._protocol.name, settings))
        ]

    def try_one(self, data: bytes) -> None:
        """One input of the fuzzer; raises `AssertionError`, and ends the process when there were enough."""
        choices, line = data[:CHOICES].ljust(CHOICES, b"\x00"), data[CHOICES:]
        settings = self._settings[choices[0] % len(self._settings)]
        seeds = seeds_of(self._protocol.name, settings)
        right = seeds[choices[1] % len(seeds)]
        alone = [frame.size_bytes for frame in frames(decoded(self._protocol.make(settings), [right]))]

        decoder = self._protocol.make(settings)
        found = decoded(decoder, [line])
        assert decoded(self._protocol.make(settings), cut(line, [min(choices[2], len(line))])) == found
        assert len(pickle.dumps(decoder)) < decoder.SIZE_MAX + KEPT_BYTES_MAX
        for _ in range(_rights_lost(settings, decoder.SIZE_MAX, len(right))):
            decoder.feed(right)
        behind = decoder.feed(right) + decoder.end()
        assert [frame.size_bytes for frame in frames(behind)] == alone, "what is right is not understood any more"

        self.lines += 1
        self.bytes += len(line)
        self.understood += len(frames(found))
        if self.bytes >= self._wanted:
            print(json.dumps({"bytes": self.bytes, "lines": self.lines, "understood": self.understood}), flush=True)  # noqa: T201  a command prints
            os._exit(0)  # libFuzzer has no other end that is none of its failures


def _rights_lost(settings: dict[str, str], size_max_bytes: int, right_bytes: int) -> int:
    """How often what is right may be said in vain: until another format is let go of, which had been found before."""
    return 1 + 4 * size_max_bytes // right_bytes if settings.get("block_format") == "auto" else 0


def fuzz(protocol: Protocol, directory: Path, bytes_wanted: int, seed: int) -> NoReturn:
    """Fuzz until there were so many bytes, or something is found."""
    lines = Lines(protocol, bytes_wanted)
    for number, line in enumerate(lines.seeds()):
        (directory / f"seed-{number}").write_bytes(line)
    limits = (f"-max_len={INPUT_BYTES_MAX}", f"-timeout={INPUT_S_MAX}", f"-rss_limit_mb={RSS_MB_MAX}")
    atheris.Setup(
        [sys.argv[0], f"-seed={seed}", *limits, f"-artifact_prefix={directory}/", str(directory)], lines.try_one
    )
    atheris.Fuzz()
    raise AssertionError("libFuzzer does not come back")


def main() -> NoReturn:
    """Fuzz a protocol of the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("protocol", choices=[protocol.name for protocol in PROTOCOLS])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--bytes", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    (protocol,) = (protocol for protocol in PROTOCOLS if protocol.name == args.protocol)
    fuzz(protocol, args.directory, args.bytes, args.seed)


if __name__ == "__main__":
    main()
