"""What goes over the line: characters of seven bits with even parity, 7E1, at one of a few rates (sections 5 and 6).

Where the UART cannot do 7E1 it is set to 8N1, and the parity is bit 7 of each byte: made and checked here.
"""

from __future__ import annotations

SOH, STX, ETX, EOT, ACK, NAK = 0x01, 0x02, 0x03, 0x04, 0x06, 0x15
CR, LF = 0x0D, 0x0A

BAD = 0xFF
"""Stands for a character that came with a wrong parity."""

SOFTWARE, HARDWARE, IGNORED = "software", "hardware", "ignored"
"""Who makes and checks the parity: this module, the UART, or nobody, as with a pseudo terminal or some recordings."""
PARITIES = (SOFTWARE, HARDWARE, IGNORED)

SIGN_ON_BD = 300
"""The rate at which modes A, B and C begin."""
PUSH_BD = 2400
"""The rate of mode D."""
RATES_C = {"0": 300, "1": 600, "2": 1200, "3": 2400, "4": 4800, "5": 9600, "6": 19200}
"""Bits per second by the identification's Z in modes C and E; 7 to 9 are reserved."""
RATES_B = {"A": 600, "B": 1200, "C": 2400, "D": 4800, "E": 9600, "F": 19200}
"""The same in mode B; G to I are reserved."""


def _is_odd(byte: int) -> int:
    odd = 0
    while byte:
        odd ^= byte & 1
        byte >>= 1
    return odd


_EVEN = bytes([byte | _is_odd(byte) << 7 for byte in range(128)])


def sent(characters: bytes, parity: str) -> bytes:
    """The bytes to hand to the UART, for characters of seven bits."""
    if parity != SOFTWARE:
        return characters
    return bytes([_EVEN[character] for character in characters])


def received(data: bytes, parity: str) -> bytes:
    """The characters of bytes from the UART, as many as there are bytes; `BAD` where the parity is wrong.

    A byte with bit 7 that the UART should have taken away came over another line than this one: bad as well.
    """
    if parity == IGNORED:
        return bytes([byte & 0x7F for byte in data])
    if parity == HARDWARE:
        return bytes([byte if byte < 128 else BAD for byte in data])
    return bytes([byte & 0x7F if _EVEN[byte & 0x7F] == byte else BAD for byte in data])


def bcc(characters: bytes) -> int:
    """The block check character: exclusive or of what stands behind the first SOH or STX, ETX or EOT included (6.1)."""
    check = 0
    for character in characters:
        check ^= character
    return check
