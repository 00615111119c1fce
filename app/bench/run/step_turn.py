"""One turn of a step on the engine: ask, wait, take the engine's own figure."""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from app.base.errors import Cancelled, StillroomError
from app.bench.results.statistics import percentile
from app.bench.run.order import Turn
from app.bench.run.suite import STREAMS, Step, first_token_prompt
from app.engine.protocol import Finished, Generate, LoadSettings, Measured, ModelInfo, Part, Sampling
from app.engine.protocol.engine_state import EngineState
from app.engine.protocol.pending_results import Generation, LoadHandle
from models.system.progress import wait_for

POLL_S = 0.1

GREEDY = Sampling(temperature=0.0)

SMALLEST_CONTEXT = 1024
"""The longest step that every run has, 512 prompt tokens, with room to spare."""

STREAM_CONTEXT = 512

PERCENTILES = (50, 95, 99)

T = TypeVar("T")


class BenchmarkEngine(Protocol):
    """The part of `EngineClient` that a benchmark needs; every call returns at once."""

    @property
    def state(self) -> EngineState:
        """The engine's process and version."""

    def load(self, path: str, settings: LoadSettings) -> LoadHandle:
        """Load a model after unloading the present one."""

    def unload(self) -> Future[None]:
        """Free the present model."""

    def tokenize(self, parts: Sequence[Part]) -> Future[list[int]]:
        """Token ids of a prompt, the model's BOS included."""

    def ask(self, request: Generate) -> Generation:
        """One reply."""

    def measure(
        self,
        settings: LoadSettings,
        *,
        prompt_tokens: int = 0,
        decode_tokens: int = 0,
        depth_tokens: int = 0,
        in_place: bool = False,
    ) -> tuple[Future[Measured], Callable[[], None]]:
        """Time the present model without drawing any token, and what cancels that."""


@dataclass(frozen=True, slots=True)
class TurnResult:
    """The figure of a turn, what was evaluated for it, and other figures by their keys."""

    value: float
    prompt_tokens: int = 0
    generated_tokens: int = 0
    further: dict[str, float] = field(default_factory=dict)


