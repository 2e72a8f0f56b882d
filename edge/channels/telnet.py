"""The serial port option of Telnet, RFC 2217, from the side of the client: bytes in, bytes out, no I/O.

Of Telnet (RFC 854, 855) there is what that needs: options are agreed on, IAC is doubled in data, and of subnegotiations
those about the line are read. What the server tells of its modem lines is let pass.
"""

from __future__ import annotations

from edge.channels.settings import Line

IAC, SE, SB, WILL, WONT, DO, DONT = 255, 240, 250, 251, 252, 253, 254
BINARY, SUPPRESS_GO_AHEAD, COM_PORT = 0, 3, 44
_WANTED = frozenset({BINARY, SUPPRESS_GO_AHEAD, COM_PORT})

SET_RATE, SET_BITS, SET_PARITY, SET_STOP_BITS, SET_CONTROL = 1, 2, 3, 4, 5
_ANSWER = 100
"""A server answers command n as n + 100."""
_NO_FLOW_CONTROL = 1
_PARITIES = {"none": 1, "odd": 2, "even": 3}
SUBNEGOTIATION_BYTES_MAX = 256
"""One that is longer is none: its end was lost, and what follows is data again."""

_DATA, _COMMAND, _OPTION, _SUB, _SUB_COMMAND = range(5)


class Telnet:
    """One connection's agreement with its server."""

    def __init__(self) -> None:
        self.is_refused = False
        """The server does not know the option."""
        self.agreed: dict[int, int] = {}
        """What the server says its line is set to, by command."""
        self.discarded_bytes = 0
        """Of subnegotiations that had no end."""
        self._state = _DATA
        self._verb = 0
        self._sub = bytearray()

    @staticmethod
    def opening() -> bytes:
        """What to send first."""
        both = b"".join(bytes([IAC, WILL, option, IAC, DO, option]) for option in (BINARY, SUPPRESS_GO_AHEAD))
        return both + bytes([IAC, WILL, COM_PORT])

    @staticmethod
    def request(line: Line) -> bytes:
        """What to send to have the line set."""
        sizes = {SET_RATE: 4}
        return b"".join(
            bytes([IAC, SB, COM_PORT, command])
            + Telnet.escaped(value.to_bytes(sizes.get(command, 1), "big"))
            + bytes([IAC, SE])
            for command, value in Telnet.values(line).items()
        )

    @staticmethod
    def values(line: Line) -> dict[int, int]:
        """What `agreed` is once the line is set."""
        return {
            SET_RATE: line.rate_bd,
            SET_BITS: line.bits,
            SET_PARITY: _PARITIES[line.parity],
            SET_STOP_BITS: line.stop_bits,
            SET_CONTROL: _NO_FLOW_CONTROL,
        }

    @staticmethod
    def escaped(data: bytes) -> bytes:
        """Data as it is sent."""
        return data.replace(bytes([IAC]), bytes([IAC, IAC]))

    def feed(self, received: bytes) -> tuple[bytes, bytes]:
        """(data, answer): what of the received bytes is data, and what to send at once.

        Any cut of the bytes gives the same, and no byte sequence raises.
        """
        data, answer = bytearray(), bytearray()
        for byte in received:
            if self._state == _DATA:
                if byte == IAC:
                    self._state = _COMMAND
                else:
                    data.append(byte)
            elif self._state == _COMMAND:
                self._state = self._after_iac(byte)
                if byte == IAC:
                    data.append(IAC)
            elif self._state == _OPTION:
                self._state = _DATA
                answer += self._answer(self._verb, byte)
            else:
                self._subnegotiate(byte)
        return bytes(data), bytes(answer)

    def _after_iac(self, byte: int) -> int:
        """The state after IAC and this byte; commands without an option are for terminals, and mean nothing here."""
        if byte == SB:
            self._sub.clear()
            return _SUB
        self._verb = byte
        return _OPTION if byte in {WILL, WONT, DO, DONT} else _DATA

    def _subnegotiate(self, byte: int) -> None:
        if self._state == _SUB and byte == IAC:
            self._state = _SUB_COMMAND
        elif self._state == _SUB or byte == IAC:
            self._state = _SUB
            self._sub.append(byte)
            if len(self._sub) > SUBNEGOTIATION_BYTES_MAX:
                self.discarded_bytes += len(self._sub)
                self._state = _DATA
        elif byte == SE:
            self._state = _DATA
            self._agree(bytes(self._sub))
        else:
            self.discarded_bytes += len(self._sub)
            self._state = self._after_iac(byte)

    def _answer(self, verb: int, option: int) -> bytes:
        """What we asked for ourselves needs no answer, and answering it would go on for ever."""
        if option == COM_PORT and verb in {DONT, WONT}:
            self.is_refused = True
        elif verb == DO and option not in _WANTED:
            return bytes([IAC, WONT, option])
        elif verb == WILL and option not in _WANTED:
            return bytes([IAC, DONT, option])
        return b""

    def _agree(self, body: bytes) -> None:
        if len(body) >= 3 and body[0] == COM_PORT:
            self.agreed[body[1] - _ANSWER] = int.from_bytes(body[2:6], "big")
