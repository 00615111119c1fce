"""The chats' states of one model between its cache and the disk."""

import time
from collections.abc import Sequence

from app.engine.batching.prefix import Held
from app.engine.batching.scheduler import Admission, Job, Scheduler
from app.engine.kv_states.state_keeper import LEAST_TOKENS, ReadState, StateKeeper
from app.engine.llama.context import Context

IDLE_S = 1.0
"""So long nothing must be asked for before states are saved: the next question would wait for the copy."""


class ChatStates:
    """Brings saved states into sequences before a prompt is evaluated, and saves what sequences hold: in idle
    time, before something else takes the sequence, and at the end. Engine's thread.

    Only the copy out of the cache is made on this thread, some 100 ms for a gigabyte.
    """

    def __init__(self, context: Context, scheduler: Scheduler, keeper: StateKeeper) -> None:
        self._context = context
        self._scheduler = scheduler
        self._keeper = keeper
        self._fetching: dict[int, Job] = {}
        self._fetched: dict[int, ReadState] = {}
        self._idle_since_s: float | None = None

    def fetch(self, job: Job) -> bool:
        """Start to read a saved state that spares more than the cache does; False where there is none. `look`
        admits the job once the state is read."""
        saved, length = self._keeper.best(job)
        if saved is None or length - self._scheduler.reusable(job) < LEAST_TOKENS:
            return False
        self._fetching[job.request_id] = job
        self._keeper.read(job.request_id, saved)
        return True

    def of_chat(self, chat_key: str) -> list[Held]:
        """Return what is known of a chat's saved states."""
        return self._keeper.of_chat(chat_key)

    def stop_fetching(self, request_id: int) -> bool:
        """Give up a reply's wait for its state; False where it waits for none."""
        self._fetched.pop(request_id, None)
        return self._fetching.pop(request_id, None) is not None

    def look(self, *, idle: bool) -> float | None:
        """Admit the jobs whose states have come, and save something when `idle`; when to look again."""
        while (read := self._keeper.arrived()) is not None:
            job = self._fetching.pop(read.request_id, None)
            if job is None:
                continue
            if read.state is not None:
                job.saved = read.saved.held
                self._fetched[job.request_id] = read
            self._scheduler.add(job)
        if not idle or self._fetching or self._scheduler.busy:
            self._idle_since_s = None
            return None
        return self._save_in_time()

    def replace(self, admission: Admission) -> None:
        """Save what a job's sequence held before the job uses it, and bring the job's own state into it."""
        # Nobody looks here between two steps of a reply.
        self._idle_since_s = None
        job, lost = admission.job, admission.replaced
        if lost.chat_key != job.chat_key and self._keeper.is_worth_saving(lost):
            self._save(job.sequence, lost)
        read = self._fetched.pop(job.request_id, None)
        if read is None or read.state is None or job.saved is None:
            return
        if not self._context.restore(job.sequence, read.state):
            self._context.remove(job.sequence, 0)
            self._scheduler.forget(job)

    def drop(self, chat_keys: Sequence[str]) -> None:
        """Delete what is kept of these chats."""
        self._keeper.drop(chat_keys)

    def close(self) -> None:
        """Save what is worth it and wait until it is on the disk."""
        for sequence, held in self._scheduler.held():
            if self._keeper.is_worth_saving(held):
                self._save(sequence, held)
        self._keeper.close()

    def _save_in_time(self) -> float | None:
        worth = [item for item in self._scheduler.held() if self._keeper.is_worth_saving(item[1])]
        if not worth:
            return None
        now_s = time.monotonic()
        if self._idle_since_s is None:
            self._idle_since_s = now_s
        wait_s = max(self._idle_since_s + IDLE_S - now_s, self._keeper.rest_s())
        if wait_s > 0:
            return wait_s
        self._save(*worth[-1])
        return self._keeper.rest_s() if len(worth) > 1 else None

    def _save(self, sequence: int, held: Held) -> None:
        if self._keeper.takes(self._context.state_bytes(sequence)):
            self._keeper.write(held, self._context.state(sequence))
        else:
            self._keeper.pass_over(held)
