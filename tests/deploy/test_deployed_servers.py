"""The servers' own configuration in deploy/, run by the real servers: paths and ports are the only things changed."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from bridge_rig import deployed
from kafka_cluster import JAVA
from real_services import program
from server_process import ServerProcess, accepts, free_port

from sipe.cli import main

ROOT = Path(__file__).resolve().parents[2]
CLUSTER_ID = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["kafka"]["environment"]["CLUSTER_ID"]
Run = Callable[..., int]


@pytest.fixture(scope="module")
def secrets_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make secrets` makes."""
    directory = tmp_path_factory.mktemp("deploy") / "secrets"
    assert main(["secrets", str(directory)]) == 0
    assert main(["certs", "init", "--dir", str(directory)]) == 0
    for name in ("sipe-broker", "sipe-mosquitto", "sipe-admin", "sipe-up", "sipe-bridge", "sipe-gateway.simulator"):
        hosts = ["--host", "localhost"] if name in {"sipe-broker", "sipe-mosquitto"} else []
        assert main(["certs", "issue", name, *hosts, "--dir", str(directory)]) == 0
    return directory


def adapted(name: str, directory: Path, **changes: str) -> Path:
    """A configuration of deploy/ in `directory`, with every change made at least once."""
    text = (ROOT / "deploy" / name).read_text()
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    path = directory / Path(name).name
    path.write_text(text)
    return path


@pytest.fixture
def kafka_port(tmp_path: Path, secrets_dir: Path) -> Iterator[int]:
    """The broker of the deployment; its port for other containers."""
    clients, edge, controller = free_port(), free_port(), free_port()
    changes = {
        "/run/secrets": str(secrets_dir),
        "/var/lib/kafka/data": str(tmp_path / "kafka"),
        "CLIENTS://kafka:9093": f"CLIENTS://localhost:{clients}",
        "0.0.0.0:9093": f"127.0.0.1:{clients}",
        "0.0.0.0:19093": f"127.0.0.1:{edge}",
        "localhost:19093": f"localhost:{edge}",
        "127.0.0.1:9094": f"127.0.0.1:{controller}",
    }
    config = adapted("kafka/server.properties", tmp_path, **changes)
    tool = (
        "kafka.tools.StorageTool",
        "format",
        "--ignore-formatted",
        "--cluster-id",
        CLUSTER_ID,
        "--config",
        str(config),
    )
    for _ in range(2):  # the second time is a restart of the container
        done = subprocess.run(
            [*JAVA, *tool, "--config", str(config)], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    server = ServerProcess("Kafka", [*JAVA, "kafka.Kafka", str(config)], log_path=tmp_path / "kafka.log")
    server.start()
    try:
        server.wait_until(lambda: accepts(clients), "a port for clients")
        yield clients
    finally:
        server.stop()


@pytest.fixture
def as_principal(
    kafka_port: int, secrets_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs a command of ours with the certificate of a name."""

    def run(name: str, *arguments: str) -> int:
        monkeypatch.setenv("SIPE_KAFKA_URL", f"localhost:{kafka_port}")
        monkeypatch.setenv("SIPE_KAFKA_CA_FILE", str(secrets_dir / "ca.pem"))
        monkeypatch.setenv("SIPE_KAFKA_CERT_FILE", str(secrets_dir / f"{name}.pem"))
        monkeypatch.setenv("SIPE_KAFKA_KEY_FILE", str(secrets_dir / f"{name}.key"))
        capsys.readouterr()
        return main(list(arguments))

    return run


@pytest.mark.long
@pytest.mark.needs("kafka")
@pytest.mark.timeout(300)
def test_the_broker_takes_topics_from_the_administrator_and_from_nobody_else(
    as_principal: Run, kafka_port: int, secrets_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert as_principal("sipe-gateway.simulator", "topics", "apply") != 0
    assert "does not let us" in capsys.readouterr().err
    assert as_principal("sipe-admin", "topics", "apply") == 0
    assert "created" in capsys.readouterr().out
    assert as_principal("sipe-admin", "topics", "plan") == 0

    trusting = ssl.create_default_context(cafile=str(secrets_dir / "ca.pem"))
    with pytest.raises(ssl.SSLError, match=r"(?i)bad.certificate|certificate.required"):
        _greet(trusting, kafka_port)


def _greet(context: ssl.SSLContext, port: int) -> None:
    """In TLS 1.3 the server answers a missing certificate after the handshake."""
    with (
        socket.create_connection(("localhost", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as encrypted,
    ):
        encrypted.sendall(b"\0" * 16)
        encrypted.recv(1)


@pytest.mark.needs("redis")
def test_redis_lets_a_stranger_ask_whether_it_lives_and_no_more(tmp_path: Path, secrets_dir: Path) -> None:
    port = free_port()
    changes = {"/run/secrets": str(secrets_dir), "bind 0.0.0.0": "bind 127.0.0.1", "port 6379": f"port {port}"}
    config = adapted("redis/redis.conf", tmp_path, **changes, **{"dir /tmp": f"dir {tmp_path}"})
    server = ServerProcess("Redis", [program("redis-server"), str(config)], log_path=tmp_path / "redis.log")
    server.start()
    try:
        server.wait_until(lambda: accepts(port), "a port")
        password = (secrets_dir / "redis_password").read_text()
        with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as client:

            def said(*command: str) -> str:
                client.sendall(" ".join(command).encode() + b"\r\n")
                return client.recv(4096).decode()

            assert said("PING") == "+PONG\r\n"
            assert said("SET", "sipe:a", "1").startswith("-NOPERM")
            assert said("AUTH", "sipe", "wrong").startswith("-WRONGPASS")
            assert said("AUTH", "sipe", password) == "+OK\r\n"
            assert said("SET", "sipe:a", "1") == "+OK\r\n"
            assert said("SET", "other:a", "1").startswith("-NOPERM")
            assert said("FLUSHALL").startswith("-NOPERM")
            assert said("CONFIG", "GET", "*").startswith("-NOPERM")
    finally:
        server.stop()


@pytest.mark.needs("mosquitto")
def test_mosquitto_takes_whoever_shows_a_certificate_of_ours(tmp_path: Path, secrets_dir: Path) -> None:
    """Who may then do what: tests/connectors/mqtt/test_bridge.py."""
    data = tmp_path / "data"
    data.mkdir()
    port, config = free_port(), tmp_path / "mosquitto.conf"
    config.write_text(deployed(secrets_dir, data, port))
    server = ServerProcess("Mosquitto", [program("mosquitto"), "-c", str(config)], log_path=tmp_path / "mosquitto.log")
    server.start()
    try:
        server.wait_until(lambda: accepts(port), "a port")
        publish = [program("mosquitto_pub"), "-h", "localhost", "-p", str(port), "-m", "x", "-q", "1"]
        trusting = ["--cafile", str(secrets_dir / "ca.pem")]

        def code(*options: str) -> int:
            done = subprocess.run(
                [*publish, "-t", "sipe/v1/answers/a.b.c.d", *options], capture_output=True, timeout=30, check=False
            )
            return done.returncode

        own = ["--cert", str(secrets_dir / "sipe-bridge.pem"), "--key", str(secrets_dir / "sipe-bridge.key")]
        assert code(*trusting, *own) == 0
        assert code(*trusting) != 0
        assert code(*trusting, "-u", "sipe-bridge") != 0
        assert code("-u", "sipe-bridge") != 0
    finally:
        server.stop()
