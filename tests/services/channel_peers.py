"""The other ends of the gateway's channels: real ones, that can be killed, reset, frozen and started again."""

from __future__ import annotations

import asyncio
import http.client
import socket
import struct
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fault_proxy import FaultProxy
from mosquitto_server import USER, MosquittoServer
from pymodbus.client import ModbusTcpClient
from pymodbus.framer import FramerType
from server_process import POLL_S, RealServer, ServerProcess, accepts, free_port

from edge.channels.settings import ChannelSettings, parse_channels
from sipe.errors import SipeError

_HERE = Path(__file__).parent
WAIT_S = 20.0
_RESET = struct.pack("ii", 1, 0)


async def until(holds: Callable[[], bool], seen: Callable[[], object]) -> None:
    """Wait for a condition; what is seen, such as a channel's status, says why it did not come about."""
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, seen()
        await asyncio.sleep(0.005)


class Peer:
    """What a channel is connected to. A peer that stands for equipment `send`s items, in their order."""

    kind: str
    polled = False
    """It says one thing until it is told to say another, over and over."""
    listens = True
    """It is there to be connected to; else it comes to the channel."""

    def __init__(self) -> None:
        self.tables: dict[str, Any] = {}
        """What a gateway's file says of the channel, beside what is common to all."""

    def settings(self, **more: Any) -> ChannelSettings:
        """The channel to it, quick to notice and to come back."""
        table = {
            "name": "press-1",
            "kind": self.kind,
            "idle_after_ms": 200,
            "connect_timeout_ms": 1_000,
            "write_timeout_ms": 300,
            "backoff_base_ms": 10,
            "backoff_cap_ms": 50,
        }
        (settings,) = parse_channels({"channel": [table | self.tables | more]})
        return settings

    def start(self) -> None:
        """Be there, again too."""

    def stop(self) -> None:
        """Go, in whatever state it is."""

    def kill(self) -> None:
        """Be gone without a word."""

    def freeze(self) -> None:
        """Answer nothing, and close nothing."""

    def thaw(self) -> None:
        """Go on."""

    def send(self, items: Sequence[bytes]) -> None:
        """Say these."""

    def __enter__(self) -> Peer:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


class ServerPeer(Peer):
    """One that is a process."""

    server: RealServer
    line: Path | None = None
    """The device file, where there is one. It goes with its terminal, whose number the next one that opens is given."""

    def start(self) -> None:
        self.server.start()
        if self.line is not None:
            self.server.process.wait_until(self.line.exists, "pseudo terminal")

    def stop(self) -> None:
        self.server.stop()
        self._unplug()

    def kill(self) -> None:
        self.server.kill()
        self._unplug()

    def _unplug(self) -> None:
        if self.line is not None:
            self.line.unlink(missing_ok=True)

    def freeze(self) -> None:
        self.server.process.freeze()

    def thaw(self) -> None:
        self.server.process.thaw()


class _Program(RealServer):
    """A program of this directory, ready when its ports take connections."""

    def __init__(self, directory: Path, program: str, *arguments: object, ports: Sequence[int]) -> None:
        self._ports = ports
        command = [sys.executable, str(_HERE / program), *map(str, arguments)]
        super().__init__(ServerProcess(program, command, log_path=directory / f"{program}.log"))

    def ready(self) -> bool:
        return all(accepts(port) for port in self._ports)


