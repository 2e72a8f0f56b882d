"""Waiting, with a limit, for what may not end when it is told to: tasks of libraries, and calls that block."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

_LOOKS = 10
"""How often a wait looks: a machine that stands still for a second costs it one look, not all its time."""


async def ended(task: asyncio.Task[Any], timeout_ms: int) -> bool:
    """Whether a task ends within that time."""
    for _ in range(_LOOKS):
        await asyncio.wait({task}, timeout=timeout_ms / _LOOKS / 1000)
        if task.done():
            return True
    return False


async def cancelled(task: asyncio.Task[Any], timeout_ms: int) -> bool:
    """Whether a task has ended, cancelled if need be, within that time; what it raises is of no interest any more."""
    task.cancel()
    if not await ended(task, timeout_ms):
        return False
    with suppress(asyncio.CancelledError, Exception):
        task.result()
    return True


async def in_thread(work: Callable[[], T], undo: Callable[[T], None]) -> T:
    """Do something that may block; when the wait is given up, what comes of it later is undone."""

    def undo_it(done: asyncio.Future[T]) -> None:
        if not done.cancelled() and done.exception() is None:
            undo(done.result())

    doing = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        doing.add_done_callback(undo_it)
        raise


def nothing(result: None) -> None:
    """To undo what needs no undoing."""
