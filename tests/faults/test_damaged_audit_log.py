"""Flipped bits and cut ends in the audit log, its head and its older files: verification finds them."""

import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from app.audit.chained_line import now_text
from app.audit.reading import newest_entries
from app.audit.verification import verify
from app.audit.writer import AuditWriter

pytestmark = pytest.mark.faults

FLIPS = 500
CUTS = 50
LIMIT_BYTES = 60_000


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """A log of several files, the oldest of which are gone, and what lies beside it."""
    rng = random.Random(5)
    data = tmp_path / "whole"
    writer = AuditWriter(data / "audit", LIMIT_BYTES)
    for number in range(400):
        words = "".join(rng.choice("abcdef 数é\n") for _ in range(rng.randrange(20, 300)))
        writer.append(
            [{"time": now_text(), "kind": "request", "source": "window", "messages": words, "x": number}]
        )
    assert verify(data / "audit").intact
    assert verify(data / "audit").first > 1
    return data


def flipped(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data))
    return data[:place] + bytes((data[place] ^ 1 << rng.randrange(8),)) + data[place + 1 :]


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("damage", "count"), [(flipped, FLIPS), (cut, CUTS)], ids=["flipped", "cut"])
def test_damage_in_the_audit_log_is_found(
    whole: Path, tmp_path: Path, damage: Callable[[bytes, random.Random], bytes], count: int
) -> None:
    rng = random.Random(6)
    found: Counter[str] = Counter()
    silent = []
    case = tmp_path / "case"
    files = [path.relative_to(whole) for path in whole.rglob("*") if path.is_file() and path.stat().st_size]
    # The small files, head and mark, as often as all others together.
    small = [file for file in files if file.suffix != ".jsonl"]
    for number in range(count):
        shutil.rmtree(case, ignore_errors=True)
        shutil.copytree(whole, case)
        file = rng.choice(small if number % 4 == 0 else files)
        path = case / file
        path.write_bytes(damage(path.read_bytes(), rng))
        result = verify(case / "audit")
        assert all(problem.sentence.isprintable() for problem in result.problems)
        if result.problems:
            found[f"{'head' if file in small else 'lines'}: said"] += 1
        elif file.name == "audit-mark":
            found["mark: without effect"] += 1
        else:
            silent.append(f"{number}: {file}")
        # The program goes on, and what was damaged stays visible.
        AuditWriter(case / "audit", LIMIT_BYTES).append([{"time": now_text(), "kind": "request"}])
        newest_entries(case / "audit")
        if result.problems and not verify(case / "audit").problems:
            silent.append(f"{number}: {file}: gone after the next line")
    print(f"\naudit log, {count} files {damage.__name__}: {dict(found)}; silent {len(silent)}")
    assert silent == []


def test_what_is_gone_altogether_is_found(whole: Path) -> None:
    lines = sorted((whole / "audit").glob("*.jsonl"))
    head = whole / "audit" / "head.json"
    kept = {path: path.read_bytes() for path in (*lines, head)}
    # The last lines and the head of before them, as an old copy of the folder has it.
    writer = AuditWriter(whole / "audit", LIMIT_BYTES)
    writer.append([{"time": now_text(), "kind": "request"}])
    for path, data in kept.items():
        path.write_bytes(data)
    assert not verify(whole / "audit").intact
    for path in kept:
        path.unlink()
    assert not verify(whole / "audit").intact
    shutil.rmtree(whole / "audit")
    assert not verify(whole / "audit").intact
    writer.append([{"time": now_text(), "kind": "request"}])
    assert not verify(whole / "audit").intact
