"""`sipe dlq ls|show|replay`: what was rejected and why, one letter as it is, and sending letters again."""

from __future__ import annotations

import argparse
import getpass
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.table import Table

from connectors.clickhouse.writer import Writer
from pipelines.dead_letters import (
    ATTEMPTS_MAX,
    POLICIES,
    Judge,
    Letters,
    Plan,
    Selection,
    carry_out,
    dealt_with,
    decide,
    plan,
    quarantined_now,
    sender_of,
)
from pipelines.runtime.system import Runtime
from sipe.clock import SystemClock
from sipe.commands._output import count, err, note, out, plural, print_json, progress_bar
from sipe.commands._system import add_data_option, settings_of, time_span, unix_ms, working_system
from sipe.contracts.codec import REJECT_REASONS
from sipe.contracts.letters import Identity, Letter
from sipe.errors import SipeError, UsageError

LETTERS_MAX = 1_000
SHOWN_BYTES_MAX = 4_000
_POSITION = re.compile(r"(?:(?P<epoch>\d{1,9}):)?(?P<partition>\d{1,5})@(?P<offset>\d{1,18})", re.ASCII)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    ls = actions.add_parser("ls", help="count letters by reason and sender")
    _add_selection(ls)
    ls.add_argument("--json", action="store_true", help="print a JSON array, one object per reason and sender")
    show = actions.add_parser("show", help="show one letter")
    show.add_argument(
        "position", metavar="[EPOCH:]PARTITION@OFFSET", help="where its record lies in the source topic, as `ls` says"
    )
    form = show.add_mutually_exclusive_group()
    form.add_argument("--raw", action="store_true", help="write its very bytes to stdout, and nothing else")
    form.add_argument("--json", action="store_true", help="print a JSON object")
    replay = actions.add_parser("replay", help="send letters again, or drop them; without --yes only say so")
    _add_selection(replay)
    replay.add_argument("--policy", choices=POLICIES, default="reinsert", help="default: reinsert")
    replay.add_argument("--max", type=int, default=LETTERS_MAX, metavar="N", help=f"at most so many ({LETTERS_MAX})")
    replay.add_argument("--force", action="store_true", help="also what would be rejected again, however often it was")
    replay.add_argument("--yes", action="store_true", help="do it")
    replay.add_argument("--json", action="store_true", help="print a JSON object")
    for action in (ls, show, replay):
        add_data_option(action)


def _add_selection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", choices=REJECT_REASONS, help="only letters with this reason")
    parser.add_argument("--station", metavar="PATTERN", help="only from senders that match, such as '*line-1*'")
    parser.add_argument("--since", metavar="TIME", help="only records from this time on: ISO 8601, UTC without offset")
    parser.add_argument("--until", metavar="TIME", help="only records before this time")


def run(args: argparse.Namespace) -> int:
    """List, show or replay."""
    return {"ls": _ls, "show": _show, "replay": _replay}[args.action](args)


def _selection(args: argparse.Namespace) -> Selection:
    since, until = time_span(args.since, args.until, ("--since", "--until"))
    return Selection(
        reason=args.reason,
        station=args.station,
        since_ms=unix_ms(since) if since else None,
        until_ms=unix_ms(until) if until else None,
    )


@contextmanager
def _system(args: argparse.Namespace) -> Iterator[Runtime]:
    settings = settings_of(args)
    working_system(settings)  # letters lie in a broker that runs
    with Runtime(settings, flow=False) as runtime:
        yield runtime


@dataclass
class Group:
    """Letters with one reason from one sender."""

    letters: int = 0
    dealt_with: int = 0
    first_ms: int = 0
    last_ms: int = 0
    newest: str = ""

    def add(self, letter: Letter, *, dealt_with: bool) -> None:
        """Count a letter."""
        ts_ms = letter.headers.record_ts_ms
        self.first_ms = min(ts_ms, self.first_ms) if self.letters else ts_ms
        if ts_ms >= self.last_ms:
            self.last_ms, self.newest = ts_ms, position_of(letter)
        self.letters += 1
        self.dealt_with += dealt_with


def _ls(args: argparse.Namespace) -> int:
    selection = _selection(args)
    groups: dict[tuple[str, str], Group] = {}
    with _system(args) as runtime:
        done = dealt_with(runtime.store())
        letters = Letters(runtime.system.kafka)
        for letter in letters:
            if selection.takes(letter):
                group = groups.setdefault((letter.headers.reason, sender_of(letter)), Group())
                group.add(letter, dealt_with=letter.headers.identity in done)
    rows = [_row(reason, sender, group) for (reason, sender), group in sorted(groups.items())]
    if args.json:
        print_json(rows)
    elif not rows:
        out().print("no dead letters")
    else:
        out().print(_groups_table(rows))
    if letters.foreign:
        note(f"{plural(letters.foreign, 'record')} in the topic that no flow of ours wrote")
    return 0


def _row(reason: str, sender: str, group: Group) -> dict[str, Any]:
    return {
        "reason": reason,
        "sender": sender,
        "letters": group.letters,
        "dealt_with": group.dealt_with,
        "first": _time(group.first_ms),
        "last": _time(group.last_ms),
        "newest": group.newest,
    }


