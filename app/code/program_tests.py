"""Runs tests on a program, in the sandbox: which pass, and why the others do not."""

import json
import secrets
import threading
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from app.base.errors import StillroomError
from app.code.languages import PLAIN_TEXT, language_named
from app.code.runtimes import job_for
from app.code.sandbox.limits import Limits, RunResult
from app.code.sandbox.run import USUAL_LIMITS, Sandbox

TESTABLE = ("python", "javascript")
"""The languages whose tests can be run, by key."""


class NotTestableError(StillroomError):
    """Tests in this language are not run here."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test: `error` is empty when it passed."""

    name: str
    error: str


@dataclass(frozen=True, slots=True)
class Trial:
    """All tests of one run. `output` is what the program wrote besides."""

    outcomes: tuple[Outcome, ...]
    result: RunResult
    output: str

    @property
    def total(self) -> int:
        """The number of tests; one at least, so that an empty run is no success."""
        return max(1, len(self.outcomes))

    @property
    def passed(self) -> int:
        """The number of tests that passed."""
        return sum(not outcome.error for outcome in self.outcomes)

    @property
    def ok(self) -> bool:
        """Tell whether there were tests and all passed."""
        return bool(self.outcomes) and self.passed == len(self.outcomes)


def run_tests(
    sandbox: Sandbox,
    code: str,
    tests: str,
    language: str,
    limits: Limits = USUAL_LIMITS,
    stop: threading.Event | None = None,
) -> Trial:
    """Run `tests` on `code`; any thread but the GUI's.

    Python: functions `test_...`, assertions at the top level, `unittest` classes; `raises`, `approx` and
    `parametrize` of pytest are there even without it. JavaScript: `test` or `it`, with `assert` or `expect`.
    What they import and nobody has is the program. Raises `NotTestableError`, and as `Sandbox.run`.
    """
    if language not in TESTABLE:
        known = language_named(language)
        if known is PLAIN_TEXT:
            raise NotTestableError(
                "The language of this text is not known.", "Choose it below the editor, at the right."
            )
        raise NotTestableError(
            "Tests in {language} are not run here.",
            "Stillroom runs tests in Python and JavaScript.",
            language=known.name if known else language,
        )
    mark = f"{secrets.token_hex(8)} "
    request = json.dumps({"code": code, "tests": tests, "mark": mark})
    job = job_for(_harness(language), language, files={"request.json": request})
    result = sandbox.run(job, limits, stop=stop)
    return _read(result, mark)


def _read(result: RunResult, mark: str) -> Trial:
    names: list[str] = []
    errors: dict[int, str] = {}
    shown = []
    for line in result.output.split("\n"):
        if not line.startswith(mark):
            shown.append(line)
            continue
        told: dict[str, Any] = json.loads(line.removeprefix(mark))
        if "names" in told:
            names = told["names"]
        else:
            # Names may repeat; they are told in order.
            place = next(
                (i for i, name in enumerate(names) if name == told["name"] and i not in errors), None
            )
            if place is not None:
                errors[place] = told["error"]
    output = "\n".join(shown).strip("\n")
    never = _why_not(result, output)
    outcomes = tuple(Outcome(name, errors.get(i, never)) for i, name in enumerate(names))
    return Trial(outcomes, result, output)


def _why_not(result: RunResult, output: str) -> str:
    """Say why a test has no outcome."""
    match result.ending:
        case "exit":
            return output.strip().rpartition("\n")[2] or "it was not reached"
        case "failed":
            return result.reason
        case "stopped":
            return "it was stopped"
        case ending:
            return f"it was ended at the limit of {ending}"


@cache
def _harness(language: str) -> str:
    return (files("resources") / "harness" / f"{language}_tests.txt").read_text(encoding="utf-8")
