"""The cost of a step of so many rows against one of one row: the bound of guessing ahead on this machine.

python -m tests.perf.batch_cost --threads 2 --model r1-qwen-1.5b-Q4_K_M.gguf
"""

import argparse
import statistics
from pathlib import Path
from typing import get_args

from app.engine.devices.native_log import NativeLog
from app.engine.llama.backend import Backend
from app.engine.protocol import FlashAttention
from tests.support.contexts import load_model, make_context, timed
from tests.support.engines import starter_path

SIZES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 17, 24, 32, 33)
DEPTH_TOKENS = 300


def main() -> None:
    """Print seconds and ratios, medians over rounds that take each size in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path(starter_path()), help="the starter")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--flash-attention", choices=get_args(FlashAttention), default="on")
    options = parser.parse_args()
    backend = Backend(NativeLog())
    model = load_model(backend, options.model)
    context = make_context(
        backend, model, 1024, threads=options.threads, flash_attention=options.flash_attention
    )
    context.warm_up(max(model.bos, 0))
    timed(context, DEPTH_TOKENS, 0, 1)
    took_s: dict[int, list[float]] = {size: [] for size in SIZES}
    for _ in range(options.rounds):
        for size in SIZES:
            took_s[size].append(timed(context, size, DEPTH_TOKENS, outputs=size))
    one_s = statistics.median(took_s[1])
    print(f"{options.model.stem}, {options.threads} thread(s), flash attention {options.flash_attention}")
    print(f"medians of {options.rounds}")
    for size in SIZES:
        step_s = statistics.median(took_s[size])
        print(
            f"  {size:3} rows {step_s * 1e3:7.2f} ms, {step_s / one_s:5.2f} steps of one row,"
            f" {size * one_s / step_s:.2f}x if all are right"
        )
    context.free()
    model.free()


if __name__ == "__main__":
    main()
