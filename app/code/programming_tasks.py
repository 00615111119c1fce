"""Fifty small programming tasks with tests, and how an answer to one is judged: by running it."""

import ast
import threading
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from app.code.check import check_syntax
from app.code.extract import code_blocks
from app.code.program_tests import Trial, run_tests
from app.code.sandbox.limits import Limits
from app.code.sandbox.run import Sandbox

TASK_LIMITS = Limits(time_s=10.0)


@dataclass(frozen=True, slots=True)
class ProgrammingTask:
    """A task: what to write (`prompt`), the name that it must define (`entry`), the tests that decide, and a
    `reference` that passes them. `key` is its file's name."""

    key: str
    title: str
    language: str
    entry: str
    prompt: str
    reference: str
    tests: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one answer. `problem` is what to tell its author, empty when all tests passed."""

    code: str
    syntax_valid: bool
    tests_passed: int
    tests_total: int
    problem: str
    seconds: float

    @property
    def passed(self) -> bool:
        """Tell whether the syntax is valid and every test passed."""
        return self.syntax_valid and self.tests_passed == self.tests_total


@cache
def load_tasks() -> tuple[ProgrammingTask, ...]:
    """All tasks, the easy ones first."""
    folder = files("resources") / "suites" / "programming"
    found = []
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        values = tomllib.loads(file.read_text(encoding="utf-8"))
        found.append(ProgrammingTask(key=file.name.removesuffix(".toml"), **values))
    return tuple(found)


def task_prompt(task: ProgrammingTask) -> str:
    """Write the prompt of a task."""
    request = "Reply with one Python code block that holds the whole program, without examples or tests."
    return f"{task.prompt.strip()}\n\n{request}"


def code_of_answer(answer: str, entry: str, language: str = "python") -> str:
    """The program in an answer: of its code blocks the last one that defines `entry`, else the longest, else
    the answer itself where it is code without a fence; empty where there is none."""
    blocks = [block.code for block in code_blocks(answer) if block.language in (language, "", "text")]
    defining = [code for code in blocks if f"def {entry}" in code or f"class {entry}" in code]
    if defining:
        return defining[-1]
    if blocks:
        return max(blocks, key=len)
    bare = answer.strip()
    try:
        ast.parse(bare)
    except (SyntaxError, ValueError):
        return ""
    return bare if entry in bare else ""


def judge(
    task: ProgrammingTask, code: str, sandbox: Sandbox, stop: threading.Event | None = None
) -> Judgement:
    """Check the syntax of `code`, then run the task's tests on it; any thread but the GUI's.

    Raises `SandboxUnavailableError` and `NotRunnableError`: nothing is run without a sandbox.
    """
    total = _test_count(task)
    if not code.strip():
        return Judgement(code, False, 0, total, "The answer holds no program.", 0.0)
    report = check_syntax(code, task.language)
    if report.verdict == "error":
        problem = f"SyntaxError: {report.message} (line {report.line})"
        return Judgement(code, False, 0, total, problem, 0.0)
    trial = run_tests(sandbox, code, task.tests, task.language, TASK_LIMITS, stop)
    passed = trial.passed
    return Judgement(code, True, passed, max(total, trial.total), problem_of(trial), trial.result.seconds)


def problem_of(trial: Trial) -> str:
    """List the errors of failed tests, one line a test, for the program's author; empty when all passed."""
    if trial.ok:
        return ""
    failed = [f"{outcome.name}: {outcome.error}" for outcome in trial.outcomes if outcome.error]
    return "\n".join(failed[:5]) or trial.result.reason or trial.output[-500:] or "The tests did not run."


def _test_count(task: ProgrammingTask) -> int:
    """Count the tests of a task; parameters can make more of one."""
    body = ast.parse(task.tests).body
    return sum(isinstance(node, ast.Assert | ast.FunctionDef) for node in body)
