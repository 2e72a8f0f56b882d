"""The users of the store: each may do what its part needs and nothing else, in the engine itself.

A password cannot be asked for here, the engine as a library has no log-in; that each is a hash is read from the file.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from command_line import MAPPING, environment, log_of
from limited_clickhouse import USERS, ask, environ, write_config

from connectors.clickhouse import anchors, migrate
from connectors.clickhouse.block import Block
from connectors.clickhouse.client import Address, Warehouse
from connectors.clickhouse.kpi_sql import VIEWS, kpi_select
from connectors.clickhouse.received import read_until_ms, received
from connectors.clickhouse.staging import SUFFIX, Staging
from connectors.clickhouse.writer import Writer
from connectors.embedded.process import ChildServer
from sipe.commands.secrets import PASSWORDS, made_of
from sipe.contracts.changes import Anchor
from sipe.contracts.tables import STOPS
from sipe.contracts.topics import TOPICS
from sipe.errors import SipeError

ACCESS_DENIED, READONLY, TOO_MANY_ROWS = 497, 164, 396
PASSWORD = "for-one-start"  # noqa: S105 - of a server of the test's own
OURS = ("sipe_admin", "sipe_writer", "sipe_api", "sipe_reader", "sipe_grafana")


@contextmanager
def store_of(user: str, directory: Path) -> Iterator[Address]:
    """The store in a directory, in which every client is this user."""
    config = write_config(user, directory.parent)
    server = ChildServer(
        "limited_clickhouse",
        str(config),
        "--path",
        str(directory),
        log_path=directory.parent / f"{user}.log",
        environ=environ() | {"SIPE_EMBEDDED_PASSWORD": PASSWORD},
    )
    with server:
        yield Address(host="127.0.0.1", port=server.ready["port"], database="sipe", user="sipe", password=PASSWORD)


def refused(address: Address, *statements: str) -> None:
    for statement in statements:
        with Warehouse(address) as warehouse, pytest.raises(SipeError, match="code 497"):
            warehouse.run(statement)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that the admin's rights sufficed to migrate."""
    directory = tmp_path_factory.mktemp("store") / "data"
    with store_of("sipe_admin", directory) as address:
        assert migrate.apply(address)
        assert not migrate.plan(address).pending
        refused(
            address,
            "CREATE USER mallory IDENTIFIED WITH no_password",
            "GRANT SELECT ON *.* TO default",
            "CREATE DATABASE other",
            "SYSTEM SHUTDOWN",
            "SELECT * FROM file('/etc/hostname', 'LineAsString')",
            "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
        )
    return directory


@pytest.mark.stack
def test_the_flow_runs_with_the_rights_of_the_writer(migrated: Path, tmp_path: Path) -> None:
    topics = [f"{topic.name}:{topic.partitions}" for topic in TOPICS]
    with (
        store_of("sipe_writer", migrated) as address,
        ChildServer("connectors.embedded.broker", *topics, log_path=tmp_path / "broker.log") as broker,
    ):
        secret = tmp_path / "writer_url"
        secret.write_text(f"clickhouse://sipe:{PASSWORD}@{address.host}:{address.port}/sipe\n")
        secret.chmod(0o600)
        environ = environment() | {
            "SIPE_KAFKA_URL": broker.ready["bootstrap"],
            "SIPE_CLICKHOUSE_URL_FILE": str(secret),
            "SIPE_DATA_DIR": str(tmp_path / "data"),
        }
        log = log_of(tmp_path / "log.csv", {"Machine 16 - Milling"})
        with sipe_up(environ):
            words = [sys.executable, "-m", "sipe.cli", "replay", str(log), "--mapping", str(MAPPING)]
            done = subprocess.run(words, env=environ, capture_output=True, text=True, timeout=150, check=False)
        assert done.returncode == 0, done.stderr + (tmp_path / "data/logs/flow.log").read_text()
        with Warehouse(address) as warehouse:
            assert warehouse.rows("SELECT count() AS facts FROM minute_facts")[0]["facts"] > 0
        refused(
            address,
            "CREATE TABLE sipe.other (a UInt8) ENGINE = Memory",
            "CREATE VIEW sipe.other AS SELECT 1",
            "ALTER TABLE sipe.events ADD COLUMN other UInt8",
            "ALTER TABLE sipe.events DELETE WHERE 1",
            "TRUNCATE TABLE sipe.events",
            "DROP TABLE sipe.events",
            "DROP DATABASE sipe",
            "CREATE USER mallory IDENTIFIED WITH no_password",
            "SELECT * FROM file('/etc/hostname', 'LineAsString')",
        )


def test_what_came_late_is_swapped_in_with_the_rights_of_the_writer(migrated: Path) -> None:
    """`sipe up` folds again what is marked, and it is the writer there."""
    with store_of("sipe_writer", migrated) as address, Warehouse(address) as store, closing(staged(address)) as writer:
        staging = Staging(store)
        staging.prepare()
        row: dict[str, object] = dict.fromkeys(STOPS.column_names, 0)
        row |= dict.fromkeys(("station", "state", "reason", "classified_by", "order", "product", "shift"), "late")
        writer.write([Block.of_rows(STOPS, [row])])
        staging.swap({STOPS.name: 1})
        staging.drop()
        assert store.rows("SELECT count() AS n FROM stops WHERE station = 'late'") == [{"n": 1}]


