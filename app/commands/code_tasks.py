"""`stillroom code-tasks`: how many small programs a model gets right, at once and after corrections."""

import argparse
import threading
from typing import TYPE_CHECKING

import msgspec

from app.base.errors import Cancelled
from app.bench.quality.scores.wilson import Share, wilson
from app.commands.terminal.arguments import at_least_one, decimal, whole
from app.commands.terminal.command_core import Core
from app.commands.terminal.console import WAKE_S, Console
from app.commands.terminal.installed import installed_model
from app.engine.client.client import EngineClient
from app.engine.protocol import Delta, Generate, ModelInfo, ReplyEvent, Sampling
from models.catalogue.catalogue import find

if TYPE_CHECKING:
    from app.chat.prompting.prompt import ChatTemplate

NAME = "code-tasks"
SUMMARY = "let a model write small programs, run their tests in the sandbox, and let it correct them"
EXAMPLE = "stillroom code-tasks starter --items 10 --rounds 2"

THINKING_TOKENS = 8192
ANSWER_TOKENS = 512
"""The most that a reply may have, with and without thinking: a small program is far shorter."""


class TaskResult(msgspec.Struct, frozen=True, kw_only=True):
    """One task: the first answer, then the last. `rounds` counts the corrections that were asked for."""

    key: str
    first_syntax_valid: bool
    first_tests_passed: int
    syntax_valid: bool
    tests_passed: int
    tests_total: int
    passed: bool
    rounds: int
    characters: int
    reference_characters: int
    problem: str


class TasksReport(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON document: shares of the tasks with valid syntax, and of those that pass all their tests."""

    model: str
    backend: str
    sandbox: str
    items: int
    rounds: int
    temperature: float
    seed: int
    first_syntax: Share
    first_passed: Share
    syntax: Share
    passed: Share
    tasks: list[TaskResult]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL, how many tasks and corrections, and how to sample."""
    parser.add_argument(
        "model", metavar="MODEL", help="a model on disk (see `stillroom list`), name/TYPE, or a .gguf file"
    )
    parser.add_argument("--items", type=at_least_one, metavar="N", help="only the first N tasks of 50")
    parser.add_argument(
        "--rounds", type=int, choices=range(11), default=2, metavar="R", help="corrections a task, 0 to 10"
    )
    parser.add_argument("--temperature", type=decimal("temperature"), metavar="T", help="0 is greedy")
    parser.add_argument("--seed", type=whole("seed"), metavar="N", default=1, help="makes it repeatable")
    parser.add_argument("--max-tokens", type=at_least_one, metavar="N", help="longest reply, with thinking")


def run(options: argparse.Namespace, core: Core, console: Console, cancel: threading.Event) -> None:
    """Ask, run, correct; nothing is run outside of a sandbox."""
    from app.code.fixing import attempt
    from app.code.programming_tasks import load_tasks
    from app.code.sandbox.run import Sandbox
    from app.commands.terminal.command_core import told_templates
    from app.commands.terminal.loading import load_model

    sandbox = Sandbox()
    back_end = sandbox.back_end()
    tasks = load_tasks()[: options.items]
    model = installed_model(core.store, options.model)
    recommended = find(model.key) if model.key else None
    temperature = options.temperature
    if temperature is None:
        temperature = recommended.sampling.temperature if recommended else 0.0
    sampling = Sampling(temperature=temperature, seed=options.seed)
    results: list[TaskResult] = []
    with core.engine() as client, told_templates(core, console) as templates:
        info = load_model(client, model, core.load_choices().of(model.path).load, console, cancel)
        author = _Author(client, info, templates.of(info), sampling, options.max_tokens, cancel)
        for number, task in enumerate(tasks, start=1):
            console.status(f"{number} of {len(tasks)}  {task.title}")
            rounds = list(attempt(task, author.answer, sandbox, options.rounds, cancel))
            if cancel.is_set():
                raise Cancelled
            first, last = rounds[0].judgement, rounds[-1].judgement
            results.append(
                TaskResult(
                    key=task.key,
                    first_syntax_valid=first.syntax_valid,
                    first_tests_passed=first.tests_passed,
                    syntax_valid=last.syntax_valid,
                    tests_passed=last.tests_passed,
                    tests_total=last.tests_total,
                    passed=last.passed,
                    rounds=len(rounds) - 1,
                    characters=len(last.code.strip()),
                    reference_characters=len(task.reference.strip()),
                    problem=last.problem,
                )
            )
            console.say(_line(results[-1]))
    count = len(results)
    report = TasksReport(
        model=model.reference,
        backend=info.backend,
        sandbox=back_end,
        items=count,
        rounds=options.rounds,
        temperature=temperature,
        seed=options.seed,
        first_syntax=wilson(sum(one.first_syntax_valid for one in results), count),
        first_passed=wilson(sum(one.passed and one.rounds == 0 for one in results), count),
        syntax=wilson(sum(one.syntax_valid for one in results), count),
        passed=wilson(sum(one.passed for one in results), count),
        tasks=results,
    )
    console.document(report)
    console.say()
    console.say(f"First answers: {_shares(report.first_syntax, report.first_passed)}")
    console.say(f"After up to {options.rounds} corrections: {_shares(report.syntax, report.passed)}")


def _shares(syntax: Share, passed: Share) -> str:
    return (
        f"valid syntax {syntax.right} of {syntax.n}, all tests passed {passed.right} of {passed.n} "
        f"({passed.low:.0%} to {passed.high:.0%})"
    )


def _line(result: TaskResult) -> str:
    if result.passed:
        after = f" after {result.rounds} corrections" if result.rounds else ""
        return f"passed  {result.key}{after}"
    share = f"{result.tests_passed} of {result.tests_total} tests"
    reason = result.problem.partition("\n")[0][:80]
    return f"failed  {result.key}  {share}  {reason}"


class _Author:
    """A model that writes programs, each from a question of its own."""

    def __init__(
        self,
        client: EngineClient,
        info: ModelInfo,
        template: "ChatTemplate",
        sampling: Sampling,
        max_tokens: int | None,
        cancel: threading.Event,
    ) -> None:
        self._client = client
        self._template = template
        self._sampling = sampling
        self._max_tokens = max_tokens
        self._cancel = cancel

    def answer(self, prompt: str) -> str:
        """The answer without its thinking; raises `Cancelled`."""
        from app.chat.prompting.prompt import ChatMessage

        rendered = self._template.render_blocking([ChatMessage("user", prompt)])
        usual = THINKING_TOKENS if self._template.is_r1 else ANSWER_TOKENS
        pieces: list[str] = []

        def on_event(event: ReplyEvent) -> None:
            if isinstance(event, Delta) and event.channel == "answer":
                pieces.append(event.text)

        generation = self._client.ask(
            Generate(
                request_id=0,
                parts=rendered.parts,
                sampling=self._sampling,
                max_tokens=self._max_tokens or usual,
                thinking=rendered.thinking,
                speculation="lookup",
            ),
            on_event,
        )
        while not generation.future.done():
            if self._cancel.wait(WAKE_S):
                generation.cancel()
                raise Cancelled
        generation.future.result()
        return "".join(pieces)