def _groups_table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("reason", "sender", "letters", "dealt with", "first (UTC)", "last (UTC)", "newest"):
        table.add_column(heading, justify="right" if heading in {"letters", "dealt with"} else "left")
    for row in rows:
        times = [f"{row[name]:%Y-%m-%d %H:%M:%S}" for name in ("first", "last")]
        numbers = [count(row[name]) for name in ("letters", "dealt_with")]
        table.add_row(row["reason"], row["sender"], *numbers, *times, row["newest"])
    return table


def _show(args: argparse.Namespace) -> int:
    wanted = _POSITION.fullmatch(args.position)
    if not wanted:
        raise UsageError(f"{args.position!r} is no position; write it as 3@1042, or 2:3@1042 with the log epoch 2")
    with _system(args) as runtime:
        found = [letter for letter in Letters(runtime.system.kafka) if _is_at(letter, wanted)]
        if not found:
            raise SipeError(f"there is no letter of {args.position}: `sipe dlq ls` shows which there are")
        letter = max(found, key=lambda letter: letter.headers.epoch)
        if args.raw:
            sys.stdout.buffer.write(letter.value)
            return 0
        judge = Judge(SystemClock().now_ms(), quarantined_now(runtime.store()))
        done = letter.headers.identity in dealt_with(runtime.store())
    reject = judge.reject(letter)
    today = f"{reject.reason}: {reject.detail}" if reject else "a valid event"
    if args.json:
        headers = msgspec.to_builtins(letter.headers)
        key = escaped(letter.key) if letter.key is not None else None
        print_json({**headers, "key": key, "value": escaped(letter.value), "today": today, "dealt_with": done})
        return 0
    for name, value in msgspec.to_builtins(letter.headers).items():
        out().print(f"{name:<18} {value}")
    out().print(f"{'key':<18} {escaped(letter.key or b'')}")
    out().print(f"{'today':<18} {today}{', and dealt with' if done else ''}")
    out().print(escaped(letter.value[:SHOWN_BYTES_MAX]))
    if len(letter.value) > SHOWN_BYTES_MAX:
        out().print(f"... {len(letter.value):,} bytes in all; --raw writes them")
    return 0


def _replay(args: argparse.Namespace) -> int:
    if args.max < 1:
        raise UsageError(f"--max {args.max} is not a positive whole number")
    selection, clock = _selection(args), SystemClock()
    with _system(args) as runtime:
        store = runtime.store()
        done = dealt_with(store)
        judge = Judge(clock.now_ms(), quarantined_now(store))
        decided = (
            decide(letter, args.policy, judge, force=args.force)
            for letter in Letters(runtime.system.kafka)
            if selection.takes(letter) and letter.headers.identity not in done
        )
        planned = plan(decided, args.policy, args.max)
        if args.yes:
            _carry_out(args, runtime, planned)
    _print_plan(args, planned)
    left = planned.first_left
    if left and args.policy == "stop-on-error":
        raise SipeError(f"stopped at {position_of(left.letter)}, which is {left.why}: `sipe dlq show` shows it")
    return 0


def _carry_out(args: argparse.Namespace, runtime: Runtime, planned: Plan) -> None:
    writer = Writer(runtime.system.store)
    try:
        with runtime.sender() as sender, progress_bar("replaying") as report:
            carry_out(planned.touched, args.policy, sender, writer, SystemClock(), by=getpass.getuser(), report=report)
    finally:
        writer.close()


def _print_plan(args: argparse.Namespace, planned: Plan) -> None:
    rows: list[dict[str, Any]] = [
        {"action": action, "why": why, "reason": reason, "sender": sender, "letters": number}
        for (action, why, reason, sender), number in sorted(planned.counts.items())
    ]
    if args.json:
        print_json({"done": args.yes, "letters": rows})
        return
    for row in rows:
        why = f": {row['why']}" if row["why"] else ""
        out().print(f"{row['action']:<9} {plural(row['letters'], 'letter')} {row['reason']} from {row['sender']}{why}")
    if not rows:
        out().print("no letters that anything is left to do with")
    elif not args.yes:
        err().print("nothing was done; --yes does it")
    if any(row["action"] == "leave" for row in rows):
        note(f"left alone is what would be rejected again, or was more than {ATTEMPTS_MAX} times; --force takes it too")


def position_of(letter: Letter) -> str:
    """Where a letter's record lies in its source topic: EPOCH:PARTITION@OFFSET."""
    headers = letter.headers
    return f"{headers.epoch}:{headers.partition}@{headers.offset}"


def _is_at(letter: Letter, wanted: re.Match[str]) -> bool:
    identity: Identity = letter.headers.identity
    epoch = wanted["epoch"]
    return identity[2:] == (int(wanted["partition"]), int(wanted["offset"])) and epoch in {None, str(identity[1])}


def escaped(raw: bytes) -> str:
    r"""Bytes as one printable line: `\\` is a backslash, `\xNN` a byte, `\uNNNN` and `\UNNNNNNNN` a character."""
    return "".join(_escaped(char) for char in raw.decode("utf-8", "surrogateescape"))


def _escaped(char: str) -> str:
    if char == "\\":
        return "\\\\"
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x80 or 0xDC80 <= code <= 0xDCFF:  # the latter is how a byte that is no UTF-8 comes out
        return f"\\x{code & 0xFF:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _time(ts_ms: int) -> datetime:
    return datetime.fromtimestamp(ts_ms / 1000, UTC)
