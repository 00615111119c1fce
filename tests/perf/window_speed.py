"""The window: its start, its idle cost, a reply in it against llama-bench. Prints, never fails on a clock."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.perf.build_llama_tools import needed_tool
from tests.perf.engine_speed import NEW_TOKENS, ROUNDS, THREADS, llama_bench
from tests.perf.window_start import start_times_s
from tests.support.display import RealWindow, virtual_display
from tests.support.engines import starter_path

IDLE_S = 20.0


def time_to_a_painted_window(folder: Path) -> None:
    times_s = start_times_s(folder, (sys.executable, "-m", "app"), ROUNDS + 1)
    print(
        f"\nstart to painted window: first {times_s[0]:.2f} s, "
        f"then median of {ROUNDS} {statistics.median(times_s[1:]):.2f} s"
    )


def idle_window(folder: Path) -> None:
    with virtual_display() as display:
        window = RealWindow(display, folder)
        window.find()
        time.sleep(10)
        processes = [psutil.Process(window.process.pid)]
        processes += processes[0].children()
        before_s = cpu_s(processes)
        time.sleep(IDLE_S)
        share = (cpu_s(processes) - before_s) / IDLE_S
        assert window.close() == 0
    print(f"\nidle window with the starter loaded: {100 * share:.2f}% of a core over {IDLE_S:.0f} s")


def cpu_s(processes: list[psutil.Process]) -> float:
    """CPU seconds of the window and its engine so far."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def a_reply_in_the_window_against_llama_bench(threads: int, folder: Path) -> None:
    tool = needed_tool("llama-bench")
    bench, window = [], []
    for _ in range(ROUNDS):
        replies = reply_rates(threads, folder)
        window += [rate for rate, _ in replies]
        # The prompt lies before the reply here, so it does there.
        bench.append(llama_bench(tool, starter_path(), threads, depth_tokens=replies[0][1])[1])
    reference, measured = statistics.median(bench), statistics.median(window)
    print(
        f"\nreply in the open window, {threads} thread(s), {ROUNDS} rounds, medians: "
        f"{measured:.1f} tok/s, llama-bench tg{NEW_TOKENS} {reference:.1f} ({measured / reference:.3f})"
    )


def reply_rates(threads: int, home: Path) -> list[tuple[float, int]]:
    """One reply in a window of its own: tokens per second, and the length of its prompt."""
    with virtual_display() as display:
        environment = os.environ | {"DISPLAY": display, "STILLROOM_HOME": str(home)}
        environment.pop("QT_QPA_PLATFORM", None)
        done = subprocess.run(
            [sys.executable, "-m", "tests.perf.window_reply", str(threads), str(NEW_TOKENS), "1"],
            env=environment,
            stdout=subprocess.PIPE,
            check=True,
        )
    rates: list[tuple[float, int]] = json.loads(done.stdout)
    return rates


def main() -> None:
    """Measure and print."""
    for part in (time_to_a_painted_window, idle_window):
        with tempfile.TemporaryDirectory() as folder:
            part(Path(folder))
    for threads in THREADS:
        with tempfile.TemporaryDirectory() as folder:
            a_reply_in_the_window_against_llama_bench(threads, Path(folder))


if __name__ == "__main__":
    main()
