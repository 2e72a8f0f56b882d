"""Which units of a lot make its sample: a draw that can be done again from its seed, whoever lists the units.

Source: ISO 2859-1:1999, 8.1, asks for a simple random sample.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from random import Random

from models.sampling.plans import Refused


def draw(serials: Iterable[str], size: int, rng: Random) -> tuple[str, ...]:
    """So many serials, sorted; raises `Refused`.

    Each unit takes the next number of `rng.random()`, in the order of the serials, and the smallest make the sample.
    Python promises the same numbers for a seed in every version, which it does not for `rng.sample()`.
    """
    units = sorted(serials)
    if doubled := [one for one, other in pairwise(units) if one == other]:
        raise Refused("serial_doubled", f"{doubled[0]} is in the lot twice")
    if not 0 <= size <= len(units):
        raise Refused("sample_size", f"{size} units cannot be drawn from {len(units)}")
    numbers = {serial: rng.random() for serial in units}
    return tuple(sorted(sorted(units, key=numbers.__getitem__)[:size]))
