"""Gives the models' memory back when nobody has used them for some time.

Whether the engine is still asked for something is told by `rest` of `connection.py`.
"""

import threading
import time
from collections.abc import Callable
from typing import Protocol

from app.engine.protocol import Alive, CardsRead, DevicesFound, Event

IDLE_UNLOAD_MINUTES = 30
"""Where the setting `idle_unload_minutes` says nothing else."""


class Restable(Protocol):
    """The methods of `EngineClient` that are used here."""

    def observe_events(self, on_event: Callable[[Event], None]) -> None:
        """Repeat every event."""

    def rest(self) -> bool:
        """Free the models until the next request; False while the engine is at work."""


class IdleUnload:
    """Lets the engine rest once it has had nothing to do for `idle_s` seconds; 0 is never. A thread of its
    own waits; `set_idle_s` and `close` may be called from any."""

    def __init__(self, client: Restable, idle_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._idle_s = idle_s
        self._clock = clock
        self._changed = threading.Condition()
        self._active_s: float | None = None
        self._closed = False
        client.observe_events(self._on_event)
        self._thread = threading.Thread(target=self._run, name="idle-unload", daemon=True)
        self._thread.start()

    def set_idle_s(self, idle_s: float) -> None:
        """Set how long to wait from now on."""
        with self._changed:
            self._idle_s = idle_s
            self._changed.notify_all()

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _on_event(self, event: Event) -> None:
        if not isinstance(event, Alive | CardsRead | DevicesFound):
            with self._changed:
                self._active_s = self._clock()
                self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                left_s = self._left_s()
                if left_s is None or left_s > 0:
                    self._changed.wait(left_s)
                    continue
                self._active_s = None
            if not self._client.rest():
                with self._changed:
                    self._active_s = self._active_s or self._clock()

    def _left_s(self) -> float | None:
        """Return the seconds until it is time; None where there is nothing to wait for."""
        if self._idle_s <= 0 or self._active_s is None:
            return None
        return self._active_s + self._idle_s - self._clock()
