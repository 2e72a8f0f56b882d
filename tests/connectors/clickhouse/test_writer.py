from __future__ import annotations

import re
import secrets
import selectors
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.clickhouse import migrate
from connectors.clickhouse.block import Block
from connectors.clickhouse.client import Address, Warehouse
from connectors.clickhouse.writer import PASSING_CODES, ROWS_PER_INSERT, Retry, Writer
from connectors.embedded.process import ChildServer
from sipe.contracts.tables import FLOW_PROGRESS, MINUTE_FACTS, REJECTS, STATIONS, TABLES, Table
from sipe.errors import SipeError

pytestmark = pytest.mark.stack

StartServer = Callable[[Path, str], ChildServer]


def refusal(code: int) -> bytes:
    """What a server sends when a query fails: a packet of the native protocol."""
    texts = (b"DB::Exception", b"DB::Exception: refused by the test", b"")
    return b"\x02" + struct.pack("<i", code) + b"".join(bytes([len(text)]) + text for text in texts) + b"\0"


class Relay(threading.Thread):
    """A port of its own in front of a server that may change.

    It hears what clients say, and can cut them off or refuse their inserts in the server's place.
    """

    def __init__(self, target: Address) -> None:
        super().__init__()
        self.target = target
        self.heard = bytearray()
        self.cut_when: Callable[[bytearray], bool] | None = None
        self.cuts = 0
        self.refuse_inserts_with: list[int] = []
        self._peers: dict[socket.socket, socket.socket] = {}
        self._clients: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._running = True
        self.address = replace(target, host="127.0.0.1", port=self._listener.getsockname()[1])

    @property
    def inserts(self) -> list[str]:
        """The tables of the INSERT statements that were heard, in their order."""
        return [name.decode() for name in re.findall(rb"INSERT INTO (\w+)", self.heard)]

    def run(self) -> None:
        while self._running:
            for key, _ in self._selector.select(timeout=0.05):
                if key.fileobj is self._listener:
                    self._connect(self._listener.accept()[0])
                elif key.fileobj in self._peers:
                    assert isinstance(key.fileobj, socket.socket)
                    self._forward(key.fileobj)
        for end in tuple(self._peers):
            self._drop(end)
        self._selector.close()
        self._listener.close()

    def close(self) -> None:
        self._running = False
        self.join()

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection((self.target.host, self.target.port))
        except OSError:
            client.close()
            return
        self._clients.add(client)
        for end, peer in ((client, server), (server, client)):
            self._peers[end] = peer
            self._selector.register(end, selectors.EVENT_READ)

    def _forward(self, source: socket.socket) -> None:
        try:
            data = source.recv(1 << 16)
            if source in self._clients:
                self.heard += data
                if self.cut_when and self.cut_when(self.heard):
                    self.cut_when, data = None, b""
                    self.cuts += 1
                if b"INSERT INTO" in data and self.refuse_inserts_with:
                    source.sendall(refusal(self.refuse_inserts_with.pop(0)))
                    return
            self._peers[source].sendall(data)
        except OSError:
            data = b""
        if not data:
            self._drop(source)

    def _drop(self, end: socket.socket) -> None:
        for each in (end, self._peers.get(end)):
            if each and self._peers.pop(each, None):
                self._selector.unregister(each)
                each.close()


@pytest.fixture
def relay(migrated: Address) -> Iterator[Relay]:
    """A relay in front of a migrated database."""
    with closing(Relay(migrated)) as running:
        running.start()
        yield running


@pytest.fixture
def relayed(relay: Relay) -> Iterator[Writer]:
    """A writer that connects through the relay and tries again at once."""
    with closing(Writer(relay.address, Retry(sleep=lambda _: None))) as writer:
        yield writer


def row(table: Table, **values: Any) -> dict[str, Any]:
    blank = {column.name: "" if "String" in column.type else 0 for column in table.columns}
    return {**blank, **values}


