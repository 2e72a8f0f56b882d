"""Everything that is told says where it belongs, or belongs to no line: else only few would learn of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from sipe.contracts.changes import PLANT_WIDE

ROOT = Path(__file__).resolve().parents[3]


def tellings() -> Iterator[object]:
    for path in sorted((ROOT / "connectors" / "sql").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "tell":
                yield pytest.param(node, id=f"{path.stem}:{node.lineno}")


@pytest.mark.parametrize("node", list(tellings()))
def test_what_is_told_says_where_it_belongs(node: ast.Call) -> None:
    said = {keyword.arg for keyword in node.keywords}
    kind = node.args[0]
    is_plant_wide = (
        str(kind.value).startswith(PLANT_WIDE)
        if isinstance(kind, ast.Constant)
        else ast.unparse(kind) == "f'{kind}_added'"  # of products
    )
    assert is_plant_wide or said & {"station", "line", None}  # None is a `**told`
