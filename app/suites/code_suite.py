"""The Code tab's programming tasks as a kind of the quality suite: answers are run in its sandbox."""

import threading

from app.bench.quality.item import Collection, Item
from app.bench.quality.result import Verdict
from app.code.programming_tasks import code_of_answer, judge, load_tasks, task_prompt
from app.code.sandbox.run import Sandbox, SandboxUnavailableError


class CodeSuite:
    """The collection, and the verdict on an answer to one of its items. `sandbox` locks the programs up."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def collection(self) -> Collection | None:
        """All tasks; None where this computer has nothing to run them in."""
        try:
            self._sandbox.back_end()
        except SandboxUnavailableError:
            return None
        return Collection(
            kind="code",
            name="Stillroom's programming tasks",
            licence="MIT",
            items=[
                Item(
                    id=f"code/{task.key}",
                    kind="code",
                    turns=[task_prompt(task)],
                    expected=[task.reference.strip()],
                )
                for task in load_tasks()
            ],
        )

    def judge(
        self, item: Item, answer: str, cancel: threading.Event | None
    ) -> tuple[Verdict, str, dict[str, float]]:
        """Verdict, what failed, and the figures: valid syntax, share of tests passed, and for a right one
        how many lines it has for each of the reference's."""
        task = next(task for task in load_tasks() if f"code/{task.key}" == item.id)
        code = code_of_answer(answer, task.entry, task.language)
        found = judge(task, code, self._sandbox, cancel)
        scores = {
            "syntax": float(found.syntax_valid),
            "tests": found.tests_passed / max(1, found.tests_total),
            "seconds_run": found.seconds,
        }
        if found.passed:
            scores["length_ratio"] = _lines(code) / max(1, _lines(task.reference))
        return ("right" if found.passed else "wrong"), found.problem, scores


def _lines(code: str) -> int:
    """Lines that say something: neither blank nor a comment alone."""
    lines = (line.strip() for line in code.splitlines())
    return sum(bool(line) and not line.startswith("#") for line in lines)
