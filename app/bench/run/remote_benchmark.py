"""Measures a model of a server elsewhere from here, over HTTP, and makes and keeps the report."""

import importlib.metadata
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from app.bench.results.history import BenchmarkHistory
from app.bench.results.report import (
    OVER_HTTP,
    EngineFacts,
    Measure,
    NotMeasured,
    Report,
    Sample,
    measure_of,
)
from app.bench.run.facts import elsewhere_facts, machine_facts
from app.bench.run.measurement import FURTHER_UNITS, UNITS
from app.bench.run.order import Turn, estimates_s, too_long, turns_of
from app.bench.run.remote_turn import CannotMeasureError, ElsewhereTurns
from app.bench.run.run_progress import BenchmarkProgress
from app.bench.run.step_turn import PERCENTILES, TurnResult
from app.bench.run.suite import Step, Suite
from app.bench.run.time_left import TimeLeft
from app.engine.protocol import LoadSettings, ModelInfo
from app.engine.protocol.reply_source import Answers
from app.machine.hardware import Machine
from app.telemetry.nvml import GpuReading
from models.system.progress import raise_if_cancelled

TELL_S = 0.5
PROMPT_TOKENS = 512
ELSEWHERE = "It runs elsewhere."
NOT_ONE_A_PIECE = "The server sends several tokens at once."
COSTLY = "It runs elsewhere, and long prompts may cost others there their turn."
UNSEEN = ("peak_ram", "peak_vram", "power", "tok_per_j", "memory_bytes_per_s")
"""The measures that only the computer on which the model runs could take."""


def elsewhere_suite(suite: Suite) -> Suite:
    """The steps of a suite that can be measured from outside."""
    steps = tuple(step for step in suite.steps if _can_be_measured(step))
    return msgspec.structs.replace(suite, steps=steps, ceilings=False)


class ElsewhereBenchmark:
    """Measures one model at a time and adds the report to the history. `run` waits until the end.

    A run that was ended is not resumed: nobody here knows what that server does meanwhile.
    """

    def __init__(
        self, answers: Answers, history: BenchmarkHistory, look_at_machine: Callable[[], Machine]
    ) -> None:
        self._answers = answers
        self._history = history
        self._look_at_machine = look_at_machine

    def run(
        self,
        model: ModelInfo,
        suite: Suite,
        on_progress: Callable[[BenchmarkProgress], None],
        cancel: threading.Event | None = None,
    ) -> Report:
        """Measure, keep and give the report. `on_progress` runs on this thread.

        Raises `Cancelled` within 0.2 s of `cancel`, `EngineError` where the server fails, and
        `StillroomError` for a history that cannot be used.
        """
        started_at, started_s = datetime.now(UTC), time.monotonic()
        run_id = str(uuid.uuid4())
        rounds = _Rounds(self._answers, model, elsewhere_suite(suite), run_id, on_progress, cancel)
        machine = machine_facts(self._look_at_machine(), GpuReading("pending"))

        def report_now() -> Report:
            return Report(
                id=run_id,
                started_at=started_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                duration_s=round(time.monotonic() - started_s, 2),
                stillroom_version=importlib.metadata.version("stillroom"),
                suite=suite.name,
                source=OVER_HTTP,
                machine=machine,
                model=elsewhere_facts(model),
                engine=_engine_facts(model),
                measures=rounds.measures(),
                not_measured=[*rounds.not_measured(), *_unseen(suite)],
            )

        rounds.run(report_now)
        report = report_now()
        self._history.add(report)
        return report


