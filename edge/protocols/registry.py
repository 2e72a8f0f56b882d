"""The protocols that can be decoded, in one table: a new one is a module of its own and a line here."""

from __future__ import annotations

from edge.protocols.framer import Framer
from edge.protocols.records import Record


class Protocol(Record):
    """A decoder by name, which is imported when it is made."""

    FIELDS = ("name", "about", "module", "decoder", "settings")

    def __init__(self, name: str, about: str, module: str, decoder: str, settings: dict[str, str]) -> None:
        """`settings` are those arguments of the decoder that are words, each with its choice, the default first."""
        self.name = name
        self.about = about
        self.module = module
        self.decoder = decoder
        self.settings = {setting: tuple(words.split()) for setting, words in settings.items()}

    def make(self, settings: dict[str, str]) -> Framer:
        """A decoder with these settings and the others as they are by default."""
        decoder = getattr(__import__(self.module, None, None, (self.decoder,)), self.decoder)
        made: Framer = decoder(**settings)
        return made


PROTOCOLS = (
    Protocol("pima", "a meter's packets", "edge.protocols.pima", "PimaDecoder", {"layout": "packet grouped"}),
    Protocol(
        "ssu", "the user output of NBR 14522", "edge.protocols.ssu", "SsuDecoder",
        {"block_format": "auto normal extended mixed", "crc_order": "low high"},
    ),
    Protocol(
        "nbr14522", "the reader protocol of NBR 14522", "edge.protocols.nbr14522.decoder", "Nbr14522Decoder", {},
    ),
    Protocol(
        "iec62056-21", "IEC 62056-21, both sides", "edge.protocols.iec62056.decoder", "Iec62056Decoder",
        {"parity": "software hardware ignored"},
    ),
)  # fmt: skip
