"""The tables of ISO 2859-1:1999 for single sampling, laid out as they are printed, to be read against a copy of them.

Source: ISO 2859-1:1999, table 1 (code letters) and tables 2-A, 2-B and 2-C (master tables). The standard itself was
not at hand. The cells follow from how the tables are built, diagonal by diagonal, and were held against two public
transcriptions of the same edition, by which three places are settled that do not follow: the acceptance numbers of the
reduced plans (1, 2, 3, 4, 6, 8, 10), its letters A and B, which take 3, 5, 7 instead, and that the tightened table has
no plan for letter A at 10. A factory checks against its own copy: those three, the arrows of Q, R and S at the left
edge, the cells above an AQL of 100, and whether its contracts name another edition: one of 2026 is said to be out.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Level = Literal["S-1", "S-2", "S-3", "S-4", "I", "II", "III"]
Severity = Literal["normal", "tightened", "reduced"]

LEVELS: tuple[Level, ...] = ("S-1", "S-2", "S-3", "S-4", "I", "II", "III")

AQLS = (
    0.010, 0.015, 0.025, 0.040, 0.065, 0.10, 0.15, 0.25, 0.40, 0.65, 1.0, 1.5, 2.5, 4.0, 6.5, 10.0,
    15.0, 25.0, 40.0, 65.0, 100.0, 150.0, 250.0, 400.0, 650.0, 1000.0,
)  # fmt: skip
"""Percent nonconforming up to 10; above it, and below if so agreed, nonconformities per 100 items."""

_CODE_LETTERS = """
     8 A A A A A A B
    15 A A A A A B C
    25 A A B B B C D
    50 A B B C C D E
    90 B B C C C E F
   150 B B C D D F G
   280 B C D E E G H
   500 B C D E F H J
  1200 C C E F G J K
  3200 C D E G H K L
 10000 C D F G J L M
 35000 C D F H K M N
150000 D E G J L N P
500000 D E G J M P Q
     - D E H K N Q R
