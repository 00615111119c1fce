"""A hundred clients at the window's API for a minute: nothing but answers and 429, no growth, and a window
that goes on painting."""

import asyncio
import json
import os
import statistics
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from PySide6.QtWidgets import QApplication

from app.ui.shell.window_application import WindowApplication
from tests.support.rpc_server import free_port
from tests.support.waiting import until
from tests.support.window import run_with_window

CLIENTS = int(os.environ.get("STILLROOM_API_CLIENTS", "100"))
SECONDS = float(os.environ.get("STILLROOM_API_SECONDS", "60"))
WARM_UP_S = 5.0
QUIET_S = 5.0
MOST_GROWTH_BYTES = 50_000_000
TURN_S = 0.01


@dataclass(frozen=True)
class Turn:
    """The time between two turns of the GUI thread, and how much of it the thread was ready to run and had no
    processor core, because other programs had them all (0 where the system does not tell)."""

    gap_ms: float
    coreless_ms: float


async def turns(until_done: "asyncio.Future[object]") -> list[Turn]:
    """The GUI thread's turns while something lasts."""
    found, last_s, last_ms = [], time.perf_counter(), coreless_ms()
    while not until_done.done():
        await asyncio.sleep(TURN_S)
        now_s, now_ms = time.perf_counter(), coreless_ms()
        found.append(Turn(1000 * (now_s - last_s), now_ms - last_ms))
        last_s, last_ms = now_s, now_ms
    return found


def coreless_ms() -> float:
    """Return how long this thread has waited for a core, ever. https://docs.kernel.org/scheduler/sched-stats.html"""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e6
    except OSError:
        return 0.0


def told(found: list[Turn]) -> str:
    """The gaps of the turns, whole and without the time for want of a core."""
    whole, own = (
        p99(values) for values in ([t.gap_ms for t in found], [t.gap_ms - t.coreless_ms for t in found])
    )
    return f"p99 {whole:.1f} ms, {own:.1f} ms without waiting for a core (n={len(found)})"


def p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


def thread_s() -> dict[str, float]:
    """Processor seconds of each thread of this process, by its name."""
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    spent: dict[str, float] = {}
    for thread in psutil.Process().threads():
        name = names.get(thread.id, "others")
        spent[name] = spent.get(name, 0.0) + thread.user_time + thread.system_time
    return spent


@pytest.mark.faults
@pytest.mark.timeout(1200)
def test_a_hundred_clients_hear_answers_and_429_and_nothing_else(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))

    async def clients(application: WindowApplication, seconds: float) -> dict[str, int]:
        running = application.server.running
        assert running is not None
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.faults.api_clients", running.url, str(CLIENTS), str(seconds),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            # As programs of a desktop are: Linux shares the processor among sessions, and only then threads.
            start_new_session=True,
        )  # fmt: skip
        out, _ = await process.communicate(running.key.encode() + b"\n")
        return dict(json.loads(out))

    async def scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the model")
        application.server.set(api_port=free_port(), api_enabled=True)
        await until(lambda: application.server.running is not None, "the server")
        await clients(application, WARM_UP_S)
        quiet = await turns(asyncio.ensure_future(asyncio.sleep(QUIET_S)))
        memory = psutil.Process().memory_info
        before_bytes, before_s = memory().rss, thread_s()
        work = asyncio.ensure_future(clients(application, SECONDS))
        busy_turns = await turns(work)
        seen, after_s = work.result(), thread_s()
        growth_bytes = memory().rss - before_bytes
        await until(lambda: not application.server.stats.running, "the last reply's end")
        shares = {
            name: (spent - before_s.get(name, 0.0)) / SECONDS
            for name, spent in after_s.items()
            if spent - before_s.get(name, 0.0) > 0.005 * SECONDS
        }
        busy = ", ".join(f"{name} {100 * share:.0f}%" for name, share in sorted(shares.items()))
        print(
            f"\n{CLIENTS} clients, {SECONDS:.0f} s: {dict(sorted(seen.items()))}, growth "
            f"{growth_bytes / 1e6:.1f} MB, the window's turns {told(busy_turns)}, "
            f"without clients {told(quiet)}; of one core: {busy}"
        )
        assert set(seen) <= {"200", "429"}
        assert seen["200"]
        assert growth_bytes <= MOST_GROWTH_BYTES

    run_with_window(scene)
