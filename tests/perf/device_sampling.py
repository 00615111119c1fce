"""Drawing a token on the device (`llama_set_sampler`) against our search and llama.cpp's samplers in C.

    python -m tests.perf.device_sampling [--model FILE | --step MS] [--rounds N] [--tokens N] [--gpu-layers N]

R1's sampling over 152,064 tokens. Both draw in one context and take turns; what a call of Python costs is the
same for both. Without a model one with random weights stands in whose step takes about so many milliseconds.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llama_cpp

from app.engine.devices.native_log import NativeLog
from app.engine.llama.backend import Backend
from app.engine.llama.candidates import Candidates
from app.engine.llama.context import DECODE_OK, Context
from app.engine.llama.model import Model
from app.engine.llama.sampler import Sampler
from app.engine.protocol import Sampling
from tests.perf.small_step_model import write_small_step_model
from tests.perf.step_speed import FIRST_TOKEN, SEED, STEPS
from tests.support.contexts import load_model, make_context

Loop = Callable[[int], tuple[list[int], float]]
"""Draws so many tokens; these, and the seconds of one."""

SETTLING = 2
"""Rounds that are not counted: with another way of drawing llama.cpp plans its graphs anew."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--step", type=int, choices=STEPS, default=1)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--gpu-layers", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = options.model
        if file is None:
            file, size = Path(folder) / "small-step.gguf", STEPS[options.step]
            write_small_step_model(file, hidden=size.hidden, layers=size.layers, context_tokens=4096)
        figures = measure(file, options)
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name}: {value:.4g}" if isinstance(value, float) else f"{name}: {value}")


def measure(file: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Let both draw in turn."""
    backend = Backend(NativeLog())
    model = load_model(backend, file, mmap=True, gpu_layers=options.gpu_layers)
    context = make_context(
        backend,
        model,
        options.tokens + 64,
        threads=options.threads,
        batch_tokens=64,
        draft_rows=0,
        flash_attention="auto",
    )
    times: dict[str, list[float]] = {"ours": [], "the device's": []}
    drawn: dict[str, list[int]] = {}
    for number in range(options.rounds):
        for name, loop in (("ours", by_us), ("the device's", by_the_device)):
            tokens, _ = loop(model, context, SETTLING * 4)
            tokens, token_s = loop(model, context, options.tokens)
            drawn[name] = tokens
            if number >= SETTLING:
                times[name].append(token_s)
    ours, theirs = (statistics.median(each) * 1e6 for each in times.values())
    ratios = [one / other for one, other in zip(times["ours"], times["the device's"], strict=True)]
    alike = sum(1 for _ in _common(*drawn.values()))
    found: dict[str, Any] = {
        "token, drawn by us, us": ours,
        "token, drawn on the device, us": theirs,
        "ours / the device's": statistics.median(ratios),
        "alike from the first": f"{alike} of {options.tokens}",
        "rounds": len(ratios),
    }
    context.free()
    model.free()
    return found


def _common(ours: list[int], theirs: list[int]) -> list[int]:
    """Return the tokens that both began with."""
    same: list[int] = []
    for one, other in zip(ours, theirs, strict=True):
        if one != other:
            break
        same.append(one)
    return same


def by_us(model: Model, context: Context, count: int) -> tuple[list[int], float]:
    """Draw as the engine does where a token is drawn by itself; the tokens, and the seconds of one."""
    sampler = Sampler(model, Sampling(seed=SEED), SEED, Candidates(model.vocabulary))
    try:
        return _drawn(context, count, lambda: sampler.sample(context, 0))
    finally:
        sampler.free()


def by_the_device(model: Model, context: Context, count: int) -> tuple[list[int], float]:
    """Draw by a chain that llama.cpp adds to the graph of a step."""
    defaults, sampling = llama_cpp.llama_sampler_chain_default_params(), Sampling()
    chain = llama_cpp.llama_sampler_chain_init(defaults)
    for sampler in (
        llama_cpp.llama_sampler_init_temp(sampling.temperature),
        llama_cpp.llama_sampler_init_top_p(sampling.top_p, 1),
        llama_cpp.llama_sampler_init_dist(SEED),
    ):
        llama_cpp.llama_sampler_chain_add(chain, sampler)
    if not llama_cpp.llama_set_sampler(context.handle, 0, chain):
        sys.exit("llama.cpp does not draw on this device.")
    try:
        return _drawn(context, count, lambda: int(llama_cpp.llama_get_sampled_token_ith(context.handle, 0)))
    finally:
        llama_cpp.llama_set_sampler(context.handle, 0, None)
        llama_cpp.llama_sampler_free(chain)


def _drawn(context: Context, count: int, draw: Callable[[], int]) -> tuple[list[int], float]:
    """Evaluate and draw from the first token on. The first one's time does not count: graphs are planned."""
    context.remove(0, 0)
    token, tokens, began_s = FIRST_TOKEN, [], 0.0
    for position in range(count):
        context.set_one(token, position, 0)
        if context.decode() != DECODE_OK:
            raise RuntimeError("llama.cpp did not evaluate a token")
        token = draw()
        if token < 0:
            raise RuntimeError("no token was drawn on the device")
        tokens.append(token)
        if not position:
            began_s = time.perf_counter()
    return tokens, (time.perf_counter() - began_s) / max(1, count - 1)


if __name__ == "__main__":
    main()