def facts(minutes: range) -> Block:
    columns = {name: [value] * len(minutes) for name, value in row(MINUTE_FACTS, version=1).items()}
    return Block(MINUTE_FACTS, {**columns, "minute": [60 * m for m in minutes], "apt_ms": minutes})


def progress(offset: int) -> Block:
    return Block.of_rows(FLOW_PROGRESS, [row(FLOW_PROGRESS, offset=offset, version=offset)])


def never(wait_s: float) -> None:
    pytest.fail(f"there is nothing to wait {wait_s} s for")


def minutes_in(warehouse: Warehouse) -> list[int]:
    return [r["apt_ms"] for r in warehouse.rows("SELECT apt_ms FROM minute_facts ORDER BY apt_ms")]


def offsets_in(warehouse: Warehouse) -> list[int]:
    return [r["offset"] for r in warehouse.rows("SELECT offset FROM flow_progress FINAL")]


def test_tables_are_written_in_their_order_and_each_once(relay: Relay, relayed: Writer) -> None:
    blocks = [
        Block.of_rows(table, [row(table, version=v) if v else row(table)]) for v in (0, 1) for table in TABLES[::-1]
    ]
    relayed.write(blocks)
    assert relay.inserts == [table.name for table in TABLES]


def test_rows_of_several_blocks_are_all_stored(writer: Writer, warehouse: Warehouse) -> None:
    writer.write([facts(range(2)), progress(1), facts(range(2, 5)), progress(2)])
    assert minutes_in(warehouse) == [0, 1, 2, 3, 4]
    assert offsets_in(warehouse) == [2]


def test_nothing_to_write_writes_nothing(relay: Relay, relayed: Writer) -> None:
    relayed.write([])
    relayed.write([facts(range(0))])
    assert relay.inserts == []


