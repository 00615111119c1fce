"""Keeps the chats' states of one model: knows what is saved, writes and reads beside the engine's thread."""

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psutil

from app.engine.batching.prefix import Held, Wanted, common_prefix_length, reusable
from app.engine.kv_states.saved_states import SavedState, StateFolder

log = logging.getLogger(__name__)

LEAST_TOKENS = 64
"""Fewer tokens are evaluated again rather than written or read."""

IDLE_BYTES_PER_S = 8_000_000
"""The most that is written in idle time on average: a chat of many short turns must not wear the disk out."""

_MOST_PENDING = 2


@dataclass(frozen=True, slots=True)
class ReadState:
    """A state that was asked for with `StateKeeper.read`; `state` is None where its file is of no use."""

    request_id: int
    saved: SavedState
    state: bytearray | None


class StateKeeper:
    """The saved states of one model. Its methods are for the engine's thread and wait for no disk, except the
    constructor, which reads what is there, and `close`, which waits for what is to be written.

    `wake` is called, on another thread, when something is to be fetched with `arrived`.
    """

    def __init__(self, folder: StateFolder, wake: Callable[[], None]) -> None:
        self._folder = folder
        self._wake = wake
        self._lock = threading.Lock()
        self._saved = {saved.held.chat_key: saved for saved in folder.read_all()}
        self._pending: dict[str, Held] = {}
        self._passed_over: dict[str, Held] = {}
        self._arrived: deque[ReadState] = deque()
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None
        self._rests_until_s = 0.0

    def best(self, job: Wanted) -> tuple[SavedState | None, int]:
        """Find the state that holds most of a prompt's beginning, and how many tokens of it."""
        if not job.reuse_prefix:
            return None, 0
        with self._lock:
            states = list(self._saved.values())
        lengths = [reusable(saved.held, job) for saved in states]
        best = max(range(len(states)), key=lambda index: lengths[index], default=None)
        return (None, 0) if best is None else (states[best], lengths[best])

    def of_chat(self, chat_key: str) -> list[Held]:
        """Return what is known of a chat's states, newest first, also of those that are not on the disk."""
        with self._lock:
            known = [kept[chat_key] for kept in (self._passed_over, self._pending) if chat_key in kept]
            if chat_key in self._saved:
                known.append(self._saved[chat_key].held)
        return known

    def read(self, request_id: int, saved: SavedState) -> None:
        """Fetch a state from the disk."""

        def work() -> None:
            state = self._folder.read(saved)
            if state is None:
                self._forget(saved)
            self._arrived.append(ReadState(request_id, saved, state))
            self._wake()

        threading.Thread(target=work, name="engine-state-reader", daemon=True).start()

    def arrived(self) -> ReadState | None:
        """Return the next state that has come from the disk."""
        return self._arrived.popleft() if self._arrived else None

    def is_worth_saving(self, held: Held) -> bool:
        """Tell whether a crash or an unload would cost this chat an evaluation that can be felt."""
        if not held.chat_key:
            return False
        with self._lock:
            saved = self._saved.get(held.chat_key)
            kept = self._pending.get(held.chat_key) or self._passed_over.get(held.chat_key)
        if kept is None and saved is not None and saved.held.variant == held.variant:
            kept = saved.held
        known = kept.tokens if kept is not None else []
        return len(held.tokens) - common_prefix_length(known, held.tokens) >= LEAST_TOKENS

    def rest_s(self) -> float:
        """Return the seconds until idle time may write again."""
        if len(self._pending) >= _MOST_PENDING:
            return 1.0
        return max(0.0, self._rests_until_s - time.monotonic())

    def takes(self, state_bytes: int) -> bool:
        """Tell whether a state of this size may be written; a copy of it is held until it is."""
        free_bytes = int(psutil.virtual_memory().available)
        return 0 < state_bytes <= min(self._folder.largest_bytes, free_bytes // 2)

    def pass_over(self, held: Held) -> None:
        """Note that this state is too large to keep: it is not worth saving again before it has grown."""
        with self._lock:
            self._passed_over[held.chat_key] = held

    def write(self, held: Held, state: bytearray) -> None:
        """Put a chat's state on the disk, beside the engine's thread."""
        self._rests_until_s = time.monotonic() + len(state) / IDLE_BYTES_PER_S
        with self._lock:
            self._pending[held.chat_key] = held
            self._passed_over.pop(held.chat_key, None)

        def work() -> None:
            try:
                saved = self._folder.write(held, state)
            except OSError as error:
                log.warning("a chat's state could not be saved: %s", error)
                saved = None
            with self._lock:
                if self._pending.get(held.chat_key) is held:
                    del self._pending[held.chat_key]
                    if saved is not None:
                        self._saved[held.chat_key] = saved

        self._do(work)

    def drop(self, chat_keys: Sequence[str]) -> None:
        """Delete what is kept of these chats, also what is being written."""
        with self._lock:
            for chat_key in chat_keys:
                for known in (self._saved, self._pending, self._passed_over):
                    known.pop(chat_key, None)
        self._do(lambda: self._folder.delete(chat_keys))

    def close(self) -> None:
        """Wait until everything is written."""
        if self._writer is not None:
            self._work.put(None)
            self._writer.join()
            self._writer = None

    def _do(self, work: Callable[[], None]) -> None:
        if self._writer is None:
            self._writer = threading.Thread(target=self._run, name="engine-state-writer", daemon=True)
            self._writer.start()
        self._work.put(work)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()

    def _forget(self, saved: SavedState) -> None:
        with self._lock:
            if self._saved.get(saved.held.chat_key) is saved:
                del self._saved[saved.held.chat_key]
