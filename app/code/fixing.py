"""Sends what went wrong back to the author of a program, round by round, until it works."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from app.code.ask import PROBLEM_CHARACTERS, fence_for
from app.code.languages import PLAIN_TEXT, language_named
from app.code.programming_tasks import Judgement, ProgrammingTask, code_of_answer, judge, task_prompt
from app.code.sandbox.run import Sandbox

USUAL_ROUNDS = 3
Ask = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Round:
    """One answer and its verdict. Round 0 is the first answer, before anything was sent back."""

    number: int
    answer: str
    judgement: Judgement


def fix_prompt(code: str, language: str, problem: str, task: str = "") -> str:
    """The request to correct `code`, whose run said `problem`. `task` is what it was written for."""
    known = language_named(language) or PLAIN_TEXT
    fence = fence_for(code + problem + task)
    told = problem.strip()[-PROBLEM_CHARACTERS:] or "It does not pass its tests."
    return (
        _template()
        .format(
            task=f"The task was:\n\n{task.strip()}\n\n" if task.strip() else "",
            language=known.name if known is not PLAIN_TEXT else "",
            problem=f"{fence}\n{told}\n{fence}",
            code=f"{fence}{known.key if known is not PLAIN_TEXT else ''}\n{code.strip(chr(10))}\n{fence}",
        )
        .strip()
    )


def attempt(
    task: ProgrammingTask, ask: Ask, sandbox: Sandbox, rounds: int, stop: threading.Event | None = None
) -> Iterator[Round]:
    """Let `ask` answer the task, and correct its answer up to `rounds` times while tests fail.

    Any thread but the GUI's. Raises as `judge`, and what `ask` raises.
    """
    answer = ask(task_prompt(task))
    judgement = judge(task, code_of_answer(answer, task.entry, task.language), sandbox, stop)
    yield Round(0, answer, judgement)
    for number in range(1, rounds + 1):
        if judgement.passed:
            return
        answer = ask(fix_prompt(judgement.code, task.language, judgement.problem, task.prompt))
        code = code_of_answer(answer, task.entry, task.language)
        # A correction without a program leaves the one before as it was.
        if code.strip():
            judgement = judge(task, code, sandbox, stop)
        yield Round(number, answer, judgement)


@cache
def _template() -> str:
    return (files("resources") / "prompts" / "fix_failed.md").read_text(encoding="utf-8")
