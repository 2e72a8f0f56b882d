"""Apache Kafka as one node or several on loopback: KRaft, each node a broker and a controller.

    with KafkaCluster(tmp_path, nodes=3) as kafka:
        kafka.create_topic("events", partitions=4)
        kafka.kill(2)
        kafka.start_node(2)

`make services` brings the jars.
"""

from __future__ import annotations

import base64
import logging
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from real_services import JARS
from server_process import START_TIMEOUT_S, ServerProcess, accepts, free_port

from sipe.errors import SipeError

HERE = Path(__file__).parent
ANSWER_TIMEOUT_S = 30.0
# A broker of tests lives for seconds, and there are several on two cores: no optimising compiler, one collector thread.
JAVA = (
    *("java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"),
    f"-Dlog4j2.configurationFile={HERE / 'log4j2.xml'}",
    *("-cp", f"{JARS}/*"),
)

_QUIET = logging.getLogger(__name__)
_QUIET.addHandler(logging.NullHandler())


@dataclass(frozen=True, kw_only=True)
class Node:
    """One node: its number from 1, its controller's port, the port of each listener, and its process."""

    number: int
    controller_port: int
    ports: Mapping[str, int]
    process: ServerProcess
    properties_path: Path


class KafkaCluster:
    """Some nodes over `directory`, which keeps their logs from start to start.

    `listeners` adds listeners to the plain one, by name and security protocol (`{"TLS": "SSL"}`); `properties` are
    added to each node's `server.properties`, or take the place of what is there.
    """

    def __init__(
        self,
        directory: Path,
        *,
        nodes: int = 1,
        listeners: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        self._directory = directory
        identity = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        self._cluster_id = "A" + identity[1:]  # as an argument it must not begin with a hyphen
        self._protocols = {"PLAIN": "PLAINTEXT", **(listeners or {})}
        self._extra = dict(properties or {})
        self.nodes = {number: self._node(number) for number in range(1, nodes + 1)}

    @property
    def bootstrap(self) -> str:
        """The plain listeners of all nodes, `host:port,...`."""
        return self.bootstrap_of("PLAIN")

    def bootstrap_of(self, listener: str) -> str:
        """The addresses of all nodes on one listener."""
        return ",".join(f"127.0.0.1:{node.ports[listener]}" for node in self.nodes.values())

    @property
    def pids(self) -> dict[int, int]:
        """The process ids of the nodes that run."""
        return {number: node.process.pid for number, node in self.nodes.items() if node.process.running}

    def start(self) -> None:
        """Start all nodes, formatting their directories at the first start; returns when every broker answers."""
        try:
            with ThreadPoolExecutor() as pool:
                list(pool.map(self._format, self.nodes.values()))
            for node in self.nodes.values():
                node.process.start()
            for node in self.nodes.values():
                self._await_listener(node)
            self.await_brokers()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all nodes. Stopping twice is fine."""
        with ThreadPoolExecutor() as pool:  # at once: a lone controller waits in vain for the others
            list(pool.map(lambda node: node.process.stop(), self.nodes.values()))

    def stop_node(self, number: int = 1) -> None:
        """SIGTERM one node: a controlled shutdown."""
        self.nodes[number].process.stop()

    def kill(self, number: int = 1) -> None:
        """SIGKILL one node; its log stays."""
        self.nodes[number].process.kill()

    def freeze(self, number: int = 1) -> None:
        """SIGSTOP one node."""
        self.nodes[number].process.freeze()

    def thaw(self, number: int = 1) -> None:
        """SIGCONT one node."""
        self.nodes[number].process.thaw()

    def start_node(self, number: int = 1) -> None:
        """Start one node again on the same ports and data; returns when it accepts connections."""
        self.nodes[number].process.start()
        self._await_listener(self.nodes[number])

    def await_brokers(self) -> None:
        """Wait until the cluster counts as many brokers as nodes run."""
        wanted = len(self.pids)
        first = next(node for node in self.nodes.values() if node.process.running)
        admin = self.admin()

        def all_there() -> bool:
            try:
                return len(admin.list_topics(timeout=5.0).brokers) == wanted
            except KafkaException:
                return False

        first.process.wait_until(all_there, f"{wanted} brokers")

    def admin(self) -> AdminClient:
        """An administrator on the plain listener."""
        return AdminClient({"bootstrap.servers": self.bootstrap}, logger=_QUIET)

    def create_topic(self, name: str, partitions: int, config: Mapping[str, str] | None = None) -> None:
        """Create a topic, on every node of the cluster, and wait until clients see all of its partitions led."""
        admin = self.admin()
        topic = NewTopic(name, partitions, replication_factor=len(self.nodes), config=dict(config or {}))
        admin.create_topics([topic], operation_timeout=ANSWER_TIMEOUT_S)[name].result(ANSWER_TIMEOUT_S)

        def led() -> bool:
            known = admin.list_topics(timeout=5.0).topics.get(name)
            return known is not None and [part.leader > 0 for part in known.partitions.values()] == [True] * partitions

        next(iter(self.nodes.values())).process.wait_until(led, f"leaders of {name}")

    def delete_topic(self, name: str) -> None:
        """Delete a topic and all that it holds, and wait until clients no longer see it."""
        admin = self.admin()
        admin.delete_topics([name], operation_timeout=ANSWER_TIMEOUT_S)[name].result(ANSWER_TIMEOUT_S)
        process = next(iter(self.nodes.values())).process
        process.wait_until(lambda: name not in admin.list_topics(timeout=5.0).topics, f"end of {name}")

    def _node(self, number: int) -> Node:
        home = self._directory / f"node-{number}"
        properties_path = home / "server.properties"
        return Node(
            number=number,
            controller_port=free_port(),
            ports={name: free_port() for name in self._protocols},
            process=_java(f"Kafka node {number}", "kafka.Kafka", properties_path, log_path=home / "server.log"),
            properties_path=properties_path,
        )

    def _format(self, node: Node) -> None:
        if node.properties_path.exists():
            return
        node.properties_path.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"{name}={value}" for name, value in (self._properties(node) | self._extra).items()]
        node.properties_path.write_text("\n".join(lines) + "\n")
        tool: list[str | Path] = [
            "kafka.tools.StorageTool",
            "format",
            "-t",
            self._cluster_id,
            "-c",
            node.properties_path,
        ]
        log_path = node.properties_path.with_name("format.log")
        formatting = _java(f"formatting of Kafka node {node.number}", *tool, log_path=log_path)
        if code := formatting.run(START_TIMEOUT_S):
            node.properties_path.unlink()
            raise SipeError(f"{formatting.name} failed with exit code {code}: {formatting.last_words()}")

    def _properties(self, node: Node) -> dict[str, str]:
        own = {name: f"{name}://127.0.0.1:{port}" for name, port in node.ports.items()}
        replicas = str(min(3, len(self.nodes)))
        protocols = {**self._protocols, "CONTROLLER": "PLAINTEXT"}
        return {
            "process.roles": "broker,controller",
            "node.id": str(node.number),
            "listeners": ",".join([*own.values(), f"CONTROLLER://127.0.0.1:{node.controller_port}"]),
            "advertised.listeners": ",".join(own.values()),
            "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
            "inter.broker.listener.name": "PLAIN",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.voters": ",".join(
                f"{each.number}@127.0.0.1:{each.controller_port}" for each in self.nodes.values()
            ),
            "log.dirs": str(node.properties_path.with_name("log")),
            "auto.create.topics.enable": "false",
            "default.replication.factor": replicas,
            "min.insync.replicas": str(min(2, len(self.nodes))),
            "offsets.topic.num.partitions": "1",
            "offsets.topic.replication.factor": replicas,
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            # A killed broker loses its partitions after this long, and may not come back before.
            "broker.session.timeout.ms": "4000",
            "broker.heartbeat.interval.ms": "1000",
        }

    def _await_listener(self, node: Node) -> None:
        node.process.wait_until(lambda: all(accepts(port) for port in node.ports.values()), "open port")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for node in self.nodes.values():  # no goodbye: a lone controller can wait for the others longer than anybody
            if node.process.running:
                node.process.kill()


def _java(name: str, *arguments: str | Path, log_path: Path) -> ServerProcess:
    return ServerProcess(name, [*JAVA, *arguments], log_path=log_path)
