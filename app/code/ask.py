"""The prompts about a piece of code, and how much of its file goes with it."""

import math
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Literal

from app.base.errors import StillroomError
from app.code.languages import Language
from app.code.mentions import NamedFile

Task = Literal["explain", "complete", "refactor", "fix", "tests", "repair", "ask"]
CountTokens = Callable[[str], Awaitable[int]]

PROBLEM_CHARACTERS = 2000
"""More of an error message only takes room: its end says the most."""

CHARACTERS_PER_TOKEN_AT_MOST = 8
"""More context than this per token of room is never worth counting (code has about 3)."""


class SelectionTooLongError(StillroomError):
    """The selection alone leaves no room for a reply."""


class FilesTooLongError(StillroomError):
    """The files that a question names leave no room for a reply."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The place in a file that a question is about: `text[start:end]`, a cursor when both are equal.

    `file_name` is empty for text that has no file yet; `key` tells two open texts apart.
    """

    file_name: str
    language: Language
    text: str
    start: int
    end: int
    key: str = ""

    @property
    def selection(self) -> str:
        """The selected text itself."""
        return self.text[self.start : self.end]

    @property
    def first_line(self) -> int:
        """Line of the start, counted from 1."""
        return self.text.count("\n", 0, self.start) + 1

    @property
    def last_line(self) -> int:
        """Line of the last selected character, counted from 1."""
        return self.text.count("\n", 0, max(self.start, self.end - 1)) + 1


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt ready to send. Line numbers count from 1; of the file's lines, those outside
    `first_line_sent` to `last_line_sent` did not fit and are not in the prompt; 1 to 0 is none at all.
    `tokens` is the prompt's size as the caller counts it, 0 when it was not counted.
    """

    task: Task
    prompt: str
    first_line_sent: int
    last_line_sent: int
    total_lines: int
    tokens: int = 0

    @property
    def omitted_lines(self) -> int:
        """The number of lines of the file that are not in the prompt."""
        return self.total_lines - (self.last_line_sent - self.first_line_sent + 1)


def whole_lines(excerpt: Excerpt) -> Excerpt:
    """The excerpt grown to whole lines (without the last line's end); without a selection, the whole file."""
    if excerpt.start == excerpt.end:
        return replace(excerpt, start=0, end=len(excerpt.text))
    start = excerpt.text.rfind("\n", 0, excerpt.start) + 1
    end = excerpt.text.find("\n", max(excerpt.start, excerpt.end - 1))
    return replace(excerpt, start=start, end=len(excerpt.text) if end < 0 else end)


def compose(
    task: Task,
    excerpt: Excerpt,
    context_characters: int,
    *,
    question: str = "",
    problem: str = "",
    files: Sequence[NamedFile] = (),
) -> Question:
    """The prompt of `task` with at most `context_characters` of the lines around the excerpt, nearest first.

    `question` is the user's own words (`ask` only), `files` those that they name, whole; `problem` what a
    checker said (`fix`) or a run (`repair`).
    """
    before, after = _surroundings(excerpt, context_characters)
    prompt = _template(_template_name(task, excerpt, files)).format(
        language=excerpt.language.name,
        code=_code_section(excerpt, before, after, files),
        question=question.strip(),
        problem=_problem(task, problem),
        task="",
    )
    total = excerpt.text.count("\n") + 1
    if excerpt.text and not (before or after or excerpt.selection):
        first, last = 1, 0
    else:
        to_the_end = len(after) == len(excerpt.text) - excerpt.end
        first = excerpt.first_line - before.count("\n")
        last = total if to_the_end else excerpt.last_line + after.count("\n")
    return Question(
        task=task, prompt=prompt.strip(), first_line_sent=first, last_line_sent=last, total_lines=total
    )


async def fit_question(
    task: Task,
    excerpt: Excerpt,
    budget_tokens: int,
    count_tokens: CountTokens,
    *,
    question: str = "",
    problem: str = "",
    files: Sequence[NamedFile] = (),
) -> Question:
    """The prompt of `task` with as much of the file around the excerpt as fits `budget_tokens`.

    `count_tokens` gives a prompt's size as the model will see it. Raises `SelectionTooLongError` when not
    even the selection fits, and `FilesTooLongError` when the files that the question names do not.
    """

    async def counted(characters: int) -> Question:
        composed = compose(task, excerpt, characters, question=question, problem=problem, files=files)
        # Of an empty question no model's template makes a prompt.
        return replace(composed, tokens=await count_tokens(composed.prompt) if composed.prompt else 0)

    room = min(len(excerpt.text), max(0, budget_tokens) * CHARACTERS_PER_TOKEN_AT_MOST)
    most = await counted(room)
    if most.tokens <= budget_tokens:
        return most
    least = await counted(0)
    if least.tokens > budget_tokens and files:
        raise FilesTooLongError(
            "The question needs {tokens} tokens with the files that it names, and {budget} are left for it.",
            "Name fewer or shorter files, or load the model with a larger context.",
            tokens=least.tokens,
            budget=budget_tokens,
        )
    if least.tokens > budget_tokens:
        raise SelectionTooLongError(
            "The selection needs {tokens} tokens, and {budget} are left for the question.",
            "Select fewer lines, or load the model with a larger context.",
            tokens=least.tokens,
            budget=budget_tokens,
        )
    share = (budget_tokens - least.tokens) / (most.tokens - least.tokens)
    for _ in range(4):
        room = math.floor(room * share * 0.95)
        fitted = await counted(room)
        if fitted.tokens <= budget_tokens:
            return fitted
        share = (budget_tokens - least.tokens) / max(1, fitted.tokens - least.tokens)
    return least


def _template_name(task: Task, excerpt: Excerpt, files: Sequence[NamedFile]) -> str:
    match task:
        case "complete" if excerpt.selection.strip():
            return "complete_selection"
        case "ask" if files:
            return "ask_files"
        case "repair":
            return "fix_failed"
        case _:
            return task


def _problem(task: Task, problem: str) -> str:
    if task != "repair":
        return f"A syntax check says: {problem}\n\n" if problem else ""
    told = problem.strip()[-PROBLEM_CHARACTERS:]
    return f"{fence_for(told)}\n{told}\n{fence_for(told)}"


@cache
def _template(name: str) -> str:
    return (files("resources") / "prompts" / f"{name}.md").read_text(encoding="utf-8")


def _surroundings(excerpt: Excerpt, characters: int) -> tuple[str, str]:
    """Whole lines before and after the excerpt, two thirds of the room before; unused room changes sides."""
    before, after = excerpt.text[: excerpt.start], excerpt.text[excerpt.end :]
    room_after = max(characters // 3, characters - len(before))
    kept_after = _first_lines(after, room_after)
    kept_before = _last_lines(before, characters - len(kept_after))
    return kept_before, kept_after


def _last_lines(text: str, characters: int) -> str:
    if len(text) <= characters:
        return text
    start = text.find("\n", len(text) - max(0, characters))
    return text[start + 1 :] if start >= 0 and characters > 0 else ""


def _first_lines(text: str, characters: int) -> str:
    if len(text) <= characters:
        return text
    end = text.rfind("\n", 0, max(0, characters))
    return text[:end] if end >= 0 else ""


def _code_section(excerpt: Excerpt, before: str, after: str, files: Sequence[NamedFile]) -> str:
    """The pieces in fences that no line of them can close, each with its line numbers, then the files."""
    fence = fence_for("\n".join((before, excerpt.selection, after, *(file.text for file in files))))
    name = excerpt.file_name or "the file"
    has_selection = bool(excerpt.selection.strip())
    place = "the selection" if has_selection else "the cursor"

    def fenced(title: str, code: str, language: Language = excerpt.language) -> str:
        word = language.key if language.key != "text" else ""
        return f"{title}\n{fence}{word}\n{code}\n{fence}"

    pieces = []
    if before.strip():
        pieces.append(fenced(f"In {name}, before {place}:", before.strip("\n")))
    if has_selection:
        lines = f"lines {excerpt.first_line} to {excerpt.last_line} of {name}"
        pieces.append(fenced(f"The selection, {lines}:", excerpt.selection.strip("\n")))
    if after.strip():
        pieces.append(fenced(f"In {name}, after {place}:", after.strip("\n")))
    pieces += [fenced(f"The file {file.name}:", file.text.strip("\n"), file.language) for file in files]
    return "\n\n".join(pieces)


def fence_for(code: str) -> str:
    """A fence that no line of `code` can close."""
    longest = max((len(run) for run in re.findall(r"`{3,}", code)), default=2)
    return "`" * (longest + 1)
