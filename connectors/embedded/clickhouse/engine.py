"""chDB, the ClickHouse engine as a library: one `Engine` is one session with a database and settings of its own.

The zone of the process has to be UTC before this module is imported; chDB reads it only once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Protocol

import chdb

from connectors.embedded.clickhouse.blocks import header_block, split_blocks
from connectors.embedded.clickhouse.errors import Code, ServerError
from connectors.embedded.clickhouse.packets import Setting
from connectors.embedded.clickhouse.statements import is_set, quoted_name, quoted_text

_AS_A_SERVER = {
    "async_insert": "0",  # an INSERT that has returned is stored
    "implicit_select": "0",  # where clickhouse-local and a server differ, be a server
    "allow_introspection_functions": "0",
}
_TAG = "log_comment"
"""The setting that marks a session's queries for `kill`. There is no query log in which a client's would show."""

_ERROR = re.compile(r"Code: (?P<code>\d+)\. DB::Exception: (?P<message>.*)", re.DOTALL)
_NOT_STREAMED = "Streaming query is not supported for query"
_SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_serial = count(1)


class Engine:
    """A session on the database in a directory. It runs one statement at a time; its failures are `ServerError`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._tag = f"session-{next(_serial)}"
        self._session_settings = dict(_AS_A_SERVER)
        self._connection = self._connect()

    def use(self, database: str) -> None:
        """Make a database the session's own."""
        self._query(f"USE {quoted_name(database)}")

    def run(self, sql: str) -> Generator[bytes]:
        """Run a statement and yield the blocks of its result; a SELECT yields at least one, be it without rows."""
        try:
            with _failures(), self._connection.send_query(sql, "Native") as chunks:
                empty = True
                for chunk in chunks:
                    empty = False
                    yield bytes(chunk.bytes())
                if empty:
                    yield self._header(sql)
                return
        except ServerError as error:
            if not error.message.startswith(_NOT_STREAMED):
                raise
        yield from split_blocks(self._query(sql, "Native"))
        if is_set(sql):
            self._session_settings = self._changed_settings()

    @contextmanager
    def insert(self, sql: str) -> Iterator[Inserter]:
        """An INSERT that takes blocks; it stores nothing unless it is finished."""
        with _failures():
            inserter = Inserter(self._connection.send_insert(sql, "Native"))
        try:
            yield inserter
        finally:
            inserter.cancel()

    def insert_columns(self, table: str, names: Sequence[str] | None) -> list[tuple[str, str]]:
        """Names and types of the columns that an INSERT sends: those it names, or all that are not computed."""
        described = json.loads(self._query(f"DESCRIBE TABLE {table}", "JSONCompact"))["data"]
        types = {name: type_name for name, type_name, *_ in described}
        if names is None:
            return [(name, types[name]) for name, _, default, *_ in described if default in {"", "DEFAULT"}]
        for name in names:
            if name not in types:
                raise ServerError(
                    Code.NO_SUCH_COLUMN_IN_TABLE, f"No such column {name} in table {table}. (NO_SUCH_COLUMN_IN_TABLE)"
                )
        return [(name, types[name]) for name in names]

    @contextmanager
    def settings(self, settings: Sequence[Setting]) -> Iterator[None]:
        """Settings that hold within the `with` block; afterwards those of the session hold again."""
        changed: list[str] = []
        try:
            # Last what forbids to set anything.
            for setting in sorted(settings, key=lambda setting: setting.name == "readonly"):
                if setting.name != _TAG and self._set(setting):
                    changed.append(setting.name)
            yield
        finally:
            if changed:
                self._reset(changed)

    def kill(self, victim: Engine) -> None:
        """End what another session is running; nothing happens when it is running nothing."""
        self._query(f"KILL QUERY WHERE Settings[{quoted_text(_TAG)}] = {quoted_text(victim._tag)} ASYNC")

    def close(self) -> None:
        """End the session; with the last one the engine stops."""
        self._connection.close()

    def _connect(self) -> chdb.state.sqlitelike.Connection:
        with _failures():
            connection = chdb.connect(self._path)
            connection.query(_set_statement({**self._session_settings, _TAG: self._tag}))
        return connection

    def _query(self, sql: str, output_format: str = "CSV") -> bytes:
        with _failures():
            return bytes(self._connection.query(sql, output_format).bytes() or b"")

    def _header(self, sql: str) -> bytes:
        """The columns of a SELECT that gave no rows; for those the engine writes nothing at all."""
        described = json.loads(self._query(f"DESCRIBE TABLE (\n{sql.rstrip().rstrip(';')}\n)", "JSONCompact"))["data"]
        return header_block((name, type_name) for name, type_name, *_ in described)

    def _set(self, setting: Setting) -> bool:
        """Set it; like any server, do without one that is unknown and not important."""
        try:
            if not _SETTING_NAME.fullmatch(setting.name):
                raise ServerError(Code.UNKNOWN_SETTING, f"Unknown setting {setting.name!r}. (UNKNOWN_SETTING)")
            self._query(_set_statement({setting.name: setting.value}))
        except ServerError as error:
            if error.code != Code.UNKNOWN_SETTING or setting.important:
                raise
            return False
        return True

    def _reset(self, names: Sequence[str]) -> None:
        try:
            self._query(_set_statement({name: self._session_settings.get(name) for name in names}))
        except ServerError:
            # A readonly session refuses to become another one, so it is replaced.
            database = json.loads(self._query("SELECT currentDatabase()", "JSONCompact"))["data"][0][0]
            self._connection.close()
            self._connection = self._connect()
            self.use(database)

    def _changed_settings(self) -> dict[str, str]:
        rows = self._query("SELECT name, value FROM system.settings WHERE changed", "JSONCompact")
        settings = dict(json.loads(rows)["data"])
        del settings[_TAG]
        return settings


class _Stream(Protocol):
    """An INSERT of the engine's."""

    def append(self, data: bytes) -> object: ...
    def finish(self) -> object: ...
    def cancel(self) -> object: ...


class Inserter:
    """Takes the blocks of one INSERT."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream

    def append(self, block: bytes) -> None:
        """Hand over a block in format Native."""
        with _failures():
            self._stream.append(block)

    def finish(self) -> None:
        """Store what was appended; when this returns, it is stored."""
        with _failures():
            self._stream.finish()

    def cancel(self) -> None:
        """Forget what was appended, unless it is stored already."""
        with _failures():
            self._stream.cancel()


@contextmanager
def _failures() -> Iterator[None]:
    """What the engine raises, as a `ServerError` with the engine's own code."""
    try:
        yield
    except RuntimeError as error:
        match = _ERROR.search(str(error))
        code, message = (int(match["code"]), match["message"]) if match else (Code.STD_EXCEPTION, str(error))
        raise ServerError(code, message) from error


def _set_statement(values: dict[str, str] | dict[str, str | None]) -> str:
    texts = (f"{name} = {'DEFAULT' if value is None else quoted_text(value)}" for name, value in values.items())
    return f"SET {', '.join(texts)}"
