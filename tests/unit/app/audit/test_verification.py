"""Whatever is done to the log afterwards is found, and an honest log is not suspected."""

import json
import os
import random
import shutil
import tracemalloc
from pathlib import Path

import pytest

from app.audit.folder import LONGEST_LINE_BYTES, AuditFolder
from app.audit.reading import newest_entries
from app.audit.verification import verify
from app.audit.writer import AuditWriter

CHANGES = int(os.environ.get("STILLROOM_AUDIT_CHANGES", "1000"))
LINES = 32


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of several files, the first of which is gone as it grew too large."""
    path = tmp_path_factory.mktemp("log") / "audit"
    writer = AuditWriter(path, limit_bytes=4_000)
    for n in range(LINES):
        writer.append(
            [{"time": "2026-11-26T00:00:00Z", "kind": "reply", "id": f"{n}", "text": "x" * (n * 2)}]
        )
    assert len(AuditFolder(path).files()) > 3
    return path


@pytest.fixture
def log(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "audit"))


def test_a_log_that_was_written_is_intact(log: Path) -> None:
    result = verify(log)
    assert result.intact, result.problems
    assert result.end.n >= LINES
    assert result.first > 1
    assert result.lines == result.end.n - result.first + 1
    assert not result.notes
    assert verify(log, anchor=result.end.hash).intact
    assert [problem.kind for problem in verify(log, anchor="f" * 64).problems] == ["anchor"]


def test_a_line_that_nobody_wrote_so_long_is_said_once_and_takes_no_memory(log: Path) -> None:
    file = AuditFolder(log).files()[1]
    lines = file.read_bytes().splitlines(keepends=True)
    piece = b"[" * (1 << 20)
    with file.open("wb") as whole:
        whole.writelines(lines[:1])
        for _ in range(64):
            whole.write(piece)
        whole.write(b"\n")
        whole.writelines(lines[2:])
    tracemalloc.start()
    try:
        result = verify(log)
        entries = newest_entries(log)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes < 3 * LONGEST_LINE_BYTES
    [said] = [problem.sentence for problem in result.problems if problem.kind == "unreadable"]
    assert f"{file.name}:2: it has {64 << 20:,} bytes" in said
    assert len(entries) == result.lines - 1


def test_no_log_is_intact_unless_there_should_be_one(tmp_path: Path) -> None:
    assert verify(tmp_path / "none").intact
    assert not verify(tmp_path / "none", anchor="f" * 64).intact


def test_every_edit_deletion_and_reorder_is_found(log: Path, tmp_path: Path) -> None:
    chance = random.Random(20261126)
    files = [path.name for path in AuditFolder(log).files()]
    original = {name: (log / name).read_bytes() for name in files}
    for number in range(CHANGES):
        name = chance.choice(files)
        data = original[name]
        lines = data.splitlines(keepends=True)
        match number % 5:
            case 0:
                place = chance.randrange(len(data))
                changed = bytearray(data)
                changed[place] = chance.choice([byte for byte in range(256) if byte != data[place]])
                what = bytes(changed)
            case 1:
                first = chance.randrange(len(lines))
                what = b"".join(lines[:first] + lines[chance.randint(first + 1, len(lines)) :])
            case 2:
                first = chance.randrange(len(data))
                what = data[:first] + data[chance.randint(first + 1, len(data)) :]
            case 3:
                moved = lines.copy()
                taken = chance.randrange(len(lines))
                moved.insert(chance.choice([p for p in range(len(lines)) if p != taken]), moved.pop(taken))
                what = b"".join(moved)
            case _:
                first = chance.randrange(len(lines))
                what = b"".join(
                    [*lines[: first + 1], lines[chance.randrange(len(lines))], *lines[first + 1 :]]
                )
        if what == data:
            continue
        (log / name).write_bytes(what)
        result = verify(log)
        assert not result.intact, (number, name)
        (log / name).write_bytes(data)
    assert verify(log).intact


def test_an_edit_is_found_with_its_line(log: Path) -> None:
    path = AuditFolder(log).files()[-2]
    lines = path.read_bytes().split(b"\n")
    place = next(place for place, line in enumerate(lines) if b'"kind":"reply"' in line)
    n = json.loads(lines[place])["n"]
    lines[place] = lines[place].replace(b'"kind":"reply"', b'"kind":"other"')
    path.write_bytes(b"\n".join(lines))
    [problem] = verify(log).problems
    assert (problem.kind, problem.n, problem.file, problem.line) == ("changed", n, path.name, place + 2)
    assert f"line {n}" in problem.sentence


def test_the_newest_lines_cannot_go_unseen(log: Path) -> None:
    path = AuditFolder(log).files()[-1]
    end = verify(log).end.n
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    [problem] = verify(log).problems
    assert (problem.kind, problem.n) == ("missing", end)
    # Nor when the program goes on writing.
    AuditWriter(log, limit_bytes=9_000).append([{"kind": "reply"}])
    result = verify(log)
    assert [(problem.kind, problem.n) for problem in result.problems] == [
        ("missing", end),
        ("break", end + 1),
    ]
    path.unlink()
    assert not verify(log).intact


def test_a_changed_last_line_stays_visible_when_the_log_goes_on(log: Path) -> None:
    path = AuditFolder(log).files()[-1]
    end = verify(log).end.n
    data = path.read_bytes()
    head, kind, tail = data.rpartition(b'"kind"')
    path.write_bytes(head + kind.upper() + tail)
    assert [(problem.kind, problem.n) for problem in verify(log).problems] == [("changed", end)]
    AuditWriter(log, limit_bytes=1 << 20).append([{"kind": "reply"}])
    assert ("changed", end) in [(problem.kind, problem.n) for problem in verify(log).problems]


@pytest.mark.parametrize("which", [0, 1, -1])
def test_a_deleted_file_is_found(log: Path, which: int) -> None:
    AuditFolder(log).files()[which].unlink()
    assert "missing" in [problem.kind for problem in verify(log).problems]


def test_a_head_that_was_deleted_or_changed_is_found(log: Path) -> None:
    head = log / "head.json"
    data = head.read_bytes()
    for place in range(len(data)):
        head.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert not verify(log).intact
    head.unlink()
    assert [problem.kind for problem in verify(log).problems] == ["head"]
    AuditWriter(log, limit_bytes=1 << 20).append([{"kind": "reply"}])
    assert [problem.kind for problem in verify(log).problems] == ["break"]


def test_an_anchor_finds_a_log_that_was_made_anew(log: Path, tmp_path: Path) -> None:
    noted = verify(log).end.hash
    shutil.rmtree(log)
    AuditWriter(log, limit_bytes=1 << 20).append([{"kind": "reply", "id": str(n)} for n in range(LINES)])
    assert verify(log).intact
    assert not verify(log, anchor=noted).intact
