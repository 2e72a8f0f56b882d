"""Writes the typed Python client from the OpenAPI description: one struct for each shape, one method for each route."""

from __future__ import annotations

import keyword
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

Json = dict[str, Any]

SHAPES = Path("edge/client/shapes.py")
CALLS = Path("edge/client/calls.py")

_SHAPES_HEAD = '''\
"""What the API takes and answers, as structs. Written by `make schemas` from its description: edit nothing here."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType
'''
_CALLS_HEAD = '''\
"""One method for each route of the API. Written by `make schemas` from its description: edit nothing here."""

from __future__ import annotations

from typing import Any, Literal

from edge.client.session import Session, part
from edge.client.shapes import (
    {names},
)


class Client(Session):
    """The API, one method for each route; each raises `edge.client.problems.ApiError`.

    `version` is the version that a change is based on: 412 (`Stale`) when it is no longer that. `key` is for a caller
    who keeps it, to ask again after a restart and have it done once; without one, each call makes its own.
    """
'''
_JSON = "application/json"
_EVENTS = "text/event-stream"
_UNSHOWN = '''
    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"'''
_PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


def files(description: Json) -> dict[Path, str]:
    """The generated modules, by their path in the repository."""
    written = {SHAPES: shapes(description), CALLS: calls(description)}
    return {path: _formatted(path, code) for path, code in written.items()}


def shapes(description: Json) -> str:
    """The module of structs."""
    components = description["components"]["schemas"]
    return "\n\n".join((_SHAPES_HEAD, *(_struct(name, components[name]) for name in sorted(components))))


def calls(description: Json) -> str:
    """The module of methods."""
    methods = [
        _method(method.upper(), path, operation)
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
        if not _is_stream(operation)
    ]
    body = "\n".join(methods)
    names = [name for name in sorted(description["components"]["schemas"]) if re.search(rf"\b{name}\b", body)]
    return _CALLS_HEAD.replace("{names}", ",\n    ".join(names)) + "\n" + body


def _struct(name: str, shape: Json) -> str:
    options = ["frozen=True", "kw_only=True", "omit_defaults=True"]
    lines = []
    for field, schema in shape.get("properties", {}).items():
        if keyword.iskeyword(field):
            raise ValueError(f"{name}.{field}: no Python program can say this name")
        if field == "type" and len(schema.get("enum", ())) == 1:
            options += ['tag_field="type"', f"tag={schema['enum'][0]!r}"]
            continue
        lines.append(f"    {field}: {_field(schema, is_required=field in shape.get('required', ()))}")
    head = f'class {name}(Struct, {", ".join(options)}):\n    """{_words(shape, name)}"""\n'
    return "\n".join((head, *lines, *([_UNSHOWN] if "'password'" in repr(shape) else [])))


def _field(schema: Json, *, is_required: bool) -> str:
    annotation = _annotation(schema)
    if is_required:
        return annotation
    if "default" not in schema:
        return f"{annotation} | UnsetType = UNSET"
    default = schema["default"]
    return f"{annotation} = {tuple(default) if isinstance(default, list) else default!r}"


def _annotation(schema: Json) -> str:
    match schema:
        case {"$ref": target}:
            return str(target).rpartition("/")[2]
        case {"anyOf": options}:
            return " | ".join(dict.fromkeys(map(_annotation, options)))
        case {"enum": values}:
            return f"Literal[{', '.join(map(repr, values))}]"
        case {"type": "array", "prefixItems": items}:
            return f"tuple[{', '.join(map(_annotation, items))}]"
        case {"type": "array"}:
            return f"tuple[{_annotation(schema.get('items', {}))}, ...]"
        case {"type": "object"}:
            inner = schema.get("additionalProperties")
            return f"dict[str, {_annotation(inner) if isinstance(inner, dict) else 'Any'}]"
        case {"type": kind}:
            return _PLAIN[kind]
        case _:
            return "Any"


def _method(method: str, path: str, operation: Json) -> str:
    parameters = operation["parameters"]
    in_path = [one for one in parameters if one["in"] == "path"]
    in_query = [one for one in parameters if one["in"] == "query"]
    headers = {one["name"] for one in parameters if one["in"] == "header"}
    good = next(iter(operation["responses"].values()))
    content = good.get("content", {_JSON: {"schema": {"type": "null"}}})
    answer = _annotation(content[_JSON]["schema"]) if _JSON in content else "str"
    positional = [f"{one['name']}: {_annotation(one['schema'])}" for one in in_path]
    named = [_query_parameter(one) for one in sorted(in_query, key=lambda one: not one["required"])]
    told = []
    if in_query:
        pairs = (f'"{one["name"]}": {one["name"]}' for one in in_query)
        told.append(f"query={{{', '.join(pairs)}}}")
    if body := operation.get("requestBody"):
        is_json = _JSON in body["content"]
        positional.append(f"body: {_annotation(_json(body))}" if is_json else "body: bytes")
        told.append("body=body" if is_json else f"body=body, media={next(iter(body['content']))!r}")
    if "If-Match" in headers:
        named.append("version: int")
        told.append("version=version")
    if "Idempotency-Key" in headers:
        named.append("key: str | None = None")
        told.append("key=self.key(key)")
    star = ["*", *named] if named else []
    call, expected, end = ("self.do", [], "") if answer == "None" else ("return self.call", [answer], "")
    if _JSON not in content:
        call, expected, end = "return self.do", [], ".body.decode()"
    filled = re.sub(r"\{(\w+)\}", r"{part(\1)}", path)
    url = f'f"{filled}"' if "{" in filled else f'"{filled}"'
    return (
        f"    def {operation['operationId']}({', '.join(['self', *positional, *star])}) -> {answer}:\n"
        f'        """{operation["summary"]}"""\n'
        f"        {call}({', '.join([repr(method), url, *expected, *told])}){end}\n"
    )


def _is_stream(operation: Json) -> bool:
    """Whether it answers without an end."""
    return any(_EVENTS in answer.get("content", {}) for answer in operation["responses"].values())


def _query_parameter(parameter: Json) -> str:
    annotation = _annotation(parameter["schema"])
    return f"{parameter['name']}: {annotation}{'' if parameter['required'] else ' | None = None'}"


def _json(told: Json) -> Json:
    schema: Json = told["content"][_JSON]["schema"]
    return schema


def _words(shape: Json, name: str) -> str:
    """The first paragraph of a description, as a docstring has it."""
    words = re.sub(r"\s+", " ", shape.get("description", "").strip().partition("\n\n")[0])
    return words or f"A {name}."


def _formatted(path: Path, code: str) -> str:
    """The code in the style of the house, without the imports that it does not need."""
    ruff = str(Path(sys.executable).with_name("ruff"))
    for words in (("check", "--fix-only", "--quiet"), ("format",)):
        command = [ruff, *words, "--no-cache", "--stdin-filename", str(path), "-"]
        code = subprocess.run(command, input=code, capture_output=True, text=True, check=True, timeout=60).stdout
    return code