@pytest.mark.stack
def test_the_web_service_keeps_anchors_and_says_what_has_come(migrated: Path) -> None:
    anchor = Anchor(seq=1, seal="5e", at_ms=1_790_000_000_000)
    with store_of("sipe_api", migrated) as address:
        anchors.keep(address, anchor)
        assert anchors.read(address) == [anchor]
        with Warehouse(address) as store:
            assert received(store, "manaus.final.line-1.cal-1", 0, anchor.at_ms, 10) == []
            read_until_ms(store)
        refused(
            address,
            "SELECT * FROM sipe.minute_facts",
            "ALTER TABLE sipe.audit_anchors DELETE WHERE 1",
            "TRUNCATE TABLE sipe.audit_anchors",
            "INSERT INTO sipe.flow_progress VALUES (0, 1, 2, 3, 4, 5)",
            "INSERT INTO sipe.events (station) VALUES ('made-up')",
            "CREATE TABLE sipe.other (a UInt8) ENGINE = Memory",
            "SELECT * FROM file('/etc/hostname', 'LineAsString')",
        )


def staged(address: Address) -> Writer:
    return Writer(address, suffix=SUFFIX)


@contextmanager
def sipe_up(environ: dict[str, str]) -> Iterator[None]:
    words = [sys.executable, "-m", "sipe.cli", "up"]
    with subprocess.Popen(words, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("Kafka"), process.stderr.read()
        yield
        process.terminate()
        process.communicate(timeout=60)


LOOKS = [f"{kpi_select(group, None)} LIMIT 5" for group in VIEWS.values()]
WRITES = [
    "INSERT INTO sipe.flow_progress VALUES (0, 1, 2, 3, 4, 5)",
    "CREATE TABLE sipe.other (a UInt8) ENGINE = Memory",
    "CREATE TEMPORARY TABLE other (a UInt8)",
    "TRUNCATE TABLE sipe.events",
    "DROP TABLE sipe.events",
    "ALTER TABLE sipe.events DELETE WHERE 1",
    "SET max_result_rows = 0",
    "SELECT * FROM file('/etc/hostname', 'LineAsString')",
    "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
]


@pytest.mark.parametrize("user", ["sipe_reader", "sipe_grafana"])
def test_who_only_looks_sees_the_numbers_and_changes_nothing(user: str, migrated: Path, tmp_path: Path) -> None:
    config = write_config(user, tmp_path)
    looked = ask(config, migrated, "USE sipe", *LOOKS)
    assert not [answer for answer in looked if isinstance(answer, int)], looked
    assert set(ask(config, migrated, *WRITES)) <= {ACCESS_DENIED, READONLY}


@pytest.mark.parametrize(("user", "rows_max"), [("sipe_reader", 1_000_000), ("sipe_grafana", 100_000)])
def test_a_question_without_end_is_cut_off(user: str, rows_max: int, migrated: Path, tmp_path: Path) -> None:
    config = write_config(user, tmp_path)
    within, beyond, limits = ask(
        config,
        migrated,
        f"SELECT count() FROM (SELECT * FROM numbers({rows_max + 1}))",  # noqa: S608  a number of ours
        f"SELECT * FROM numbers({rows_max + 1})",  # noqa: S608  a number
        "SELECT name, value FROM system.settings WHERE name IN ('readonly', 'max_execution_time', 'max_memory_usage')",
    )
    assert [int(count) for (count,) in within] == [rows_max + 1]
    assert beyond == TOO_MANY_ROWS
    assert dict(limits) == {"readonly": "1", "max_execution_time": "30", "max_memory_usage": "1000000000"}


def test_each_user_has_a_hash_from_the_secrets_and_nobody_else_is_there() -> None:
    root = ET.parse(USERS).getroot()  # noqa: S314  our own file
    users = root.find("users")
    assert users is not None
    assert {user.tag for user in users} == {"default", *OURS}
    default = users.find("default")
    assert default is not None
    assert default.attrib == {"remove": "remove"}
    included = {element.tag for element in ET.fromstring(made_of(dict.fromkeys(PASSWORDS, ""))["clickhouse_users.xml"])}  # noqa: S314  ours
    for name in OURS:
        password = users.find(f"{name}/password_sha256_hex")
        assert password is not None
        assert password.attrib["incl"] in included
        assert not password.text
        assert not users.findall(f"{name}/password")
        assert not users.findall(f"{name}/access_management")


def test_grafana_may_change_how_long_a_question_takes_and_nothing_else() -> None:
    root = ET.parse(USERS).getroot()  # noqa: S314  our own file
    constraints = root.find("profiles/sipe_grafana/constraints")
    assert constraints is not None
    assert [setting.tag for setting in constraints] == ["max_execution_time"]
    assert constraints.find("max_execution_time/changeable_in_readonly") is not None
    assert root.findtext("profiles/sipe_grafana/readonly") == "1"
    config = (USERS.parents[1] / "config.d/sipe.xml").read_text()
    assert "<settings_constraints_replace_previous>true<" in config, "else the server refuses the flag"


def test_the_servers_own_configuration_is_well_formed() -> None:
    root = ET.parse(USERS.parents[1] / "config.d/sipe.xml").getroot()  # noqa: S314  our own file
    removed: dict[str, Any] = {element.tag: element.attrib for element in root if element.attrib}
    assert removed.keys() == {"mysql_port", "postgresql_port", "interserver_http_port"}
    assert os.fspath(USERS).endswith("users.d/sipe.xml")
