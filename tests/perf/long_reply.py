"""A long reply in the real window: `python -m tests.perf.long_reply TOKENS TOKENS_PER_S`; prints JSON.

Code, tables and formulas in turn, from a thread through the window's bridge as the engine's events come. A
beat of the event loop every few milliseconds shows for how long it was busy. The same text is laid out now
and then: where that takes longer at last than at first, the machine has become slower, not the window.
"""

import asyncio
import gc
import itertools
import json
import os
import statistics
import sys
import threading
import time

import psutil
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QTextDocument

from app.base.paths import app_paths
from app.chat.store.records import StoredMessage
from app.settings import SettingsFile
from app.ui.base.bridge import Bridge
from app.ui.chat.chat_tab import ChatTab
from app.ui.shell.window_application import WindowApplication
from tests.support.waiting import until
from tests.support.window import run_with_window, settle

BEAT_MS = 4
WINDOW_TOKENS = 1000
SAMPLE_MS = 250
CHARACTERS = 4
SECTION = r"""## Section {n}

For $n \ge 2$ each term is **bounded** by a telescoping one, so the partial sums `s_{n}` stay below
two, and being increasing they converge. That is *enough* for the claim; the exact value needs more work.

\[ \sum_{{k=1}}^{{n}} \frac{{1}}{{k^2}} \le 1 + \sum_{{k=2}}^{{n}} \frac{{1}}{{k(k-1)}} \]

```python
from math import pi


def partial_sum(n: int) -> float:
    # The terms fall quickly, so the sum is taken from the small end.
    return sum(1 / k**2 for k in range(n, 0, -1))


for n in (10, 100, 1_000, {n}):
    print(n, partial_sum(n), pi**2 / 6 - partial_sum(n))
```

| terms | sum | difference |
|---:|---:|---:|
| 10 | 1.549768 | 0.095166 |
| 100 | 1.634984 | 0.009950 |
| {n} | 1.643935 | 0.001000 |

1. First the bound, \( s_n < 2 \), then monotony.
2. Then Euler's value \( \pi^2/6 \), which a series of sines gives.
   - with the product of the sine
   - or with Parseval's identity

> The sum was the problem of Basel, and stood open for ninety years.

"""


def pieces(tokens: int) -> list[str]:
    """A text of so many tokens, in pieces of a token's length."""
    length = tokens * CHARACTERS
    text = ""
    for number in itertools.count(1):
        text += SECTION.format(n=number)
        if len(text) >= length:
            return [text[start : start + CHARACTERS] for start in range(0, length, CHARACTERS)]
    raise AssertionError


def main() -> None:
    tokens, rate = int(sys.argv[1]), float(sys.argv[2])
    # Another model than none would take the processor while it loads.
    SettingsFile(app_paths().settings).update(last_page="chat")
    result: dict[str, float] = {}

    async def scene(application: WindowApplication) -> None:
        application.window.resize(1420, 880)
        tab = application.window.show_page("chat")
        assert isinstance(tab, ChatTab)
        await settle(100)
        result.update(await stream(application, tab, pieces(tokens), rate))

    run_with_window(scene)
    print(json.dumps(result))


async def stream(
    application: WindowApplication, tab: ChatTab, text: list[str], rate: float
) -> dict[str, float]:
    """Show the pieces at `rate` a second; the figures of the window meanwhile."""
    message = StoredMessage(1, 1, None, "assistant", "", "", "m", None, "running", "", 0.0)
    view = tab.conversation.make_reply(message, None)
    tab.conversation.add_live_reply(message, view)
    view.begin()
    added = 0
    marks: dict[int, float] = {}
    samples_s: list[tuple[int, float]] = []
    window = min(WINDOW_TOKENS, len(text) // 3)

    def add(piece: str) -> None:
        nonlocal added
        view.add("answer", piece, 1)
        added += 1
        if added in (window // 2, window // 2 + window, len(text) - window, len(text)):
            # What the window's thread has computed so far, without the samples.
            marks[added] = time.thread_time() - sum(seconds for _, seconds in samples_s)

    problems: list[BaseException] = []
    post = Bridge(problems.append, application).wrap(add)
    ended = threading.Event()

    def send() -> None:
        start_s = time.monotonic()
        for number, piece in enumerate(text):
            time.sleep(max(0.0, start_s + number / rate - time.monotonic()))
            post(piece)
        ended.set()

    gaps_ms: list[float] = []
    paints_ms: list[float] = []
    last = last_paint = time.monotonic()

    def beat() -> None:
        nonlocal last
        now = time.monotonic()
        gaps_ms.append((now - last) * 1000)
        last = now

    sample_document = QTextDocument()

    def sample() -> None:
        begun_s = time.thread_time()
        sample_document.setPlainText(SECTION)
        sample_document.setTextWidth(600)
        sample_document.size()
        samples_s.append((added, time.thread_time() - begun_s))

    def painted() -> None:
        nonlocal last_paint
        now = time.monotonic()
        paints_ms.append((now - last_paint) * 1000)
        last_paint = now

    timer = QTimer(interval=BEAT_MS, timerType=Qt.TimerType.PreciseTimer)
    timer.timeout.connect(beat)
    sampler = QTimer(interval=SAMPLE_MS)
    sampler.timeout.connect(sample)
    view.painted.connect(painted)
    process = psutil.Process(os.getpid())
    gc.collect()
    before = process.memory_info().rss
    timer.start()
    sampler.start()
    begun_s = time.monotonic()
    threading.Thread(target=send, daemon=True).start()
    await until(
        lambda: problems or (ended.is_set() and added >= len(text)), "the reply's end", 3600, turn_s=0.2
    )
    assert not problems
    elapsed_s = time.monotonic() - begun_s
    timer.stop()
    sampler.stop()
    gc.collect()
    after = process.memory_info().rss
    scroll_ms = await scroll(tab)
    first_s = marks[window // 2 + window] - marks[window // 2]
    last_s = marks[len(text)] - marks[len(text) - window]
    first_samples_s = [seconds for place, seconds in samples_s if window // 2 <= place < window // 2 + window]
    last_samples_s = [seconds for place, seconds in samples_s if place >= len(text) - window]
    return {
        "tokens": len(text),
        "tok_per_s": len(text) / elapsed_s,
        "gap_p99_ms": statistics.quantiles(gaps_ms, n=100)[98],
        "gap_max_ms": max(gaps_ms),
        "paint_p99_ms": statistics.quantiles(paints_ms, n=100)[98],
        "first_ms_per_token": first_s / window * 1000,
        "last_ms_per_token": last_s / window * 1000,
        "machine_slower": statistics.fmean(last_samples_s) / statistics.fmean(first_samples_s),
        "growth_mb": (after - before) / 1e6,
        "scroll_p99_ms": statistics.quantiles(scroll_ms, n=100)[98],
    }


async def scroll(tab: ChatTab) -> list[float]:
    """From the top to the end in a hundred and fifty steps; what each painting took."""
    bar = tab.conversation.verticalScrollBar()
    times_ms = []
    for step in range(150):
        begun_s = time.monotonic()
        bar.setValue(bar.maximum() * step // 149)
        tab.conversation.viewport().repaint()
        times_ms.append((time.monotonic() - begun_s) * 1000)
        await asyncio.sleep(0)
    return times_ms


if __name__ == "__main__":
    main()
