"""The engine's steps against llama-bench's, in one process and in turn: what a machine that is fast in one
minute and slow in the next can still tell.

    python -m tests.perf.step_pairs --threads 2

Both contexts are made as their programs make them: the engine's with copied weights, room for four replies
and few rows of logits, llama-bench's with mapped weights, one sequence and room for the test alone. Prompts
of 512 take turns, and so does each of 128 single tokens. What the engine does between two steps comes on
top of that (`step_profile`).
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import llama_cpp

from app.engine.devices.native_log import NativeLog
from app.engine.llama.backend import Backend
from app.engine.llama.model import Model
from models.system.child_process import computing_environment
from tests.support.contexts import evaluate, load_model, make_context
from tests.support.engines import starter_path

PROMPT_TOKENS, NEW_TOKENS = 512, 128
SETTLING = 2
"""Rounds that are not counted."""
STARTER = Path(starter_path())
UNDER_WAY = "STILLROOM_STEP_PAIRS"

Evaluate = Callable[[Sequence[int], int], object]
"""Evaluates tokens from a position on; 0 starts anew."""


def main() -> None:
    """Print both speeds and the median of the ratios, with their quartiles."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=24)
    options = parser.parse_args()
    if UNDER_WAY not in os.environ:
        # OpenMP and malloc read their settings when the process starts.
        environment = computing_environment() | {UNDER_WAY: "1"}
        os.execve(sys.executable, [sys.executable, "-m", "tests.perf.step_pairs", *sys.argv[1:]], environment)
    backend = Backend(NativeLog())
    engine = engine_context(backend, load_model(backend, STARTER), options.threads)
    bench = load_model(backend, STARTER, mmap=True)
    for name, tokens, batch in (("prompt", PROMPT_TOKENS, PROMPT_TOKENS), ("generation", NEW_TOKENS, 1)):
        sides = (engine, bench_context(bench, options.threads, tokens))
        rounds = [pair(sides, tokens, batch, number) for number in range(options.rounds + SETTLING)][
            SETTLING:
        ]
        ours, theirs = (tokens / statistics.median(side) for side in zip(*rounds, strict=True))
        low, middle, high = statistics.quantiles([their_s / our_s for our_s, their_s in rounds], n=4)
        print(
            f"{name} of {tokens}, {options.threads} thread(s), {options.rounds} rounds: engine {ours:.1f}"
            f" tok/s, llama-bench's {theirs:.1f}; ratio {middle:.3f} (quartiles {low:.3f} and {high:.3f})"
        )


def pair(sides: tuple[Evaluate, Evaluate], tokens: int, batch: int, number: int) -> tuple[float, float]:
    """Seconds of each side for the same tokens; which goes first changes with every step."""
    took_s = [0.0, 0.0]
    for step in range(tokens // batch):
        part = range(1000 + step * batch, 1000 + (step + 1) * batch)
        for side in (0, 1) if (number + step) % 2 else (1, 0):
            began_s = time.perf_counter()
            sides[side](part, step * batch)
            took_s[side] += time.perf_counter() - began_s
    return took_s[0], took_s[1]


def engine_context(backend: Backend, model: Model, threads: int) -> Evaluate:
    context = make_context(backend, model, 1024, threads=threads, sequences=4, flash_attention="auto")

    return lambda tokens, position: evaluate(context, tokens, position)


def bench_context(model: Model, threads: int, tokens: int) -> Evaluate:
    params: Any = llama_cpp.llama_context_default_params()
    params.n_ctx, params.n_batch, params.n_ubatch = tokens, 2048, 512
    params.n_threads = params.n_threads_batch = threads
    context: Any = llama_cpp.llama_init_from_model(model.handle, params)

    def read(tokens: Sequence[int], position: int) -> None:
        if position == 0:
            llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), False)
        array = (llama_cpp.llama_token * len(tokens))(*tokens)
        assert llama_cpp.llama_decode(context, llama_cpp.llama_batch_get_one(array, len(tokens))) == 0
        llama_cpp.llama_synchronize(context)

    return read


if __name__ == "__main__":
    main()