class Turns:
    """Runs single turns with one model and its settings. One thread, which waits; `on_wait` is called about
    ten times a second meanwhile with the seconds since the turn began.

    `seed` makes the random tokens: a turn that is run again after an interruption gets the same ones.
    """

    def __init__(
        self,
        engine: BenchmarkEngine,
        path: Path,
        settings: LoadSettings,
        seed: str,
        cancel: threading.Event | None,
        on_wait: Callable[[float], None],
    ) -> None:
        self._engine = engine
        self._path = path
        self._settings = settings
        self._seed = seed
        self._cancel = cancel
        self._on_wait = on_wait
        self._loaded: LoadSettings | None = None
        self._pid: int | None = None
        """The engine's process that has the model."""
        self._info: ModelInfo | None = None
        self._vocabulary = 0

    @property
    def info(self) -> ModelInfo:
        """The model of the newest load for one reply at a time; a load must have come first."""
        if self._info is None:
            raise RuntimeError("no load turn has run")
        return self._info

    def restore(self, *, wait: bool) -> None:
        """Load the model as the user has it, where a turn needed it otherwise."""
        if self._loaded in (None, self._settings):
            return
        handle = self._engine.load(str(self._path), self._settings)
        self._loaded = self._settings
        if wait:
            # Whoever needs the model next is told where it cannot be loaded; the run is over.
            with contextlib.suppress(StillroomError, Cancelled):
                self._wait(handle.future, lambda: None)

    def run(self, turn: Turn) -> TurnResult:
        """One turn, with the model loaded again where the engine has ended since the last one. Raises
        `Cancelled`, or `EngineError` from the engine."""
        if self._loaded is not None and turn.step.kind != "load" and self._engine.state.pid != self._pid:
            self._load_as(self._loaded)
        match turn.step.kind:
            case "load":
                return self._load()
            case "prompt":
                return self._prompt(turn.step)
            case "generation":
                return self._generation(turn.step)
            case "reply":
                return self._reply(turn)
            case "first_token":
                return self._first_token()
            case "streams":
                return self._streams(turn)

    def _load(self) -> TurnResult:
        self._info = self._load_as(alone(self._settings))
        return TurnResult(self._info.load_s)

    def _load_as(self, settings: LoadSettings) -> ModelInfo:
        # A cancelled benchmark leaves the load to end by itself: the model was loaded before, and stays so.
        self._loaded = settings
        info = self._wait(self._engine.load(str(self._path), settings).future, lambda: None)
        self._vocabulary = info.vocabulary
        self._pid = self._engine.state.pid
        return info

    def _prompt(self, step: Step) -> TurnResult:
        """llama-bench's pp test: random tokens from an empty context."""
        measured = self._measure(prompt_tokens=step.tokens)
        return TurnResult(measured.prompt_tokens / measured.prompt_s, prompt_tokens=measured.prompt_tokens)

    def _generation(self, step: Step) -> TurnResult:
        """llama-bench's tg test: random tokens one by one, behind a prompt of that depth. The engine
        evaluates that first, unless the turn before has left it there."""
        measured = self._measure(decode_tokens=step.tokens, depth_tokens=step.depth)
        return TurnResult(measured.decode_tokens / measured.decode_s, generated_tokens=measured.decode_tokens)

    def _measure(self, **tokens: int) -> Measured:
        future, stop = self._engine.measure(self.info.plan, in_place=True, **tokens)
        return self._wait(future, stop)

    def _reply(self, turn: Turn) -> TurnResult:
        """A reply as a chat gets it: each token is drawn, made text of and sent. The engine counts the first
        to the prompt, so one more is asked for and `tokens` are timed."""
        step = turn.step
        request = Generate(
            request_id=0, tokens=self._tokens(turn, 1), max_tokens=step.tokens + 1, token_times=True
        )
        reply = self._engine.ask(_plain(request))
        end = self._wait(reply.future, reply.cancel)
        self._check_length(end, step.tokens + 1)
        further = {f"latency_p{share}": percentile(end.stats.token_s, share) for share in PERCENTILES}
        return TurnResult(end.stats.decode_tok_per_s, 1, step.tokens, further)

    def _first_token(self) -> TurnResult:
        reply = self._engine.ask(
            _plain(Generate(request_id=0, parts=[Part(first_token_prompt())], max_tokens=1))
        )
        end = self._wait(reply.future, reply.cancel)
        return TurnResult(end.stats.ttft_s, prompt_tokens=end.stats.prompt_tokens)

    def _streams(self, turn: Turn) -> TurnResult:
        """Like llama-batched-bench's tg: the tokens of all replies by the time that the longest took."""
        step = turn.step
        wanted = together(self._settings)
        if self._loaded != wanted:
            self._load_as(wanted)
        requests = [
            Generate(request_id=0, tokens=self._tokens(turn, 16, stream), max_tokens=step.tokens + 1)
            for stream in range(step.streams)
        ]
        replies = [self._engine.ask(_plain(request)) for request in requests]

        def stop() -> None:
            for reply in replies:
                reply.cancel()

        ends = [self._wait(reply.future, stop) for reply in replies]
        for end in ends:
            self._check_length(end, step.tokens + 1)
        longest_s = max(end.stats.decode_s for end in ends)
        return TurnResult(step.streams * step.tokens / longest_s, 16, step.tokens)

    def _tokens(self, turn: Turn, count: int, stream: int = 0) -> list[int]:
        """The model's BOS and random tokens, the same for each turn of that repeat and length."""
        start = self._wait(self._engine.tokenize([]), lambda: None)
        draw = random.Random(f"{self._seed} {turn.repeat} {count} {stream}")
        return (start + [draw.randrange(self._vocabulary) for _ in range(count - len(start))])[:count]

    def _check_length(self, end: Finished, wanted: int) -> None:
        if end.stats.completion_tokens != wanted:
            raise StillroomError(
                "The benchmark's reply ended after {found} of {wanted} tokens.",
                "Load the model with a larger context and run the benchmark again.",
                found=end.stats.completion_tokens,
                wanted=wanted,
            )

    def _wait(self, future: Future[T], stop: Callable[[], None]) -> T:
        started_s = time.monotonic()
        return wait_for(
            future, self._cancel, stop, lambda: self._on_wait(time.monotonic() - started_s), POLL_S
        )


def alone(settings: LoadSettings) -> LoadSettings:
    """The settings for one reply at a time, with a context that the longest step of every run fits in; 0
    leaves it to the engine. Nothing guesses ahead: llama-bench does not, either."""
    context_tokens = settings.context_tokens
    if 0 < context_tokens < SMALLEST_CONTEXT:
        context_tokens = SMALLEST_CONTEXT
    return msgspec.structs.replace(settings, context_tokens=context_tokens, sequences=1, draft_path="")


def together(settings: LoadSettings) -> LoadSettings:
    """The settings for as many replies at once as any step has."""
    return msgspec.structs.replace(
        settings, context_tokens=STREAM_CONTEXT, sequences=STREAMS[-1], draft_path=""
    )


def _plain(request: Generate) -> Generate:
    return msgspec.structs.replace(
        request, sampling=GREEDY, thinking="off", ignore_eog=True, reuse_prefix=False
    )
