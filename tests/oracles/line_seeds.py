"""What is right on the line, by protocol: what fuzzers begin with, and what has to be found behind all they make."""

from __future__ import annotations

from edge.protocols.iec62056.blocks import Answer, Command, Push, Readout
from edge.protocols.iec62056.characters import SOFTWARE, sent
from edge.protocols.iec62056.data import data_sets
from edge.protocols.iec62056.messages import Identification, OptionSelect, Request
from edge.protocols.nbr14522.frames import Command as NbrCommand
from edge.protocols.nbr14522.frames import Response
from edge.protocols.pima import encode_group, encode_packet, item_of_value
from edge.protocols.quantities import QUANTITIES
from edge.protocols.ssu_blocks import ExtendedBlock, NormalBlock
from edge.protocols.ssu_mixed import MixedBlock

_ITEMS = [
    item_of_value(quantity, value) for quantity, value in zip(QUANTITIES, (0, 123_456, None, 999_999), strict=True)
]
_SETS = data_sets("C.1.0(0103050709)1.8.0(0032907.841*kWh)P.01(1)(2)(3)")

PIMA = [*(encode_packet("9999999999", item) for item in _ITEMS), encode_group("0000000001", _ITEMS)]
SSU_ROWS = [
    [block_type(seconds_left=900 - at).encode() for at in range(1, 13)]
    for block_type in (NormalBlock, ExtendedBlock, MixedBlock)
]
SSU = [b"".join(row) for row in SSU_ROWS]
NBR = [NbrCommand("14", "123456").encode(), Response("26", "12345678", bytes(range(251))).encode(), b"\x05", b"\x10"]
IEC = [
    Request("12345678").encode(),
    Identification("SIP", "5", "METER").encode(),
    Identification("SIP", "3", "METER").encode() + Push(_SETS).encode(),
    OptionSelect("0", "5", "1").encode(),
    Readout(_SETS).encode(),
    Command("W1", _SETS[:1]).encode(),
    Command("B0").encode(),
    Answer(_SETS[1:2]).encode(),
    Answer(_SETS[2:], last=False).encode(),
    b"\x06",
    b"\x15",
]
"""In characters of seven bits, as a UART that makes the parity gives them."""
IEC_8N1 = [sent(message, SOFTWARE) for message in IEC]


def seeds_of(protocol: str, settings: dict[str, str]) -> list[bytes]:
    """What a decoder of these settings is to understand."""
    if protocol == "iec62056-21":
        return IEC_8N1 if settings["parity"] == SOFTWARE else IEC
    return {"pima": PIMA, "ssu": SSU, "nbr14522": NBR}[protocol]
