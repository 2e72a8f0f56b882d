"""What happens to characters on their way: each fault makes other characters out of those of one burst.

A fault is a function, so that several are one: `both(dropping(random, 0.01), late(30))`. Chance is handed in, and the
same seed is the same day. Shares are of characters, from 0 to 1. A burst is what one side says without a pause; what a
fault does to silence it does beside a burst.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from edge.sim.characters import BITS, Character

Fault = Callable[[list[Character]], list[Character]]

NOISE = -2
"""Its source."""
NOISE_LAG_MS = 50.0
"""Noise comes within a burst, and so long before and behind it."""


def unharmed(burst: list[Character]) -> list[Character]:
    """Nothing happens."""
    return burst


def both(*faults: Fault) -> Fault:
    """One fault after the other."""

    def harmed(burst: list[Character]) -> list[Character]:
        for fault in faults:
            burst = fault(burst)
        return burst

    return harmed


def dropping(random: Random, share: float) -> Fault:
    """Characters are lost."""
    return lambda burst: [one for one in burst if random.random() >= share]


def doubling(random: Random, share: float) -> Fault:
    """Characters come twice."""
    return lambda burst: [one for one in burst for _ in range(1 + (random.random() < share))]


def flipping(random: Random, share: float) -> Fault:
    """One bit of a character is turned round, which its parity tells."""

    def flipped(one: Character) -> Character:
        return one._replace(byte=one.byte ^ 1 << random.randrange(8)) if random.random() < share else one

    return lambda burst: [flipped(one) for one in burst]


def wrong_parity(random: Random, share: float) -> Fault:
    """Characters of seven bits have the other parity; those of eight have their highest bit turned round."""
    return lambda burst: [one._replace(byte=one.byte ^ 0x80) if random.random() < share else one for one in burst]


def noise(random: Random, share: float) -> Fault:
    """Characters of another source, so many for each that is said: between them, over them, before and behind."""

    def with_noise(burst: list[Character]) -> list[Character]:
        made = []
        for one in burst:
            if random.random() < share:
                from_ms = random.uniform(burst[0].from_ms, burst[-1].at_ms + NOISE_LAG_MS)
                at_ms = from_ms + 1000 * BITS / one.rate_bd
                made.append(Character(from_ms, at_ms, random.randrange(256), one.rate_bd, NOISE))
        return sorted(burst + made)

    return with_noise


def off_rate(factor: float) -> Fault:
    """The sender's clock is wrong: 1.03 is three percent too fast."""

    def off(burst: list[Character]) -> list[Character]:
        began_ms = burst[0].from_ms if burst else 0.0
        return [
            one._replace(
                from_ms=began_ms + (one.from_ms - began_ms) / factor,
                at_ms=began_ms + (one.at_ms - began_ms) / factor,
                rate_bd=one.rate_bd * factor,
            )
            for one in burst
        ]

    return off


def gaps(gap_ms: float) -> Fault:
    """There is a gap before each character."""
    return lambda burst: [
        one._replace(from_ms=one.from_ms + at * gap_ms, at_ms=one.at_ms + at * gap_ms)
        for at, one in enumerate(burst, 1)
    ]


def late(random: Random, most_ms: float) -> Fault:
    """A burst as a whole comes up to so much later, as over a network."""

    def delayed(burst: list[Character]) -> list[Character]:
        by_ms = random.uniform(0, most_ms)
        return [one._replace(from_ms=one.from_ms + by_ms, at_ms=one.at_ms + by_ms) for one in burst]

    return delayed


def silence(first: int, count: int | None = None) -> Fault:
    """Nothing comes of so many bursts, the `first` counted from 1; None is all that follow."""
    said = 0

    def silent(burst: list[Character]) -> list[Character]:
        nonlocal said
        said += 1
        return [] if said >= first and (count is None or said < first + count) else burst

    return silent


FAULTS: dict[str, Callable[[Random, float], Fault]] = {
    "drop": dropping,
    "double": doubling,
    "flip": flipping,
    "parity": wrong_parity,
    "noise": noise,
    "rate": lambda random, value: off_rate(value),
    "gap": lambda random, value: gaps(value),
    "late": late,
    "silence": lambda random, value: silence(int(value)),
}
"""By name, each with one number: a share of characters, a factor of the rate, milliseconds, or a burst's number."""


def by_seed(named: list[tuple[str, float]], seed: int, way: str) -> Fault:
    """The faults that are named, for one way of the line; each of them has a chance of its own."""
    chances = (Random(f"{seed} {way} {at}") for at in range(len(named)))  # noqa: S311 - of faults, and repeatable
    return both(*(FAULTS[name](chance, value) for chance, (name, value) in zip(chances, named, strict=True)))
