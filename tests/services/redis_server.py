"""Redis on loopback: a random password, and every write on disk before it is answered."""

from __future__ import annotations

import secrets
import socket
from pathlib import Path

from real_services import program
from server_process import RealServer, ServerProcess, free_port, write_private

_TIMEOUT_S = 10.0


class RedisServer(RealServer):
    """`with RedisServer(tmp_path) as redis: connect(redis.url)`."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.password = secrets.token_urlsafe(24)
        settings = {
            "bind": "127.0.0.1",
            "port": self.port,
            "requirepass": self.password,
            "dir": directory / "data",
            "appendonly": "yes",
            "appendfsync": "always",
            "save": '""',
            "daemonize": "no",
            "loglevel": "warning",
        }
        (directory / "data").mkdir(parents=True)
        config = directory / "redis.conf"
        write_private(config, "".join(f"{name} {value}\n" for name, value in settings.items()))
        super().__init__(ServerProcess("Redis", [program("redis-server"), config], log_path=directory / "redis.log"))

    @property
    def url(self) -> str:
        """`redis://:password@host:port/0`."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def ready(self) -> bool:
        """It loads its data first, and says so until then."""
        try:
            return self.ask("PING") == b"+PONG"
        except OSError:
            return False

    def ask(self, *words: str) -> bytes:
        """The first line that Redis answers to a command, type sign included; a string's own line comes second."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=_TIMEOUT_S) as connection:
            connection.sendall(_command("AUTH", self.password) + _command(*words))
            with connection.makefile("rb") as answers:
                answers.readline()  # of AUTH
                line = answers.readline().rstrip()
                return answers.readline().rstrip() if line.startswith(b"$") and line != b"$-1" else line


def _command(*words: str) -> bytes:
    parts = [f"*{len(words)}".encode()]
    for word in words:
        parts += [f"${len(word.encode())}".encode(), word.encode()]
    return b"\r\n".join([*parts, b""])
