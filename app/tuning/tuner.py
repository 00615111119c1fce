"""Finds the fastest settings for a model on this machine, within two minutes, and keeps them."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Protocol

import msgspec

from app.base.errors import EngineError
from app.engine.planning.cards import offload_devices
from app.engine.planning.load_history import LoadMemory, Tuned, now
from app.engine.planning.load_plan import cache_type
from app.engine.protocol import LoadNotice, LoadSettings, Measured, ModelInfo
from app.engine.protocol.engine_state import EngineState
from app.engine.protocol.pending_results import LoadHandle
from app.tuning.knobs import Figure, TuningMachine
from app.tuning.report import TuningReport
from app.tuning.search import Outcome, Sample, Search
from models.system.cores import physical_cores, usable_cores
from models.system.progress import wait_for

BUDGET_S = 95.0
"""No sample begins after this; the last one and the load that follows stay within two minutes."""

SMALL_CONTEXT_TOKENS = 512
"""The weights stay loaded beside the contexts that are measured, so their own takes little."""

PROMPT_S, DECODE_S = 1.0, 0.7
"""The time that one sample should take; short ones are drowned in noise."""

MOST_S = 2.5
"""The most that the prompt and the reply of one sample may take each, where a setting is much slower."""

NOISY = 0.1

PROMPT_TOKENS, DECODE_TOKENS = (32, 1024), (4, 64)
SHORT_PROMPT_TOKENS = 16


TUNED_FIELDS = ("threads", "prompt_threads", "batch_tokens", "flash_attention", "kv_type", "gpu_layers")


def left_open(asked: LoadSettings) -> LoadSettings:
    """The user's settings with what tuning decides left open: what he has fixed goes before it."""
    fresh = LoadSettings()
    return msgspec.structs.replace(asked, **{name: getattr(fresh, name) for name in TUNED_FIELDS})


class TuningEngine(Protocol):
    """The part of `EngineClient` that tuning needs; every call returns at once."""

    @property
    def state(self) -> EngineState:
        """The engine's process and its devices."""

    def load(self, path: str, settings: LoadSettings, *, remember: bool) -> LoadHandle:
        """Load a model."""

    def unload(self) -> "Future[None]":
        """Free every model."""

    def measure(
        self, settings: LoadSettings, *, prompt_tokens: int, decode_tokens: int, most_s: float
    ) -> tuple["Future[Measured]", Callable[[], None]]:
        """Time the loaded model."""


@dataclass(frozen=True, slots=True)
class TuningProgress:
    """`what` is the setting that is tried, or "load", "default" or "compare"."""

    what: str
    fraction: float
    remaining_s: float | None


