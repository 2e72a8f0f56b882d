"""The shape of a saved state: the classes that its pickle holds, and what the objects of each class hold.

python state_shape.py > the file that the test compares with
"""

from __future__ import annotations

import pickletools
from collections.abc import Iterator
from typing import Any

import msgspec

OURS = ("connectors.", "models.", "pipelines.", "sipe.")


def shape_of(pickled: bytes, root: object) -> str:
    """A line for each class of ours, with the names of its fields."""
    fields: dict[str, set[str]] = {name: set() for name in _classes(pickled) if name.startswith(OURS)}
    for value in _reachable(root):
        name = f"{type(value).__module__}.{type(value).__qualname__}"
        if name in fields:
            fields[name].update(_fields(value))
    return "".join(f"{name}: {' '.join(sorted(found)) or '-'}\n" for name, found in sorted(fields.items()))


def _classes(pickled: bytes) -> Iterator[str]:
    """The classes and functions that the pickle names."""
    strings: list[str] = []
    memo: dict[int, str] = {}
    for opcode, argument, _ in pickletools.genops(pickled):
        if opcode.name == "STACK_GLOBAL":
            yield f"{strings[-2]}.{strings[-1]}"
        elif opcode.name == "MEMOIZE":
            memo[len(memo)] = strings[-1] if strings else ""
        elif opcode.name in {"BINGET", "LONG_BINGET"}:
            strings.append(memo.get(int(argument or 0), ""))
        elif isinstance(argument, str):
            strings.append(argument)


def _reachable(root: object) -> Iterator[object]:
    seen: set[int] = set()
    waiting: list[Any] = [root]
    while waiting:
        value = waiting.pop()
        if id(value) in seen or isinstance(value, (str, bytes, int, float, type(None))):
            continue
        seen.add(id(value))
        yield value
        if isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, (list, tuple, set, frozenset)):
            waiting += value
        else:
            waiting += [getattr(value, name) for name in _fields(value)]


def _fields(value: Any) -> Iterator[str]:
    """The names of what an object holds, by whichever means its class declares them."""
    if isinstance(value, tuple):
        yield from getattr(value, "_fields", ())
    elif isinstance(value, msgspec.Struct):
        yield from value.__struct_fields__
    else:
        yield from getattr(value, "__dict__", {})
        for class_ in type(value).__mro__:
            yield from (name for name in getattr(class_, "__slots__", ()) if hasattr(value, name))
