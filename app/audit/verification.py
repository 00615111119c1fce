"""Check that the audit log is as it was written: no line changed, removed, inserted or moved."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from filelock import FileLock

from app.audit.chained_line import NOTHING, START, Link, line_hash, parsed
from app.audit.folder import AuditFolder, RawLine
from models.system.shown_text import fill

MOST_PROBLEMS = 1000
LOCK_S = 10.0

ProblemKind = Literal["unreadable", "changed", "missing", "out_of_order", "head", "break", "anchor"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it was written: a template and what fills it.

    `n` is the number of the line in the log, 0 where it has none; `file` and `line` say where to look (0: not
    in a line). `message` may name them too.
    """

    kind: ProblemKind
    n: int
    file: str
    line: int
    message: str
    more: dict[str, object] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, object]:
        """The values that fill `message`."""
        return {"n": self.n, "file": self.file, "line": self.line, **self.more}

    @property
    def sentence(self) -> str:
        """In English."""
        return fill(self.message, self.values)


@dataclass(frozen=True, slots=True)
class VerificationNotice:
    """Something to know that is no damage: a template and what fills it."""

    message: str
    values: dict[str, object]

    @property
    def sentence(self) -> str:
        """In English."""
        return fill(self.message, self.values)


@dataclass(slots=True)
class Verification:
    """The result. `notes` are things that are no damage, such as a line that a kill left unfinished."""

    lines: int = 0
    files: int = 0
    first: int = 0
    end: Link = START
    problems: list[Problem] = field(default_factory=list)
    notes: list[VerificationNotice] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        """Nothing was found."""
        return not self.problems


def verify(path: Path, anchor: str = "") -> Verification:
    """Read the whole log of a folder and check it; `anchor` is a line's hash that was noted elsewhere.

    Raises `OSError`. What it cannot find: lines that were added, or all of them replaced, by someone who
    computed every hash and the head anew. An anchor finds that.
    """
    folder = AuditFolder(path)
    if not folder.path.is_dir():
        result = Verification()
        if newest := folder.newest_number():
            result.problems.append(_missing(folder.path.name, 0, 1, newest))
        _check_anchor(result, anchor, found=False)
        return result
    # Not while a line is being written.
    with FileLock(folder.lock_path, timeout=LOCK_S):
        return _Check(folder, anchor).run()


