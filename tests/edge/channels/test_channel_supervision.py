"""How a channel makes, watches and ends connections, in virtual time and with connections that do as they are told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest
from virtual_time import run_virtually, stand_still, virtual_ms

from edge.channels.byte_channel import ADAPTER_MS, ByteChannel
from edge.channels.channel import BEAT_MS, CLOSE_TIMEOUT_MS
from edge.channels.failures import ChannelDown, LinkError
from edge.channels.intake import ByteIntake, Chunk
from edge.channels.lifecycle import Event, State, Transition
from edge.channels.settings import Line, TcpSettings
from sipe.errors import UsageError

SETTINGS = TcpSettings(
    name="press-1", host="press", port=4001, idle_after_ms=2_000, silence_max_ms=30_000, connect_timeout_ms=5_000,
    write_timeout_ms=1_000, backoff_base_ms=1_000, backoff_cap_ms=8_000,
)  # fmt: skip
SLOW = Line(rate_bd=300, bits=7, parity="even")
TEN_MINUTES_S = 600


class Told:
    """A connection; what it is told to do when, by coroutines."""

    def __init__(self, intake: ByteIntake) -> None:
        self.intake = intake
        self.written = b""
        self.closed = False
        self.serving: Callable[[], Awaitable[None]] = asyncio.Event().wait  # type: ignore[assignment]
        self.writing: Callable[[], Awaitable[None]] = _done
        self.closing: Callable[[], Awaitable[None]] = _done

    async def serve(self) -> None:
        await self.serving()

    async def write(self, data: bytes) -> None:
        await self.writing()
        self.written += data

    async def flush(self) -> None:
        pass

    async def set_line(self, line: Line) -> None:
        if line.rate_bd == 50:
            raise UsageError("not that slow")

    async def close(self) -> None:
        self.closed = True
        await self.closing()


async def _done() -> None:
    pass


class Bench:
    """A channel whose connections are made by hand."""

    def __init__(self, line: Line | None = None, settings: TcpSettings = SETTINGS) -> None:
        self.links: list[Told] = []
        self.attempts_ms: list[int] = []
        self.heard: list[Transition] = []
        self.connecting: Callable[[Told], Awaitable[None]] = self._at_once
        self.channel = ByteChannel(
            settings, self._connect, line,
            monotonic_ms=virtual_ms, draw=lambda low, high: high, on_transition=self.heard.append,
        )  # fmt: skip

    async def _connect(self, intake: ByteIntake) -> Told:
        self.attempts_ms.append(virtual_ms())
        link = Told(intake)
        await self.connecting(link)
        self.links.append(link)
        return link

    async def _at_once(self, link: Told) -> None:
        pass

    @property
    def pauses_ms(self) -> list[int]:
        return [after - before for before, after in zip(self.attempts_ms, self.attempts_ms[1:], strict=False)]


async def refuse(link: Told) -> None:
    raise ConnectionRefusedError(111, "refused")


async def hang(link: Told) -> None:
    await asyncio.Event().wait()


def test_attempts_follow_the_backoff_and_a_connection_that_proved_good_begins_anew() -> None:
    async def story() -> None:
        bench = Bench()
        bench.connecting = refuse
        async with bench.channel:
            await asyncio.sleep(60)
            assert bench.pauses_ms[:6] == [1_000, 2_000, 4_000, 8_000, 8_000, 8_000]
            bench.connecting = bench._at_once
            await asyncio.sleep(8)
            (link,) = bench.links
            link.intake.take(b"x")
            bench.connecting = refuse
            link.intake.fail("reset", "gone")
            await asyncio.sleep(0)
            before = len(bench.attempts_ms)
            await asyncio.sleep(10)
            assert link.closed
            assert bench.pauses_ms[before : before + 2] == [2_000, 4_000]
            assert bench.attempts_ms[before] - bench.heard[-1].at_ms == 1_000
        assert [transition.name for transition in bench.heard] == [
            Event.FAILED, Event.CONNECTED, Event.DATA, Event.LOST, Event.STOP,
        ]  # fmt: skip
        assert bench.heard[3].cause == "reset: gone"

    run_virtually(story())


def test_connections_that_say_nothing_and_end_are_no_reason_to_hurry() -> None:
    async def story() -> None:
        bench = Bench()

        async def end_at_once(link: Told) -> None:
            link.serving = _done

        bench.connecting = end_at_once
        async with bench.channel:
            await asyncio.sleep(60)
            assert bench.pauses_ms[:5] == [1_000, 2_000, 4_000, 8_000, 8_000]
            assert bench.channel.tally.errors["closed"] == len(bench.links) - (not bench.links[-1].closed)
            assert all(link.closed for link in bench.links[:-1])

    run_virtually(story())


def test_an_attempt_that_hangs_is_given_up_in_time() -> None:
    async def story() -> None:
        bench = Bench()
        bench.connecting = hang
        async with bench.channel:
            await asyncio.sleep(6.1)
            assert bench.channel.tally.errors == {"timeout": 1}
            assert bench.attempts_ms == [bench.attempts_ms[0], bench.attempts_ms[0] + 5_000 + 1_000]

    run_virtually(story())


def test_silence_is_idle_at_first_and_then_the_end_of_the_connection() -> None:
    async def story() -> None:
        bench = Bench()
        async with bench.channel:
            await asyncio.sleep(1)
            bench.links[0].intake.take(b"x")
            began_ms = virtual_ms()
            await asyncio.sleep(31.1)
            told = [(transition.at_ms - began_ms, transition.name, transition.cause) for transition in bench.heard[1:4]]
            assert told == [
                (0, Event.DATA, ""), (2_000, Event.SILENCE, ""),
                (30_000, Event.LOST, "silent: nothing came for 30000 ms"),
            ]  # fmt: skip
            assert bench.channel.state is State.IDLE
            assert len(bench.links) == 2

    run_virtually(story())


def test_nobody_reading_is_not_the_lines_silence() -> None:
    async def story() -> None:
        bench = Bench()
        async with bench.channel:
            await asyncio.sleep(1)
            intake = bench.links[0].intake
            intake.take(bytes(300_000))
            assert intake.is_full
            room = asyncio.create_task(intake.room())
            await asyncio.sleep(600)
            assert bench.channel.tally.connects == 1
            assert not room.done()
            await anext(bench.channel)
            await room
            await asyncio.sleep(29)
            assert bench.channel.tally.connects == 1
            await asyncio.sleep(2)
            assert bench.channel.tally.errors == {"silent": 1}

    run_virtually(story())


def beats(bench: Bench) -> Iterator[int]:
    while True:
        yield virtual_ms() - bench.channel.beaten_ms


@pytest.mark.parametrize("what", ["connecting", "serving", "closing", "pausing"])
def test_the_channel_beats_whatever_its_connection_does(what: str) -> None:
    async def story() -> None:
        bench = Bench()
        if what == "connecting":
            bench.connecting = hang
        elif what == "pausing":
            bench.connecting = refuse
        elif what == "closing":

            async def end_but_never_close(link: Told) -> None:
                link.serving, link.closing = _done, asyncio.Event().wait  # type: ignore[assignment]

            bench.connecting = end_but_never_close
        async with bench.channel:
            for age_ms, _ in zip(beats(bench), range(3_000), strict=False):
                assert age_ms <= BEAT_MS + CLOSE_TIMEOUT_MS
                await asyncio.sleep(0.01)
        if what == "closing":
            assert bench.channel.tally.errors["close"] > 0

    run_virtually(story())


def test_a_library_that_will_not_be_cancelled_is_left_behind_and_counted() -> None:
    async def story() -> None:
        bench = Bench()
        free = asyncio.Event()

        async def stubborn() -> None:
            while not free.is_set():
                try:
                    await free.wait()
                except asyncio.CancelledError:
                    continue

        async def be_stubborn(link: Told) -> None:
            link.serving = stubborn

        bench.connecting = be_stubborn
        async with bench.channel:
            await asyncio.sleep(1)
            bench.links[0].intake.fail("reset", "gone")
            bench.connecting = bench._at_once
            await asyncio.sleep(3)
            assert bench.channel.state is State.IDLE
            assert bench.channel.tally.errors == {"reset": 1, "hung": 1}
            bench.links[0].intake.take(b"late")  # whatever it still delivers is of no connection
            assert bench.channel.status().bytes_in == 0
        free.set()

    run_virtually(story())


def test_a_machine_that_stands_still_is_not_taken_for_a_library_that_hangs() -> None:
    async def story() -> None:
        bench = Bench()

        async def take_some_turns() -> None:
            stand_still(2 * CLOSE_TIMEOUT_MS)
            for _ in range(3):
                await asyncio.sleep(0)

        async def serve() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await take_some_turns()

        async def be_slow(link: Told) -> None:
            link.serving, link.closing = serve, take_some_turns

        bench.connecting = be_slow
        async with bench.channel:
            await asyncio.sleep(1)
            bench.links[0].intake.fail("reset", "gone")
            await asyncio.sleep(10)
            assert len(bench.links) == 2
        assert bench.channel.tally.errors == {"reset": 1}

    run_virtually(story())


@pytest.mark.parametrize("error", [ZeroDivisionError("a bug"), asyncio.CancelledError()])
def test_a_bug_in_a_connection_ends_that_connection_alone(error: BaseException) -> None:
    async def story() -> None:
        bench = Bench()

        async def fail() -> None:
            await asyncio.sleep(1)
            raise error

        async def be_broken(link: Told) -> None:
            link.serving = fail

        bench.connecting = be_broken
        async with bench.channel:
            await asyncio.sleep(30)
            assert bench.channel.tally.connects > 3
            assert bench.channel.tally.errors.keys() == {"unexpected"}
            assert bench.channel.status().cause.startswith("unexpected: ")

    run_virtually(story())


def test_stopping_ends_the_reader_and_what_waits_is_read_first() -> None:
    async def story() -> None:
        bench = Bench()
        async with bench.channel:
            await asyncio.sleep(1)
            bench.links[0].intake.take(b"one")
            bench.links[0].intake.take(b"two")
        assert [chunk.data async for chunk in bench.channel] == [b"one", b"two"]
        assert bench.links[0].closed
        await bench.channel.stop()  # twice is fine
        assert [transition.name for transition in bench.heard].count(Event.STOP) == 1

    run_virtually(story())


def test_chunks_of_two_connections_can_be_told_apart() -> None:
    async def story() -> None:
        bench = Bench()
        async with bench.channel:
            await asyncio.sleep(1)
            bench.links[0].intake.take(b"one")
            first_ms = virtual_ms()
            bench.links[0].intake.fail("reset", "gone")
            await asyncio.sleep(5)
            bench.links[1].intake.take(b"two")
            assert [await anext(bench.channel), await anext(bench.channel)] == [
                Chunk(first_ms, 1, b"one"), Chunk(first_ms + 5_000, 2, b"two"),
            ]  # fmt: skip

    run_virtually(story())


def test_draining_takes_as_long_as_the_characters_at_the_lines_rate() -> None:
    async def story() -> None:
        bench = Bench(SLOW)
        async with bench.channel as channel:
            assert isinstance(channel, ByteChannel)
            await asyncio.sleep(1)
            began_ms = virtual_ms()
            await channel.write(bytes(30))
            assert virtual_ms() == began_ms
            await channel.drain()
            assert virtual_ms() - began_ms == 1_000 + ADAPTER_MS  # ten bits at 300 Bd, thirty times
            await channel.set_line(Line(rate_bd=3_000))
            await channel.write(bytes(30))
            await channel.drain()
            assert virtual_ms() - began_ms == 1_100 + 2 * ADAPTER_MS
            bench.links[0].intake.fail("reset", "gone")
            await asyncio.sleep(5)
            began_ms = virtual_ms()
            await channel.write(bytes(3))  # over the next connection it is as slow as the settings say
            await channel.drain()
            assert virtual_ms() - began_ms == 100 + ADAPTER_MS

    run_virtually(story())


def test_a_write_that_hangs_ends_after_its_time_on_the_line_and_so_does_the_connection() -> None:
    async def story() -> None:
        bench = Bench(SLOW)
        async with bench.channel as channel:
            assert isinstance(channel, ByteChannel)
            await asyncio.sleep(1)
            bench.links[0].writing = asyncio.Event().wait  # type: ignore[assignment]
            began_ms = virtual_ms()
            with pytest.raises(ChannelDown, match="press-1 broke while writing: timeout"):
                await channel.write(bytes(30))
            assert virtual_ms() - began_ms == 1_000 + SETTINGS.write_timeout_ms
            with pytest.raises(ChannelDown, match="has no connection"):
                await channel.write(b"at once")
            await asyncio.sleep(0.01)
            assert bench.channel.tally.errors == {"timeout": 1}
            assert bench.channel.tally.bytes_out == 0
            with pytest.raises(ChannelDown, match="has no connection: timeout: while writing"):
                await channel.write(b"x")

    run_virtually(story())


@pytest.mark.parametrize(
    ("error", "reason"), [(BrokenPipeError(32, "pipe"), "reset"), (LinkError("protocol", "what?"), "protocol")]
)
def test_a_write_that_breaks_ends_the_connection(error: Exception, reason: str) -> None:
    async def story() -> None:
        bench = Bench()

        async def fail() -> None:
            raise error

        async with bench.channel as channel:
            assert isinstance(channel, ByteChannel)
            await asyncio.sleep(1)
            bench.links[0].writing = fail
            with pytest.raises(ChannelDown, match=reason):
                await channel.write(b"x")
            await asyncio.sleep(2)
            assert bench.channel.tally.errors == {reason: 1}
            assert len(bench.links) == 2
            with pytest.raises(UsageError, match="not that slow"):
                await channel.set_line(Line(rate_bd=50))
            assert len(bench.links) == 2

    run_virtually(story())


def test_eight_channels_one_of_which_hangs_do_not_know_of_each_other() -> None:
    async def story() -> None:
        benches = [Bench() for _ in range(8)]
        benches[0].connecting = hang
        for bench in benches:
            bench.channel.start()
        for _ in range(100):
            await asyncio.sleep(1)
            for bench in benches[1:]:
                bench.links[0].intake.take(b"x")
        assert [bench.channel.tally.connects for bench in benches] == [0, 1, 1, 1, 1, 1, 1, 1]
        assert all(bench.channel.tally.bytes_in == 100 for bench in benches[1:])
        await asyncio.gather(*(bench.channel.stop() for bench in benches))

    run_virtually(story())


def test_ten_minutes_of_failures_grow_nothing() -> None:
    async def story() -> None:
        bench = Bench()

        async def say_something_and_end(link: Told) -> None:
            link.intake.take(b"x")
            link.serving = _done

        bench.connecting = say_something_and_end
        async with bench.channel:
            reader = asyncio.create_task(_read(bench))
            await asyncio.sleep(TEN_MINUTES_S)
            assert len(bench.links) >= TEN_MINUTES_S
            assert len(bench.channel.status().history) == 32
            assert len(asyncio.all_tasks()) <= 4
        await reader

    run_virtually(story())


async def _read(bench: Bench) -> None:
    async for _ in bench.channel:
        pass
