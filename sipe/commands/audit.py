"""`sipe audit`: the audit trail, out of the store and held against what was sent away of it.

`export` needs the store. `verify` needs an export and nothing else, and is worth most on another machine: what it finds
is as good as the anchors that it is given, and these are in Kafka, in ClickHouse, or in a file (one JSON object a line,
as `anchors` writes it).
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

import msgspec
from rich.table import Table

from connectors.clickhouse import anchors as clickhouse_anchors
from connectors.clickhouse.client import Address
from connectors.kafka import anchors as kafka_anchors
from connectors.kafka.address import KafkaAddress
from connectors.sql import trail
from connectors.sql.opening import open_store
from models.audit import Finding, What, seals, verify
from pipelines.runtime.system import find, settings_within
from sipe.clock import SystemClock
from sipe.commands._output import count, err, out, plural, print_json, progress_bar
from sipe.commands._system import add_data_option, settings_of
from sipe.contracts.changes import Anchor
from sipe.errors import SipeError, UsageError
from sipe.settings import Settings

EXIT_FOUND = 3
"""The trail was read to its end, and is not what it was."""
LINE_BYTES_MAX = 16_000_000
SHOWN = 100
STEP = 10_000

WORDS: dict[What, str] = {
    "unanchored": "begins here, and no anchor says how the entry before was sealed",
    "unreadable": "no entry: this line was changed, or is of another file",
    "edited": "was changed after it was sealed",
    "missing": "deleted",
    "out_of_order": "stands behind a later entry",
    "rewritten": "another seal than the anchor's: it, or an entry before it, was forged",
    "cut_off": "there were entries up to here, says an anchor",
    "contradicted": "two anchors say different seals: one of two trails was forged",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    export = actions.add_parser("export", help="write the trail of the store into a file")
    export.add_argument("file", type=Path, metavar="FILE", help="a new file, for its owner alone")
    export.add_argument("--from", dest="first", type=int, default=1, metavar="N", help="from this entry on")
    anchors = actions.add_parser("anchors", help="write the anchors of a server into a file")
    anchors.add_argument("file", type=Path, metavar="FILE", help="a new file")
    _add_servers(anchors.add_mutually_exclusive_group(required=True))
    checked = actions.add_parser("verify", help="say whether an exported trail is what it was")
    checked.add_argument("file", type=Path, metavar="EXPORT", help="what `sipe audit export` wrote")
    checked.add_argument("--from", dest="first", type=int, default=1, metavar="N", help="it begins with this entry")
    where = checked.add_mutually_exclusive_group()
    where.add_argument("--anchors", type=Path, metavar="FILE", help="what `sipe audit anchors` wrote")
    _add_servers(where)
    for one in (export, anchors, checked):
        one.add_argument("--json", action="store_true", help="print a JSON object")
        add_data_option(one)
    parser.epilog = "Exit codes of verify: 0 all is well, 1 it could not be read, 3 something was done to the trail."


def run(args: argparse.Namespace) -> int:
    """Export, collect or verify; raises `SipeError`."""
    if getattr(args, "first", 1) < 1:
        raise UsageError(f"--from {args.first}: entries are counted from 1")
    try:
        return {"export": _export, "anchors": _collect, "verify": _verify}[args.action](args)
    except OSError as error:
        raise SipeError(f"{error.filename or args.file}: {error.strerror}") from error


def _add_servers(group: argparse._MutuallyExclusiveGroup) -> None:
    group.add_argument("--from-kafka", action="store_true", help="the anchors in Kafka")
    group.add_argument("--from-clickhouse", action="store_true", help="the anchors in ClickHouse")


def _export(args: argparse.Namespace) -> int:
    with open_store(_settings(args), SystemClock(), may_make=False) as store, store.reading() as connection:
        head = trail.head(connection)
        if args.first > head.seq + 1:
            raise UsageError(f"--from {args.first}: the newest entry is {head.seq}")
        entries = _Counted()
        with progress_bar("exporting") as report:
            lines = trail.export(connection, args.first)
            written = _write(args.file, entries.of(lines, lambda: report(entries.seen, head.seq - args.first + 1)))
    if args.json:
        print_json({"file": str(args.file), "first": args.first, "entries": written, **head._asdict()})
    else:
        entries_ = plural(written, "entry", "entries")
        out().print(f"{entries_} in {args.file}; the newest is {head.seq}, sealed {head.seal}")
    return 0


def _collect(args: argparse.Namespace) -> int:
    anchors = _of_server(args)
    written = _write(args.file, map(msgspec.json.encode, anchors))
    if args.json:
        print_json({"file": str(args.file), "anchors": written})
    else:
        out().print(f"{plural(written, 'anchor')} in {args.file}")
    return 0


def _verify(args: argparse.Namespace) -> int:
    anchors = _anchors(args)
    known, found = seals(anchors)
    entries = _Counted()
    with args.file.open("rb") as file, progress_bar("verifying") as report:
        size_bytes = os.fstat(file.fileno()).st_size
        lines = entries.of(_lines(file), lambda: report(file.tell(), size_bytes))
        found += verify(lines, known, args.first)
    if args.json:
        rows = [{"what": one.what, "first": one.first, "last": one.last} for one in found]
        print_json({"file": str(args.file), "entries": entries.seen, "anchors": len(anchors), "found": rows})
    else:
        _say(args.file, entries.seen, known, found)
    return EXIT_FOUND if found else 0


def _say(path: Path, entries: int, known: dict[int, str], found: list[Finding]) -> None:
    if found:
        table = Table("entries", "what", "that is", title=f"{path}: {plural(len(found), 'finding')}")
        for one in found[:SHOWN]:
            numbers = str(one.first) if one.first == one.last else f"{one.first} to {one.last}"
            table.add_row(numbers, one.what, WORDS[one.what])
        out().print(table)
        if len(found) > SHOWN:
            out().print(f"and {count(len(found) - SHOWN)} more: --json lists them all")
        return
    out().print(f"{plural(entries, 'entry', 'entries')}, all as they were sealed")
    if known:
        out().print(f"anchored up to entry {max(known)}: what came later could be cut off, or rewritten, unseen")
    else:
        err().print("without anchors: a trail that was cut off, or sealed anew from some entry on, looks the same")


def _anchors(args: argparse.Namespace) -> list[Anchor]:
    if args.from_kafka or args.from_clickhouse:
        return _of_server(args)
    if args.anchors is None:
        return []
    found = []
    for number, text in enumerate(args.anchors.read_bytes().splitlines(), start=1):
        try:
            found.append(msgspec.json.decode(text, type=Anchor))
        except msgspec.MsgspecError as error:
            raise UsageError(f"{args.anchors}:{number} is no anchor: {error}") from error
    return found


def _of_server(args: argparse.Namespace) -> list[Anchor]:
    settings = _settings(args)
    if args.from_kafka:
        return kafka_anchors.read(KafkaAddress.parse(settings))
    if settings.clickhouse_url is None:
        raise UsageError("SIPE_CLICKHOUSE_URL is not set, and no stack runs: name the server that has the anchors")
    return clickhouse_anchors.read(Address.parse(settings.clickhouse_url))


def _settings(args: argparse.Namespace) -> Settings:
    """Those that are given, with the servers of a stack that runs where none are."""
    settings = settings_of(args)
    system = find(settings)
    return settings if system is None else settings_within(settings, system)


def _write(path: Path, lines: Iterable[bytes]) -> int:
    """A new file, for its owner alone, that is whole or not there; how many lines."""
    draft = path.with_name(path.name + ".part")
    if path.exists():
        raise UsageError(f"{path} is there already: name a new file")
    written = 0
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for text in lines:
            file.write(text + b"\n")
            written += 1
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    return written


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines of a bounded length; one that is longer is no entry."""
    return iter(partial(file.readline, LINE_BYTES_MAX), b"")


class _Counted:
    """Counts lines as they go by."""

    def __init__(self) -> None:
        self.seen = 0

    def of(self, lines: Iterable[bytes], tell: Callable[[], None]) -> Iterator[bytes]:
        """The same lines; `tell` is called now and then."""
        for text in lines:
            self.seen += 1
            if self.seen % STEP == 0:
                tell()
            yield text
