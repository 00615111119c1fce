"""Waiting for a condition: `until` in a scene that the event loop runs, `wait_until` in every other test."""

import asyncio
import sys
import threading
import time
from collections.abc import Callable

WAIT_S = 120.0
TURN_S = 0.01
TRY_S = 3.0
WHAT = "what it needs"


async def until(
    condition: Callable[[], object], what: str = WHAT, wait_s: float = WAIT_S, turn_s: float = TURN_S
) -> None:
    """Let the window live until `condition` holds, which is looked at every `turn_s`; a test that waits in
    vain says for what.
    """
    end_s = time.monotonic() + wait_s
    while not condition():
        _check(end_s, what, wait_s)
        await asyncio.sleep(turn_s)


def wait_until(
    condition: Callable[[], object],
    what: str = WHAT,
    wait_s: float = WAIT_S,
    act: Callable[[], object] | None = None,
) -> None:
    """Return when `condition` holds; on the thread of a window its events are handled meanwhile.

    `act` is done at once, and again every `TRY_S`: a program that is busy may not have heard a key.
    """
    end_s = time.monotonic() + wait_s
    act_s = 0.0
    while not condition():
        _check(end_s, what, wait_s)
        if act is not None and time.monotonic() > act_s:
            act()
            act_s = time.monotonic() + TRY_S
        else:
            _pause()


def _check(end_s: float, what: str, wait_s: float) -> None:
    if time.monotonic() > end_s:
        raise TimeoutError(f"waited {wait_s:.0f} s for {what}")


def _pause() -> None:
    # Not imported here: most tests have no window.
    core = sys.modules.get("PySide6.QtCore")
    has_window = core is not None and core.QCoreApplication.instance() is not None
    if not has_window or threading.current_thread() is not threading.main_thread():
        time.sleep(TURN_S)
        return
    loop = core.QEventLoop()
    core.QTimer.singleShot(round(1000 * TURN_S), loop.quit)
    loop.exec()
