"""The templates that SIPE ships, one TOML file each, and beside it a sheet that is right and one that is not."""

from __future__ import annotations

import json
import tomllib
from importlib import resources
from typing import Any, NamedTuple

from models.sheets.template import Template, TemplateError, template_of

_LIBRARY = "sheet_library"


class Samples(NamedTuple):
    """A sheet without a problem, and one whose problems are known by their (path, code)."""

    valid: dict[str, Any]
    broken: dict[str, Any]
    problems: list[tuple[str, str]]


def names() -> list[str]:
    """Of every template in the library."""
    files = resources.files(__package__).joinpath(_LIBRARY).iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


def template(name: str) -> Template:
    """One of the library; raises `TemplateError`."""
    try:
        given = tomllib.loads(_text(f"{name}.toml"))
    except tomllib.TOMLDecodeError as error:
        raise TemplateError(f"template {name!r}: {error}") from error
    return template_of(given)


def samples(name: str) -> Samples:
    """The samples of a template."""
    told = json.loads(_text(f"{name}.samples.json"))
    broken = told["broken"]
    return Samples(told["valid"], broken["values"], [(path, code) for path, code in broken["problems"]])


def _text(file_name: str) -> str:
    return resources.files(__package__).joinpath(_LIBRARY, file_name).read_text(encoding="utf-8")
