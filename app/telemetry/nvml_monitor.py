"""NVML behind a deadline: a hung driver costs one thread, never a wait."""

import threading
import time
from collections.abc import Callable
from typing import Protocol

from app.engine.devices.gpu_presence import cards_may_sleep
from app.telemetry.nvml import GpuReading, NvmlReader


class GpuReader(Protocol):
    """Reads the GPUs; may hang."""

    def read(self, own_pids: frozenset[int]) -> GpuReading:
        """One reading."""


class GpuMonitor:
    """The newest reading of the GPUs, from a thread of its own.

    `poll` may be called from any thread and returns within `wait_s`. A reading that is not there after
    `deadline_s` makes the state "hanging" until it comes. A thread that hangs for `retry_s` is given up and
    another one tries, `max_abandoned` times at most, because each one keeps its stack. Errors are asked again
    every `retry_s` only. `may_sleep` says that to ask would switch a card on.
    """

    def __init__(
        self,
        make_reader: Callable[[], GpuReader] = NvmlReader,
        *,
        may_sleep: Callable[[], bool] = cards_may_sleep,
        deadline_s: float = 5.0,
        retry_s: float = 60.0,
        max_abandoned: int = 3,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make_reader = make_reader
        self._may_sleep = may_sleep
        self._deadline_s = deadline_s
        self._retry_s = retry_s
        self._max_abandoned = max_abandoned
        self._clock = clock
        self._changed = threading.Condition()
        self._worker: threading.Thread | None = None
        self._asked: frozenset[int] | None = None
        self._asked_at_s = 0.0
        self._answered_at_s = 0.0
        self._abandoned = 0
        self._closed = False
        self._reading = GpuReading("pending")

    def poll(self, own_pids: frozenset[int], wait_s: float = 0.05, *, wakes: bool = True) -> GpuReading:
        """Ask for a new reading where none is under way, wait at most `wait_s`, and give the newest one.

        Unless it `wakes`, a card that may sleep is left alone: the state is "asleep" then.
        """
        if not wakes and self._may_sleep():
            return GpuReading("asleep")
        with self._changed:
            now_s = self._clock()
            if self._asked is None and self._is_due(now_s):
                self._asked, self._asked_at_s = own_pids, now_s
                if self._worker is None:
                    self._start_worker()
                self._changed.notify_all()
            elif self._asked is not None and now_s - self._asked_at_s >= self._retry_s:
                self._replace_worker(now_s)
            self._changed.wait_for(lambda: self._asked is None, wait_s)
            if self._asked is not None and self._clock() - self._asked_at_s >= self._deadline_s:
                self._reading = GpuReading("hanging")
            return self._reading

    def close(self) -> None:
        """Let the thread end; a hung one is left behind (it is a daemon)."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _is_due(self, now_s: float) -> bool:
        settled = self._reading.state in ("no_driver", "no_gpu", "failing")
        return not self._closed and (not settled or now_s - self._answered_at_s >= self._retry_s)

    def _replace_worker(self, now_s: float) -> None:
        if self._abandoned < self._max_abandoned:
            self._abandoned += 1
            self._asked_at_s = now_s
            self._start_worker()

    def _start_worker(self) -> None:
        self._worker = threading.Thread(target=self._work, name="gpu-monitor", daemon=True)
        self._worker.start()

    def _work(self) -> None:
        me = threading.current_thread()
        reader: GpuReader | None = None
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._asked is not None or self._closed or self._worker is not me
                )
                if self._closed or self._worker is not me or self._asked is None:
                    return
                own_pids = self._asked
            reader = reader or self._make_reader()
            reading = reader.read(own_pids)
            with self._changed:
                if self._worker is not me:
                    return
                self._reading, self._asked, self._answered_at_s = reading, None, self._clock()
                self._changed.notify_all()