class LinePeer(ServerPeer):
    """Equipment on a line: a pseudo terminal, or a server of serial lines."""

    def __init__(self, directory: Path, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self._control_port = free_port()
        self._control: socket.socket | None = None
        if kind == "serial":
            self.line = directory / "line"
            self.tables = {"port": str(self.line)}
            arguments: tuple[object, ...] = ("pty", self.line)
        else:
            self.tables = {"host": "127.0.0.1", "port": free_port()}
            arguments = (kind, self.tables["port"])
        self.server = _Program(directory, "line_relay.py", *arguments, self._control_port, ports=[self._control_port])

    def start(self) -> None:
        super().start()
        self._hang_up()
        self._control = socket.create_connection(("127.0.0.1", self._control_port), timeout=WAIT_S)

    def stop(self) -> None:
        self._hang_up()
        super().stop()

    def _hang_up(self) -> None:
        if self._control is not None:
            self._control.close()

    def send(self, items: Sequence[bytes]) -> None:
        assert self._control is not None
        for item in items:
            self._control.sendall(item)

    def heard(self, size_bytes: int) -> bytes:
        """What the channel has written; waits for so many bytes."""
        assert self._control is not None
        data = b""
        while len(data) < size_bytes:
            more = self._control.recv(size_bytes - len(data))
            assert more, "the relay hung up"
            data += more
        return data


class BrokerPeer(ServerPeer):
    """Mosquitto, and equipment that publishes there."""

    kind = "mqtt"

    def __init__(self, directory: Path, more: str = "") -> None:
        super().__init__()
        self.server = self.mosquitto = MosquittoServer(directory / "mosquitto", more)
        password = directory / "password"
        password.touch(0o600)
        password.write_text(self.mosquitto.password + "\n")
        self.tables = {
            "host": "127.0.0.1",
            "port": self.mosquitto.port,
            "topics": ["line/+"],
            "client_id": "gateway-1",
            "user": USER,
            "password_file": str(password),
            "keepalive_s": 1,
        }

    def send(self, items: Sequence[bytes]) -> None:
        self.mosquitto.publish_lines("line/1", [item.decode() for item in items])


class ModbusPeer(ServerPeer):
    """pymodbus' server."""

    polled = True

    def __init__(self, directory: Path, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self._port = free_port()
        self._framer = FramerType.RTU if kind == "modbus-rtu" else FramerType.SOCKET
        arguments: tuple[object, ...] = ("tcp", self._port)
        self.tables = {
            "blocks": [{"name": "said", "table": "holding", "address": 0, "count": 4, "every_ms": 10}],
            "timeout_ms": 500,
            "timeouts_max": 2,
        }
        if kind == "modbus-rtu":
            self.line = directory / "line"
            self.tables |= {"port": str(self.line), "line": {"rate_bd": 19_200}}
            arguments = ("rtu", self._port, self.line)
        else:
            self.tables |= {"host": "127.0.0.1", "port": self._port}
        self.server = _Program(directory, "modbus_device.py", *arguments, ports=[self._port])

    def send(self, items: Sequence[bytes]) -> None:
        """Each has eight bytes, and stands in four registers until the next is there."""
        client: Any = ModbusTcpClient("127.0.0.1", port=self._port, framer=self._framer, timeout=2)
        try:
            for item in items:
                values = [int.from_bytes(item[at : at + 2], "big") for at in range(0, 8, 2)]
                assert not client.write_registers(0, values, device_id=1).isError()
        finally:
            client.close()


class PushPeer(Peer):
    """Equipment that POSTs, and sends again what was not taken."""

    kind = "http"
    listens = False

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.port = free_port()
        self.tables = {"port": self.port, "paths": ["/said"], "request_timeout_ms": 150}
        self._half: list[socket.socket] = []

    def stop(self) -> None:
        for half in self._half:
            half.close()

    def kill(self) -> None:
        """In the middle of a request."""
        half = self._begin()
        half.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        half.close()

    def freeze(self) -> None:
        """In the middle of a request, too."""
        self._half.append(self._begin())

    def _begin(self) -> socket.socket:
        half = socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_S)
        half.sendall(b"POST /said HTTP/1.1\r\nContent-Length: 100\r\n\r\nthe first half")
        return half

    def send(self, items: Sequence[bytes]) -> None:
        for item in items:
            deadline = time.monotonic() + WAIT_S
            while self._post(item) != 204:
                if time.monotonic() > deadline:
                    raise SipeError(f"{item!r} is not taken")
                time.sleep(POLL_S)

    def _post(self, item: bytes) -> int:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/said", item)
        try:
            with urllib.request.urlopen(request, timeout=WAIT_S) as answer:  # noqa: S310
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except (OSError, http.client.HTTPException):
            return 0


def proxied(peer: Peer) -> tuple[FaultProxy, dict[str, Any]]:
    """A proxy before a peer that is reached over TCP, and what the channel's table says then."""
    proxy = FaultProxy("127.0.0.1", peer.tables["port"])
    return proxy, {"port": proxy.port}


def make_peer(kind: str, directory: Path) -> Peer:
    """The other end of a channel of this kind."""
    if kind in {"serial", "tcp", "rfc2217"}:
        return LinePeer(directory, kind)
    if kind == "mqtt":
        return BrokerPeer(directory)
    return PushPeer(directory) if kind == "http" else ModbusPeer(directory, kind)
