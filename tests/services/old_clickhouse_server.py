"""Debian's clickhouse-server 18.16, of 2018: the only real ClickHouse server there is a package of."""

from __future__ import annotations

import secrets
from pathlib import Path
from xml.sax.saxutils import escape

from clickhouse_driver import Client
from clickhouse_driver.errors import Error
from real_services import program
from server_process import RealServer, ServerProcess, free_port, write_private

from connectors.clickhouse.client import Address

USER = "sipe"
_SERVER = """<?xml version="1.0"?>
<yandex>
  <logger><level>warning</level><console>1</console></logger>
  <listen_host>127.0.0.1</listen_host>
  <tcp_port>{port}</tcp_port>
  <path>{directory}/data/</path>
  <tmp_path>{directory}/tmp/</tmp_path>
  <users_config>{directory}/users.xml</users_config>
  <default_profile>default</default_profile>
  <default_database>default</default_database>
  <mark_cache_size>67108864</mark_cache_size>
</yandex>
"""
_USERS = """<?xml version="1.0"?>
<yandex>
  <profiles>
    <default>
      <max_memory_usage>1000000000</max_memory_usage>
      <allow_experimental_low_cardinality_type>1</allow_experimental_low_cardinality_type>
    </default>
  </profiles>
  <quotas><default></default></quotas>
  <users>
    <{user}>
      <password>{password}</password>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
    </{user}>
  </users>
</yandex>
"""


class OldClickHouseServer(RealServer):
    """`with OldClickHouseServer(tmp_path) as server: connect(server.address)`."""

    def __init__(self, directory: Path) -> None:
        password = secrets.token_urlsafe(24)
        self.address = Address(host="127.0.0.1", port=free_port(), database="default", user=USER, password=password)
        for own in ("data", "tmp"):
            (directory / own).mkdir(parents=True)
        config = directory / "config.xml"
        config.write_text(_SERVER.format(port=self.address.port, directory=escape(str(directory))))
        write_private(directory / "users.xml", _USERS.format(user=USER, password=password))
        command = [program("clickhouse-server"), f"--config-file={config}"]
        log_path, environ = directory / "server.log", {"TZ": "UTC"}
        super().__init__(ServerProcess("clickhouse-server 18.16", command, log_path=log_path, environ=environ))

    def ready(self) -> bool:
        """Whether its user gets an answer."""
        try:
            return bool(self.ask("SELECT 1") == [(1,)])
        except (Error, OSError):
            return False

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        """The rows that the driver brings."""
        to = self.address
        with Client(host=to.host, port=to.port, user=to.user, password=to.password, database=to.database) as client:
            rows: list[tuple[object, ...]] = client.execute(statement)
            return rows
