"""`sipe demo` on a short day, and the board that it shows on a terminal."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from command_line import PLANT
from rich.console import Console

from connectors.files.plant import read_plant
from models.twin import simulate
from pipelines.runtime.system import Runtime
from sipe.commands import demo
from sipe.commands._board import Board
from sipe.commands._plant import paced
from sipe.commands._system import send_and_store
from sipe.commands._truth import differences
from sipe.settings import Settings

pytestmark = pytest.mark.stack

SHORT_DAY = partial(simulate, hours=1.5, scale=0.3)
Answer = Callable[..., Any]


def test_the_day_is_played_and_equals_its_truth(answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "simulate", SHORT_DAY)
    monkeypatch.setattr(demo, "PLAY_S", 2.0)
    outcome = answer("demo", "--seed", "5")
    assert outcome["differences"] == []
    assert outcome["equal_to_truth"] is True
    assert len(outcome["stations"]) == 15
    assert 0 < outcome["first_kpi_s"] <= outcome["stored_s"]


@pytest.mark.long
def test_the_board_shows_the_store_and_a_difference_is_found(tmp_path: Path) -> None:
    day = SHORT_DAY(read_plant(PLANT), seed=2)
    with Runtime(Settings(data_dir=tmp_path)) as runtime:
        send_and_store(runtime, paced(day, 0, demo.TICK_MS))
        store = runtime.store()
        board = Board(store, expected=1000, zone="America/Manaus")
        picture = board.picture(stored=400)
        screen = Console(width=120, file=io.StringIO(), record=True)
        screen.print(board.render(picture))
        text = screen.export_text()
        assert all(station.display in text for station in day.plant.stations)
        assert "400 of 1,000 records stored" in text
        assert f"{day.irregularities['doubled']} doubled" in text
        assert picture.has_kpi

        assert differences(store, day) == []
        fact = day.truth.facts[100]
        store.run(
            "INSERT INTO minute_facts SELECT * REPLACE (apt_ms + 1 AS apt_ms, version + 1 AS version) "
            "FROM minute_facts FINAL WHERE station = %(station)s AND minute = toDateTime(%(minute_s)s, 'UTC')"
            "AND `order` = %(order)s AND product = %(product)s AND shift = %(shift)s",
            {
                "station": fact.station,
                "minute_s": fact.minute_ms // 1000,
                "order": fact.order,
                "product": fact.product,
                "shift": fact.shift,
            },
        )
        (difference,) = differences(store, day)
        assert f"apt_ms is {fact.apt_ms + 1} instead of {fact.apt_ms}" in difference
