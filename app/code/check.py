"""Is this valid syntax? Answered without running anything."""

import json
import sys
import threading
from dataclasses import dataclass
from typing import Literal

from app.base.children import child_command
from app.base.one_shot_child import ask_child

CHECKERS = {
    "python": f"Python {sys.version_info.major}.{sys.version_info.minor}",
    "json": "JSON",
    "toml": "TOML 1.0",
    "yaml": "YAML 1.1",
    "bash": "Bash",
    "c": "C",
    "cpp": "C++",
    "csharp": "C#",
    "css": "CSS",
    "go": "Go",
    "html": "HTML",
    "java": "Java",
    "javascript": "JavaScript",
    "php": "PHP",
    "ruby": "Ruby",
    "rust": "Rust",
    "typescript": "TypeScript",
}
"""The rules that each language is checked by, by its key."""

SIZE_LIMIT_CHARACTERS = 1_000_000
TIME_LIMIT_S = 8.0

Unchecked = Literal["", "language", "size", "time", "crash"]


@dataclass(frozen=True, slots=True)
class SyntaxReport:
    """A verdict. `line` and `column` count from 1, 0 where the parser does not tell.

    `message` is the parser's own (English). `reason` says why nothing can be said: no checker for the
    `language`, source over the `size` limit, over the `time` limit, or the checker did not survive it.
    `checker` names the rules applied. `warnings` are (line, message) pairs of valid but doubtful source.
    """

    verdict: Literal["ok", "error", "unchecked"]
    checker: str = ""
    message: str = ""
    line: int = 0
    column: int = 0
    reason: Unchecked = ""
    warnings: tuple[tuple[int, str], ...] = ()


def check_syntax(
    code: str, language: str, *, fragment: bool = False, cancel: threading.Event | None = None
) -> SyntaxReport:
    """Check `code` in a child process with its own limits on memory and time.

    A `fragment` (a code block of a reply) may be indented and may hold `return` outside a function. Any
    thread but the GUI's: it waits for the child, usually 0.1 s, at most `TIME_LIMIT_S`. Raises `Cancelled`
    within 0.1 s of `cancel`, when the child has ended.
    """
    checker = CHECKERS.get(language)
    if checker is None:
        return SyntaxReport("unchecked", reason="language")
    if len(code) > SIZE_LIMIT_CHARACTERS:
        return SyntaxReport("unchecked", checker, reason="size")
    request = json.dumps({"language": language, "code": code, "fragment": fragment}).encode()
    try:
        child = ask_child(child_command("syntax"), request, limit_s=TIME_LIMIT_S, cancel=cancel)
    except TimeoutError:
        return SyntaxReport("unchecked", checker, reason="time")
    if child.returncode != 0:
        return SyntaxReport("unchecked", checker, reason="crash")
    answer = json.loads(child.data)
    notes = tuple((int(line), str(message)) for line, message in answer.pop("warnings"))
    return SyntaxReport(checker=checker, warnings=notes, **answer)
