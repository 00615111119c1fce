"""Writing: rotation, kills, other processes, and texts that try to look like lines."""

import json
import random
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from app.audit.chained_line import START, chained, parsed
from app.audit.folder import AuditFolder
from app.audit.verification import verify
from app.audit.writer import AuditWriter

LIMIT = 1 << 20


def fields(path: Path) -> list[dict[str, object]]:
    return [json.loads(raw.data) for raw in AuditFolder(path).lines()]


def test_lines_are_numbered_and_chained(tmp_path: Path) -> None:
    writer = AuditWriter(tmp_path / "audit", LIMIT)
    writer.append([{"kind": "a"}, {"kind": "b"}])
    AuditWriter(tmp_path / "audit", LIMIT).append([{"kind": "c"}])
    assert [(line["n"], line["kind"]) for line in fields(tmp_path / "audit")] == [
        (1, "a"),
        (2, "b"),
        (3, "c"),
    ]
    assert verify(tmp_path / "audit").intact


def test_a_text_that_is_too_long_for_a_line_is_cut_and_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "audit"
    AuditWriter(path, 1 << 30).append(
        [{"kind": "a", "id": "1", "content": ["\U0001f600" * 3_000_000, "z" * 300]}, {"kind": "b"}]
    )
    assert verify(path).intact
    long, after = fields(path)
    [kept] = long["content"]  # type: ignore[misc]
    assert (long["kind"], long["id"], after["kind"]) == ("a", "1", "b")
    assert 0 < len(kept) < 3_000_000
    assert long["left_out"] == 3_000_300 - len(kept)
    assert all(not raw.is_too_long for raw in AuditFolder(path).lines())


def test_an_unfinished_line_is_cut_off_however_long_it_is(tmp_path: Path) -> None:
    path = tmp_path / "audit"
    AuditWriter(path, LIMIT).append([{"kind": "a"}])
    with AuditFolder(path).files()[0].open("ab") as file:
        for _ in range(9):
            file.write(b"x" * LIMIT)
    AuditWriter(path, LIMIT).append([{"kind": "b"}])
    assert [line["kind"] for line in fields(path)] == ["a", "repaired", "b"]
    assert fields(path)[1]["lost_bytes"] == 9 * LIMIT


def test_the_log_stays_within_its_bound_and_says_what_it_let_go(tmp_path: Path) -> None:
    path = tmp_path / "audit"
    writer = AuditWriter(path, limit_bytes=20_000)
    largest = 0
    for n in range(80):
        writer.append([{"kind": "reply", "id": f"{n:03d}-{m}", "text": "x" * 150} for m in range(5)])
        largest = max(largest, sum(file.stat().st_size for file in AuditFolder(path).files()))
    assert largest <= 20_000 * 1.2
    result = verify(path)
    assert result.intact, result.problems
    assert result.first > 200
    assert [line["through"] for line in fields(path) if line["kind"] == "pruned"][-1] == result.first - 1


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_line_that_a_kill_left_unfinished_is_cut_off_and_told(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "audit"
    writer = AuditWriter(path, LIMIT)
    writer.append([{"kind": "a"}])
    line, _ = chained({"kind": "b"}, verify(path).end)
    with AuditFolder(path).files()[-1].open("ab") as file:
        file.write(line[:cut])
    torn = verify(path)
    assert torn.intact
    assert "unfinished" in torn.notes[0].sentence
    AuditWriter(path, LIMIT).append([{"kind": "c"}])
    assert [line["kind"] for line in fields(path)] == ["a", "repaired", "c"]
    assert fields(path)[1]["lost_bytes"] == cut
    assert verify(path).intact


def test_whole_lines_that_the_head_does_not_know_yet_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "audit"
    AuditWriter(path, LIMIT).append([{"kind": "a"}])
    line, _ = chained({"kind": "b"}, verify(path).end)
    with AuditFolder(path).files()[-1].open("ab") as file:
        file.write(line + b"\n")
    assert verify(path).intact
    AuditWriter(path, LIMIT).append([{"kind": "c"}])
    assert [line["kind"] for line in fields(path)] == ["a", "b", "c"]
    assert verify(path).intact


def test_several_processes_share_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "audit"
    code = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from app.audit.writer import AuditWriter
        writer = AuditWriter(Path(sys.argv[1]), 1 << 20)
        for n in range(20):
            writer.append([{"kind": "reply", "who": sys.argv[2], "which": n}])
        """
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(path), str(who)]) for who in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert verify(path).intact
    lines = fields(path)
    assert len(lines) == 60
    for who in range(3):
        assert [line["which"] for line in lines if line["who"] == str(who)] == list(range(20))


INJECTIONS = [
    "\n",
    "\r\n",
    "\r",
    "\x0b",
    "\x0c",
    "\x1c\x1d\x1e",
    "\x85",
    "\u2028",
    "\u2029",
    "\x00",
    "\x1b[2K\x1b[1A",
    "\x7f",
    "\x9b31m",
    '"}\n{"n":1,"kind":"reply","prev":"' + "0" * 64 + '"}\n',
    '\\"}\\n{"n":2}',
    "\ud800",
    "\udfff\ud800",
    "\ufeff",
    "\u202e",
    "\\u000a",
    "%0a%0d",
    "${jndi:ldap://x}",
    "{{7*7}}",
    "<script>",
    "\U0001f4a9",
    "'; DROP TABLE audit; --",
]


def test_500_texts_that_try_to_be_lines_are_one_line_each(tmp_path: Path) -> None:
    chance = random.Random(7)
    texts = [
        "".join(chance.choice(INJECTIONS) for _ in range(chance.randint(1, 6))) + f" {n}" for n in range(500)
    ]
    path = tmp_path / "audit"
    writer = AuditWriter(path, LIMIT)
    for start in range(0, 500, 25):
        writer.append(
            [{"kind": "request", "content": text, "rule": text[::-1]} for text in texts[start : start + 25]]
        )
    data = b"".join(file.read_bytes() for file in AuditFolder(path).files())
    lines = data.decode("ascii").splitlines()
    assert len(lines) == len(data.split(b"\n")) - 1 == 500
    assert all(character.isprintable() for line in lines for character in line)
    # Two halves of a surrogate pair that meet are read as one character.
    assert [_utf16(json.loads(line)["content"]) for line in lines] == [_utf16(text) for text in texts]
    assert verify(path).intact


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


@pytest.mark.parametrize(
    "line", [b"", b"[]", b"{", b'{"n":"1","prev":"x"}', b'{"n":true,"prev":"x"}', b"\xff", b"[" * 100_000]
)
def test_what_is_no_line_is_told_apart(line: bytes) -> None:
    assert parsed(line) is None


def test_a_line_comes_back_as_it_was_said() -> None:
    line, link = chained({"kind": "x", "text": "é\n"}, START)
    assert parsed(line) == {"n": 1, "kind": "x", "text": "é\n", "prev": START.hash}
    assert link.n == 1
