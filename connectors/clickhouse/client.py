"""Connections to ClickHouse: one address, one driver, and errors that say what to do."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import SplitResult, unquote, urlsplit

from clickhouse_driver import Client
from clickhouse_driver import errors as driver_errors

from sipe.errors import SipeError, UsageError

URL_FORM = "clickhouse://user:password@host:port/database"
CONNECT_TIMEOUT_S = 10
SEND_RECEIVE_TIMEOUT_S = 120
PROBE_TIMEOUT_S = 2.0

DRIVER_ERRORS: tuple[type[Exception], ...] = (driver_errors.Error, OSError, EOFError)
"""What the driver raises when a server refuses, fails or goes away."""

_PORTS = {"clickhouse": 9000, "clickhouses": 9440}
_DATABASE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_AUTHENTICATION_CODES = frozenset({192, 193, 516})
_NO_SUCH_DATABASE = 81
_NO_SUCH_TABLE = 60

# The driver logs every refused connection with a traceback, and then raises what we report in one line.
logging.getLogger("clickhouse_driver.connection").setLevel(logging.CRITICAL)


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a database is and who we are there; as text it names host, port and database, never the password."""

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)
    secure: bool = False

    @classmethod
    def parse(cls, url: str) -> Address:
        """The address in `clickhouse://user:password@host:port/database`; `clickhouses://` is the same over TLS.

        User and password are percent-encoded where they have to be. Raises `UsageError`, which never shows the URL.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise _not_a_url("host or port are wrong") from None
        _check(parts)
        return cls(
            host=parts.hostname or "",
            port=port or _PORTS[parts.scheme],
            database=parts.path.removeprefix("/"),
            user=unquote(parts.username or "default"),
            password=unquote(parts.password or ""),
            secure=parts.scheme == "clickhouses",
        )

    def __str__(self) -> str:
        return f"{self.host}:{self.port}/{self.database}"


def _check(parts: SplitResult) -> None:
    if parts.scheme not in _PORTS:
        raise _not_a_url("it does not start with clickhouse://")
    if not parts.hostname:
        raise _not_a_url("it names no host")
    if parts.query or parts.fragment:
        raise _not_a_url("nothing may follow the database; percent-encode ?, # and / in the password")
    if not _DATABASE.fullmatch(parts.path.removeprefix("/")):
        raise _not_a_url("it names no database of letters, digits and _")


def _not_a_url(why: str) -> UsageError:
    return UsageError(f"ClickHouse URL: {why}; expected {URL_FORM} (SIPE_CLICKHOUSE_URL)")


def driver(address: Address, *, use_numpy: bool = False, timeout_s: float | None = None) -> Client:
    """A driver that connects at its first query. One query at a time: every thread and worker needs its own."""
    return Client(
        host=address.host,
        port=address.port,
        database=address.database,
        user=address.user,
        password=address.password,
        secure=address.secure,
        client_name="sipe",
        connect_timeout=timeout_s or CONNECT_TIMEOUT_S,
        send_receive_timeout=timeout_s or SEND_RECEIVE_TIMEOUT_S,
        settings={"use_numpy": use_numpy},
    )


def explained(error: Exception, address: Address) -> SipeError:
    """What the driver raised, as one line that names the address and what to do next."""
    code = getattr(error, "code", None)
    where = f"ClickHouse at {address}"
    if not isinstance(error, driver_errors.ServerException):
        why = _first_line(getattr(error, "message", None) or str(error) or type(error).__name__)
        return SipeError(f"{where} does not answer ({why}); start it, or see `sipe up` and `sipe doctor`")
    if code in _AUTHENTICATION_CODES:
        return SipeError(f"{where} refuses user {address.user!r}; check user and password in SIPE_CLICKHOUSE_URL")
    if code in {_NO_SUCH_DATABASE, _NO_SUCH_TABLE}:
        return SipeError(f"{where}: {_first_line(error.message)}; create it with `sipe migrate`")
    return SipeError(f"{where} failed with code {code}: {_first_line(error.message)}")


def _first_line(message: str) -> str:
    text = message.partition("Stack trace:")[0].removeprefix("DB::Exception: ")
    return " ".join(text.split()).rstrip(" .")


class Warehouse:
    """A connection to read by, for one thread; also a context manager that closes it."""

    def __init__(self, address: Address, timeout_s: float | None = None) -> None:
        """Each answer may take `timeout_s`; as long as the flow waits, unless it is said."""
        self.address = address
        self._driver = driver(address, timeout_s=timeout_s)

    def rows(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The whole result, a dict per row; times are aware, in UTC.

        `%(name)s` in the query takes a parameter's escaped value (and then `%%` a percent sign). Raises `SipeError`.
        """
        try:
            answer = self._driver.execute_iter(query, dict(parameters) if parameters else None, with_column_types=True)
            names_and_types: list[tuple[str, str]] = next(answer, [])
            rows = list(answer)
        except DRIVER_ERRORS as error:
            self.close()
            raise explained(error, self.address) from error
        names = [name for name, _ in names_and_types]
        if any("DateTime" in type_ for _, type_ in names_and_types):
            rows = [tuple(map(_in_utc, row)) for row in rows]
        return [dict(zip(names, row, strict=True)) for row in rows]

    def tuples(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """The whole result as it came, a tuple per row, for what has no times in it; as `rows` in all else."""
        try:
            return list(self._driver.execute(query, dict(parameters) if parameters else None))
        except DRIVER_ERRORS as error:
            self.close()
            raise explained(error, self.address) from error

    def run(self, statement: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run a statement whose rows, if any, nobody wants; parameters as in `rows`. Raises `SipeError`."""
        self.tuples(statement, parameters)

    def close(self) -> None:
        """Close the connection; the next query opens it again."""
        self._driver.disconnect()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def connect(url: str | Address) -> Warehouse:
    """A warehouse that has answered once; raises `UsageError` on a bad URL and `SipeError` when it does not answer."""
    warehouse = Warehouse(url if isinstance(url, Address) else Address.parse(url))
    warehouse.run("SELECT 1")
    return warehouse


def probe(address: Address, timeout_s: float = PROBE_TIMEOUT_S) -> None:
    """Ask for a sign of life over a connection of its own; raises `SipeError` when none comes in time."""
    asking = driver(address, timeout_s=timeout_s)
    try:
        asking.execute("SELECT 1")
    except DRIVER_ERRORS as error:
        raise explained(error, address) from error
    finally:
        asking.disconnect()


def _in_utc(value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
