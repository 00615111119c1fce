"""Steps of a test in Qt's event loop, which stands still between them."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import qasync
from PySide6.QtWidgets import QApplication

CANCELLED_S = 5.0


def open_loop(application: QApplication) -> qasync.QEventLoop:
    """A loop for `run_step`; `close_loop` ends it.

    Qt's events are handled between two steps as well, by pytest-qt for one, and a task that goes on then has
    to find its loop running, as it does in the window.
    """
    loop = qasync.QEventLoop(application)
    asyncio.set_event_loop(loop)
    asyncio._set_running_loop(loop)
    return loop


def run_step(loop: qasync.QEventLoop, work: Coroutine[Any, Any, Any], wait_s: float) -> Any:
    """Return what `work` returns, which may take so long; Qt's other work and the tasks go on meanwhile.

    Not by `run_until_complete`: qasync's handles Qt's events once more when its loop has stopped.
    """
    task = loop.create_task(asyncio.wait_for(work, wait_s))
    task.add_done_callback(lambda _: loop.stop())
    # Once more where Qt has ended its loop: the last window of the test before may have been closed.
    while not task.done():
        loop.run_forever()
    asyncio._set_running_loop(loop)
    return task.result()


def close_loop(loop: qasync.QEventLoop) -> None:
    """Cancel the tasks that are left and wait for them, as `asyncio.run` does: one that is destroyed while it
    waits is told of in a later test. No step follows."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        run_step(loop, asyncio.wait(left, timeout=CANCELLED_S), 2 * CANCELLED_S)
    asyncio._set_running_loop(None)
    loop.close()
    asyncio.set_event_loop(None)
