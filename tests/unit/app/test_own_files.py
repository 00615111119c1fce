"""Every kind of file that is kept: damage is told of or has no effect, and earlier versions' files open."""

import random
import shutil
from pathlib import Path

import pytest

from models.system.errors import StillroomError
from tests.support.damage import DamagedCopies, flipped
from tests.support.own_files import OWN_FILES, OwnFile

BEFORE = Path(__file__).parents[2] / "data" / "before_checksums"
"""Written by the program when its files had no checksums, a folder a kind."""

FLIPS = 8


def one_bad_byte(data: bytes) -> bytes:
    return data[: len(data) // 2] + b"\xff" + data[len(data) // 2 + 1 :]


@pytest.mark.parametrize("kind", OWN_FILES, ids=lambda kind: kind.name)
def test_damage_is_told_of_or_has_no_effect(kind: OwnFile, tmp_path: Path) -> None:
    copies, rng = DamagedCopies(kind, tmp_path), random.Random(kind.name)
    damages = [
        one_bad_byte,
        lambda _: b"",
        lambda data: bytes(len(data)),
        lambda data: data[: len(data) // 2],
    ]
    for bit in (rng.randrange(8 * len(copies.content)) for _ in range(FLIPS)):
        damages.append(lambda data, bit=bit: flipped(data, bit))
    for number, damage in enumerate(damages):
        outcome, text = copies.outcome(damage)
        assert outcome != "silent", (number, text)


@pytest.mark.parametrize("kind", [kind for kind in OWN_FILES if kind.lasting], ids=lambda kind: kind.name)
def test_files_without_a_checksum_open_as_before(
    kind: OwnFile, tmp_path: Path, told: list[StillroomError]
) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    kind.write(folder)
    expected = kind.lasts(kind.shown(folder))
    shutil.rmtree(folder)
    shutil.copytree(BEFORE / kind.name.replace(" ", "-"), folder)
    assert kind.lasts(kind.shown(folder)) == expected
    assert told == []
