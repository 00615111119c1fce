"""The only crossing from other threads to the GUI thread, and where the GUI's errors end."""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from functools import partial
from typing import Any, Protocol, TypeVar

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from app.base.errors import Cancelled, StillroomError
from app.base.threads import start_thread
from models.system.progress import raise_if_cancelled

log = logging.getLogger(__name__)

FRAME_S = 0.018
FINISHING_S = 0.3
T = TypeVar("T")
ErrorListener = Callable[[BaseException], None]
_SOURCE_IS_GONE = "Signal source has been deleted"
"""PySide's words for a signal of an object that is deleted."""


class WorkPlace(Protocol):
    """Where the failures of a work are told, and taken back once the same work has gone well."""

    def fail(self, work: str, error: BaseException) -> None:
        """Tell that a work failed."""

    def mend(self, work: str) -> None:
        """Take back what was told of an earlier failure of the work."""


class Bridge(QObject):
    """Runs callbacks of other threads on the GUI thread, at most about 55 batches a second.

    `post` may be called from any thread; everything else is for the GUI thread. An exception out of a
    callback or a task goes to `on_error`; cancelling is silent.
    """

    _woken = Signal()

    def __init__(self, on_error: ErrorListener, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._on_error = on_error
        self._place_now: Callable[[], WorkPlace] | None = None
        self._parts: list[Bridge] = []
        self._closed = False
        self._over: asyncio.Task[Any] | None = None
        """Stands for all that is begun after `finish`: a task that was cancelled."""
        self._heir: Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]] | None = None
        self._lock = threading.Lock()
        self._queue: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._last_drain_s = 0.0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.drain)
        self._woken.connect(self._on_woken, Qt.ConnectionType.QueuedConnection)

    def post(self, callback: Callable[..., None], *arguments: Any) -> None:
        """Call `callback(*arguments)` on the GUI thread, in the order of posting; any thread."""
        with self._lock:
            if self._closed:
                return
            # Within the lock: after `close` the Qt object may be deleted at any moment.
            if not self._queue:
                self._woken.emit()
            self._queue.append((callback, arguments))

    def wrap(self, callback: Callable[..., None]) -> Callable[..., None]:
        """`callback` for a part that calls from its own thread: it then runs on the GUI thread."""

        def crossing(*arguments: Any) -> None:
            self.post(callback, *arguments)

        return crossing

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a coroutine as a task of the window's event loop; after `finish` it ends before it begins, as
        that loop may be gone before its first step."""
        if self._heir is not None:
            return self._heir(coroutine)
        if self._over is not None:
            coroutine.close()
            return self._over
        task = asyncio.get_event_loop().create_task(coroutine)
        self._tasks.add(task)
        place = self._place_now() if self._place_now is not None else None
        task.add_done_callback(partial(self._on_task_done, getattr(coroutine, "__qualname__", ""), place))
        return task

    def for_place(self, place_now: Callable[[], WorkPlace]) -> "Bridge":
        """Make the bridge of one place of the window, which ends with this one.

        What its tasks raise goes to the place that `place_now` gives when they begin, and is taken back there
        once the same work has ended well.
        """
        part = Bridge(self._on_error, self)
        part._place_now = place_now
        part._tasks = self._tasks
        self._parts.append(part)
        return part

    def close(self) -> None:
        """Drop what waits and cancel what runs, when the widgets that it is for go. It stays silent then."""
        with self._lock:
            self._closed = True
            self._queue.clear()
        for task in self._tasks:
            task.cancel()
        for part in self._parts:
            part.close()

    def hand_on(self, start: Callable[[Coroutine[Any, Any, Any]], "asyncio.Task[Any]"]) -> None:
        """Let `start` run what is begun on a closed bridge from now on: an Undo outlives its window."""
        self._heir = start
        for part in self._parts:
            part.hand_on(start)

    async def finish(self) -> None:
        """Call `close`, and wait a short time for the cancelled tasks; at the end of the program. Nothing can
        be begun any more."""
        tasks = list(self._tasks)
        self.close()
        over = asyncio.ensure_future(asyncio.sleep(0))
        over.cancel()
        self._begin_no_more(over)
        await asyncio.wait([over])
        if tasks:
            await asyncio.wait(tasks, timeout=FINISHING_S)

    def _begin_no_more(self, over: asyncio.Task[Any]) -> None:
        self._over = over
        for part in self._parts:
            part._begin_no_more(over)

    def _on_woken(self) -> None:
        wait_s = self._last_drain_s + FRAME_S - time.monotonic()
        if wait_s <= 0:
            self.drain()
        elif not self._timer.isActive():
            self._timer.start(max(1, round(wait_s * 1000)))

    def drain(self) -> None:
        """Run now what was posted so far, without waiting for its batch."""
        with self._lock:
            batch, self._queue = self._queue, deque()
        for callback, arguments in batch:
            try:
                callback(*arguments)
            except Exception as error:  # noqa: BLE001 - the GUI's last catch: one failure must not end the rest
                self._report(error)
        self._last_drain_s = time.monotonic()

    def _on_task_done(self, work: str, place: WorkPlace | None, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        # Taken in any case: asyncio says of an error that nobody has asked for that it was never retrieved.
        error = task.exception()
        if error is not None and (self._closed or is_of_closed(error)):
            log.debug("%s went on after its page was closed: %r", work, error)
            return
        if self._closed:
            return
        if place is None:
            if error is not None:
                self._report(error)
        elif error is None:
            place.mend(work)
        elif not _is_silent(error):
            if not isinstance(error, StillroomError):
                log.error("unexpected in the window", exc_info=error)
            place.fail(work, error)

    def _report(self, error: BaseException) -> None:
        if not self._closed and not _is_silent(error):
            self._on_error(error)


def is_of_closed(error: BaseException) -> bool:
    """Tell whether work found its page or dialog closed when it came back to it: nobody waits for that."""
    text = str(error)
    if not isinstance(error, RuntimeError):
        return False
    return ("C++ object" in text and text.endswith("already deleted.")) or text == _SOURCE_IS_GONE


def _is_silent(error: BaseException) -> bool:
    return isinstance(error, (Cancelled, asyncio.CancelledError))


async def while_waited_for(work: Callable[[threading.Event], T], cancel: threading.Event | None = None) -> T:
    """Do `work` on a worker thread. The event that it gets is set when the task that waits for it ends, as
    with the window, or by whoever gave it as `cancel`: then nothing counts that it has made."""
    cancel = cancel or threading.Event()
    try:
        made = await asyncio.to_thread(work, cancel)
        raise_if_cancelled(cancel)
        return made
    finally:
        cancel.set()


async def off_this_thread(work: Callable[[], object]) -> None:
    """Do `work` on a thread of its own: the executor's may all be at something that does not end. A failure
    is logged."""
    done: Future[None] = Future()

    def do() -> None:
        try:
            work()
        except Exception:
            log.exception("off the GUI thread")
        done.set_result(None)

    start_thread(do, "off-the-gui")
    await asyncio.wrap_future(done)
