"""What commands print: results on stdout, progress and notes on stderr, colours on a terminal only."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import NamedTuple

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.segment import Segment

WIDTH_WITHOUT_TERMINAL = 120
HOUR_MS = 3_600_000
UNDEFINED = "-"
UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"

Report = Callable[[int, int], None]


@cache
def out() -> Console:
    """Standard output."""
    return _console(stderr=False)


@cache
def err() -> Console:
    """Standard error."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    is_terminal = (sys.stderr if stderr else sys.stdout).isatty()
    width = None if is_terminal else WIDTH_WITHOUT_TERMINAL
    console = Console(stderr=stderr, width=width, highlight=False, markup=False, soft_wrap=not is_terminal)
    console.push_render_hook(_ShowControls())
    return console


class _ShowControls(RenderHook):
    """Makes the control characters of what is printed visible: a name from a station moves no cursor, sets no title."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Shown(renderable) for renderable in renderables]


class _Shown(NamedTuple):
    renderable: ConsoleRenderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self.renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)


def visible(text: str) -> str:
    """The text with a sign in place of what a terminal would obey: control characters, and what turns text round."""
    return "".join(char if char.isprintable() or char == "\n" else UNPRINTABLE for char in text)


def note(text: str) -> None:
    """One line of news on stderr."""
    err().print(text, style="dim")


def print_json(value: object) -> None:
    """One JSON document on stdout; undefined is null, times are ISO 8601, control characters are escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=_plain)
    print("".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text))


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")


@contextmanager
def progress_bar(what: str) -> Iterator[Report]:
    """A bar on stderr while a terminal is there to show it; called with how much is done, and of how much."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err(), transient=True, disable=not err().is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def count(value: int) -> str:
    """Pieces or events, with thousands."""
    return f"{value:,}"


def hours(value_ms: int) -> str:
    """Milliseconds as hours, to a tenth where that says something."""
    value = value_ms / HOUR_MS
    return f"{value:.1f}" if value < 1000 else f"{value:,.0f}"


def percent(ratio: float | None) -> str:
    """A ratio in percent; what is undefined is a dash, never 0 or 100."""
    return UNDEFINED if ratio is None else f"{ratio * 100:.1f}"


def plural(number: int, one: str, many: str | None = None) -> str:
    """`1 station`, `2 stations`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return ", ".join(words[:-1]) + " and " + words[-1] if len(words) > 1 else "".join(words)
