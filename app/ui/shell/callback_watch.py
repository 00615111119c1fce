"""Measures what the GUI thread is at, to find what makes the window wait. Off, it costs nothing.

Qt calls what is registered as `QInternal::EventNotifyCallback` before each event (qcoreapplication.cpp,
notifyInternal2), and its dispatcher tells before it sleeps: what is between two of these is measured, with
the events that are sent in between by those who handle one. An
override of `notify` or an event filter would make a Python object of each receiver, of a base class where it
is still being constructed. The callbacks of asyncio are measured whole, with all the events that they send.
"""

import asyncio
import contextlib
import ctypes
import heapq
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import PySide6
import qasync
from PySide6.QtCore import QAbstractEventDispatcher, QEvent

from app.base.stacks import thread_stacks

LONG_S = 0.05
KEPT = 10
NAMED_CALLS = 12
"""Of a long one, the innermost."""

LOOK_S = 0.01

_EVENT_NOTIFY = 0
_REGISTER = "_ZN9QInternal16registerCallbackENS_8CallbackEPFbPPvE"
_UNREGISTER = "_ZN9QInternal18unregisterCallbackENS_8CallbackEPFbPPvE"
_EVENT_TYPE_OFFSET = 8
"""Of QEvent's second member, behind the pointer to its virtual functions."""
_OF_THE_LOOP = frozenset(
    int(kind.value)
    for kind in (
        QEvent.Type.Timer,
        QEvent.Type.MetaCall,
        QEvent.Type.DeferredDelete,
        QEvent.Type.LayoutRequest,
        QEvent.Type.UpdateRequest,
        QEvent.Type.Expose,
        QEvent.Type.MouseButtonPress,
        QEvent.Type.MouseButtonRelease,
        QEvent.Type.MouseMove,
        QEvent.Type.Wheel,
        QEvent.Type.KeyPress,
        QEvent.Type.KeyRelease,
    )
)
"""Events that the event loop hands out itself; nearly all others are sent while one of these is handled."""

_FRAMES_BYTES = 1024
"""How much deeper in the stack one loop hands out an event than another. What the handler of an event sends,
such as a layout's request, lies deeper: the handler's own frames are between."""


