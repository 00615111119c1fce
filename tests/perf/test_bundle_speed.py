"""The bundle's start, and its engine against llama-bench. Prints, never fails on a clock.

`make bundle` or `make installers` comes first; then `pytest -m perf -s tests/perf/test_bundle_speed.py`.
"""

import os
import statistics
from pathlib import Path

import pytest

from app.bench.run.suite import SUITES
from app.engine.protocol import LoadSettings
from app.settings import SettingsFile
from tests.perf.build_llama_tools import llama_tool
from tests.perf.test_engine_speed import ROUNDS, llama_bench
from tests.perf.window_start import start_times_s
from tests.support.bundle import PROGRAM, answer, users_environment
from tests.support.engines import starter_path

pytestmark = [
    pytest.mark.perf,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not PROGRAM.exists(), reason="there is no bundle in dist/stillroom"),
]


def test_time_to_a_painted_window(tmp_path: Path) -> None:
    times_s = start_times_s(tmp_path, (str(PROGRAM),), ROUNDS + 1)
    print(
        f"\nbundle, start to painted window: first {times_s[0]:.2f} s, "
        f"then median of {ROUNDS} {statistics.median(times_s[1:]):.2f} s"
    )


@pytest.mark.parametrize("threads", [1, 2])
def test_its_engine_against_llama_bench(threads: int, tmp_path: Path) -> None:
    """llama-bench is compiled for this very processor; the bundle chose one of its variants. Both warm up."""
    tool = llama_tool("llama-bench")
    if tool is None:
        pytest.skip("no llama-bench: run `python -m tests.perf.build_llama_tools`")
    if threads > (os.cpu_count() or 1):
        pytest.skip(f"this machine has no {threads} cores")
    environment = users_environment(tmp_path)
    settings = Path(environment["STILLROOM_HOME"]) / "config" / "settings.json"
    SettingsFile(settings).update(
        load=LoadSettings(threads=threads, prompt_threads=threads, gpu_layers=0, context_tokens=1024)
    )
    prompt, generation = SUITES["quick"].steps
    bench, bundle = [], []
    for _ in range(ROUNDS):
        bench.append(llama_bench(tool, starter_path(), threads, new_tokens=generation.tokens))
        report = answer(environment, "bench", starter_path(), "--suite", "quick", "--anew")
        of_key = {measure["key"]: measure for measure in report["measures"]}
        bundle.append(
            tuple(
                statistics.median(sample["value"] for sample in of_key[step.key]["samples"])
                for step in (prompt, generation)
            )
        )
    print(f"\nbundle, {threads} thread(s), {ROUNDS} rounds, medians")
    for place, step in enumerate((prompt, generation)):
        theirs, ours = (statistics.median(pair[place] for pair in pairs) for pairs in (bench, bundle))
        print(f"  {step.key}: {ours:.1f} tok/s, llama-bench {theirs:.1f} ({ours / theirs:.3f})")
