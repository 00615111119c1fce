"""One turn of a step on the engine: ask, wait, take the engine's own figure."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from app.bench.suite import Step, first_token_prompt
from app.engine.handles import Generation, LoadHandle
from app.engine.messages import Finished, LoadSettings, ModelInfo, Part, Sampling
from app.engine.state import EngineState
from app.errors import Cancelled, StillroomError

POLL_S = 0.1

GREEDY = Sampling(temperature=0.0)

T = TypeVar("T")


class BenchmarkEngine(Protocol):
    """What a benchmark needs of `EngineClient`; every call returns at once."""

    @property
    def state(self) -> EngineState:
        """The engine's process and version."""

    def load(self, path: str, settings: LoadSettings) -> LoadHandle:
        """Load a model after unloading the present one."""

    def unload(self) -> Future[None]:
        """Free the present model."""

    def tokenize(self, parts: Sequence[Part]) -> Future[list[int]]:
        """Token ids of a prompt, the model's BOS included."""

    def generate(
        self,
        parts: Sequence[Part] = (),
        *,
        tokens: Sequence[int] | None = None,
        sampling: Sampling = ...,
        max_tokens: int = 0,
        thinking: Literal["open", "auto", "off"] = ...,
        ignore_eog: bool = False,
        reuse_prefix: bool = True,
    ) -> Generation:
        """One reply."""


@dataclass(frozen=True, slots=True)
class TurnResult:
    """The figure of a turn, and what was evaluated for it."""

    value: float
    prompt_tokens: int = 0
    generated_tokens: int = 0


class Turns:
    """Runs single turns with one model and its settings. One thread, which waits; `on_wait` is called about
    ten times a second meanwhile with the seconds since the turn began."""

    def __init__(
        self,
        engine: BenchmarkEngine,
        path: Path,
        settings: LoadSettings,
        cancel: threading.Event | None,
        on_wait: Callable[[float], None],
    ) -> None:
        self._engine = engine
        self._path = path
        self._settings = settings
        self._cancel = cancel
        self._on_wait = on_wait
        self._random = random.Random()
        self._info: ModelInfo | None = None

    @property
    def info(self) -> ModelInfo:
        """What the newest load loaded; a load must have come first."""
        if self._info is None:
            raise RuntimeError("no load turn has run")
        return self._info

    def unload(self) -> None:
        """Free the present model, so that its memory is not counted. Not cancelled: it takes no time."""
        self._engine.unload().result()

    def run(self, step: Step) -> TurnResult:
        """One turn. Raises `Cancelled`, or `EngineError` from the engine."""
        match step.kind:
            case "load":
                return self._load()
            case "prompt":
                return self._prompt(step.tokens)
            case "generation":
                return self._generation(step.tokens)
            case "first_token":
                return self._first_token()

    def _load(self) -> TurnResult:
        # A cancelled benchmark leaves the load to end by itself: the model was loaded before, and stays so.
        self._info = self._wait(self._engine.load(str(self._path), self._settings).future, lambda: None)
        return TurnResult(self._info.load_s)

    def _prompt(self, tokens: int) -> TurnResult:
        """Like llama-bench's pp test: BOS and random tokens from an empty context."""
        end = self._generate(tokens=self._random_tokens(tokens), max_tokens=1)
        return TurnResult(end.stats.prompt_tok_per_s, prompt_tokens=end.stats.prompt_tokens)

    def _generation(self, tokens: int) -> TurnResult:
        """Like llama-bench's tg test, one token later: the engine counts the first to the prompt, so
        one more is asked for and `tokens` decode steps are timed."""
        end = self._generate(tokens=self._random_tokens(1), max_tokens=tokens + 1)
        if end.stats.completion_tokens != tokens + 1:
            raise StillroomError(
                "The benchmark's reply ended after {found} of {wanted} tokens.",
                "Load the model with a larger context and run the benchmark again.",
                found=end.stats.completion_tokens,
                wanted=tokens + 1,
            )
        return TurnResult(end.stats.decode_tok_per_s, end.stats.prompt_tokens, tokens)

    def _first_token(self) -> TurnResult:
        end = self._generate(parts=[Part(first_token_prompt())], max_tokens=1)
        return TurnResult(end.stats.ttft_s, prompt_tokens=end.stats.prompt_tokens)

    def _random_tokens(self, count: int) -> list[int]:
        start = self._wait(self._engine.tokenize([]), lambda: None)
        vocabulary = self.info.vocabulary
        return start + [self._random.randrange(vocabulary) for _ in range(count - len(start))]

    def _generate(
        self, *, max_tokens: int, tokens: list[int] | None = None, parts: Sequence[Part] = ()
    ) -> Finished:
        reply = self._engine.generate(
            parts,
            tokens=tokens,
            sampling=GREEDY,
            max_tokens=max_tokens,
            thinking="off",
            ignore_eog=True,
            reuse_prefix=False,
        )
        return self._wait(reply.future, reply.cancel)

    def _wait(self, future: Future[T], stop: Callable[[], None]) -> T:
        started_s = time.monotonic()
        while True:
            try:
                return future.result(timeout=POLL_S)
            except FutureTimeoutError:
                if future.done():
                    raise
            if self._cancel is not None and self._cancel.is_set():
                stop()
                raise Cancelled
            self._on_wait(time.monotonic() - started_s)
