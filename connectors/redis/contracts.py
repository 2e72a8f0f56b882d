"""Copies of contracts in Redis, under the digest of their bytes.

The store says which digest is at work, in the same question that says whether it may be worked by at all. So what Redis
holds is looked up by a name that nobody can reuse, and held against it: a copy that says something else is thrown away,
and while Redis is gone, slow or lying, the store answers, which takes a little longer.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from connectors.redis.breaker import Breaker
from models.production.contract import digest_of
from sipe.metrics import CONTRACT_COPIES, UNMONITORED, Monitor

TIMEOUT_S = 0.1
KEPT_S = 3_600
CONNECTIONS_MAX = 64
BYTES_MAX = 1_000_000
"""No more is read, whatever somebody has put there."""
_KEY = "sipe:contract:"


class RedisCopies:
    """Copies for every process of the service; threads may share it."""

    def __init__(
        self, url: str, *, monitor: Monitor = UNMONITORED, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        pool = ConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS_MAX,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),  # the store answers sooner than a second try would
        )
        self._redis = Redis(connection_pool=pool)
        self._monitor = monitor
        self._breaker = Breaker(monotonic)

    def get(self, digest: str) -> bytes | None:
        """The bytes with this digest, if there is a copy that is worth anything."""
        body = self._try(lambda: self._redis.getrange(_KEY + digest, 0, BYTES_MAX))
        if not isinstance(body, bytes) or not body:
            self._monitor.count(CONTRACT_COPIES, outcome="missing")
            return None
        if digest_of(body) != digest:
            self._monitor.count(CONTRACT_COPIES, outcome="wrong")
            self.drop([digest])
            return None
        self._monitor.count(CONTRACT_COPIES, outcome="found")
        return body

    def put(self, digest: str, body: bytes) -> None:
        """Keep a copy for an hour."""
        self._try(lambda: self._redis.set(_KEY + digest, body, ex=KEPT_S))

    def drop(self, digests: list[str]) -> None:
        """Keep no copy of these any longer."""
        self._try(lambda: self._redis.delete(*(_KEY + digest for digest in digests)))

    def close(self) -> None:
        """Close all connections."""
        self._redis.close()

    def _try(self, what: Callable[[], object]) -> object:
        if not self._breaker.allows():
            return None
        try:
            found = what()
        except (RedisError, OSError):
            self._breaker.failed()
            self._monitor.count(CONTRACT_COPIES, outcome="failed")
            return None
        self._breaker.answered()
        return found
