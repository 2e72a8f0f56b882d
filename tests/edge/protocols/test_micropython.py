"""The codecs keep to what MicroPython has: here by their source, which says at once what a device would not run."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import edge.protocols

MODULES = sorted(Path(edge.protocols.__path__[0]).rglob("*.py"))
IMPORTED = {"__future__", "struct", "binascii"}
NOT_THERE = {
    "bit_count", "bit_length", "capitalize", "casefold", "expandtabs", "isalnum", "isascii", "isdecimal",
    "isidentifier", "isnumeric", "isprintable", "ljust", "removeprefix", "removesuffix", "rjust", "swapcase", "title",
    "translate", "zfill",
}  # fmt: skip
"""Methods of strings, bytes and numbers that MicroPython 1.27 leaves out."""


def faults(source: str) -> list[str]:
    """What of a module is not in the subset, by line."""
    tree = ast.parse(source)
    annotations = {id(inner) for node in ast.walk(tree) for inner in annotated(node)}
    found = [(node, fault(node)) for node in ast.walk(tree) if id(node) not in annotations]
    return [f"line {getattr(node, 'lineno', 0)}: {what}" for node, what in found if what]


def annotated(node: ast.AST) -> list[ast.AST]:
    """What is within annotations, which a device never looks at."""
    given = [getattr(node, "annotation", None), getattr(node, "returns", None)]
    return [inner for annotation in given if annotation for inner in ast.walk(annotation)]


def fault(node: ast.AST) -> str:
    """Why this node is not in the subset; empty when it is."""
    match node:
        case ast.Import(names=names) if any(name.name not in IMPORTED for name in names):
            return "imports what is not there"
        case ast.ImportFrom(module=module, level=level) if level or not in_subset(str(module)):
            return f"imports from {module}"
        case ast.Match():
            return "match"
        case ast.Tuple(elts=elements, ctx=ast.Load()) | ast.List(elts=elements, ctx=ast.Load()) if starred(elements):
            return "a star in a tuple or list"
        case ast.Set(elts=elements) if starred(elements):
            return "a star in a set"
        case ast.Dict(keys=keys) if None in keys:
            return "** in a dictionary"
        case ast.Subscript(value=ast.Name(id="tuple" | "list" | "dict" | "set" | "type")):
            return "a generic type at run time"
        case ast.Call(func=ast.Name(id="zip"), keywords=[_, *_]):
            return "zip with keywords"
        case ast.Attribute(attr=attribute) if attribute in NOT_THERE:
            return attribute
        case ast.Delete(targets=[ast.Subscript(slice=ast.Slice())]):
            return "del of a slice, which a bytearray does not know"
    return ""


def in_subset(module: str) -> bool:
    return module in IMPORTED or module.split(".")[:2] == ["edge", "protocols"]


def starred(elements: list[ast.expr]) -> bool:
    return any(isinstance(element, ast.Starred) for element in elements)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_keeps_to_the_subset(path: Path) -> None:
    assert not faults(path.read_text())


@pytest.mark.parametrize(
    "source",
    [
        "import re",
        "import dataclasses",
        "from typing import NamedTuple",
        "from . import records",
        "from sipe.errors import SipeError",
        "x = (1, *y)",
        "x = [*y]",
        "x = {**y}",
        "match x:\n    case 1: pass",
        "Pair = tuple[int, int]",
        "zip(x, y, strict=True)",
        "'5'.zfill(3)",
        "del x[:3]",
    ],
)
def test_what_is_not_in_it_is_found(source: str) -> None:
    assert faults(source)


@pytest.mark.parametrize(
    "source",
    ["def f(x: tuple[int, ...]) -> dict[str, int]: ...", "a, *b = c", "f(*a)", "x: list[int] = []", "f'{x:{y}}'"],
)
def test_what_is_in_it_is_let_through(source: str) -> None:
    assert not faults(source)
