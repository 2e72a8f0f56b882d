"""Why TLS failed, asked of a real TLS server that wants a certificate."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.tls import authority
from connectors.tls.handshake import client_context, complaint
from sipe.errors import UsageError

HOST = "127.0.0.1"
Serve = Callable[[Path | None], int]


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two authorities, `ours` and `theirs`, each with a server, a client, and a client whose certificate has ended."""
    directory, now = tmp_path_factory.mktemp("certs"), datetime.now(UTC)
    for name in ("ours", "theirs"):
        authority.init(directory / name, now - timedelta(days=20))
        authority.issue(directory / name, "server", [HOST], now)
        authority.issue(directory / name, "client", [], now)
        authority.issue(directory / name, "ended", [], now - timedelta(days=10), 1)
    return directory


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server that wants a certificate of the authority in this directory (None: that speaks no TLS)."""
    with contextlib.ExitStack() as opened:

        def start(directory: Path | None) -> int:
            listener = opened.enter_context(socket.create_server((HOST, 0)))
            thread = threading.Thread(target=_answer, args=(listener, directory))
            thread.start()
            opened.callback(thread.join, 20)
            opened.callback(listener.shutdown, socket.SHUT_RDWR)
            return int(listener.getsockname()[1])

        yield start


def _answer(listener: socket.socket, directory: Path | None) -> None:
    """One connection: a handshake where there is TLS, then silence until the client leaves."""
    with contextlib.suppress(OSError):
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(20)
            if directory is None:
                connection.sendall(b"220 I speak something else\r\n")
                connection.recv(1024)
                return
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(directory / "ca.pem"))
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_cert_chain(directory / "server.pem", directory / "server.key")
            with context.wrap_socket(connection, server_side=True) as secure:
                secure.recv(1)


def context_of(directory: Path, name: str, ca: Path | None = None) -> ssl.SSLContext:
    return client_context(
        str((ca or directory) / "ca.pem"), str(directory / f"{name}.pem"), str(directory / f"{name}.key")
    )


def test_where_both_agree_there_is_no_complaint(certs: Path, serve: Serve) -> None:
    assert complaint(context_of(certs / "ours", "client"), HOST, serve(certs / "ours")) is None


@pytest.mark.parametrize(("authority_", "name"), [("theirs", "client"), ("ours", "ended")])
def test_a_certificate_that_the_server_refuses(certs: Path, serve: Serve, authority_: str, name: str) -> None:
    context = context_of(certs / authority_, name, ca=certs / "ours")
    assert "it refuses our certificate" in (complaint(context, HOST, serve(certs / "ours")) or "")


def test_a_server_that_another_authority_vouches_for(certs: Path, serve: Serve) -> None:
    context = context_of(certs / "ours", "client")
    assert "its certificate is not to be trusted" in (complaint(context, HOST, serve(certs / "theirs")) or "")


def test_a_server_under_another_name(certs: Path, serve: Serve) -> None:
    context = context_of(certs / "ours", "client")
    assert "is not valid for 'localhost'" in (complaint(context, "localhost", serve(certs / "ours")) or "")


def test_a_port_that_speaks_something_else(certs: Path, serve: Serve) -> None:
    context = context_of(certs / "ours", "client")
    assert "it does not speak TLS there" in (complaint(context, HOST, serve(None)) or "")


def test_where_nobody_listens_tls_is_not_the_trouble(certs: Path) -> None:
    assert complaint(context_of(certs / "ours", "client"), HOST, 1) is None


def test_files_that_do_not_belong_together_are_named(certs: Path) -> None:
    ours = certs / "ours"
    ca, pem, key = str(ours / "ca.pem"), str(ours / "client.pem"), str(ours / "ended.key")
    with pytest.raises(UsageError, match=f"{pem} and {key} are not a certificate and its key"):
        client_context(ca, pem, key)
    with pytest.raises(UsageError, match="holds no certificate of an authority"):
        client_context(key, pem, key)
    with pytest.raises(UsageError, match="No such file"):
        client_context(str(certs / "absent.pem"), pem, key)
