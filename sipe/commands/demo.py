"""`sipe demo`: a compressed factory day through the whole stack, live, and its KPIs at the end."""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from rich.live import Live

from connectors.files.plant import read_plant
from connectors.kafka.sender import EventSender
from models.twin import Day, Send, simulate
from pipelines.runtime.system import Runtime
from sipe.commands._board import Board, Picture
from sipe.commands._kpi_table import kpi_table, legend
from sipe.commands._output import err, note, out, plural, print_json
from sipe.commands._plant import EXAMPLE, paced
from sipe.commands._system import send_script
from sipe.commands._truth import differences
from sipe.contracts.topics import STATION_EVENTS_TOPIC
from sipe.settings import Settings

PLAY_S = 45.0
TICK_MS = 5 * 60_000
LOOK_EVERY_S = 1.0
LINE_EVERY_S = 5.0
DIFFERENCES_SHOWN = 10

Show = Callable[[Picture], None]


class Played(NamedTuple):
    """How the day went through."""

    first_kpi_s: float
    stored_s: float


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--seed", type=int, default=1, help="the same seed is the same day (default: 1)")
    parser.add_argument("--json", action="store_true", help="print the outcome and the KPIs as one JSON object")


def run(args: argparse.Namespace) -> int:
    """Play the day on a fresh stack; 1 when what is stored is not what had to come out."""
    start_s = time.monotonic()
    note("simulating a day of the example factory")
    day = simulate(read_plant(EXAMPLE), seed=args.seed)
    note(f"{plural(len(day.sends), 'message')} of {plural(len(day.plant.stations), 'station')}; starting the servers")
    with (
        tempfile.TemporaryDirectory(prefix="sipe-demo-") as directory,
        Runtime(Settings(data_dir=Path(directory))) as runtime,
    ):
        store = runtime.store()
        board = Board(store, _records(day), day.plant.calendar_of(day.plant.stations[0]).zone)
        with _shown(board, to_stderr=args.json) as show:
            played = _play(runtime, day, board, show, start_s)
        rows = store.rows("SELECT * FROM kpi_by_station ORDER BY station")
        wrong = differences(store, day)
    if args.json:
        print_json(_outcome(day, played, wrong) | {"stations": rows})
    else:
        _print(day, played, rows, wrong)
    return 1 if wrong else 0


def _records(day: Day) -> int:
    return sum(1 if isinstance(item, Send) else STATION_EVENTS_TOPIC.partitions for item in day.script(TICK_MS))


def _play(runtime: Runtime, day: Day, board: Board, show: Show, start_s: float) -> Played:
    """Send the day in a thread of its own while the board is shown, until everything is stored."""
    first_kpi_s: float | None = None
    stopping = threading.Event()
    with runtime.sender() as sender, ThreadPoolExecutor(1, thread_name_prefix="factory") as threads:
        sending = threads.submit(_send, sender, day, stopping)
        try:
            while True:
                runtime.check()
                stored = sum(runtime.progress().values())
                picture = board.picture(stored)
                show(picture)
                if first_kpi_s is None and picture.has_kpi:
                    first_kpi_s = time.monotonic() - start_s
                if _all_stored(sending, runtime):
                    break
                time.sleep(LOOK_EVERY_S)
        finally:
            stopping.set()
    stored_s = time.monotonic() - start_s
    return Played(first_kpi_s=first_kpi_s or stored_s, stored_s=stored_s)


def _send(sender: EventSender, day: Day, stopping: threading.Event) -> dict[int, int]:
    def until_stopped() -> Iterator[Any]:
        for item in paced(day, (day.now_ms - day.from_ms) / 1000 / PLAY_S, TICK_MS):
            if stopping.is_set():
                return
            yield item

    send_script(sender, until_stopped())
    return sender.ends()


def _all_stored(sending: Future[dict[int, int]], runtime: Runtime) -> bool:
    if not sending.done():
        return False
    stored = runtime.progress()
    return all(stored.get(partition, 0) >= end for partition, end in sending.result().items())


@contextmanager
def _shown(board: Board, *, to_stderr: bool) -> Iterator[Show]:
    """Shows pictures: as a live board on a terminal, else as a plain line every few seconds."""
    console = err() if to_stderr else out()
    if console.is_terminal:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            yield lambda picture: live.update(board.render(picture), refresh=True)
        return
    last_s = float("-inf")

    def line(picture: Picture) -> None:
        nonlocal last_s
        if picture.stations and time.monotonic() - last_s >= LINE_EVERY_S:
            last_s = time.monotonic()
            console.print(board.line(picture))

    yield line


def _outcome(day: Day, played: Played, wrong: list[str]) -> dict[str, Any]:
    return {
        "seed": day.seed,
        "equal_to_truth": not wrong,
        "differences": wrong,
        "first_kpi_s": round(played.first_kpi_s, 1),
        "stored_s": round(played.stored_s, 1),
        "irregularities": day.irregularities,
    }


def _print(day: Day, played: Played, rows: list[dict[str, Any]], wrong: list[str]) -> None:
    out().print(kpi_table(rows, {"station": lambda row: row["display"]}, f"{day.plant.name}, one simulated day"))
    for line in legend(rows):
        out().print(line)
    odd = day.irregularities
    out().print(
        f"\n{odd['sends']:,} messages went through broker, flow and store; the first KPI was there after "
        f"{played.first_kpi_s:.0f} s, the last after {played.stored_s:.0f} s."
    )
    out().print(
        f"Among them: {odd['doubled']:,} doubled, {odd['late']:,} over ten minutes late, {odd['out_of_order']:,} out "
        f"of order, {odd['lost']:,} lost on the way, {odd['stops_classified']:,} stops and "
        f"{odd['units_reclassified']:,} units judged later."
    )
    truth = f"{len(day.truth.facts):,} minute facts and {len(day.truth.stops):,} stops"
    if wrong:
        out().print(
            f"The stored facts differ from the ground truth ({truth}) in {plural(len(wrong), 'row')}:", style="red"
        )
        for difference in wrong[:DIFFERENCES_SHOWN]:
            out().print(f"  {difference}")
    else:
        out().print(f"The stored facts equal the ground truth, column by column: {truth}.", style="green")
    out().print(
        "\nNext: `sipe up` runs the stack, then in another terminal `sipe simulate` and `sipe kpi --by line`; "
        "`sipe replay LOG.csv --mapping examples/production-log.toml` reads a log."
    )
