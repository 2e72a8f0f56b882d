"""Blocks of the user output out of bytes, in a format that is known, or found out and locked.

Eight octets with a check of one byte prove nothing: what is found at random passes once in 256. So a format is locked
when ten blocks of it that follow from each other came in a row, and let go when thirty blocks' worth of bytes in a row
were none. The ten are not lost, only told late. The silence between blocks is no end of the line: call `end` when
nothing came for seconds.
"""

from __future__ import annotations

from edge.protocols.framer import Framer, Skip
from edge.protocols.records import Frame
from edge.protocols.ssu_blocks import Block, ExtendedBlock, NormalBlock
from edge.protocols.ssu_mixed import MixedBlock, MixedBlockHighFirst

AUTO, NORMAL, EXTENDED, MIXED = "auto", "normal", "extended", "mixed"
FORMATS = (AUTO, NORMAL, EXTENDED, MIXED)
LOW, HIGH = "low", "high"
CRC_ORDERS = (LOW, HIGH)
"""Which byte of the CRC of a mixed block comes first."""

NOT_LOCKED, CHECK = "not_locked", "check"
"""Why bytes are no block: no format is locked yet; or no block of the locked format has the right check there."""
LOCK_BLOCKS = 10
UNLOCK_BLOCKS = 30
SECONDS_LOST_MAX = 2
"""So many seconds may be missing between two blocks in a row: the meter's clock and its pace differ."""


class SsuDecoder(Framer):
    """Blocks of one format; with `auto` of the one that is found."""

    def __init__(self, block_format: str = AUTO, crc_order: str = LOW) -> None:
        """`block_format` is one of `FORMATS`, `crc_order` one of `CRC_ORDERS`."""
        super().__init__()
        mixed = MixedBlockHighFirst if crc_order == HIGH else MixedBlock
        # The shortest first: what is sure with fewer bytes is decided first, in whatever pieces they come.
        self._formats: tuple[type[Block], ...] = (NormalBlock, ExtendedBlock, mixed)
        self._is_fixed = block_format != AUTO
        self._locked: type[Block] | None = self._formats[FORMATS.index(block_format) - 1] if self._is_fixed else None
        self.SIZE_MAX = self._locked.SIZE_BYTES if self._locked else LOCK_BLOCKS * mixed.SIZE_BYTES
        self._lost_bytes = 0

    @property
    def locked(self) -> str | None:
        """The kind of the blocks that are read; None while it is being found out."""
        return self._locked.KIND if self._locked else None

    def head(self, kept: bytearray, offset: int) -> Frame | Skip | None:
        """What stands at the head: a block, or a byte that begins none."""
        if self._locked is None:
            rows = [_begins_row(block_type, kept) for block_type in self._formats]
            if True not in rows:
                return None if None in rows else Skip(NOT_LOCKED)
            self._locked = self._formats[rows.index(True)]
            self._lost_bytes = 0
        size_bytes = self._locked.SIZE_BYTES
        if len(kept) < size_bytes:
            return None
        octets = bytes(kept[:size_bytes])
        block = self._locked.read(octets, offset)
        if block is not None:
            block.octets = octets
            self._lost_bytes = 0
            return block
        self._lost_bytes += 1
        if self._lost_bytes >= UNLOCK_BLOCKS * size_bytes and not self._is_fixed:
            self._locked = None
        return Skip(CHECK)


def _begins_row(block_type: type[Block], kept: bytearray) -> bool | None:
    """Whether so many blocks of this format as lock it are at the head; None when it may yet turn out so."""
    before = None
    size_bytes = block_type.SIZE_BYTES
    for at in range(0, LOCK_BLOCKS * size_bytes, size_bytes):
        if len(kept) < at + size_bytes:
            return None
        block = block_type.read(bytes(kept[at : at + size_bytes]), at)
        if block is None or (before is not None and not follows(before, block)):
            return False
        before = block
    return True


def follows(before: Block, block: Block) -> bool:
    """Whether a block may come right behind another: a second later, the same again, or in the next interval."""
    passed_s = before.seconds_left - block.seconds_left
    return 0 <= passed_s <= SECONDS_LOST_MAX or before.seconds_left <= SECONDS_LOST_MAX
