from __future__ import annotations

import itertools
import re

import pytest

from connectors.files.slugs import slug_of, slugs_of


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Machine 7- Laser Marking", "machine-7-laser-marking"),
        ("Turning & Milling", "turning-milling"),
        ("  Estação Nº 3 ", "estacao-no-3"),
        ("--", ""),
        ("工作站", ""),
    ],
)
def test_a_slug_is_plain_ascii(name: str, slug: str) -> None:
    assert slug_of(name) == slug


def test_a_plain_slug_carries_no_digest() -> None:
    assert slugs_of(["Packing", "x" * 32]) == {"Packing": "packing", "x" * 32: "x" * 32}


@pytest.mark.parametrize("name", ["x" * 33, "Calibration bench with 24 positions, room 3", "工作站", "!"])
def test_a_name_that_is_no_segment_ends_in_its_digest(name: str) -> None:
    slug = slugs_of([name])[name]
    assert re.fullmatch(r"[a-z0-9-]{1,32}", slug)
    assert re.search(r"-[0-9a-f]{8}$", slug)
    assert slugs_of([name, "other"])[name] == slug


def test_names_that_clash_all_carry_a_digest_in_any_order() -> None:
    names = ["Press 1", "press-1", "PRESS_1", "Press 2"]
    expected = slugs_of(names)
    assert len(set(expected.values())) == len(names)
    assert expected["Press 2"] == "press-2"
    assert all(re.fullmatch(r"press-1-[0-9a-f]{8}", expected[name]) for name in names[:3])
    for order in itertools.permutations(names):
        assert slugs_of(order) == expected


def test_digests_that_meet_are_refused_and_never_merge_two_stations() -> None:
    with pytest.raises(ValueError, match="both become 'calibration-bench-36c5e663'; rename one"):
        slugs_of(["cAliBRaTIoN-BENCH", "cAlIbraTion.benCH"])  # found by search: their digests begin alike
