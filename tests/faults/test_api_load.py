"""A hundred clients at the window's API for a minute: nothing but answers and 429, no growth, and a window
that goes on painting."""

import asyncio
import json
import os
import statistics
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from PySide6.QtWidgets import QApplication

from app.ui.application import WindowApplication
from tests.support.rpc_server import free_port
from tests.support.window import run_with_window, until

CLIENTS = int(os.environ.get("STILLROOM_API_CLIENTS", "100"))
SECONDS = float(os.environ.get("STILLROOM_API_SECONDS", "60"))
WARM_UP_S = 5.0
QUIET_S = 5.0
MOST_GROWTH_BYTES = 50_000_000
TURN_S = 0.01


async def turns_ms(until_done: "asyncio.Future[object]") -> list[float]:
    """How far apart the GUI thread's turns are, while something lasts."""
    found, last_s = [], time.perf_counter()
    while not until_done.done():
        await asyncio.sleep(TURN_S)
        now_s = time.perf_counter()
        found.append(1000 * (now_s - last_s))
        last_s = now_s
    return found


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
        )  # fmt: skip
        out, _ = await process.communicate(running.key.encode() + b"\n")
        return dict(json.loads(out))

    async def scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the model")
        application.server.set(api_port=free_port(), api_enabled=True)
        await until(lambda: application.server.running is not None, "the server")
        await clients(application, WARM_UP_S)
        quiet_ms = await turns_ms(asyncio.ensure_future(asyncio.sleep(QUIET_S)))
        memory = psutil.Process().memory_info
        before_bytes, before_s = memory().rss, thread_s()
        work = asyncio.ensure_future(clients(application, SECONDS))
        gaps_ms = await turns_ms(work)
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
            f"{growth_bytes / 1e6:.1f} MB, the window's turns p99 {p99(gaps_ms):.1f} ms (n={len(gaps_ms)}), "
            f"without clients {p99(quiet_ms):.1f} ms (n={len(quiet_ms)}); of one core: {busy}"
        )
        assert set(seen) <= {"200", "429"}
        assert seen["200"]
        assert growth_bytes <= MOST_GROWTH_BYTES

    run_with_window(scene)
