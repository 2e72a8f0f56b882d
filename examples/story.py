"""What the stories share: a service of their own, people who sign in, and how they are told."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from edge.client.calls import Client
from edge.client.login import sign_in
from edge.client.shapes import NewBadge, NewPerson, NewSecret, OwnPin
from sipe.commands._output import out

SIPE = str(Path(sys.executable).with_name("sipe"))
YEAR_MS = 366 * 86_400_000


def chapter(title: str) -> None:
    """A heading."""
    out().print(f"\n{title}", style="bold cyan")


def say(text: str, style: str = "") -> None:
    """A line of the story."""
    out().print(f"  {text}", style=style)


def environ() -> dict[str, str]:
    """That of this process, without its settings of SIPE, and with any port for the web service."""
    others = {name: text for name, text in os.environ.items() if not name.startswith("SIPE_")}
    return others | {"SIPE_API_PORT": "0", "SIPE_LOG_LEVEL": "warning"}


@contextmanager
def service(command: Literal["api", "up"]) -> Iterator[tuple[str, Client]]:
    """A service of our own in a temporary directory, and its first administrator; `up` takes and stores events, too."""
    password = secrets.token_urlsafe(16)
    with tempfile.TemporaryDirectory() as directory:
        data = ("--data", f"{directory}/sipe")
        subprocess.run(
            (SIPE, "admin", "root", *data),
            input=password,
            text=True,
            env=environ(),
            check=True,
            stdout=subprocess.DEVNULL,
        )
        running = subprocess.Popen(
            (SIPE, command, "--json", *data), env=environ(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        try:
            assert running.stdout is not None  # noqa: S101  it is a pipe
            told = json.loads(running.stdout.readline())
            url = told["url" if command == "api" else "api"]
            yield url, sign_in(url, person="root", secret=password)
        finally:
            running.terminate()
            running.wait()


def hired(root: Client, url: str, person: NewPerson) -> tuple[Client, str]:
    """Somebody who has signed in with a badge, and the PIN that they have set instead of the one that was given."""
    given, own = ("".join(secrets.SystemRandom().sample("0123456789", 8)) for _ in range(2))
    badge = secrets.token_hex(7)
    root.add_person(person)
    root.set_badge(person.id, NewBadge(badge=badge))
    root.set_pin(person.id, NewSecret(value=given))
    with sign_in(url, badge=badge, secret=given) as first:
        first.set_own_pin(OwnPin(secret=given, pin=own))  # what an administrator knows, too, signs nothing
    return sign_in(url, badge=badge, secret=own), own
