"""Answers the golden set with a loaded model and compares it with what the file answered before."""

import importlib.metadata
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from app.bench.drift.comparison import DriftReport, compare_golden, largest_change, runs_between
from app.bench.drift.golden import Circumstances, GoldenAnswer, GoldenRun, Question, golden_set
from app.bench.drift.store import DriftStore
from app.bench.quality.asking import QualityEngine, Render, Said, reply_to
from app.bench.results.history import BenchmarkHistory
from app.bench.run.disturbances import Conditions
from app.bench.run.facts import model_sha256
from app.engine.protocol import Generate, LoadSettings, ModelInfo, Sampling, ThinkingLimits
from app.machine.hardware import Machine
from app.telemetry.host import HostReader
from app.telemetry.nvml_monitor import GpuMonitor
from models.system.progress import wait_for


@dataclass(frozen=True, slots=True)
class DriftProgress:
    """`done` of `total` answers; 0 of 0 while the file is read."""

    done: int
    total: int


class DriftChecker:
    """Checks one model at a time. `check` waits until the end, so it belongs on a worker thread."""

    def __init__(
        self,
        engine: QualityEngine,
        store: DriftStore,
        history: BenchmarkHistory,
        render: Render,
        look_at_machine: Callable[[], Machine],
        gpu: GpuMonitor,
        questions: Sequence[Question] = (),
    ) -> None:
        """`questions` are the golden set where none are given."""
        self._engine = engine
        self._store = store
        self._history = history
        self._render = render
        self._look_at_machine = look_at_machine
        self._gpu = gpu
        self._questions = list(questions) or golden_set()
        self._host = HostReader(lambda: [engine.state.pid] if engine.state.pid is not None else [])

    def load_and_check(
        self,
        path: Path,
        settings: LoadSettings,
        on_progress: Callable[[DriftProgress], None],
        cancel: threading.Event | None = None,
        *,
        name: str = "",
    ) -> DriftReport:
        """Load the file and check it. Raises `Cancelled`, `EngineError` and `StillroomError`."""
        load = self._engine.load(str(path), settings)
        info = wait_for(load.future, cancel, load.cancel)
        return self.check(info, on_progress, cancel, name=name)

    def check(
        self,
        info: ModelInfo,
        on_progress: Callable[[DriftProgress], None],
        cancel: threading.Event | None = None,
        *,
        name: str = "",
        unasked: bool = False,
    ) -> DriftReport:
        """Answer the golden set with the loaded model `info`, keep it, and compare; in the background where
        it is `unasked`.

        The first run of a file becomes its baseline. Raises `Cancelled` within 0.2 s of `cancel` (nothing is
        kept then), `EngineError` and `StillroomError`.
        """
        started_at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        on_progress(DriftProgress(0, 0))
        circumstances = self._circumstances(info, cancel)
        baseline = self._store.baseline(info.path, circumstances.sha256)
        passes = 1 if baseline is not None else 2
        total = passes * len(self._questions)
        answered: list[list[GoldenAnswer]] = []
        for number in range(passes):
            begun = number * len(self._questions)

            def on_done(done: int, begun: int = begun) -> None:
                on_progress(DriftProgress(begun + done, total))

            answered.append(self._answers(info, unasked, on_done, cancel))
        run_id = str(uuid.uuid4())
        run = GoldenRun(
            id=run_id,
            baseline_id=run_id if baseline is None else baseline.id,
            started_at=started_at,
            path=info.path,
            name=name or info.name,
            circumstances=circumstances,
            # Of two passes the second: the first one warms the machine up.
            answers=answered[-1],
            noise=largest_change(*answered) if baseline is None else 0.0,
        )
        self._store.add(run)
        return self.report(run)

    def report(self, run: GoldenRun) -> DriftReport:
        """A kept run against its baseline."""
        history = self._store.history(run.baseline_id)
        if not history or run.is_baseline:
            return compare_golden(run, [], run)
        return compare_golden(history[0], runs_between(history, run), run)

    def newest(self, path: str) -> DriftReport | None:
        """Return the report of a file's newest check; None where there is none."""
        run = self._store.newest(path)
        return None if run is None else self.report(run)

    def accept(self, run_id: str) -> None:
        """Compare the checks to come with that run."""
        self._store.accept(run_id)

    def is_due(self, info: ModelInfo) -> bool:
        """Tell whether anything has changed since the newest check of a file; False for one that was never
        checked. Reads no weights: a file of another content has another time or size."""
        newest = self._store.newest(info.path)
        if newest is None:
            return False
        known = self._history.known_sha256(Path(info.path))
        now = self._without_hash(info, known or "")
        return bool(newest.circumstances.differences(now))

    def _answers(
        self,
        info: ModelInfo,
        unasked: bool,
        on_done: Callable[[int], None],
        cancel: threading.Event | None,
    ) -> list[GoldenAnswer]:
        answers = []
        conditions = Conditions(self._host)
        for place, question in enumerate(self._questions, start=1):
            start = conditions.begin()
            answer = self._answer(info, question, unasked, cancel)
            busy = conditions.sample(start, 0.0).others_cpu_percent
            answers.append(msgspec.structs.replace(answer, others_cpu_percent=busy))
            on_done(place)
        return answers

    def _answer(
        self, info: ModelInfo, question: Question, unasked: bool, cancel: threading.Event | None
    ) -> GoldenAnswer:
        prompt = self._render(info, [Said("user", question.text)])
        reply = reply_to(
            self._engine,
            Generate(
                request_id=0,
                parts=prompt.parts,
                sampling=Sampling(temperature=0.0, seed=1),
                max_tokens=question.most_tokens,
                thinking=prompt.thinking,
                thinking_limits=ThinkingLimits(loop_guard=False),
                # Another batch sums in another order.
                reuse_prefix=False,
                logprobs=0,
                priority="background" if unasked else "front",
                unasked=unasked,
                model=info.path,
            ),
            cancel,
        )
        stats = reply.end.stats
        return GoldenAnswer(
            id=question.id,
            question=question.text,
            text="\n".join(part for part in (reply.thinking, reply.answer) if part),
            tokens=list(reply.tokens),
            logprobs=list(reply.logprobs),
            prompt_tok_per_s=stats.prompt_tok_per_s,
            decode_tok_per_s=stats.decode_tok_per_s,
        )

    def _circumstances(self, info: ModelInfo, cancel: threading.Event | None) -> Circumstances:
        path = Path(info.path)
        known = self._history.known_sha256(path)
        if known is None:
            known = model_sha256(path, lambda _: None, cancel)
            self._history.note_sha256(path, known)
        return self._without_hash(info, known)

    def _without_hash(self, info: ModelInfo, sha256: str) -> Circumstances:
        state, gpu = self._engine.state, self._gpu.poll(frozenset(), 1.0)
        return Circumstances(
            sha256=sha256,
            quantisation=info.quantisation,
            stillroom_version=importlib.metadata.version("stillroom"),
            llama_cpp_version=state.llama_cpp_version,
            system_info=state.system_info,
            backend=info.backend,
            gpus=[card.name for card in gpu.gpus],
            gpu_driver=gpu.driver,
            processor=self._look_at_machine().processor,
            settings=info.plan,
        )
