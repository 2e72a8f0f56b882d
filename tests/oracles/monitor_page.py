"""What a process says of itself over HTTP."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from server_process import free_port

Series = tuple[str, frozenset[tuple[str, str]]]


def free_ports() -> int:
    """The first of two ports in a row that nobody listens on."""
    while True:
        port = free_port()
        with socket.socket() as second:
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
        return port


def verdict(port: int, path: str) -> tuple[int, dict[str, Any]]:
    """Status and body of `/live` or `/ready`; (0, {}) while nobody listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())
    except (ConnectionError, urllib.error.URLError):
        return 0, {}


def metrics(port: int) -> dict[Series, float]:
    """Every series of `/metrics` and its value."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        return series_of(answer.read())


def series_of(page: bytes) -> dict[Series, float]:
    """Every series of a page and its value."""
    families = text_string_to_metric_families(page.decode())
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def series(name: str, **labels: str) -> Series:
    """The key of a series."""
    return name, frozenset(labels.items())
