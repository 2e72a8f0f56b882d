"""MariaDB on loopback, with a database and a user of its own and a random password."""

from __future__ import annotations

import getpass
import os
import secrets
import subprocess
from pathlib import Path

from real_services import program
from server_process import START_TIMEOUT_S, RealServer, ServerProcess, free_port, write_private

from sipe.errors import SipeError

DATABASE = "sipe"
USER = "owner"
"""Who owns the database."""
SERVICE = "service"
"""Who has no rights until they are given: the web service's user."""
_TIMEOUT_S = 30.0
# Neither the machine's nor the user's option files; who runs the tests runs the server, root too.
_COMMON = ("--no-defaults", f"--user={getpass.getuser()}")


class MariaDbServer(RealServer):
    """`with MariaDbServer(tmp_path) as mariadb: connect(mariadb.port, mariadb.password)`."""

    def __init__(self, directory: Path, first_words: str = "") -> None:
        """`first_words` are said at each start, a statement a line, by somebody who may do everything."""
        self.port = free_port()
        self.password = secrets.token_urlsafe(24)
        self.service_password = secrets.token_urlsafe(24)
        self._more = first_words
        self._data = directory / "data"
        self._first_words = directory / "first.sql"
        command: list[str | Path] = [
            program("mariadbd"),
            *_COMMON,
            f"--datadir={self._data}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            "--socket=server.sock",  # within the data directory: a path of a test's own is too long for a socket
            "--skip-name-resolve",
            "--character-set-server=utf8mb4",
            "--innodb-buffer-pool-size=32M",
            "--innodb-log-file-size=8M",
            "--innodb-flush-log-at-trx-commit=2",  # written at each commit, synced every second: a kill loses nothing
            "--innodb-file-per-table=0",
            f"--init-file={self._first_words}",
        ]
        super().__init__(ServerProcess("MariaDB", command, log_path=directory / "mariadb.log"))

    def start(self) -> None:
        """Start it, setting up its system tables at the first start."""
        if not self._data.exists():
            self._set_up()
        super().start()

    def ready(self) -> bool:
        """Whether its user gets an answer."""
        try:
            return self.ask("SELECT 1") == "1"
        except SipeError:
            return False

    @property
    def url(self) -> str:
        """What SQLAlchemy takes; it holds the password."""
        return self.url_of(USER, self.password)

    @property
    def service_url(self) -> str:
        """The same for the web service's user."""
        return self.url_of(SERVICE, self.service_password)

    def url_of(self, user: str, password: str) -> str:
        """The same for any user."""
        return f"mariadb+pymysql://{user}:{password}@127.0.0.1:{self.port}/{DATABASE}"

    def ask(self, statement: str) -> str:
        """What the server answers to a statement, as its own client prints it without headings; raises `SipeError`."""
        where = ("--host=127.0.0.1", f"--port={self.port}", f"--user={USER}", f"--database={DATABASE}")
        done = subprocess.run(
            [program("mariadb"), "--no-defaults", *where, "--batch", "--skip-column-names", "--execute", statement],
            env={**os.environ, "MYSQL_PWD": self.password},
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            raise SipeError(f"MariaDB refused: {done.stderr.strip()}")
        return done.stdout.strip()

    def _set_up(self) -> None:
        root = secrets.token_urlsafe(24)  # that nobody knows: the tests have their own user
        write_private(
            self._first_words,
            f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{root}';\n"
            f"CREATE DATABASE IF NOT EXISTS {DATABASE};\n"
            f"CREATE USER IF NOT EXISTS '{USER}'@'127.0.0.1' IDENTIFIED BY '{self.password}';\n"
            f"GRANT ALL ON {DATABASE}.* TO '{USER}'@'127.0.0.1' WITH GRANT OPTION;\n"
            f"CREATE USER IF NOT EXISTS '{SERVICE}'@'127.0.0.1' IDENTIFIED BY '{self.service_password}';\n"
            f"{self._more}",
        )
        log_path = self._first_words.with_name("set-up.log")
        options = [f"--datadir={self._data}", "--auth-root-authentication-method=normal", "--skip-test-db"]
        setting_up = ServerProcess(
            "MariaDB's set-up", [program("mariadb-install-db"), *_COMMON, *options], log_path=log_path
        )
        if code := setting_up.run(START_TIMEOUT_S):
            raise SipeError(f"{setting_up.name} failed with exit code {code}: {setting_up.last_words()}")
