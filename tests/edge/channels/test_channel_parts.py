"""The small parts that need no loop, or nothing but one: pauses, polls, the inbox, the words for failures."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import termios
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.channels.failures import LinkError, as_link_error
from edge.channels.inbox import ITEM_BYTES, Ended, Inbox
from edge.channels.polls import Polls
from edge.pauses import Pauses


@given(st.integers(1, 10_000), st.integers(1, 100_000), st.integers(1, 200))
def test_the_longest_pause_doubles_up_to_its_bound(base_ms: int, cap_ms: int, failures: int) -> None:
    pauses = Pauses(first_s=base_ms, longest_s=cap_ms)
    assert pauses.after(failures, lambda low, high: high) == min(cap_ms, base_ms * 2 ** min(failures - 1, 32))
    assert pauses.after(failures, lambda low, high: low) == 0


@given(st.lists(st.integers(1, 100), min_size=1, max_size=5), st.lists(st.integers(0, 300), max_size=60))
def test_polls_are_due_at_multiples_of_their_interval_and_none_is_forgotten(
    every_ms: list[int], delays_ms: list[int]
) -> None:
    polls, now_ms = Polls(every_ms, 1_000), 1_000
    counted = [0] * len(every_ms)
    for delay_ms in delays_ms:
        now_ms += polls.wait_ms(now_ms) + delay_ms
        index, missed = polls.take(now_ms)
        counted[index] += 1 + missed
        due_next_ms = 1_000 + counted[index] * every_ms[index]
        assert now_ms < due_next_ms <= now_ms + every_ms[index]
    assert polls.wait_ms(now_ms) == max(
        0, min(1_000 + count * every for count, every in zip(counted, every_ms, strict=True)) - now_ms
    )


@given(st.integers(1, 2_000), st.lists(st.one_of(st.integers(0, 500), st.none()), max_size=60))
def test_the_inbox_keeps_the_newest_in_order_and_counts_the_rest(bytes_max: int, script: list[int | None]) -> None:
    """Numbers are items of that size that come, None is a reader that comes."""

    async def story() -> None:
        inbox: Inbox[int] = Inbox(bytes_max)
        model: deque[tuple[int, int]] = deque()
        for number, size_bytes in enumerate(script):
            if size_bytes is None:
                if model:
                    assert await inbox.get() == model.popleft()[0]
                continue
            model.append((number, size_bytes))
            dropped_bytes = 0
            while len(model) > 1 and sum(size + ITEM_BYTES for _, size in model) > bytes_max:
                dropped_bytes += model.popleft()[1]
            assert inbox.put_newest(number, size_bytes) == dropped_bytes
            assert inbox.waiting_bytes == sum(size + ITEM_BYTES for _, size in model)
        inbox.end()
        assert [await inbox.get() for _ in model] == [number for number, _ in model]
        with pytest.raises(Ended):
            await inbox.get()

    asyncio.run(story())


def test_a_reader_that_gives_up_loses_nothing_and_room_is_told() -> None:
    async def story() -> None:
        inbox: Inbox[str] = Inbox(300)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(inbox.get(), 0.01)
        waiting = asyncio.create_task(inbox.get())
        await asyncio.sleep(0)
        inbox.put("first", 100)
        waiting.cancel()
        await asyncio.wait({waiting})
        inbox.put("second", 100)
        assert inbox.is_full
        room = asyncio.create_task(inbox.room())
        await asyncio.sleep(0)
        assert not room.done()
        assert await inbox.get() == "first"
        await asyncio.wait_for(room, 1)
        assert await inbox.get() == "second"

    asyncio.run(story())


def hidden(error: Exception) -> Exception:
    """As libraries do it that raise their own error in the place of another one."""
    try:
        try:
            raise error
        except Exception:
            raise RuntimeError("connection failed") from None
    except RuntimeError as outer:
        return outer


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "refused"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "reset"),
        (BrokenPipeError(errno.EPIPE, "pipe"), "reset"),
        (TimeoutError(errno.ETIMEDOUT, "timed out"), "timeout"),
        (TimeoutError(), "timeout"),
        (FileNotFoundError(errno.ENOENT, "no such port"), "unplugged"),
        (OSError(errno.EIO, "input/output error"), "unplugged"),
        (OSError(errno.ENODEV, "no such device"), "unplugged"),
        (PermissionError(errno.EACCES, "denied"), "denied"),
        (BlockingIOError(errno.EAGAIN, "locked"), "busy"),
        (OSError(errno.EADDRINUSE, "in use"), "busy"),
        (OSError(errno.ENETUNREACH, "no route"), "unreachable"),
        (OSError("whatever"), "io"),
        (socket.gaierror(-2, "name not known"), "unresolved"),
        (ssl.SSLError(1, "certificate verify failed"), "tls"),
        (termios.error(errno.EINVAL, "invalid argument"), "line-not-set"),
        (termios.error(errno.EIO, "input/output error"), "unplugged"),
        (LinkError("closed", "the other end hung up"), "closed"),
        (ZeroDivisionError("a bug"), "unexpected"),
    ],
)
def test_a_failure_is_one_word_and_a_line_even_when_a_library_hides_it(error: Exception, reason: str) -> None:
    assert as_link_error(error).reason == reason
    assert str(as_link_error(error)).startswith(f"{reason}: ")
    if reason != "unexpected":
        assert as_link_error(hidden(error)).reason == reason
