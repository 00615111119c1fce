"""Python's share of a step, and that it does not grow with the reply. Prints, never fails on a clock."""

import os
import statistics

from app.engine.protocol import Sampling
from tests.perf.engine_speed import model_path
from tests.perf.step_profile import measure
from tests.support.engines import GREEDY

LONG_REPLY_TOKENS = int(os.environ.get("STILLROOM_PERF_LONG_REPLY", "10000"))
THREADS = os.cpu_count() or 1


def share_of_a_step(name: str, sampling: Sampling) -> None:
    clock = measure(model_path(), sequences=1, tokens=256, threads=THREADS, sampling=sampling)
    python_us = statistics.median(python for _, python in clock.steps) * 1e6
    samplers_us = statistics.median(clock.samplers_s) * 1e6
    print(
        f"\n  {name}: Python {python_us:.0f} us a token, {clock.python_share():.2%} of a step; "
        f"llama.cpp's samplers, where Python calls them, {samplers_us:.0f} us"
    )


def cost_of_a_token_in_a_long_reply() -> None:
    clock = measure(model_path(), sequences=1, tokens=LONG_REPLY_TOKENS, threads=THREADS, sampling=GREEDY)
    assert len(clock.steps) > LONG_REPLY_TOKENS - 10
    tenth = len(clock.steps) // 10
    print(f"\n  {LONG_REPLY_TOKENS} tokens")
    for name, part in (("first", clock.steps[:tenth]), ("last", clock.steps[-tenth:])):
        decode_s, python_s = (statistics.median(column) for column in zip(*part, strict=True))
        # Text is read every 22 ms: the slower the tokens come, the fewer share the work of that.
        print(
            f"  {name} tenth: llama_decode {decode_s * 1e3:.2f} ms, Python {python_s * 1e6:.0f} us "
            f"({python_s / (decode_s + python_s):.2%})"
        )


def main() -> None:
    """Measure and print."""
    share_of_a_step("greedy", GREEDY)
    share_of_a_step("R1 defaults", Sampling(seed=1))
    cost_of_a_token_in_a_long_reply()


if __name__ == "__main__":
    main()
