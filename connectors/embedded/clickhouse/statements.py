"""The little that has to be known about a statement's text; everything else is the engine's to judge."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from connectors.embedded.clickhouse.errors import Code, ServerError

_GAP = r"(?:\s|/\*(?:(?!\*/).)*\*/|--[^\n]*(?:\n|$))"
_NAME = r"""(?:`(?:[^`\\]|\\.)+`|"(?:[^"\\]|\\.)+"|[A-Za-z_]\w*)"""
_PATH = rf"{_NAME}(?:\.{_NAME})*"
_DATA_FOLLOWS = r"(?:VALUES|FORMAT\s+\w+)[\s;]*$"

_INSERT = re.compile(
    rf"""{_GAP}*(?P<target>INSERT\s+INTO\s+(?:TABLE\s+)?(?P<table>{_NAME}(?:\.{_NAME})?)
         (?:\s*\(\s*(?P<columns>{_PATH}(?:\s*,\s*{_PATH})*)\s*\))?)
         (?P<settings>\s+SETTINGS\s+(?:[^'"`();]|'(?:[^'\\]|\\.)*')+?)?
         \s*\b{_DATA_FOLLOWS}""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_ANY_INSERT = re.compile(rf"{_GAP}*INSERT\b(?:(?!\bSELECT\b).)*\b{_DATA_FOLLOWS}", re.IGNORECASE | re.DOTALL)
_SET = re.compile(rf"{_GAP}*SET\b", re.IGNORECASE | re.DOTALL)
_OUTPUT_FORMAT = re.compile(r"\sFORMAT\s+\w+[\s;]*$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Insert:
    """An INSERT whose rows follow as blocks, taken apart."""

    target: str
    """The statement up to its table and columns."""
    table: str
    """As written, perhaps quoted."""
    columns: tuple[str, ...] | None
    """The columns' names, None when all are meant."""
    settings: str
    """The SETTINGS clause, perhaps empty."""

    def from_file(self, path: Path) -> str:
        """The same INSERT with its rows in a file of format Native."""
        return f"{self.target} FROM INFILE {quoted_text(str(path))} {self.settings} FORMAT Native"


def parse_insert(sql: str) -> Insert | None:
    """The INSERT that waits for blocks, or None for any other statement, `INSERT ... SELECT` among them.

    Raises `ServerError` for a form that waits for blocks and is not supported.
    """
    match = _INSERT.fullmatch(sql)
    if match is None:
        if _ANY_INSERT.fullmatch(sql):
            raise ServerError(
                Code.NOT_IMPLEMENTED,
                "This form of INSERT is not supported by the embedded server: "
                "write INSERT INTO table (column, ...) VALUES",
            )
        return None
    names = re.findall(_PATH, match["columns"]) if match["columns"] else None
    return Insert(
        target=match["target"],
        table=match["table"],
        columns=None if names is None else tuple(_unquoted(name) for name in names),
        settings=match["settings"] or "",
    )


def is_set(sql: str) -> bool:
    """Whether the statement changes settings of the session."""
    return _SET.match(sql) is not None


def without_format(sql: str) -> str:
    """The statement without a closing `FORMAT name`: over the native protocol the client does the formatting."""
    return _OUTPUT_FORMAT.sub("", sql)


def quoted_name(name: str) -> str:
    """A name in backquotes."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def quoted_text(text: str) -> str:
    """A text in quotes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _unquoted(path: str) -> str:
    """The parts of `a.b`, of which any may be quoted, as one name: the columns of nested structures have dots."""
    parts = re.findall(_NAME, path)
    return ".".join(re.sub(r"\\(.)", r"\1", part[1:-1]) if part[0] in '`"' else part for part in parts)
