"""The web service as it runs: its store, keys and producers made from the settings, a port, and the loops beside it."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from api.app import create_app
from api.background import anchors, bells, relay, upkeep
from api.keys import KeyRing, directory_of
from api.live.live import Live
from api.services import Services
from api.tokens import Tokens
from connectors.clickhouse.client import Address
from connectors.ingest.inlet import Inlet
from connectors.ingest.rate import Rates
from connectors.kafka.address import KafkaAddress
from connectors.redis.contracts import RedisCopies
from connectors.sql import grants
from connectors.sql.contracts import NO_COPIES, Copies, NearCopies
from connectors.sql.opening import open_store
from connectors.sql.secrecy import Secrets
from connectors.sql.work import Store
from sipe.clock import Clock, SystemClock
from sipe.errors import SipeError, UsageError
from sipe.metrics import UNMONITORED, Monitor
from sipe.settings import Settings

TRIES_PER_S = 0.5
TRIES = 20
"""An address may try to prove who it is so often at once; a terminal that a shift signs in at is one address."""
START_TIMEOUT_S = 30.0
STEP_S = 0.02
STOP_TIMEOUT_S = 5
BACKLOG = 1_024
CONNECTIONS_MAX = 2_000
CHECK_EVERY_S = 0.2

_log = logging.getLogger(__name__)

Loop = Callable[[Services, threading.Event], None]
"""Works beside the requests until the event is set."""
LOOPS: tuple[Loop, ...] = (relay.loop, upkeep.loop, bells.announce, bells.hear, anchors.loop)


@contextmanager
def open_services(settings: Settings, clock: Clock, monitor: Monitor = UNMONITORED) -> Iterator[Services]:
    """What the routes work with; raises `SipeError`. Kafka need not answer yet."""
    with open_store(settings, clock) as store, ExitStack() as stack:
        with store.reading() as connection:
            if grants.can_tamper(connection):
                _log.warning("this user of MariaDB could change the audit trail: see `sipe migrate --grant-to`")
        ring = KeyRing(directory_of(settings), clock.now_ms(), may_create=settings.sql_url is None)
        yield Services(
            store=store,
            clock=clock,
            keys=ring,
            tokens=Tokens(ring, clock),
            secrets=Secrets(),
            strangers=Rates(TRIES_PER_S, TRIES),
            live=Live(store, monitor),
            inlet=_inlet(settings, monitor, stack),
            kafka=KafkaAddress.parse(settings) if settings.kafka_url else None,
            copies=_copies(settings, store, monitor, stack),
            clickhouse=Address.parse(settings.clickhouse_url) if settings.clickhouse_url else None,
            redis_url=settings.redis_url,
            monitor=monitor,
        )


def _copies(settings: Settings, store: Store, monitor: Monitor, stack: ExitStack) -> Copies:
    copies = NearCopies(_far_copies(settings, monitor, stack))
    store.when_dropped(copies.drop)
    return copies


def _far_copies(settings: Settings, monitor: Monitor, stack: ExitStack) -> Copies:
    if not settings.redis_url:
        return NO_COPIES
    try:
        copies = RedisCopies(settings.redis_url, monitor=monitor)
    except ValueError as error:
        raise UsageError("SIPE_REDIS_URL is no URL: write redis://user:password@host:6379/0") from error
    stack.callback(copies.close)
    return copies


def _inlet(settings: Settings, monitor: Monitor, stack: ExitStack) -> Inlet | None:
    if not settings.kafka_url:
        return None
    inlet = Inlet.of(settings, "http", monitor)
    stack.callback(inlet.close)
    return inlet


class Service:
    """The web service while it is open: `with Service(settings) as service: service.check()`."""

    def __init__(self, settings: Settings, clock: Clock | None = None, monitor: Monitor = UNMONITORED) -> None:
        check_listening(settings)
        self._settings = settings
        self._clock = clock or SystemClock()
        self._monitor = monitor
        self._open = ExitStack()
        self._stop = threading.Event()
        self._loops: list[Future[None]] = []
        self._server: uvicorn.Server | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"{'https' if self._settings.api_cert_file else 'http'}://{self._settings.api_host}:{self.port}"

    def check(self) -> None:
        """Raise what a loop ended with, or `SipeError` when the server has ended by itself."""
        for loop in self._loops:
            if loop.done():
                loop.result()
        if self._server is not None and self._server.should_exit:
            raise SipeError("the web service ended by itself; its log says why")

    def __enter__(self) -> Self:
        try:
            services = self._open.enter_context(open_services(self._settings, self._clock, self._monitor))
            self._serve(services)
            threads = self._open.enter_context(ThreadPoolExecutor(len(LOOPS), thread_name_prefix="api"))
            self._open.callback(self._stop.set)
            self._loops = [threads.submit(loop, services, self._stop) for loop in LOOPS]
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def _serve(self, services: Services) -> None:
        listening = self._open.enter_context(_listening(self._settings))
        self.port = listening.getsockname()[1]
        server = uvicorn.Server(_config(self._settings, services))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="web")
        thread.start()

        def end() -> None:
            services.live.close()  # else it would wait for streams that never end
            server.should_exit = True
            thread.join()

        self._open.callback(end)
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while not server.started and thread.is_alive() and time.monotonic() < deadline_s:
            thread.join(STEP_S)
        if not server.started:
            raise SipeError("the web service did not start; its log says why")
        self._server = server


def check_listening(settings: Settings) -> None:
    """Raise `UsageError` where passwords would cross a network in the clear."""
    if (settings.api_cert_file is None) != (settings.api_key_file is None):
        raise UsageError("SIPE_API_CERT_FILE and SIPE_API_KEY_FILE belong together: set both, or neither")
    if settings.api_cert_file is None and not settings.api_behind_proxy and not _is_loopback(settings.api_host):
        raise UsageError(
            f"SIPE_API_HOST={settings.api_host} is beyond this machine: set SIPE_API_CERT_FILE and SIPE_API_KEY_FILE, "
            "or SIPE_API_BEHIND_PROXY=1 where something before it ends TLS"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def behind_proxy(app: ASGIApp) -> ASGIApp:
    """The same application, where who asks is what the proxy says: the last address in X-Forwarded-For.

    What stands before it came with the request, and whoever tries passwords would be somebody else at each try.
    """

    async def forwarded(scope: Scope, receive: Receive, send: Send) -> None:
        told = [value for name, value in scope.get("headers", ()) if name == b"x-forwarded-for"]
        if told:
            scope["client"] = (told[-1].rpartition(b",")[2].strip().decode("latin1"), 0)
        await app(scope, receive, send)

    return forwarded


def _config(settings: Settings, services: Services) -> uvicorn.Config:
    app = create_app(services)
    return uvicorn.Config(
        behind_proxy(app) if settings.api_behind_proxy else app,
        lifespan="off",
        log_config=None,
        access_log=False,
        ws="none",
        server_header=False,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_graceful_shutdown=STOP_TIMEOUT_S,
        proxy_headers=False,  # uvicorn would believe the first address; see `behind_proxy`
        ssl_certfile=settings.api_cert_file,
        ssl_keyfile=settings.api_key_file,
    )


def _listening(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.api_host else socket.AF_INET
    try:
        server = socket.create_server((settings.api_host, settings.api_port), family=family, backlog=BACKLOG)
        # What is accepted inherits it. Asyncio sets it only where a socket says its protocol, as this one does not:
        # head and body are two writes, and the second would wait for the client's delayed acknowledgement, 40 ms.
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return server
    except OSError as error:
        raise SipeError(
            f"the web service cannot listen on {settings.api_host}:{settings.api_port} ({error.strerror}): "
            "name another port in SIPE_API_PORT"
        ) from error
