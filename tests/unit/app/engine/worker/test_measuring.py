"""Measuring in the context that serves: nothing is drawn, and replies are as before."""

import queue
from collections.abc import Iterator
from typing import TypeVar

import pytest

from app.engine.llama.context import Context
from app.engine.protocol import (
    Event,
    Failed,
    Finished,
    Generate,
    Load,
    Loaded,
    LoadSettings,
    Measure,
    Measured,
    PromptProgress,
    Ready,
    Shutdown,
)
from app.engine.worker.engine_core import EngineCore
from tests.support.engines import GREEDY
from tests.support.starter_variants import shallow_path

T = TypeVar("T", bound=Event)

WAIT_S = 120.0
SETTINGS = LoadSettings(context_tokens=512, threads=1, batch_tokens=32, gpu_layers=0)


class InThread:
    """`EngineCore` with the starter model, counting what llama.cpp is asked to evaluate."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.batches: list[int] = []
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._core = EngineCore(self.events.put)
        self._core.start()
        self.next(Ready)
        self.post(Load(request_id=1, path=shallow_path(), settings=SETTINGS))
        self.plan = self.next(Loaded).info.plan
        decode = Context.decode

        def counted(context: Context) -> int:
            self.batches.append(context.fill)
            return decode(context)

        monkeypatch.setattr(Context, "decode", counted)

    def post(self, request: Load | Generate | Measure | Shutdown) -> None:
        self._core.post(request)

    def next(self, kind: type[T]) -> T:
        while True:
            event = self.events.get(timeout=WAIT_S)
            if isinstance(event, kind):
                return event
            assert not isinstance(event, Failed), event

    def measure(self, *, prompt: int = 0, decode: int = 0, depth: int = 0) -> Measured:
        """An in-place measurement; `batches` are those of it alone."""
        self.batches.clear()
        self.post(
            Measure(
                request_id=2, settings=self.plan, prompt_tokens=prompt, decode_tokens=decode,
                depth_tokens=depth, most_s=WAIT_S, in_place=True,
            )
        )  # fmt: skip
        return self.next(Measured)

    def reply(self) -> list[int]:
        """The batches of a greedy reply of 20 tokens to the same prompt."""
        self.batches.clear()
        self.post(
            Generate(
                request_id=3, tokens=list(range(500, 600)), sampling=GREEDY, max_tokens=20, ignore_eog=True
            )
        )
        assert self.next(Finished).stats.completion_tokens == 20
        return list(self.batches)

    def close(self) -> None:
        self.post(Shutdown())
        self._core.join()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[InThread]:
    running = InThread(monkeypatch)
    yield running
    running.close()


def test_a_prompt_and_a_generation_are_evaluated_as_llama_bench_does(engine: InThread) -> None:
    measured = engine.measure(prompt=80)
    assert engine.batches == [32, 32, 16]
    assert (measured.prompt_tokens, measured.decode_tokens) == (80, 0)
    measured = engine.measure(decode=5)
    assert engine.batches == [1] * 5
    assert (measured.prompt_tokens, measured.decode_tokens) == (0, 5)
    assert measured.decode_s > 0


def test_a_depth_that_the_last_measurement_left_is_not_evaluated_again(engine: InThread) -> None:
    engine.measure(prompt=64)
    engine.measure(decode=3, depth=64)
    assert engine.batches == [1] * 3
    engine.measure(decode=3, depth=64)
    assert engine.batches == [1] * 3
    engine.reply()
    measured = engine.measure(decode=3, depth=64)
    assert engine.batches == [32, 32, 1, 1, 1]
    assert (measured.prompt_tokens, measured.decode_tokens) == (0, 3)


def test_a_prompt_that_was_in_the_context_is_evaluated_again_afterwards(engine: InThread) -> None:
    first = engine.reply()
    assert first[:4] == [32, 32, 32, 4]
    assert engine.reply()[0] < 32
    engine.measure(prompt=64, decode=3)
    assert engine.reply() == first


def test_no_measurement_while_somebody_waits_for_a_reply(engine: InThread) -> None:
    engine.post(Generate(request_id=3, tokens=[1], sampling=GREEDY, max_tokens=60, ignore_eog=True))
    engine.next(PromptProgress)
    engine.post(
        Measure(
            request_id=2, settings=engine.plan, prompt_tokens=8, decode_tokens=0, most_s=1.0, in_place=True
        )
    )
    failed = engine.events.get(timeout=WAIT_S)
    while not isinstance(failed, Failed | Finished):
        failed = engine.events.get(timeout=WAIT_S)
    assert isinstance(failed, Failed)
    assert str(failed.message) == "A reply is being written."
    engine.next(Finished)