class Callback(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """A piece of work of the GUI thread; seconds. In `waited_s` it neither computed nor stood in line for a
    processor: it was held by a lock, the disk or another process. `stack` says where, for a long one."""

    waited_s: float
    wall_s: float
    cpu_s: float
    what: str
    stack: str = ""


class Figures(msgspec.Struct, kw_only=True):
    """The number of pieces of work, and the worst of them, the longest first."""

    count: int = 0
    longest: list[Callback] = []
    most_waited: list[Callback] = []
    most_computed: list[Callback] = []


class CallbackWatch:
    """Measures the thread on which it is made, from `start` to `stop`. All of it is for that thread."""

    def __init__(self) -> None:
        self._gui = threading.get_ident()
        self._schedule = _open_schedule()
        self._piece: _Piece | None = None
        self._whole: _Piece | None = None
        self._count = 0
        self._longest: list[tuple[float, int, Callback]] = []
        self._most_waited: list[tuple[float, int, Callback]] = []
        self._most_computed: list[tuple[float, int, Callback]] = []
        self._callback = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.POINTER(ctypes.c_void_p))(self._on_event)
        self._core: Any = None
        self._stopped = threading.Event()

    def start(self, loop: "WatchedLoop") -> None:
        """Begin, once the loop is there; `stop` must come before the thread's end."""
        QAbstractEventDispatcher.instance().aboutToBlock.connect(self._on_block)
        with contextlib.suppress(OSError, AttributeError):
            # Only where Qt's library has this name; elsewhere asyncio's callbacks alone are measured.
            self._core = ctypes.CDLL(str(Path(PySide6.__file__).with_name("Qt") / "lib" / "libQt6Core.so.6"))
            getattr(self._core, _REGISTER)(_EVENT_NOTIFY, self._callback)
        loop.watch = self
        threading.Thread(target=self._look, name="callback-watch", daemon=True).start()

    def stop(self) -> None:
        """Measure no more."""
        self._stopped.set()
        if self._core is not None:
            getattr(self._core, _UNREGISTER)(_EVENT_NOTIFY, self._callback)
        self._piece = None

    def forget(self) -> None:
        """Begin anew, such as when the window is there."""
        self._count = 0
        self._longest, self._most_waited, self._most_computed = [], [], []

    def figures(self) -> Figures:
        """Give what was measured so far."""
        longest, most_waited, most_computed = (
            [callback for *_, callback in sorted(heap, reverse=True)]
            for heap in (self._longest, self._most_waited, self._most_computed)
        )
        return Figures(
            count=self._count, longest=longest, most_waited=most_waited, most_computed=most_computed
        )

    def run(self, what: Callable[[], str], work: Callable[[], None]) -> None:
        """Do a callback of asyncio, and measure it whole."""
        self._piece = None
        piece = self._whole = _Piece(*self._now(), "")
        try:
            work()
        finally:
            self._whole = None
            self._end(piece, what)

    def _on_event(self, arguments: Any) -> bool:
        # What a callback of asyncio sends belongs to it: to look at the clock each time would count, too.
        if self._whole is None and threading.get_ident() == self._gui and not self._stopped.is_set():
            kind = ctypes.c_uint16.from_address(arguments[1] + _EVENT_TYPE_OFFSET).value
            place = ctypes.addressof(arguments.contents)
            if self._piece is None or (kind in _OF_THE_LOOP and place > self._piece.place - _FRAMES_BYTES):
                self._close()
                self._piece = _Piece(*self._now(), str(kind), place)
        return False

    def _on_block(self) -> None:
        self._close()

    def _close(self) -> None:
        piece, self._piece = self._piece, None
        if piece is not None:
            self._end(piece, lambda: f"event {_event_name(int(piece.what))}")

    def _end(self, piece: "_Piece", what: Callable[[], str]) -> None:
        wall_s, cpu_s, in_line_s = (now - then for now, then in zip(self._now(), piece.times, strict=True))
        waited_s = max(0.0, wall_s - cpu_s - in_line_s)
        self._count += 1
        kept_in = [
            (heap, figure)
            for heap, figure in (
                (self._longest, wall_s),
                (self._most_waited, waited_s),
                (self._most_computed, cpu_s),
            )
            if len(heap) < KEPT or figure > heap[0][0]
        ]
        if not kept_in:
            return
        # Not part of the work: a callback may hold megabytes, which are put into words first.
        done = Callback(waited_s=waited_s, wall_s=wall_s, cpu_s=cpu_s, what=what(), stack=piece.stack)
        for heap, figure in kept_in:
            heapq.heappush(heap, (figure, self._count, done))
            if len(heap) > KEPT:
                heapq.heappop(heap)

    def _now(self) -> tuple[float, float, float]:
        """Seconds of the clock, on a processor, and in line for one that others had (0 where not told)."""
        in_line_s = 0.0
        if self._schedule is not None:
            in_line_s = int(os.pread(self._schedule, 100, 0).split()[1]) / 1e9
        return time.perf_counter(), time.thread_time(), in_line_s

    def _look(self) -> None:
        """See where a long one is, on a thread of its own."""
        while not self._stopped.wait(LOOK_S):
            piece = self._whole or self._piece
            if piece is not None and time.perf_counter() - piece.times[0] > piece.look_after_s:
                piece.look_after_s *= 4
                piece.stack = "\n".join(thread_stacks().get(self._gui, [])[:NAMED_CALLS])


class WatchedLoop(qasync.QEventLoop):  # type: ignore[misc] # qasync has no types
    """qasync's loop, whose callbacks are measured."""

    watch: CallbackWatch | None = None

    def _add_callback(self, handle: asyncio.Handle, delay: float = 0) -> asyncio.Handle:
        watch = self.watch
        if watch is None:
            super()._add_callback(handle, delay)
        else:
            self._timer.add_callback(_MeasuredHandle(watch, handle), delay)
        return handle


class _MeasuredHandle:
    """A measured callback, with what qasync's timer needs of a handle."""

    def __init__(self, watch: CallbackWatch, handle: asyncio.Handle) -> None:
        self._watch = watch
        self._handle = handle

    @property
    def _cancelled(self) -> bool:
        return self._handle.cancelled()

    def _run(self) -> None:
        self._watch.run(lambda: f"asyncio {self._handle!r}"[:300], self._handle._run)


class _Piece:
    """Work that has begun, for an event handed out at `place` in the stack, which grows downwards."""

    def __init__(self, clock_s: float, cpu_s: float, in_line_s: float, what: str, place: int = 0) -> None:
        self.times = (clock_s, cpu_s, in_line_s)
        self.what = what
        self.place = place
        self.stack = ""
        self.look_after_s = LONG_S / 2
        """Where it is is seen then, and again after four times as long."""


def _event_name(kind: int) -> str:
    try:
        return QEvent.Type(kind).name
    except ValueError:
        return str(kind)


def _open_schedule() -> int | None:
    """The kernel's figures of this thread: on a processor, in line for one (ns). See proc(5)."""
    try:
        return os.open(f"/proc/self/task/{threading.get_native_id()}/schedstat", os.O_RDONLY)
    except OSError:
        return None