class _Check:
    def __init__(self, folder: AuditFolder, anchor: str) -> None:
        self._folder = folder
        self._anchor = anchor
        self._result = Verification()
        self._pruned = Link(0, NOTHING)
        self._first: tuple[int, str, RawLine] | None = None
        self._hash_at_head = ""
        self._whole_bytes: tuple[str, int] | None = None

    def run(self) -> Verification:
        result = self._result
        head = self._folder.head()
        result.files = len(self._folder.files())
        expected: Link | None = None
        anchor_found = False
        for raw in self._folder.lines():
            if not raw.ended:
                result.notes.append(
                    VerificationNotice(
                        "{file}:{line} is unfinished ({bytes} bytes), as a kill in the middle of writing "
                        "leaves it; the next line will say so.",
                        {"file": raw.file.name, "line": raw.number, "bytes": raw.size},
                    )
                )
                break
            result.lines += 1
            before = self._whole_bytes
            start = before[1] if before is not None and before[0] == raw.file.name else 0
            self._whole_bytes = (raw.file.name, start + raw.size + 1)
            own = line_hash(raw.data)
            anchor_found |= own == self._anchor
            fields = None if raw.is_too_long else parsed(raw.data)
            if fields is None:
                n = expected.n + 1 if expected is not None else 0
                self._add(_unreadable(raw, n))
                expected = Link(n, own)
                continue
            n, prev = fields["n"], fields["prev"]
            if self._first is None:
                self._first = (n, prev, raw)
            elif expected is not None:
                self._compare(expected, n, prev, raw)
            if head is not None and n == head.n:
                self._hash_at_head = own
            self._read_note(fields, raw)
            expected = Link(n, own)
        result.end = expected or START
        self._check_first()
        self._check_head()
        _check_anchor(result, self._anchor, found=anchor_found)
        return result

    def _compare(self, expected: Link, n: int, prev: str, raw: RawLine) -> None:
        file, line = raw.file.name, raw.number
        if n > expected.n + 1:
            self._add(_missing(file, line, expected.n + 1, n - 1))
        elif n <= expected.n:
            self._add(
                Problem(
                    "out_of_order",
                    n,
                    file,
                    line,
                    "{file}:{line}: line {n} stands behind line {before}.",
                    {"before": expected.n},
                )
            )
        elif prev != expected.hash:
            self._add(
                Problem(
                    "changed",
                    expected.n,
                    file,
                    line,
                    "{file}:{line}: line {n}, or what line {next} says of it, was changed.",
                    {"next": n},
                )
            )

    def _read_note(self, fields: dict[str, object], raw: RawLine) -> None:
        kind, n = fields.get("kind"), int(str(fields["n"]))
        if kind == "pruned":
            through, pruned_hash = fields.get("through"), fields.get("hash")
            if isinstance(through, int) and isinstance(pruned_hash, str):
                self._pruned = Link(through, pruned_hash)
        elif kind == "break":
            self._add(
                Problem(
                    "break",
                    n,
                    raw.file.name,
                    raw.number,
                    "{file}:{line}: the log was damaged before line {n} ({said}).",
                    {"said": str(fields.get("reason"))},
                )
            )
        elif kind == "repaired":
            self._result.notes.append(
                VerificationNotice(
                    "Before line {n} a kill left a line unfinished; {bytes} bytes of it were cut off.",
                    {"n": n, "bytes": fields.get("lost_bytes")},
                )
            )
        elif kind == "lost":
            self._result.notes.append(
                VerificationNotice(
                    "Before line {n} {count} lines could not be written, and are lost.",
                    {"n": n, "count": fields.get("lines")},
                )
            )

    def _check_first(self) -> None:
        """Check that the log begins with its first line, or behind the lines that it notes as deleted."""
        if self._first is None:
            return
        n, prev, raw = self._first
        file, line = raw.file.name, raw.number
        self._result.first = n
        # Files that were to go, and are still there, are no damage.
        expected = Link(0, NOTHING) if n <= self._pruned.n else self._pruned
        if n <= self._pruned.n and n != 1:
            return
        if n != expected.n + 1:
            self._add(_missing(file, line, expected.n + 1, n - 1))
        elif prev != expected.hash:
            self._add(Problem("changed", n, file, line, "{file}:{line}: line {n}, the first, was changed."))

    def _check_head(self) -> None:
        head, end = self._folder.head(), self._result.end
        name = self._folder.head_path.name
        newest = self._folder.newest_number()
        if newest > max(end.n, head.n if head is not None else 0):
            self._add(_missing(self._folder.path.name, 0, end.n + 1, newest))
        if head is None:
            if self._result.lines or self._folder.head_path.exists():
                self._add(
                    Problem("head", 0, name, 1, "{file} is missing or damaged; it names the newest line.")
                )
            return
        if head.n > end.n:
            self._add(_missing(head.file, 0, end.n + 1, head.n))
        elif self._hash_at_head != head.hash:
            self._add(
                Problem("changed", head.n, name, 1, "Line {n}, or what {file} says of it, was changed.")
            )
        elif head.n == end.n and (head.file, head.size) != (self._whole_bytes or (head.file, head.size)):
            self._add(Problem("head", head.n, name, 1, "{file} was changed."))
        elif head.n < end.n:
            self._result.notes.append(
                VerificationNotice(
                    "{count} lines are newer than {file} says, as after a kill; they follow in order.",
                    {"count": end.n - head.n, "file": name},
                )
            )

    def _add(self, problem: Problem) -> None:
        if len(self._result.problems) < MOST_PROBLEMS:
            self._result.problems.append(problem)


def _unreadable(raw: RawLine, n: int) -> Problem:
    file, line = raw.file.name, raw.number
    if raw.is_too_long:
        return Problem(
            "unreadable",
            n,
            file,
            line,
            "{file}:{line}: it has {bytes} bytes, more than any line of Stillroom's, and is not read.",
            {"bytes": raw.size},
        )
    return Problem("unreadable", n, file, line, "{file}:{line}: it cannot be read.")


def _missing(file: str, line: int, first: int, last: int) -> Problem:
    """Lines that are not there, in front of a line of a file or (0) at the end of all."""
    if line:
        return Problem(
            "missing",
            first,
            file,
            line,
            "{file}:{line}: lines {n} to {last} before it are missing.",
            {"last": last},
        )
    return Problem(
        "missing", first, file, line, "Lines {n} to {last}, the newest, are missing.", {"last": last}
    )


def _check_anchor(result: Verification, anchor: str, *, found: bool) -> None:
    if anchor and not found:
        result.problems.append(
            Problem(
                "anchor",
                0,
                "",
                0,
                "No line has the noted hash {anchor}: the log is another one, or has let that line go.",
                {"anchor": anchor},
            )
        )
