"""One life of the engine's process: from its start to its end, with the reason."""

import logging
import threading
from collections.abc import Callable, Sequence

from app.base.parent_death import KillOnClose
from app.engine.client.engine_process import EngineChild
from app.engine.client.outbox import Outbox
from app.engine.protocol import Alive, Event, Shutdown
from app.engine.supervision.exit_reason import Death, describe_exit, explain
from app.engine.supervision.memory_shortage import MemoryShortage
from app.engine.supervision.silence_watch import LOOK_S, SILENCE_S, SilenceWatch

log = logging.getLogger(__name__)

ENDING_S = 0.7
"""It ends as soon as its stdin is closed."""

LAST_BREATH_S = 5.0
"""For the pipe of a killed process to close; a driver can hold a process in the kernel for ever."""


class EngineLife:
    """Starts the process, hands out its events, and ends it when it gives no sign of life any more."""

    def __init__(
        self, command: Sequence[str], job: KillOnClose, outbox: Outbox, on_event: Callable[[Event], None]
    ) -> None:
        """Start it; on the thread that will wait for its end, which it is tied to. Raises `OSError`.

        What is put into `outbox` is sent to it. `on_event` is called on a thread of its own, one event after
        the other; not for heartbeats.
        """
        self._child = EngineChild(command, job, outbox)
        self._outbox = outbox
        self._memory = MemoryShortage()
        self._on_event = on_event
        self._ended = threading.Event()
        self._beats = 0
        self._listening = False
        self._abandoned = False
        self._reader = threading.Thread(target=self._read, name="engine-events", daemon=True)
        self._reader.start()

    def end(self, patience_s: float = ENDING_S) -> None:
        """End it at once, one that is stopped too: after `patience_s` it is killed. Any thread."""
        self._child.end()
        self._end_by_force(patience_s)

    def end_in_order(self, patience_s: float) -> None:
        """Let it save the chats' states and end by itself, but for no longer than this; any thread. What was
        not sent yet is not sent any more."""
        self._outbox.end_with(Shutdown())
        self._end_by_force(patience_s)

    def _end_by_force(self, patience_s: float) -> None:
        if not self._ended.wait(patience_s):
            log.warning("the engine process did not end within %.1f s and is killed", patience_s)
            self._child.kill()

    def wait(self, changed_file: Callable[[], str]) -> Death:
        """Wait for its end; why it came. `changed_file` names the model file that is not what it was."""
        silent = self._watch()
        if silent:
            log.warning("the engine process gave no sign of life for %.0f s", SILENCE_S)
            self._child.kill()
            self._abandoned = not self._ended.wait(LAST_BREATH_S)
        status = self._child.reap(LAST_BREATH_S)
        log.info("the engine process ended: %s", describe_exit(status))
        return explain(
            status,
            self._child.last_words(),
            self._child.said(),
            changed_file=changed_file(),
            silent=silent,
            memory_was_short=self._memory.was_short(),
        )

    def _watch(self) -> bool:
        """Wait until it has ended (False) or is silent (True)."""
        watch = SilenceWatch()
        while not self._ended.wait(LOOK_S):
            self._memory.note()
            if watch.look(self._beats, listening=self._listening):
                return True
        return False

    def _read(self) -> None:
        while True:
            self._listening = True
            event = self._child.read()
            self._listening = False
            if event is None or self._abandoned:
                break
            self._beats += 1
            if not isinstance(event, Alive):
                self._on_event(event)
        self._ended.set()