class _Rounds:
    """All turns of one run in their order, and what they leave."""

    def __init__(
        self,
        answers: Answers,
        model: ModelInfo,
        suite: Suite,
        seed: str,
        on_progress: Callable[[BenchmarkProgress], None],
        cancel: threading.Event | None,
    ) -> None:
        self._left_out: list[NotMeasured] = []
        self._suite = suite
        self._cancel = cancel
        self._on_progress = on_progress
        self._turns = ElsewhereTurns(answers, model, seed, cancel, self._tell)
        # What is loaded elsewhere stays so.
        self._queue = [turn for turn in turns_of(suite, (), ()) if turn.step.kind != "load"]
        self._left = TimeLeft([turn.step.key for turn in self._queue])
        self._warm_ups: dict[str, TurnResult] = {}
        self._warm_up_s: dict[str, float] = {}
        self._results: dict[str, list[tuple[TurnResult, float]]] = {}
        self._planned = False
        self._told_at_s = 0.0

    def run(self, report_now: Callable[[], Report]) -> None:
        """Run them, and tell what `report_now` gives after each result. Raises `Cancelled`, `EngineError`."""
        while self._queue:
            raise_if_cancelled(self._cancel)
            turn = self._queue[0]
            if not self._planned and not turn.is_warm_up:
                self._plan()
                continue
            self._told_at_s = 0.0
            self._tell(0.0)
            began_s = time.monotonic()
            try:
                result = self._turns.run(turn)
            except CannotMeasureError as error:
                self._leave_out([error.why_not])
                continue
            elapsed_s = time.monotonic() - began_s
            self._left.finish_turn(elapsed_s)
            self._queue.pop(0)
            if turn.is_warm_up:
                self._warm_ups[turn.step.key], self._warm_up_s[turn.step.key] = result, elapsed_s
            else:
                self._results.setdefault(turn.step.key, []).append((result, elapsed_s))
                self._on_progress(self._progress(turn, 0.0, report_now()))

    def measures(self) -> list[Measure]:
        """List what was measured, in the suite's order."""
        found = []
        for step in self._suite.steps:
            results = self._results.get(step.key)
            if not results:
                continue
            found.append(_measure(step.key, step, [(one, one.value, s) for one, s in results]))
            if step.kind != "generation":
                continue
            for key in (f"latency_p{share}" for share in PERCENTILES):
                seen = [(one, one.further[key], s) for one, s in results if key in one.further]
                if seen:
                    found.append(_measure(key, step, seen))
        return found

    def not_measured(self) -> list[NotMeasured]:
        """List what this server did not let be measured, and why."""
        steps = [step for step in self._suite.steps if step.kind == "generation"]
        told = [one for step in steps for one, _ in self._results.get(step.key, ())]
        found = list(self._left_out)
        if told and not any(one.further for one in told):
            found += [NotMeasured(key=f"latency_p{share}", reason=NOT_ONE_A_PIECE) for share in PERCENTILES]
        return found

    def _plan(self) -> None:
        """The warm-ups have told how fast the server is: leave out what takes too long."""
        self._planned = True
        kinds = {step.key: step.kind for step in self._suite.steps}
        speed = {kinds[key]: result.value for key, result in self._warm_ups.items()}
        expected_s = dict(self._warm_up_s)
        if "prompt" in speed and "generation" in speed:
            expected_s = estimates_s(self._suite, speed["prompt"], speed["generation"]) | expected_s
        gone = [item.key for item in self._left_out]
        self._leave_out(too_long(self._suite, gone, expected_s, sum(self._warm_up_s.values())))
        self._left.replan([turn.step.key for turn in self._queue], expected_s)

    def _leave_out(self, items: list[NotMeasured]) -> None:
        """Do without these steps, also without what was measured of them."""
        self._left_out += items
        gone = {item.key for item in items}
        for key in gone:
            self._results.pop(key, None)
        self._queue = [turn for turn in self._queue if turn.step.key not in gone]
        self._left.replan([turn.step.key for turn in self._queue], {})

    def _tell(self, in_turn_s: float) -> None:
        now_s = time.monotonic()
        if now_s - self._told_at_s < TELL_S:
            return
        self._told_at_s = now_s
        self._on_progress(self._progress(self._queue[0], in_turn_s))

    def _progress(self, turn: Turn, in_turn_s: float, so_far: Report | None = None) -> BenchmarkProgress:
        return BenchmarkProgress(
            stage=turn.step.kind,
            repeat=turn.repeat,
            repeats=self._suite.repeats,
            fraction=self._left.fraction(in_turn_s),
            remaining_s=self._left.remaining_s(in_turn_s),
            key=turn.step.key,
            so_far=so_far,
        )


def _can_be_measured(step: Step) -> bool:
    if step.kind == "prompt":
        return step.tokens == PROMPT_TOKENS
    # Here a generation is always a reply.
    return step.kind in ("generation", "first_token", "streams") and not step.depth


def _unseen(suite: Suite) -> list[NotMeasured]:
    left = [step for step in suite.steps if not _can_be_measured(step)]
    found = [
        NotMeasured(key=step.key, reason=ELSEWHERE if step.kind == "load" else COSTLY)
        for step in left
        if step.kind in ("load", "prompt", "generation")
    ]
    return [*found, *(NotMeasured(key=key, reason=ELSEWHERE) for key in UNSEEN if suite.ceilings)]


def _measure(key: str, step: Step, seen: list[tuple[TurnResult, float, float]]) -> Measure:
    first = seen[0][0]
    return measure_of(
        key,
        FURTHER_UNITS.get(key) or UNITS[step.kind],
        [Sample(value=value, duration_s=round(seconds, 3)) for _, value, seconds in seen],
        warmups=step.warm_ups,
        prompt_tokens=first.prompt_tokens,
        generated_tokens=first.generated_tokens,
        streams=step.streams,
    )


def _engine_facts(model: ModelInfo) -> EngineFacts:
    return EngineFacts(
        llama_cpp_version="",
        system_info="",
        backend=model.backend,
        gpu_layers=0,
        threads=0,
        context_tokens=model.context_tokens,
        batch_tokens=0,
        kv_type="",
        asked=LoadSettings(),
    )