class Tuner:
    """Tunes one model at a time. `run` waits until the end, so it belongs on a worker thread; whoever starts
    it keeps chats away from the engine meanwhile. It leaves the model loaded in a way that is good for
    nothing but measuring: load it again."""

    def __init__(
        self, engine: TuningEngine, memory: LoadMemory, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = engine
        self._memory = memory
        self._clock = clock

    def run(
        self,
        path: Path,
        asked: LoadSettings,
        on_progress: Callable[[TuningProgress], None],
        cancel: threading.Event | None = None,
    ) -> TuningReport:
        """Measure from what is asked for, keep and tell the fastest. Raises `Cancelled` within 0.2 s of
        `cancel` (nothing is kept then), and `EngineError`. `on_progress` runs on this thread."""
        started_s = self._clock()
        run = _Run(self._engine, path, asked, on_progress, cancel, self._clock)
        outcome = run.search()
        info, plan = run.info, outcome.plan
        version = self._engine.state.llama_cpp_version
        tuned = Tuned(
            threads=plan.threads,
            prompt_threads=plan.prompt_threads,
            batch_tokens=plan.batch_tokens,
            flash_attention=plan.flash_attention,
            kv_type=cache_type(plan),
            gpu_layers=plan.gpu_layers if plan.gpu_layers != run.planned_layers else -1,
            context_tokens=asked.context_tokens,
            at=now(),
            llama_cpp_version=version,
        )
        report = TuningReport(
            file=path.name,
            model=info.name,
            quantisation=info.quantisation,
            backend=info.backend,
            llama_cpp_version=version,
            seconds=round(self._clock() - started_s, 1),
            before=outcome.before,
            after=outcome.after,
            chosen=tuned,
            rows=outcome.rows,
            notices=_notices(outcome),
        )
        self._memory.note_tuned(str(path), tuned, msgspec.to_builtins(report))
        return report


class _Run:
    """One tuning: loads, measures, watches the time."""

    def __init__(
        self,
        engine: TuningEngine,
        path: Path,
        asked: LoadSettings,
        on_progress: Callable[[TuningProgress], None],
        cancel: threading.Event | None,
        clock: Callable[[], float],
    ) -> None:
        self._engine = engine
        self._path = path
        self._asked = asked
        self._on_progress = on_progress
        self._cancel = cancel
        self._clock = clock
        self._started_s = clock()
        self._samples_started_s = self._started_s
        self._loaded_layers: int | None = None
        self._prompt_tokens, self._decode_tokens = PROMPT_TOKENS[0], DECODE_TOKENS[0]
        self._info: ModelInfo | None = None
        self.planned_layers = 0

    @property
    def info(self) -> ModelInfo:
        """The model of the newest load."""
        assert self._info is not None
        return self._info

    def search(self) -> Outcome:
        """Load, look how long samples must be, and search."""
        self._tell("load", 0.0, None)
        self._engine.unload().result()
        has_card = bool(offload_devices(self._engine.state.devices))
        info = self._load_as_asked()
        self.planned_layers = info.plan.gpu_layers
        plan = info.plan
        if has_card:
            self._load(plan.gpu_layers, small=True)
        self._calibrate(plan)
        machine = TuningMachine(
            physical_cores=physical_cores(),
            logical_cores=usable_cores(),
            layers=info.layers + 1,
            has_card=has_card,
        )
        self._samples_started_s = self._clock()
        return Search(self._sample, self._has_time, self._on_sample).run(plan, machine)

    def _load_as_asked(self) -> ModelInfo:
        """The plan of the defaults. Without a card nothing depends on the context, so it is small at once."""
        has_card = bool(offload_devices(self._engine.state.devices))
        asked = msgspec.structs.replace(self._asked, sequences=1)
        if not has_card:
            asked = msgspec.structs.replace(asked, context_tokens=SMALL_CONTEXT_TOKENS)
        load = self._engine.load(str(self._path), asked, remember=False)
        self._info = wait_for(load.future, self._cancel, load.cancel)
        self._loaded_layers = self._info.plan.gpu_layers
        return self._info

    def _load(self, gpu_layers: int, *, small: bool) -> None:
        """With so many layers on the card, and no fewer: beside the whole context, or beside a small one."""
        context_tokens = SMALL_CONTEXT_TOKENS if small else self._asked.context_tokens
        settings = msgspec.structs.replace(
            self._asked, gpu_layers=gpu_layers, sequences=1, context_tokens=context_tokens
        )
        self._loaded_layers = None
        load = self._engine.load(str(self._path), settings, remember=False)
        self._info = wait_for(load.future, self._cancel, load.cancel)
        if self._info.plan != self._info.planned:
            raise EngineError("There is not enough memory for that many layers on the graphics card.")
        self._loaded_layers = gpu_layers

    def _calibrate(self, plan: LoadSettings) -> None:
        """Two short samples: the first reads the file, the second tells how many tokens a sample can have."""
        for _ in range(2):
            first = self._measure(plan, PROMPT_TOKENS[0], DECODE_TOKENS[0], most_s=DECODE_S)
        self._prompt_tokens = _within(first.prompt_tok_per_s * PROMPT_S, *PROMPT_TOKENS)
        self._decode_tokens = _within(first.decode_tok_per_s * DECODE_S, *DECODE_TOKENS)

    def _sample(self, plan: LoadSettings, figure: Figure) -> Sample:
        if plan.gpu_layers != self._loaded_layers:
            self._load(plan.gpu_layers, small=plan.gpu_layers <= self.planned_layers)
        prompt = SHORT_PROMPT_TOKENS if figure == "decode" else self._prompt_tokens
        decode = 1 if figure == "prompt" else self._decode_tokens
        return self._measure(plan, prompt, decode)

    def _measure(
        self, plan: LoadSettings, prompt_tokens: int, decode_tokens: int, most_s: float = MOST_S
    ) -> Sample:
        future, stop = self._engine.measure(
            plan, prompt_tokens=prompt_tokens, decode_tokens=decode_tokens, most_s=most_s
        )
        try:
            measured = wait_for(future, self._cancel, stop)
        except EngineError:
            # Its process may be a new one, without the model.
            self._loaded_layers = None
            raise
        return Sample(measured.prompt_tokens / measured.prompt_s, measured.decode_tokens / measured.decode_s)

    def _has_time(self) -> bool:
        return self._clock() - self._started_s < BUDGET_S

    def _on_sample(self, what: str, done: int, total: int) -> None:
        now_s = self._clock()
        left_s = max(0.0, BUDGET_S - (now_s - self._started_s))
        if done:
            left_s = min(left_s, (total - done) * (now_s - self._samples_started_s) / done)
        self._tell(what, done / total, left_s if done else None)

    def _tell(self, what: str, fraction: float, remaining_s: float | None) -> None:
        self._on_progress(TuningProgress(what, fraction, remaining_s))


def _notices(outcome: Outcome) -> list[LoadNotice]:
    noise = [row.noise for row in outcome.rows if row.noise is not None and row.repeats > 1]
    scatter = median(noise) if noise else 0.0
    if scatter < NOISY:
        return []
    return [
        LoadNotice(
            "The machine was busy with something else: the figures scatter by {percent}%. Tune again when "
            "it is quiet.",
            {"percent": round(100 * scatter)},
        )
    ]


def _within(value: float, low: int, high: int) -> int:
    return int(min(max(value, low), high))
