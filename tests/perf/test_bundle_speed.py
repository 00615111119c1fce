"""The bundle's start, and its engine against llama-bench. Prints, never fails on a clock.

`make bundle` or `make installers` comes first; then `pytest -m perf -s tests/perf/test_bundle_speed.py`.
"""

import os
import statistics
import time
from pathlib import Path

import pytest

from tests.perf.build_llama_tools import llama_tool
from tests.perf.test_engine_speed import NEW_TOKENS, ROUNDS, llama_bench
from tests.support.bundle import PROGRAM, answer, users_environment
from tests.support.display import RealWindow, virtual_display
from tests.support.engines import starter_path

pytestmark = [
    pytest.mark.perf,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not PROGRAM.exists(), reason="there is no bundle in dist/stillroom"),
]

PAINTED_COLOURS = 50


def test_time_to_a_painted_window(tmp_path: Path) -> None:
    times_s = []
    with virtual_display() as display:
        for _ in range(ROUNDS + 1):
            window = RealWindow(display, tmp_path, command=(str(PROGRAM),))
            window.find()
            while window.colours() < PAINTED_COLOURS:
                pass
            times_s.append(time.monotonic() - window.started_s)
            assert window.close() == 0
    print(
        f"\nbundle, start to painted window: first {times_s[0]:.2f} s, "
        f"then median of {ROUNDS} {statistics.median(times_s[1:]):.2f} s"
    )


@pytest.mark.parametrize("threads", [1, 2])
def test_a_reply_against_llama_bench(threads: int, tmp_path: Path) -> None:
    """llama-bench is compiled for this very processor; the bundle chose one of its variants."""
    tool = llama_tool("llama-bench")
    if tool is None:
        pytest.skip("no llama-bench: run `python -m tests.perf.build_llama_tools`")
    if threads > (os.cpu_count() or 1):
        pytest.skip(f"this machine has no {threads} cores")
    environment = users_environment(tmp_path)
    question = ("chat", starter_path(), "Write a long story about a lighthouse.", "--temperature", "0")
    limits = ("--max-tokens", str(NEW_TOKENS), "--threads", str(threads), "--gpu-layers", "0")
    # One token a step, as in llama-bench.
    limits += ("--speculation", "off")
    bench, bundle = [], []
    for _ in range(ROUNDS):
        reply = answer(environment, *question, *limits)
        bundle.append(reply["decode_tok_per_s"])
        # The prompt lies before the reply here, so it does there.
        depth_tokens = reply["prompt_tokens"]
        bench.append(llama_bench(tool, starter_path(), threads, depth_tokens=depth_tokens)[1])
    reference, measured = statistics.median(bench), statistics.median(bundle)
    print(
        f"\nbundle, {threads} thread(s), {ROUNDS} rounds, medians: {measured:.1f} tok/s, "
        f"llama-bench tg{NEW_TOKENS} {reference:.1f} ({measured / reference:.3f})"
    )
