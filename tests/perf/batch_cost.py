"""The cost of a step of so many rows against one of one row: the bound of guessing ahead on this machine.

python -m tests.perf.batch_cost --threads 2 --model r1-qwen-1.5b-Q4_K_M.gguf
"""

import argparse
import statistics
import time
from pathlib import Path
from typing import get_args

from app.engine.devices.native_log import NativeLog
from app.engine.llama.abort import AbortFlag
from app.engine.llama.backend import Backend
from app.engine.llama.context import Context
from app.engine.llama.model import Model
from app.engine.planning.load_plan import DRAFT_ROWS
from app.engine.protocol import FlashAttention
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
    model = Model(backend, options.model, gpu_layers=0, mmap=False, on_progress=lambda _: True)
    context = Context(
        backend,
        model,
        context_tokens=1024,
        batch_tokens=512,
        sequences=1,
        draft_rows=DRAFT_ROWS,
        threads=options.threads,
        prompt_threads=options.threads,
        kv_type="f16",
        flash_attention=options.flash_attention,
        abort=AbortFlag(),
    )
    context.warm_up(max(model.bos, 0))
    decode(context, DEPTH_TOKENS, 0)
    took_s: dict[int, list[float]] = {size: [] for size in SIZES}
    for _ in range(options.rounds):
        for size in SIZES:
            took_s[size].append(decode(context, size, DEPTH_TOKENS))
            context.remove(0, DEPTH_TOKENS)
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


def decode(context: Context, rows: int, position: int) -> float:
    """Seconds of a step; all but a prompt's rows ask for logits."""
    context.start_batch()
    context.add(list(range(500, 500 + rows)), position, 0, logits=rows if position else 1)
    began_s = time.perf_counter()
    context.decode()
    context.synchronize()
    return time.perf_counter() - began_s


if __name__ == "__main__":
    main()
