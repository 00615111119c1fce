"""The bundle's start, and its engine against llama-bench. Prints, never fails on a clock.

`make bundle` or `make installers` comes first; then `python -m tests.perf.bundle_speed`.
"""

import statistics
import tempfile
from pathlib import Path

from app.bench.run.suite import SUITES
from app.engine.protocol import LoadSettings
from app.settings import SettingsFile
from tests.perf.build_llama_tools import needed_tool
from tests.perf.engine_speed import ROUNDS, THREADS, llama_bench
from tests.perf.window_start import start_times_s
from tests.support.bundle import PROGRAM, answer, users_environment
from tests.support.engines import starter_path


def time_to_a_painted_window(folder: Path) -> None:
    times_s = start_times_s(folder, (str(PROGRAM),), ROUNDS + 1)
    print(
        f"\nbundle, start to painted window: first {times_s[0]:.2f} s, "
        f"then median of {ROUNDS} {statistics.median(times_s[1:]):.2f} s"
    )


def its_engine_against_llama_bench(threads: int, folder: Path) -> None:
    """llama-bench is compiled for this very processor; the bundle chose one of its variants. Both warm up."""
    tool = needed_tool("llama-bench")
    environment = users_environment(folder)
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


def main() -> None:
    """Measure and print, where there is a bundle."""
    if not PROGRAM.exists():
        print("There is no bundle in dist/stillroom.")
        return
    with tempfile.TemporaryDirectory() as folder:
        time_to_a_painted_window(Path(folder))
    for threads in THREADS:
        with tempfile.TemporaryDirectory() as folder:
            its_engine_against_llama_bench(threads, Path(folder))


if __name__ == "__main__":
    main()
