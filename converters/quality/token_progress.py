"""Progress of work that goes through a text in equal steps of some seconds each."""

import time
from collections.abc import Callable

from models.system.progress import OnProgress, Progress


class TokenProgress:
    """Tells `on_progress` of one stage after each step; the time left is that of the steps so far.

    `expected_s` is an estimate for the whole, told until the first step has been measured.
    `done` tokens were done before this run.
    """

    def __init__(
        self,
        on_progress: OnProgress,
        stage: str,
        total: int,
        *,
        detail: str = "",
        expected_s: float | None = None,
        done: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_progress = on_progress
        self._stage = stage
        self._total = total
        self._detail = detail
        self._clock = clock
        self._started_s = clock()
        self._before = self._done = done
        self._tell(expected_s)

    def advance(self, tokens: int) -> None:
        """Note that `tokens` more are done."""
        self._done += tokens
        elapsed_s = self._clock() - self._started_s
        self._tell(elapsed_s / (self._done - self._before) * (self._total - self._done))

    def _tell(self, remaining_s: float | None) -> None:
        self._on_progress(
            Progress(
                self._stage, self._done, self._total, self._detail, remaining_s=remaining_s, unit="tokens"
            )
        )
