"""Checks a model for drift by itself: after it was loaded, when something has changed and nobody needs it."""

import asyncio
import logging
import threading
import time

from PySide6.QtCore import QObject, QTimer, Signal

from app.base.errors import Cancelled, StillroomError
from app.bench.drift.checker import DriftChecker
from app.bench.drift.comparison import DriftReport
from app.engine.protocol import Delta, Event, Failed, Finished, ModelInfo, PromptProgress
from app.ui.base.bridge import Bridge
from app.ui.base.engine_session import EngineSession

log = logging.getLogger(__name__)

IDLE_S = 30.0


class DriftWatch(QObject):
    """Waits until the engine has been idle for `idle_s` after a load, checks if that is due, and gives way at
    once to any other reply. GUI thread. Only files that were checked before are checked by themselves."""

    checked = Signal(object)
    """`DriftReport` of a check that this made."""

    def __init__(
        self,
        checker: DriftChecker,
        session: EngineSession,
        bridge: Bridge,
        parent: QObject | None = None,
        *,
        idle_s: float = IDLE_S,
    ) -> None:
        super().__init__(parent)
        self._checker = checker
        self._session = session
        self._bridge = bridge
        self._idle_s = idle_s
        self._wants: ModelInfo | None = None
        self._cancel: threading.Event | None = None
        self._replies = _Replies()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._on_time)
        session.loaded.connect(self._on_loaded)
        session.unloaded.connect(self.stop)
        session.reservation_changed.connect(self._on_reservation)
        session.client.observe_events(self._replies.on_event)

    @property
    def waits(self) -> bool:
        """Tell whether a check is running or waits for a quiet moment."""
        return self._timer.isActive() or self._cancel is not None

    def stop(self) -> None:
        """Do not check, nor go on with a check."""
        self._wants = None
        self._timer.stop()
        if self._cancel is not None:
            self._cancel.set()

    def _on_loaded(self, info: ModelInfo) -> None:
        self.stop()
        if self._session.here is not None:
            self._wants = info
            self._timer.start(round(1000 * self._idle_s))

    def _on_reservation(self, job: str) -> None:
        if job:
            self.stop()

    def _on_time(self) -> None:
        if self._wants is None:
            return
        left_s = self._idle_s - self._replies.idle_s()
        if self._session.is_quieting:
            self._timer.start(round(1000 * self._idle_s))
        elif left_s > 0:
            self._timer.start(round(1000 * left_s) + 1)
        elif self._cancel is None:
            self._bridge.start(self._check(self._wants))

    async def _check(self, info: ModelInfo) -> None:
        cancel = self._cancel = self._replies.give_way = self._session.own_check = threading.Event()
        try:
            if not await asyncio.to_thread(self._checker.is_due, info):
                return
            report: DriftReport = await asyncio.to_thread(
                self._checker.check, info, lambda _: None, cancel, name=info.name, unasked=True
            )
            self.checked.emit(report)
        except Cancelled:
            # Somebody wants a reply; the next quiet moment will do.
            if self._wants is info:
                self._timer.start(round(1000 * self._idle_s))
        except StillroomError as error:
            # Nobody has asked for this check, so its failure is nobody's news.
            log.info("the drift check did not succeed: %s", error)
        finally:
            cancel.set()
            self._cancel = self._replies.give_way = self._session.own_check = None


class _Replies:
    """The replies that the engine is writing; filled on the engine client's thread."""

    def __init__(self) -> None:
        self.give_way: threading.Event | None = None
        self._running: frozenset[int] = frozenset()
        self._active_s = time.monotonic()

    def idle_s(self) -> float:
        """Seconds since anything was written."""
        return 0.0 if self._running else time.monotonic() - self._active_s

    def on_event(self, event: Event) -> None:
        if isinstance(event, PromptProgress | Delta):
            self._active_s = time.monotonic()
            if event.request_id not in self._running:
                self._running |= {event.request_id}
            # The check asks one question after the other, so a second reply is somebody else's.
            if len(self._running) > 1 and self.give_way is not None:
                self.give_way.set()
        elif isinstance(event, Finished | Failed):
            self._active_s = time.monotonic()
            self._running -= {event.request_id}
