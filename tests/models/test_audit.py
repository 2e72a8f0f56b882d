"""Whatever is done to a trail afterwards is found, and where."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.audit import GENESIS, Entry, Finding, Sealed, Who, entry_of, line, seal, verify

WHO = Who("ana", "quality", "t-1")


def entry(seq: int, reason: str = "") -> Entry:
    return Entry(
        seq=seq, at_ms=seq, who=WHO, action="approve", on=f"sheet/{seq}", reason=reason, after={"b": 1, "a": 2}
    )


def trail(length: int, seed: int = 0) -> list[Sealed]:
    random, before, found = Random(seed), GENESIS, []
    for seq in range(1, length + 1):
        found.append(seal(before, entry(seq, str(random.random()))))
        before = found[-1].seal
    return found


def exported(sealed: list[Sealed]) -> list[bytes]:
    return [line(one) for one in sealed]


def head(sealed: list[Sealed]) -> dict[int, str]:
    return {len(sealed): sealed[-1].seal}


def test_a_seal_is_what_anyone_can_work_out() -> None:
    first, second = trail(2)
    told = {
        "seq": 1,
        "at_ms": 1,
        "who": {"identity": "ana", "role": "quality", "token": "t-1"},
        "action": "approve",
        "on": "sheet/1",
        "reason": entry_of(first).reason,
        "before": None,
        "after": {"a": 2, "b": 1},
    }
    raw = json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
    assert bytes(first.entry) == raw
    assert first.seal == hashlib.sha256(GENESIS.encode() + raw).hexdigest()
    assert second.seal == hashlib.sha256(first.seal.encode() + bytes(second.entry)).hexdigest()


@given(length=st.integers(1, 40), data=st.data())
def test_a_trail_that_nobody_touched_is_well(length: int, data: st.DataObject) -> None:
    whole = trail(length)
    first = data.draw(st.integers(1, length))
    anchored = data.draw(st.sets(st.integers(1, length)))
    anchors = {seq: whole[seq - 1].seal for seq in anchored | {max(first - 1, 1)}}
    assert list(verify(exported(whole[first - 1 :]), anchors, first)) == []
    assert [entry_of(one) for one in whole] == [entry(one.seq, one.reason) for one in map(entry_of, whole)]


def edited(whole: list[Sealed], at: int) -> list[Sealed]:
    other = seal(whole[at - 1].seal if at else GENESIS, entry(at + 1, "something else"))
    return [*whole[:at], Sealed(whole[at].seal, other.entry), *whole[at + 1 :]]


def edited_and_sealed(whole: list[Sealed], at: int) -> list[Sealed]:
    other = seal(whole[at - 1].seal if at else GENESIS, entry(at + 1, "something else"))
    return [*whole[:at], other, *whole[at + 1 :]]


def forged(whole: list[Sealed], at: int) -> list[Sealed]:
    """Changed, and everything behind it sealed anew."""
    kept = whole[:at]
    for one in [entry(at + 1, "something else"), *map(entry_of, whole[at + 1 :])]:
        kept.append(seal(kept[-1].seal if kept else GENESIS, one))
    return kept


def deleted(whole: list[Sealed], at: int) -> list[Sealed]:
    return whole[:at] + whole[at + 1 :]


def deleted_and_numbered(whole: list[Sealed], at: int) -> list[Sealed]:
    """Deleted, everything behind it given the number before, and sealed anew."""
    kept = whole[:at]
    for seq, one in enumerate(whole[at + 1 :], start=at + 1):
        kept.append(seal(kept[-1].seal if kept else GENESIS, entry(seq, entry_of(one).reason)))
    return kept


def cut_off(whole: list[Sealed], at: int) -> list[Sealed]:
    return whole[:at]


def swapped(whole: list[Sealed], at: int) -> list[Sealed]:
    other = (at + 1) % len(whole)
    changed = list(whole)
    changed[at], changed[other] = whole[other], whole[at]
    return changed


def doubled(whole: list[Sealed], at: int) -> list[Sealed]:
    return [*whole[: at + 1], *whole[at:]]


TAMPERINGS = [edited, edited_and_sealed, forged, deleted, deleted_and_numbered, cut_off, swapped, doubled]


@pytest.mark.parametrize("tamper", TAMPERINGS)
@given(length=st.integers(2, 30), data=st.data())
def test_whatever_is_done_to_it_is_found(
    tamper: Callable[[list[Sealed], int], list[Sealed]], length: int, data: st.DataObject
) -> None:
    whole = trail(length)
    at = data.draw(st.integers(0, length - 1))
    first = data.draw(st.integers(1, at + 1))
    anchors = head(whole) | ({first - 1: whole[first - 2].seal} if first > 1 and data.draw(st.booleans()) else {})
    assert list(verify(exported(tamper(whole, at))[first - 1 :], anchors, first))


@pytest.mark.parametrize(
    ("tamper", "found"),
    [
        (edited, [Finding("edited", 3, 3)]),
        (edited_and_sealed, [Finding("edited", 4, 4)]),
        (forged, [Finding("rewritten", 5, 5)]),
        (deleted, [Finding("missing", 3, 3)]),
        (deleted_and_numbered, [Finding("cut_off", 5, 5)]),
        (cut_off, [Finding("cut_off", 3, 5)]),
        (swapped, [Finding("missing", 3, 3), Finding("out_of_order", 3, 3)]),
        (doubled, [Finding("out_of_order", 3, 3)]),
    ],
)
def test_it_is_said_what_was_done_and_where(
    tamper: Callable[[list[Sealed], int], list[Sealed]], found: list[Finding]
) -> None:
    whole = trail(5)
    assert list(verify(exported(tamper(whole, 2)), head(whole))) == found


def test_what_is_written_beside_the_sealed_bytes_is_found() -> None:
    [text] = exported(trail(1))
    forged = text.replace(b'{"entry":', b'{"entry":{"seq":1,"reason":"forged"},"entry":', 1)
    for changed in (text[:-1] + b',"note":"rejected"}', forged, text.replace(b":", b": ", 1)):
        assert changed != text
        assert list(verify([changed], {})) == [Finding("unreadable", 1, 1)]
    assert list(verify([text + b"\r\n"], {})) == []


def test_a_line_that_is_none_is_found_and_the_rest_is_still_looked_at() -> None:
    whole = exported(trail(5))
    for bad in (b"", b"{", b'{"seal":"x","entry":{"seq":2}}', b'{"seal":"' + b"0" * 64 + b'","entry":[]}'):
        lines = [whole[0], bad, *whole[2:4], whole[4].replace(b"approve", b"dispose")]
        assert list(verify(lines, {})) == [Finding("unreadable", 2, 2), Finding("edited", 5, 5)]
