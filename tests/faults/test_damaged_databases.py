"""Flipped bits and cut ends in every database that we write: said, or without effect, never silent."""

import random
import shutil
import statistics
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.full_databases import KINDS, Item, Kind

pytestmark = pytest.mark.faults

FLIPS = 500
CUTS = 50


@dataclass(slots=True)
class Tally:
    """Counts what came of the damages."""

    outcomes: Counter[str] = field(default_factory=Counter)
    silent: list[str] = field(default_factory=list)
    differing: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def made(kind: Kind, folder: Path, *, backup: bool, killed: bool) -> Path:
    """A folder with a database: backed up half-way or not; closed, or left as a kill leaves it."""
    folder.mkdir()
    path = folder / f"{kind.name}.sqlite3"
    store = kind.begin(path)
    if backup:
        assert store.back_up_if_due() is not None
    kind.go_on(store)
    if not killed:
        store.close()
        return folder
    left = folder.with_name(folder.name + "-killed")
    shutil.copytree(folder, left)
    store.close()
    assert (left / f"{path.name}-wal").stat().st_size > 0
    return left


def read(kind: Kind, path: Path) -> tuple[list[Item], list[str]]:
    """Everything that the store shows once the window has opened it and has looked at all of it; and what was
    said."""
    with closing(kind.open(path)) as store:
        said = [notice.sentence for notice in (store.recovery.notices if store.recovery else ())]
        found = store.check()
        said += [notice.sentence for notice in (found.notices if found else ())]
        return kind.read(store), said


def flipped(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data))
    return data[:place] + bytes((data[place] ^ 1 << rng.randrange(8),)) + data[place + 1 :]


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def attack(
    kind: Kind, source: Path, damage: Callable[[bytes, random.Random], bytes], count: int, tally: Tally
) -> None:
    whole = {item[:-1]: item[-1] for item in read(kind, copied(source, kind))[0]}
    name = f"{kind.name}.sqlite3"
    files = [file for file in (name, f"{name}-wal", f"{name}-mark") if (source / file).exists()]
    sizes = [(source / file).stat().st_size for file in files]
    rng = random.Random(f"{source.name}{damage.__name__}")
    for number in range(count):
        [file] = rng.choices(files, sizes)
        path = copied(source, kind)
        damaged = path.with_name(file)
        damaged.write_bytes(damage(damaged.read_bytes(), rng))
        began_s = time.monotonic()
        case = f"{source.name} {damage.__name__} {number} of {file}"
        try:
            items, said = read(kind, path)
        except Exception as error:  # noqa: BLE001 - counted
            tally.outcomes["refused"] += 1
            tally.silent.append(f"{case}: refused: {error!r}")
            continue
        tally.seconds.append(time.monotonic() - began_s)
        shown = {item[:-1]: item[-1] for item in items}
        differing = [key for key in whole | shown if whole.get(key) != shown.get(key)]
        if not said:
            tally.outcomes["silent" if differing else "without effect"] += 1
            if differing:
                tally.silent.append(f"{case}: {differing[:3]}")
            continue
        assert all(sentence.isprintable() for sentence in said), said
        tally.outcomes["said, something lost" if differing else "said and put right"] += 1
        if differing:
            tally.differing.append(len(differing))


def copied(source: Path, kind: Kind) -> Path:
    target = source.with_name("case")
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    return target / f"{kind.name}.sqlite3"


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("damage", "count"), [(flipped, FLIPS), (cut, CUTS)], ids=["flipped", "cut"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_damage_in_a_database_is_said_or_without_effect(
    kind: Kind, damage: Callable[[bytes, random.Random], bytes], count: int, tmp_path: Path
) -> None:
    sources = [
        (made(kind, tmp_path / "backed-up", backup=True, killed=False), 4),
        (made(kind, tmp_path / "killed", backup=True, killed=True), 4),
        (made(kind, tmp_path / "alone", backup=False, killed=False), 2),
    ]
    tally = Tally()
    for source, share in sources:
        attack(kind, source, damage, count * share // 10, tally)
    print(
        f"\n{kind.name}, {sum(tally.outcomes.values())} files {damage.__name__}: {dict(tally.outcomes)};"
        f" entries that differ where something was lost: median"
        f" {statistics.median(tally.differing) if tally.differing else 0:.0f}, most"
        f" {max(tally.differing, default=0)}; opening, checking and reading: median"
        f" {statistics.median(tally.seconds):.2f} s, longest {max(tally.seconds):.2f} s"
    )
    assert tally.silent == []
