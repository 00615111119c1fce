"""Whether the audit log is what was written: no line changed, taken away, put in or moved."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from filelock import FileLock

from app.audit.folder import AuditFolder, RawLine
from app.audit.line import NOTHING, START, Link, line_hash, parsed

MOST_PROBLEMS = 1000
LOCK_S = 10.0

ProblemKind = Literal["unreadable", "changed", "missing", "out_of_order", "head", "break", "anchor"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it was written. `n` is the number of the line in the log, 0 where it has none;
    `file` and `line` say where to look."""

    kind: ProblemKind
    n: int
    file: str
    line: int
    sentence: str


@dataclass(slots=True)
class Verification:
    """The result. `notes` are things that are no damage, such as a line that a kill left unfinished."""

    lines: int = 0
    files: int = 0
    first: int = 0
    end: Link = START
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

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
                    f"{raw.file.name}:{raw.number} is unfinished ({len(raw.data):,} bytes), as a kill in the "
                    "middle of writing leaves it; the next line will say so."
                )
                break
            result.lines += 1
            before = self._whole_bytes
            start = before[1] if before is not None and before[0] == raw.file.name else 0
            self._whole_bytes = (raw.file.name, start + len(raw.data) + 1)
            own = line_hash(raw.data)
            anchor_found |= own == self._anchor
            fields = parsed(raw.data)
            if fields is None:
                n = expected.n + 1 if expected is not None else 0
                self._problem("unreadable", n, raw, "it cannot be read")
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
        if n > expected.n + 1:
            what = (
                f"line {expected.n + 1} before it is missing"
                if n == expected.n + 2
                else f"lines {expected.n + 1} to {n - 1} before it are missing"
            )
            self._problem("missing", expected.n + 1, raw, what)
        elif n <= expected.n:
            self._problem("out_of_order", n, raw, f"line {n} stands behind line {expected.n}")
        elif prev != expected.hash:
            self._problem(
                "changed", expected.n, raw, f"line {expected.n}, or what line {n} says of it, was changed"
            )

    def _read_note(self, fields: dict[str, object], raw: RawLine) -> None:
        kind, n = fields.get("kind"), int(str(fields["n"]))
        if kind == "pruned":
            through, pruned_hash = fields.get("through"), fields.get("hash")
            if isinstance(through, int) and isinstance(pruned_hash, str):
                self._pruned = Link(through, pruned_hash)
        elif kind == "break":
            self._problem("break", n, raw, f"the log was damaged before line {n} ({fields.get('reason')})")
        elif kind == "repaired":
            self._result.notes.append(
                f"Before line {n} a kill left a line unfinished; {fields.get('lost_bytes')} bytes of it were "
                "cut off."
            )
        elif kind == "lost":
            self._result.notes.append(
                f"Before line {n} {fields.get('lines')} lines could not be written, and are lost."
            )

    def _check_first(self) -> None:
        """The log begins where it began, or behind what it says that it has let go."""
        if self._first is None:
            return
        n, prev, raw = self._first
        self._result.first = n
        # Files that were to go, and are still there, are no damage.
        if n <= self._pruned.n:
            if n == 1 and prev != NOTHING:
                self._problem("changed", n, raw, "the first line was changed")
            return
        if n != self._pruned.n + 1:
            self._problem(
                "missing",
                self._pruned.n + 1,
                raw,
                f"lines {self._pruned.n + 1} to {n - 1} before it are missing",
            )
        elif prev != self._pruned.hash:
            self._problem("changed", n, raw, f"line {n}, the first, was changed")

    def _check_head(self) -> None:
        head, end = self._folder.head(), self._result.end
        name = self._folder.head_path.name
        if head is None:
            if self._result.lines or self._folder.head_path.exists():
                self._add(
                    Problem("head", 0, name, 1, f"{name} is missing or damaged; it names the newest line.")
                )
            return
        if head.n > end.n:
            self._add(
                Problem(
                    "missing",
                    end.n + 1,
                    head.file,
                    0,
                    f"Lines {end.n + 1} to {head.n}, the newest, are missing."
                    if head.n > end.n + 1
                    else f"Line {head.n}, the newest, is missing.",
                )
            )
        elif self._hash_at_head != head.hash:
            self._add(
                Problem(
                    "changed", head.n, head.file, 0, f"Line {head.n}, or what {name} says of it, was changed."
                )
            )
        elif (
            head.n == end.n
            and self._whole_bytes is not None
            and ((head.file, head.size) != self._whole_bytes)
        ):
            self._add(Problem("head", head.n, name, 1, f"{name} was changed."))
        elif head.n < end.n:
            self._result.notes.append(
                f"{end.n - head.n} lines are newer than {name} says, as after a kill; they follow in order."
            )

    def _problem(self, kind: ProblemKind, n: int, raw: RawLine, what: str) -> None:
        self._add(Problem(kind, n, raw.file.name, raw.number, f"{raw.file.name}:{raw.number}: {what}."))

    def _add(self, problem: Problem) -> None:
        if len(self._result.problems) < MOST_PROBLEMS:
            self._result.problems.append(problem)


def _check_anchor(result: Verification, anchor: str, *, found: bool) -> None:
    if anchor and not found:
        result.problems.append(
            Problem("anchor", 0, "", 0, f"No line has the noted hash {anchor}: the log is another one.")
        )
