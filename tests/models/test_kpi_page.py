"""docs/kpis.md shows each KPI with its formula as the code states it."""

from __future__ import annotations

from pathlib import Path

from models.kpi import KPIS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "kpis.md"


def test_the_page_lists_every_kpi_with_its_formula() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert rows == [f"| `{name}` | {formula} |" for name, formula in KPIS.items()]
