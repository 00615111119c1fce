"""Steps of a test in Qt's event loop, which stands still between them."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import qasync


def run_step(loop: qasync.QEventLoop, work: Coroutine[Any, Any, Any], wait_s: float) -> Any:
    """What `work` returns, which may take so long; Qt's other work and the tasks go on meanwhile.

    qasync's `run_until_complete` handles Qt's events once more when its loop has stopped, and a task that
    goes on then finds no running loop.
    """
    task = loop.create_task(asyncio.wait_for(work, wait_s))
    task.add_done_callback(lambda _: loop.stop())
    loop.run_forever()
    return task.result()
