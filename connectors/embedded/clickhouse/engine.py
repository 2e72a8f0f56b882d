"""chDB, the ClickHouse engine as a library: one `Engine` is one session with a database and settings of its own.

The zone of the process has to be UTC before this module is imported; chDB reads it only once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any

import chdb

from connectors.embedded.clickhouse.blocks import Block, Column, has_zones, header_block, split_blocks, with_zones
from connectors.embedded.clickhouse.errors import Code, ServerError
from connectors.embedded.clickhouse.packets import Setting
from connectors.embedded.clickhouse.statements import Insert, is_set, quoted_name, quoted_text

_AS_A_SERVER = {
    "async_insert": "0",  # an INSERT that has returned is stored
    "implicit_select": "0",  # where clickhouse-local and a server differ, be a server
    "allow_introspection_functions": "0",
}
_TAG = "log_comment"
"""The setting that marks a session's queries for `kill`. There is no query log in which a client's would show."""

SPOOL = "spool"
"""Where in the directory the blocks of unfinished INSERTs wait."""

_ERROR = re.compile(r"Code: (?P<code>\d+)\. DB::Exception: (?P<message>.*)", re.DOTALL)
_NOT_STREAMED = "Streaming query is not supported for query"
_SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_serial = count(1)


class Engine:
    """A session on the database in a directory. It runs one statement at a time; its failures are `ServerError`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._tag = f"session-{next(_serial)}"
        self._session_settings = dict(_AS_A_SERVER)
        self._connection = self._connect()

    def use(self, database: str) -> None:
        """Make a database the session's own."""
        self._query(f"USE {quoted_name(database)}")

    def run(self, sql: str) -> Generator[bytes]:
        """Run a statement and yield the blocks of its result, first one without rows that names the columns."""
        columns = self._result_columns(sql)
        zoned = has_zones(columns)
        try:
            with self._failures(), self._connection.send_query(sql, "Native") as chunks:
                if columns:
                    yield header_block(columns)
                for chunk in chunks:  # each is one block
                    data = bytes(chunk.bytes())
                    if not columns:
                        columns = next(split_blocks(data)).columns
                        yield header_block(columns)
                    yield with_zones(next(split_blocks(data)), columns) if zoned else data
                return
        except ServerError as error:
            if not error.message.startswith(_NOT_STREAMED):
                raise
        yield from self._run_at_once(sql)

    @contextmanager
    def insert(self, insert: Insert) -> Iterator[Inserter]:
        """An INSERT that takes blocks; nothing is stored before it is finished.

        The blocks wait in a file. The engine could take them one by one, but then reports success whatever its storage
        says: rows that break a constraint, or come while there are too many parts, would be lost without a word.
        """
        with NamedTemporaryFile(dir=self._directory / SPOOL, suffix=".native") as file:
            yield Inserter(file, lambda: self._query(insert.from_file(Path(file.name))))

    def insert_columns(self, table: str, names: Sequence[str] | None) -> list[Column]:
        """Names and types of the columns that an INSERT sends: those it names, or all that are not computed."""
        described = self._describe(table)
        columns = {name: Column(name, type_name) for name, type_name, *_ in described}
        if names is None:
            names = [name for name, _, default, *_ in described if default in {"", "DEFAULT"}]
        for name in names:
            if name not in columns:
                raise ServerError(
                    Code.NO_SUCH_COLUMN_IN_TABLE, f"No such column {name} in table {table}. (NO_SUCH_COLUMN_IN_TABLE)"
                )
        return [columns[name] for name in names]

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
        try:
            # Two wheels hold this module, with and without types; which of them is left is chance.
            connection = chdb.connect(str(self._directory))  # type: ignore[no-untyped-call,unused-ignore]
            connection.query(_set_statement({**self._session_settings, _TAG: self._tag}))
        except RuntimeError as error:
            raise _server_error(error) from error
        return connection

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """What the engine raises within the `with` block, as `ServerError`."""
        try:
            yield
        except RuntimeError as error:
            # What the statement had put out when it failed would otherwise begin the answer to the next one.
            self._connection.query("SELECT 1", "Null")
            raise _server_error(error) from error

    def _query(self, sql: str, output_format: str = "CSV") -> bytes:
        with self._failures():
            return bytes(self._connection.query(sql, output_format).bytes() or b"")

    def _rows(self, sql: str) -> list[Any]:
        rows: list[Any] = json.loads(self._query(sql, "JSONCompact"))["data"]
        return rows

    def _run_at_once(self, sql: str) -> Iterator[bytes]:
        """Run one of the statements that the engine does not stream: all but SELECT."""
        for number, block in enumerate(split_blocks(self._query(sql, "Native"))):
            if number == 0:
                yield header_block(block.columns)
            yield block.data
        if is_set(sql):
            self._query(_set_statement({_TAG: self._tag}))
            self._session_settings = self._changed_settings()

    def _describe(self, table: str) -> list[Any]:
        try:
            return self._rows(f"DESCRIBE TABLE {table} SETTINGS max_result_rows = 0, max_result_bytes = 0")
        except ServerError as error:
            if error.code != Code.READONLY:
                raise
            # The client's limits cannot be lifted then; it takes one below the number of columns to be in the way.
            return self._rows(f"DESCRIBE TABLE {table}")

    def _result_columns(self, sql: str) -> Sequence[Column]:
        """The columns that a SELECT gives; none for what is no SELECT, or fails, which it will when it is run."""
        try:
            described = self._describe(f"(\n{sql.rstrip().rstrip(';')}\n)")
        except ServerError:
            return []
        return [Column(name, type_name) for name, type_name, *_ in described]

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
            ((database,),) = self._rows("SELECT currentDatabase()")
            self._connection.close()
            self._connection = self._connect()
            self.use(database)

    def _changed_settings(self) -> dict[str, str]:
        settings = dict(self._rows("SELECT name, value FROM system.settings WHERE changed"))
        del settings[_TAG]
        return settings


class Inserter:
    """Takes the blocks of one INSERT."""

    def __init__(self, file: IO[bytes], store: Callable[[], object]) -> None:
        self._file = file
        self._store = store
        self._rows = 0

    def append(self, block: Block) -> None:
        """Keep a block."""
        try:
            self._file.write(block.data)
        except OSError as error:
            raise _no_space(error) from error
        self._rows += block.rows

    def finish(self) -> None:
        """Store what was appended; when this returns, it is stored."""
        try:
            self._file.flush()
        except OSError as error:
            raise _no_space(error) from error
        if self._rows:
            self._store()


def _no_space(error: OSError) -> ServerError:
    return ServerError(Code.NOT_ENOUGH_SPACE, f"Cannot keep the rows of an INSERT: {error}. (NOT_ENOUGH_SPACE)")


def _server_error(error: RuntimeError) -> ServerError:
    """What the engine raises, with the engine's own code."""
    match = _ERROR.search(str(error))
    if match is None:
        return ServerError(Code.STD_EXCEPTION, str(error))
    return ServerError(int(match["code"]), match["message"])


def _set_statement(values: dict[str, str] | dict[str, str | None]) -> str:
    texts = (f"{name} = {'DEFAULT' if value is None else quoted_text(value)}" for name, value in values.items())
    return f"SET {', '.join(texts)}"