"""
"""Table 1: the largest lot of each row, and its letter at each level, in the order of `LEVELS`."""

# Master tables: letter, sample size, and the acceptance number for each of `AQLS`; v and ^ are the arrows.
_NORMAL = """
A    2  v  v  v  v  v  v  v  v  v  v  v  v  v  v  0  v  v  1  2  3  5  7 10 14 21 30
B    3  v  v  v  v  v  v  v  v  v  v  v  v  v  0  ^  v  1  2  3  5  7 10 14 21 30 44
C    5  v  v  v  v  v  v  v  v  v  v  v  v  0  ^  v  1  2  3  5  7 10 14 21 30 44  ^
D    8  v  v  v  v  v  v  v  v  v  v  v  0  ^  v  1  2  3  5  7 10 14 21 30 44  ^  ^
E   13  v  v  v  v  v  v  v  v  v  v  0  ^  v  1  2  3  5  7 10 14 21 30 44  ^  ^  ^
F   20  v  v  v  v  v  v  v  v  v  0  ^  v  1  2  3  5  7 10 14 21  ^  ^  ^  ^  ^  ^
G   32  v  v  v  v  v  v  v  v  0  ^  v  1  2  3  5  7 10 14 21  ^  ^  ^  ^  ^  ^  ^
H   50  v  v  v  v  v  v  v  0  ^  v  1  2  3  5  7 10 14 21  ^  ^  ^  ^  ^  ^  ^  ^
J   80  v  v  v  v  v  v  0  ^  v  1  2  3  5  7 10 14 21  ^  ^  ^  ^  ^  ^  ^  ^  ^
K  125  v  v  v  v  v  0  ^  v  1  2  3  5  7 10 14 21  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^
L  200  v  v  v  v  0  ^  v  1  2  3  5  7 10 14 21  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^
M  315  v  v  v  0  ^  v  1  2  3  5  7 10 14 21  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^
N  500  v  v  0  ^  v  1  2  3  5  7 10 14 21  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^
P  800  v  0  ^  v  1  2  3  5  7 10 14 21  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^
Q 1250  0  ^  v  1  2  3  5  7 10 14 21  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^
R 2000  ^  ^  1  2  3  5  7 10 14 21  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^
"""

_TIGHTENED = """
A    2  v  v  v  v  v  v  v  v  v  v  v  v  v  v  v  v  v  v  1  2  3  5  8 12 18 27
B    3  v  v  v  v  v  v  v  v  v  v  v  v  v  v  0  v  v  1  2  3  5  8 12 18 27 41
C    5  v  v  v  v  v  v  v  v  v  v  v  v  v  0  v  v  1  2  3  5  8 12 18 27 41  ^
D    8  v  v  v  v  v  v  v  v  v  v  v  v  0  v  v  1  2  3  5  8 12 18 27 41  ^  ^
E   13  v  v  v  v  v  v  v  v  v  v  v  0  v  v  1  2  3  5  8 12 18 27 41  ^  ^  ^
F   20  v  v  v  v  v  v  v  v  v  v  0  v  v  1  2  3  5  8 12 18  ^  ^  ^  ^  ^  ^
G   32  v  v  v  v  v  v  v  v  v  0  v  v  1  2  3  5  8 12 18  ^  ^  ^  ^  ^  ^  ^
H   50  v  v  v  v  v  v  v  v  0  v  v  1  2  3  5  8 12 18  ^  ^  ^  ^  ^  ^  ^  ^
J   80  v  v  v  v  v  v  v  0  v  v  1  2  3  5  8 12 18  ^  ^  ^  ^  ^  ^  ^  ^  ^
K  125  v  v  v  v  v  v  0  v  v  1  2  3  5  8 12 18  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^
L  200  v  v  v  v  v  0  v  v  1  2  3  5  8 12 18  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^
M  315  v  v  v  v  0  v  v  1  2  3  5  8 12 18  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^
N  500  v  v  v  0  v  v  1  2  3  5  8 12 18  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^
P  800  v  v  0  v  v  1  2  3  5  8 12 18  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^
Q 1250  v  0  v  v  1  2  3  5  8 12 18  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^
R 2000  0  ^  v  1  2  3  5  8 12 18  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^
S 3150  ^  ^  1  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^
"""

_REDUCED = """
A    2  v  v  v  v  v  v  v  v  v  v  v  v  v  v  0  v  v  1  2  3  5  7 10 14 21 30
B    2  v  v  v  v  v  v  v  v  v  v  v  v  v  0  ^  v  v  1  2  3  5  7 10 14 21 30
C    2  v  v  v  v  v  v  v  v  v  v  v  v  0  ^  v  v  1  2  3  4  6  8 10 14 21  ^
D    3  v  v  v  v  v  v  v  v  v  v  v  0  ^  v  v  1  2  3  4  6  8 10 14 21  ^  ^
E    5  v  v  v  v  v  v  v  v  v  v  0  ^  v  v  1  2  3  4  6  8 10 14 21  ^  ^  ^
F    8  v  v  v  v  v  v  v  v  v  0  ^  v  v  1  2  3  4  6  8 10  ^  ^  ^  ^  ^  ^
G   13  v  v  v  v  v  v  v  v  0  ^  v  v  1  2  3  4  6  8 10  ^  ^  ^  ^  ^  ^  ^
H   20  v  v  v  v  v  v  v  0  ^  v  v  1  2  3  4  6  8 10  ^  ^  ^  ^  ^  ^  ^  ^
J   32  v  v  v  v  v  v  0  ^  v  v  1  2  3  4  6  8 10  ^  ^  ^  ^  ^  ^  ^  ^  ^
K   50  v  v  v  v  v  0  ^  v  v  1  2  3  4  6  8 10  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^
L   80  v  v  v  v  0  ^  v  v  1  2  3  4  6  8 10  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^
M  125  v  v  v  0  ^  v  v  1  2  3  4  6  8 10  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^
N  200  v  v  0  ^  v  v  1  2  3  4  6  8 10  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^
P  315  v  0  ^  v  v  1  2  3  4  6  8 10  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^
Q  500  0  ^  ^  v  1  2  3  4  6  8 10  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^
R  800  ^  ^  ^  1  2  3  4  6  8 10  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^
"""


class Row(NamedTuple):
    """A row of a master table: the cells are acceptance numbers or arrows, one for each of `AQLS`."""

    letter: str
    sample_size: int
    cells: tuple[int | str, ...]


def _row(line: str) -> Row:
    letter, sample_size, *cells = line.split()
    return Row(letter, int(sample_size), tuple(cell if cell in ("v", "^") else int(cell) for cell in cells))


def _rows(text: str) -> tuple[Row, ...]:
    return tuple(_row(line) for line in text.strip().splitlines())


MASTER_TABLES: dict[Severity, tuple[Row, ...]] = {
    "normal": _rows(_NORMAL),
    "tightened": _rows(_TIGHTENED),
    "reduced": _rows(_REDUCED),
}
"""Tables 2-A, 2-B and 2-C. No lot has letter S: it is where the arrows of the tightened table at 0.025 end."""

CODE_LETTERS: tuple[tuple[int | None, dict[Level, str]], ...] = tuple(
    (None if largest == "-" else int(largest), dict(zip(LEVELS, letters, strict=True)))
    for largest, *letters in (line.split() for line in _CODE_LETTERS.strip().splitlines())
)
"""Table 1: the largest lot of each row, None for the last, and its letter at each level."""
