import random

from models.system.extents import Extents


def test_adjoining_and_overlapping_ranges_merge() -> None:
    extents = Extents([(0, 4), (8, 12), (4, 8), (20, 30), (25, 40)])
    assert list(extents) == [(0, 12), (20, 40)]
    assert extents.total == 32
    assert extents.prefix == 12


def test_missing_is_cut_at_steps() -> None:
    extents = Extents([(3, 5), (10, 12)])
    assert extents.missing(14, 8) == [(0, 3), (5, 8), (8, 10), (12, 14)]
    assert Extents().missing(0, 8) == []
    assert Extents([(0, 14)]).missing(14, 8) == []


def test_first_ranges_are_short_and_grow() -> None:
    gaps = Extents().missing(80, 8, 1)
    assert gaps[:16] == [(place, place + 1) for place in range(16)]
    assert gaps[16:20] == [(16, 18), (18, 20), (20, 22), (22, 24)]
    assert gaps[-2:] == [(64, 72), (72, 80)]
    assert Extents([(0, 3), (20, 21)]).missing(30, 8, 1)[:3] == [(3, 4), (4, 5), (5, 6)]
    assert Extents([(0, 3), (40, 41)]).missing(47, 8, 1)[-3:] == [(36, 40), (41, 44), (44, 47)]
    assert Extents().missing(20, 8, 16) == Extents().missing(20, 8)


def test_agrees_with_a_set_of_bytes() -> None:
    rng = random.Random(1)
    for _ in range(200):
        extents, present = Extents(), set[int]()
        for _ in range(rng.randrange(12)):
            start = rng.randrange(60)
            end = start + rng.randrange(12)
            extents.add(start, end)
            present |= set(range(start, end))
        assert extents.total == len(present)
        assert {byte for start, end in extents for byte in range(start, end)} == present
        gaps = extents.missing(70, 16)
        assert {byte for start, end in gaps for byte in range(start, end)} == set(range(70)) - present
        assert all(start // 16 == (end - 1) // 16 for start, end in gaps)
