"""Mosquitto on loopback: one user with a random password; retained messages survive it."""

from __future__ import annotations

import getpass
import os
import secrets
import subprocess
from collections.abc import Sequence
from pathlib import Path

from real_services import program
from server_process import RealServer, ServerProcess, free_port, write_private

from sipe.errors import SipeError

USER = "sipe"
_TIMEOUT_S = 20


class MosquittoServer(RealServer):
    """`with MosquittoServer(tmp_path) as mosquitto: connect(mosquitto.port, mosquitto.password)`."""

    def __init__(self, directory: Path, more: str = "") -> None:
        """`more` goes to the end of its settings, such as another listener."""
        self.port = free_port()
        self.password = secrets.token_urlsafe(24)
        self._clients = directory / "clients"
        for client in ("mosquitto_pub", "mosquitto_sub"):  # an option file each: arguments show in the process list
            write_private(self._clients / client, f"-u {USER}\n-P {self.password}\n-h 127.0.0.1\n-p {self.port}\n")
        passwords = directory / "passwords"
        write_private(passwords, f"{USER}:{self.password}\n")
        subprocess.run([program("mosquitto_passwd"), "-U", str(passwords)], check=True, timeout=_TIMEOUT_S)
        (directory / "data").mkdir()
        config = directory / "mosquitto.conf"
        config.write_text(
            f"user {getpass.getuser()}\n"  # else it gives up root for a user who may not read this directory
            f"listener {self.port} 127.0.0.1\n"
            "allow_anonymous false\n"
            f"password_file {passwords}\n"
            "persistence true\n"
            f"persistence_location {directory / 'data'}/\n"
            "autosave_on_changes true\n"
            "autosave_interval 1\n" + more  # after each change
        )
        command: list[str | Path] = [program("mosquitto"), "-c", config]
        super().__init__(ServerProcess("Mosquitto", command, log_path=directory / "mosquitto.log"))

    def ready(self) -> bool:
        """Whether its user may publish."""
        try:
            self.publish("ready", "")
        except SipeError:
            return False
        return True

    def publish(self, topic: str, message: str) -> None:
        """Publish a retained message, acknowledged; raises `SipeError`."""
        self._client("mosquitto_pub", "-t", topic, "-q", "1", "-r", *(["-m", message] if message else ["-n"]))

    def publish_lines(self, topic: str, lines: Sequence[str], *, qos: int = 1) -> None:
        """Publish a message for each line, in their order, not retained; raises `SipeError`."""
        self._client("mosquitto_pub", "-t", topic, "-q", str(qos), "-l", told="".join(f"{line}\n" for line in lines))

    def retained(self, topic: str) -> str:
        """The retained message of a topic; raises `SipeError` when none comes."""
        return self._client("mosquitto_sub", "-t", topic, "-C", "1", "-W", str(_TIMEOUT_S)).rstrip("\n")

    def _client(self, name: str, *arguments: str, told: str = "") -> str:
        done = subprocess.run(
            [program(name), *arguments],
            env={**os.environ, "XDG_CONFIG_HOME": str(self._clients)},
            input=told,
            capture_output=True,
            text=True,
            timeout=2 * _TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            raise SipeError(f"Mosquitto: {name} failed with exit code {done.returncode}: {done.stderr.strip()}")
        return done.stdout
