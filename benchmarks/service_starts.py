"""How long the real servers of the tests take from their start to their first answer.

.venv/bin/python benchmarks/service_starts.py
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "services"))

from kafka_cluster import KafkaCluster
from mariadb_server import MariaDbServer
from mosquitto_server import MosquittoServer
from old_clickhouse_server import OldClickHouseServer
from redis_server import RedisServer

ROUNDS = 3
SERVERS: dict[str, Callable[[Path], AbstractContextManager[object]]] = {
    "Redis": RedisServer,
    "Mosquitto": MosquittoServer,
    "clickhouse-server 18.16": OldClickHouseServer,
    "MariaDB, with its system tables": MariaDbServer,
    "Apache Kafka, 1 node, with formatting": KafkaCluster,
    "Apache Kafka, 3 nodes, with formatting": lambda directory: KafkaCluster(directory, nodes=3),
}


def main() -> None:
    """Print the shortest and the longest of some starts, each on an empty directory."""
    for name, server in SERVERS.items():
        times_s = []
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory() as directory:
                start_s = time.perf_counter()
                with server(Path(directory)):
                    times_s.append(time.perf_counter() - start_s)
        print(f"| {name} | {min(times_s):.1f} to {max(times_s):.1f} s |")


if __name__ == "__main__":
    main()
