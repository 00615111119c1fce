"""The space that is set aside for the last words on a disk that fills up."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.base.disk_reserve import (
    RESERVE_BYTES,
    is_short,
    reserve_path,
    set_reserve_aside,
    short_here,
    use_reserve,
)
from models.system.disk_space import free_bytes
from tests.support.full_disk import fill, small_disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 64 << 20) as folder:
        yield folder


def test_it_takes_its_space_and_gives_it_back_when_the_disk_is_full(disk: Path) -> None:
    before = free_bytes(disk)
    set_reserve_aside(disk)
    assert free_bytes(disk) <= before - RESERVE_BYTES
    assert not use_reserve(disk)
    fill(disk)
    assert use_reserve(disk)
    assert free_bytes(disk) >= RESERVE_BYTES
    assert not use_reserve(disk)


def test_a_half_that_an_early_end_left_is_given_back_too(disk: Path) -> None:
    (disk / "reserve.part").write_bytes(bytes(2 << 20))
    fill(disk)
    assert use_reserve(disk)
    assert free_bytes(disk) >= 2 << 20


def test_it_is_short_until_there_is_clearly_room_again(disk: Path) -> None:
    set_reserve_aside(disk)
    assert not is_short(disk)
    filler = fill(disk)
    assert is_short(disk)
    assert "and 8.4 MB are free" in str(short_here(disk))
    filler.unlink()
    assert not is_short(disk, was_short=True)
    set_reserve_aside(disk)
    assert reserve_path(disk).exists()
    fill(disk, 10 << 20)
    assert not is_short(disk)
    assert is_short(disk, was_short=True)
