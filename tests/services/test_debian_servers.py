from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest
from clickhouse_driver.errors import ServerException
from mariadb_server import MariaDbServer
from mosquitto_server import MosquittoServer
from old_clickhouse_server import OldClickHouseServer
from redis_server import RedisServer
from server_process import RealServer, accepts

from sipe.errors import SipeError


def restart_after_kill(server: RealServer) -> None:
    pid = server.process.pid
    server.kill()
    assert not server.process.running
    server.start()
    assert server.process.pid != pid


def assert_gone(server: RealServer, pid: int, port: int) -> None:
    assert not Path(f"/proc/{pid}").exists()
    assert not accepts(port)


@pytest.mark.needs("redis")
def test_redis_answers_its_user_and_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as redis:
        assert redis.ask("SET", "greeting", "good day") == b"+OK"
        restart_after_kill(redis)
        assert redis.ask("GET", "greeting") == b"good day"
        with socket.create_connection(("127.0.0.1", redis.port), timeout=10) as stranger:
            stranger.sendall(b"PING\r\n")
            assert stranger.recv(100).startswith(b"-NOAUTH")
        pid = redis.process.pid
    assert_gone(redis, pid, redis.port)


@pytest.mark.needs("mariadb")
def test_mariadb_answers_its_user_and_keeps_what_it_committed(tmp_path: Path) -> None:
    with MariaDbServer(tmp_path) as mariadb:
        mariadb.ask("CREATE TABLE sheets (id INT PRIMARY KEY, name VARCHAR(20) COLLATE utf8mb4_bin)")
        mariadb.ask("INSERT INTO sheets VALUES (1, 'Zähler')")
        restart_after_kill(mariadb)
        assert mariadb.ask("SELECT * FROM sheets") == "1\tZähler"
        password, mariadb.password = mariadb.password, "wrong"
        with pytest.raises(SipeError, match="Access denied"):
            mariadb.ask("SELECT 1")
        mariadb.password = password
        pid = mariadb.process.pid
    assert_gone(mariadb, pid, mariadb.port)


@pytest.mark.needs("mosquitto")
def test_mosquitto_answers_its_user_and_keeps_what_is_retained(tmp_path: Path) -> None:
    with MosquittoServer(tmp_path) as mosquitto:
        mosquitto.publish("site/line", "Zähler 1")
        assert mosquitto.retained("site/line") == "Zähler 1"
        stored = tmp_path / "data" / "mosquitto.db"
        mosquitto.process.wait_until(lambda: stored.exists() and b"site/line" in stored.read_bytes(), "saved state")
        restart_after_kill(mosquitto)
        assert mosquitto.retained("site/line") == "Zähler 1"
        (tmp_path / "clients" / "mosquitto_pub").write_text(f"-p {mosquitto.port}\n-h 127.0.0.1\n")
        with pytest.raises(SipeError, match=r"exit code 5.*not authorised"):
            mosquitto.publish("site/line", "stranger")
        pid = mosquitto.process.pid
    assert_gone(mosquitto, pid, mosquitto.port)


@pytest.mark.needs("clickhouse-18.16")
def test_the_old_clickhouse_answers_its_user_and_keeps_what_it_inserted(tmp_path: Path) -> None:
    with OldClickHouseServer(tmp_path) as server:
        assert str(server.ask("SELECT version()")[0][0]).startswith("18.16.")
        server.ask("CREATE TABLE t (n UInt8) ENGINE = MergeTree ORDER BY n")
        server.ask("INSERT INTO t SELECT 7")
        restart_after_kill(server)
        assert server.ask("SELECT n FROM t") == [(7,)]
        known, server.address = server.address, replace(server.address, password=f"not {server.address.password}")
        with pytest.raises(ServerException, match="Wrong password"):
            server.ask("SELECT 1")
        server.address = known
        pid = server.process.pid
    assert_gone(server, pid, server.address.port)