def test_big_blocks_go_in_chunks(relay: Relay, relayed: Writer, warehouse: Warehouse) -> None:
    count = 2 * ROWS_PER_INSERT + 1
    relayed.write([facts(range(count))])
    assert relay.inserts == ["minute_facts"] * 3
    assert warehouse.rows("SELECT count() AS n, sum(apt_ms) AS total FROM minute_facts_current") == [
        {"n": count, "total": count * (count - 1) // 2}
    ]


def test_any_bytes_come_back_as_they_went_in(writer: Writer, warehouse: Warehouse) -> None:
    raw = bytes(range(256))
    writer.write([Block.of_rows(REJECTS, [row(REJECTS, raw=raw, key=b"\xff", detail="é\n'\\", reason="schema")])])
    [stored] = warehouse.rows("SELECT hex(raw) AS raw, hex(key) AS key, detail FROM rejects")
    assert stored == {"raw": raw.hex().upper(), "key": "FF", "detail": "é\n'\\"}


def test_a_block_that_comes_again_after_a_deletion_is_written_again(writer: Writer, warehouse: Warehouse) -> None:
    writer.write([facts(range(3))])
    warehouse.run("TRUNCATE TABLE minute_facts")
    writer.write([facts(range(3))])
    assert minutes_in(warehouse) == [0, 1, 2]


def test_a_connection_cut_inside_an_insert_costs_no_row(relay: Relay, relayed: Writer, warehouse: Warehouse) -> None:
    relay.cut_when = lambda heard: b"INSERT INTO minute_facts" in heard and len(heard) > 200_000
    relayed.write([facts(range(20_000)), progress(7)])
    assert relay.cuts == 1
    assert relay.inserts == ["minute_facts", "minute_facts", "flow_progress"]
    assert minutes_in(warehouse) == list(range(20_000))
    assert offsets_in(warehouse) == [7]


def test_a_crash_before_the_progress_leaves_rows_without_progress(relay: Relay, warehouse: Warehouse) -> None:
    relay.cut_when = lambda heard: b"INSERT INTO flow_progress" in heard
    with closing(Writer(relay.address, Retry(give_up_after_s=-1))) as writer:
        with pytest.raises(SipeError, match=f"gave up writing table flow_progress: ClickHouse at {relay.address}"):
            writer.write([facts(range(3)), progress(7)])
        assert minutes_in(warehouse) == [0, 1, 2]
        assert offsets_in(warehouse) == []
        writer.write([facts(range(3)), progress(7)])
    assert offsets_in(warehouse) == [7]


def test_a_server_that_is_stopped_and_started_again(tmp_path: Path, start_server: StartServer) -> None:
    password = secrets.token_hex(8)
    children = [start_server(tmp_path / "data", password)]
    first = Address(host="127.0.0.1", port=children[0].ready["port"], database="sipe", user="sipe", password=password)
    migrate.apply(first)
    relay = Relay(first)
    relay.start()

    def start_again(_: float) -> None:
        if len(children) == 1:
            children.append(start_server(tmp_path / "data", password))
            relay.target = replace(first, port=children[1].ready["port"])

    with closing(relay), closing(Writer(relay.address, Retry(sleep=start_again))) as writer:
        writer.write([facts(range(3)), progress(1)])
        children[0].stop()
        writer.write([facts(range(3, 6)), progress(2)])
        assert len(children) == 2, "the writer met the stopped server"
        with Warehouse(relay.address) as warehouse:
            assert minutes_in(warehouse) == list(range(6))
            assert offsets_in(warehouse) == [2]


def test_failures_that_pass_are_tried_again(relay: Relay, warehouse: Warehouse) -> None:
    relay.refuse_inserts_with = [*PASSING_CODES]
    waits_s: list[float] = []
    with closing(Writer(relay.address, Retry(sleep=waits_s.append))) as writer:
        writer.write([facts(range(3)), progress(7)])
    assert len(waits_s) == len(PASSING_CODES)
    assert relay.inserts == ["minute_facts"] * (len(PASSING_CODES) + 1) + ["flow_progress"]
    assert minutes_in(warehouse) == [0, 1, 2]
    assert offsets_in(warehouse) == [7]


@pytest.mark.parametrize("code", [16, 27, 53, 62, 117, 469, 497])
def test_failures_that_stay_are_raised_at_once(relay: Relay, warehouse: Warehouse, code: int) -> None:
    relay.refuse_inserts_with = [code]
    with closing(Writer(relay.address, Retry(sleep=never))) as writer:
        with pytest.raises(SipeError, match=rf"minute_facts: ClickHouse at {relay.address} failed with code {code}:"):
            writer.write([facts(range(3)), progress(7)])
        assert offsets_in(warehouse) == []
        writer.write([facts(range(3)), progress(7)])
    assert minutes_in(warehouse) == [0, 1, 2]


def test_more_months_at_once_than_a_server_takes_by_default(writer: Writer, warehouse: Warehouse) -> None:
    """A station with a wild clock sends events of any year; their batch must not be refused for ever."""
    minutes_per_month = 31 * 24 * 60
    writer.write([facts(range(0, 150 * minutes_per_month, minutes_per_month))])
    assert len(minutes_in(warehouse)) == 150


def test_a_missing_column_is_raised_at_once(migrated: Address, warehouse: Warehouse) -> None:
    warehouse.run("ALTER TABLE stations DROP COLUMN late")
    with closing(Writer(migrated, Retry(sleep=never))) as writer:
        with pytest.raises(
            SipeError, match=rf"cannot write table stations: ClickHouse at {migrated} .*code 16: .*late"
        ):
            writer.write([facts(range(2)), Block.of_rows(STATIONS, [row(STATIONS)])])
        writer.write([facts(range(2, 3))])
    assert minutes_in(warehouse) == [0, 1, 2]


def test_a_missing_table_is_raised_at_once(address: Address, server: Address) -> None:
    with Warehouse(replace(server, database="default")) as warehouse:
        warehouse.run(f"CREATE DATABASE {address.database}")
    with (
        closing(Writer(address, Retry(sleep=never))) as writer,
        pytest.raises(SipeError, match=r"cannot write table minute_facts: .*`sipe migrate`"),
    ):
        writer.write([facts(range(1))])
