"""Writes the typed Python client from the OpenAPI description: one struct for each shape, one method for each route.

What a tag alone takes and answers is in a module of its own, what several share in `common`; both are had from the
package, so that a shape which others come to use has not moved for anybody. Shapes refer within their module or to
`common`: whatever uses a shape uses what that refers to.
"""

from __future__ import annotations

import keyword
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

Json = dict[str, Any]

SHAPES = Path("edge/client/shapes")
CALLS = Path("edge/client/calls")
COMMON = "common"

_WRITTEN = "\n\nWritten by `make schemas` from the API's description: edit nothing here.\n"
_SHAPES_HEAD = f'''\
"""What {{about}} take and answer, as structs.{_WRITTEN}"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

{{imports}}
'''
_SHAPES_INIT = f'''\
"""What the API takes and answers, as structs: import them from here, whichever module they are in.{_WRITTEN}"""

'''
_CALLS_HEAD = f'''\
"""One method for each route about {{tag}}.{_WRITTEN}"""

from __future__ import annotations

from typing import Any, Literal

from edge.client.session import Session, part
{{imports}}


class {{name}}(Session):
    """Routes about {{tag}}."""

'''
_CALLS_INIT = f'''\
"""The client: one method for each route of the API.{_WRITTEN}"""

from __future__ import annotations

{{imports}}


class Client({{bases}}):
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
    homes = _homes(description)
    return _formatted({**_shapes(description, homes), **_calls(description, homes)})


def _shapes(description: Json, homes: Mapping[str, str]) -> dict[Path, str]:
    components = description["components"]["schemas"]
    written = {
        SHAPES / "__init__.py": _SHAPES_INIT + "\n".join(f"{line} as {line.split()[-1]}" for line in _imports(homes))
    }
    for home in sorted(set(homes.values())):
        names = sorted(name for name in homes if homes[name] == home)
        structs = [_struct(name, components[name]) for name in names]
        shared = {name: COMMON for name in homes if home != COMMON and homes[name] == COMMON}
        about = "several tags" if home == COMMON else f"routes about {home}"
        head = _SHAPES_HEAD.format(about=about, imports="\n".join(_imports(_said(shared, structs))))
        written[SHAPES / f"{home}.py"] = "\n\n".join((head, *structs))
    return written


def _calls(description: Json, homes: Mapping[str, str]) -> dict[Path, str]:
    methods: dict[str, list[str]] = {}
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            if not _is_stream(operation):
                methods.setdefault(operation["tags"][0], []).append(_method(method.upper(), path, operation))
    written = {}
    for tag, of_tag in methods.items():
        imports = "\n".join(_imports(_said(homes, of_tag)))
        head = _CALLS_HEAD.format(tag=tag, name=_class_of(tag), imports=imports)
        written[CALLS / f"{tag}.py"] = head + "\n".join(of_tag)
    imports = "\n".join(f"from edge.client.calls.{tag} import {_class_of(tag)}" for tag in methods)
    written[CALLS / "__init__.py"] = _CALLS_INIT.format(imports=imports, bases=", ".join(map(_class_of, methods)))
    return written


def _class_of(tag: str) -> str:
    return f"{tag.capitalize()}Calls"


def _homes(description: Json) -> dict[str, str]:
    """The module of each shape: the one tag that uses it, or `common`."""
    components = description["components"]["schemas"]
    users: dict[str, set[str]] = {name: set() for name in components}
    for operations in description["paths"].values():
        for operation in operations.values():
            waiting = _referred(operation)
            while waiting:
                name = waiting.pop()
                if operation["tags"][0] not in users[name]:
                    users[name].add(operation["tags"][0])
                    waiting |= _referred(components[name])
    return {name: tags.pop() if len(tags) == 1 else COMMON for name, tags in users.items()}


def _referred(told: Json) -> set[str]:
    return set(re.findall(r"#/components/schemas/(\w+)", repr(told)))


def _said(homes: Mapping[str, str], code: Iterable[str]) -> dict[str, str]:
    """Those of the shapes that code mentions."""
    words = set(re.findall(r"\w+", "\n".join(code)))
    return {name: home for name, home in homes.items() if name in words}


def _imports(homes: Mapping[str, str]) -> list[str]:
    return [f"from edge.client.shapes.{homes[name]} import {name}" for name in sorted(homes)]


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


def _formatted(written: Mapping[Path, str]) -> dict[Path, str]:
    """The code in the style of the house, without the imports that it does not need."""
    ruff = str(Path(sys.executable).with_name("ruff"))
    settings = Path(__file__).resolve().parents[1] / "pyproject.toml"
    with TemporaryDirectory() as directory:
        for path, code in written.items():
            (Path(directory) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(directory) / path).write_text(code, encoding="utf-8")
        for words in (("check", "--fix-only"), ("format",)):
            command = [ruff, *words, "--quiet", "--no-cache", "--config", str(settings), directory]
            subprocess.run(command, cwd=settings.parent, check=True, timeout=60)
        return {path: (Path(directory) / path).read_text(encoding="utf-8") for path in written}
