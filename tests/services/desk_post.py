"""A station with its desk, behind a line that can be cut, as its device has it that has enrolled."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fault_proxy import FaultProxy
from web import Web

from edge.client.calls import Client
from edge.client.login import TokenFile, enrol, resume
from edge.client.session import Patience, Token
from edge.client.shapes import ForStation
from edge.desk.desk import Desk
from edge.desk.journal import Journal
from sipe.clock import Clock

AT_ONCE = Patience(attempts_max=1)


@dataclass
class Post:
    """`restart` is what a power cut does."""

    station: str
    line: FaultProxy
    directory: Path
    clock: Clock
    client: Client
    journal: Journal
    desk: Desk

    def restart(self) -> None:
        """Everything that was in memory is gone."""
        self.close()
        again = resume(f"http://127.0.0.1:{self.line.port}", TokenFile(self.directory / "token"), patience=AT_ONCE)
        assert again is not None
        self.client, self.journal = again, Journal(self.directory / "desk.sqlite3")
        self.desk = Desk(self.station, self.client, self.journal, self.clock)

    def close(self) -> None:
        """Hang up."""
        self.client.close()
        self.journal.close()


def open_post(web: Web, line: FaultProxy, station: str, directory: Path, clock: Clock) -> Post:
    """The desk of a station, whose device enrols."""
    with Client(web.url, Token(web.token("root"))) as root:
        code = root.offer_code(ForStation(station=station)).code
    directory.mkdir()
    client = enrol(f"http://127.0.0.1:{line.port}", code, TokenFile(directory / "token"), patience=AT_ONCE)
    journal = Journal(directory / "desk.sqlite3")
    return Post(station, line, directory, clock, client, journal, Desk(station, client, journal, clock))
