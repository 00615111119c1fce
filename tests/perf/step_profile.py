"""The share of Python in a step: everything on the engine's thread that is neither llama_decode, nor one of
llama.cpp's samplers, nor the call that evaluates and draws some tokens. Those of one call share its time.

    python -m tests.perf.step_profile [--sequences N] [--tokens N] [--threads N] [--drawn]

Prints what a step takes, Python's share of it, and Python's time for the first and the last tenth of the
reply, which must not grow. Events are encoded and written as in the child process. Python's time is the
thread's own processor time, so that other programs do not count.
"""

import argparse
import json
import os
import queue
import statistics
import time
from pathlib import Path
from typing import Any

from app.engine.llama.candidates import Candidates
from app.engine.llama.context import Context
from app.engine.llama.next_tokens import NextTokens
from app.engine.protocol import (
    Event,
    Failed,
    Finished,
    Generate,
    Load,
    Loaded,
    LoadSettings,
    Ready,
    Sampling,
    Shutdown,
)
from app.engine.protocol.frames import FrameWriter
from app.engine.worker.decode_loop import Runner
from app.engine.worker.engine_core import EngineCore
from tests.support.engines import GREEDY, starter_path


class StepClock:
    """Times each step, the llama_decode and the samplers in it, by wrapping what the engine calls."""

    def __init__(self) -> None:
        self.steps: list[tuple[float, float]] = []
        """Seconds of C for each token, and of Python's processor time around it."""
        self.samplers_s: list[float] = []
        """Seconds of llama.cpp's samplers that Python called for each token."""
        self._decode_s = self._decode_thread_s = self._samplers_s = 0.0
        self._tokens = 1
        decode, draw, step = Context.decode, Candidates.draw, Runner.step
        call = NextTokens.call

        def timed_call(next_tokens: NextTokens, most: int, last: int, long_us: int) -> int:
            began_s, began_thread_s = time.perf_counter(), time.thread_time()
            count = call(next_tokens, most, last, long_us)
            self._decode_s += time.perf_counter() - began_s
            self._decode_thread_s += time.thread_time() - began_thread_s
            self._tokens = max(1, count)
            return count

        def timed_decode(context: Context) -> int:
            began_s, began_thread_s = time.perf_counter(), time.thread_time()
            result = decode(context)
            # A card computes on while llama_decode returns; waiting for it is not Python's work.
            context.synchronize()
            self._decode_s += time.perf_counter() - began_s
            self._decode_thread_s += time.thread_time() - began_thread_s
            return result

        def timed_draw(candidates: Candidates, sampler: Any) -> int:
            began_thread_s = time.thread_time()
            token = draw(candidates, sampler)
            self._samplers_s += time.thread_time() - began_thread_s
            return token

        def timed_step(runner: Runner) -> None:
            self._decode_s = self._decode_thread_s = self._samplers_s = 0.0
            self._tokens = 1
            began_thread_s = time.thread_time()
            step(runner)
            python_s = time.thread_time() - began_thread_s - self._decode_thread_s - self._samplers_s
            tokens = self._tokens
            self.steps += [(self._decode_s / tokens, python_s / tokens)] * tokens
            self.samplers_s += [self._samplers_s / tokens] * tokens

        Context.decode = timed_decode  # type: ignore[method-assign] # for the measurement
        Runner.step = timed_step  # type: ignore[method-assign] # for the measurement
        Candidates.draw = timed_draw  # type: ignore[method-assign] # for the measurement
        NextTokens.call = timed_call  # type: ignore[method-assign] # for the measurement

    def python_share(self) -> float:
        """Python's part of the time of all steps."""
        python_s = sum(python for _, python in self.steps)
        llama_s = sum(decode for decode, _ in self.steps) + sum(self.samplers_s)
        return python_s / (python_s + llama_s)


class Engine:
    """EngineCore in a thread, with its events written into nothing."""

    def __init__(self, model: str, settings: LoadSettings) -> None:
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._nowhere = Path(os.devnull).open("wb", buffering=0)  # noqa: SIM115 - until `close`
        writer = FrameWriter(self._nowhere)

        def emit(event: Event) -> None:
            writer.write(event)
            if isinstance(event, Ready | Loaded | Finished | Failed):
                self._events.put(event)

        self._core = EngineCore(emit)
        self._core.start()
        self._events.get()
        self._core.post(Load(request_id=0, path=model, settings=settings))
        assert isinstance(self._events.get(), Loaded)

    def generate(self, requests: list[Generate]) -> list[Finished]:
        """The ends of replies that run side by side."""
        for request in requests:
            self._core.post(request)
        ends = [self._events.get() for _ in requests]
        finished = [end for end in ends if isinstance(end, Finished)]
        assert len(finished) == len(requests), ends
        return finished

    def close(self) -> None:
        self._core.post(Shutdown())
        self._core.join()
        self._nowhere.close()


def measure(
    model: str, *, sequences: int, tokens: int, threads: int, sampling: Sampling, gpu_layers: int = -1
) -> StepClock:
    """The steps of `sequences` replies of `tokens` tokens each, without those of the prompts."""
    settings = LoadSettings(
        context_tokens=tokens + 64,
        context_stretch=2.0,
        threads=threads,
        sequences=sequences,
        gpu_layers=gpu_layers,
    )
    engine = Engine(model, settings)

    def requests(count: int) -> list[Generate]:
        return [
            Generate(
                request_id=place + 1, tokens=[1000 + place], sampling=sampling, max_tokens=count,
                ignore_eog=True, reuse_prefix=False, thinking="open",
            )
            for place in range(sequences)
        ]  # fmt: skip

    engine.generate(requests(16))
    clock = StepClock()
    engine.generate(requests(tokens))
    engine.close()
    clock.steps, clock.samplers_s = clock.steps[2:], clock.samplers_s[2:]
    return clock


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default=starter_path())
    parser.add_argument("--sequences", type=int, default=1)
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--gpu-layers", type=int, default=-1)
    parser.add_argument("--drawn", action="store_true", help="R1's sampling in place of greedy")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    clock = measure(
        options.model,
        sequences=options.sequences,
        tokens=options.tokens,
        threads=options.threads,
        sampling=Sampling(seed=1) if options.drawn else GREEDY,
        gpu_layers=options.gpu_layers,
    )
    steps = clock.steps
    python_us = [python * 1e6 / options.sequences for _, python in steps]
    tenth = max(1, len(steps) // 10)
    if options.json:
        figures = {
            "steps": len(steps),
            "decode_ms": statistics.median(decode for decode, _ in steps) * 1e3,
            "python_us": statistics.median(python_us),
            "samplers_us": statistics.median(clock.samplers_s) * 1e6 / options.sequences,
            "python_share": clock.python_share(),
        }
        print(json.dumps(figures))
        return
    print(f"{Path(options.model).name}, {options.sequences} sequence(s), {len(steps)} steps")
    print(f"  llama_decode {statistics.median(decode for decode, _ in steps) * 1e3:.2f} ms (median)")
    print(
        f"  Python {statistics.median(python_us):.0f} us a token (median), {clock.python_share():.2%} in all"
    )
    print(
        f"  Python, first tenth {statistics.median(python_us[:tenth]):.0f} us a token, "
        f"last tenth {statistics.median(python_us[-tenth:]):.0f} us"
    )


if __name__ == "__main__":
    main()
