"""The progress of a quality run, and the time that the rest takes."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from app.bench.quality.item import Item, Kind
from app.bench.quality.result import ItemResult, QualityRun

TELL_S = 0.5

Stage = Literal["identify", "text", "load", "ask"]


@dataclass(frozen=True, slots=True)
class QualityProgress:
    """`done` of `total` items are done; `item` is the present one's id. `right` of `judged` were right so
    far. `remaining_s` is None until each kind has an item done, and while a text is read, after which the
    items come."""

    stage: Stage
    done: int
    total: int
    item: str = ""
    right: int = 0
    judged: int = 0
    fraction: float = 0.0
    remaining_s: float | None = None
    result: ItemResult | None = None
    """The item, or the part of a text, that was just finished and is in the store."""
    run: QualityRun | None = None
    """The run that it belongs to, as far as it is known; None before it has begun."""


class Pace:
    """Counts items and estimates from how long those of the same kind took. One thread."""

    def __init__(
        self, on_progress: Callable[[QualityProgress], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._on_progress = on_progress
        self._clock = clock
        self._stage: Stage = "identify"
        self._left: dict[Kind, int] = {}
        self._took_s: dict[Kind, list[float]] = {}
        self._total = self._done = self._right = self._judged = 0
        self._item: Item | None = None
        self._began_s = clock()
        self._told_s = float("-inf")
        self._text: QualityProgress | None = None
        self.run: QualityRun | None = None
        """The run whose progress it is, once there is one."""

    def start(self, items: Sequence[Item], done: Sequence[ItemResult]) -> None:
        """All items of the run, and what an earlier process has done of them."""
        finished = {result.id for result in done}
        self._total = len(items)
        for item in items:
            if item.id not in finished:
                self._left[item.kind] = self._left.get(item.kind, 0) + 1
        for result in done:
            self._count(result)

    def text(self, fraction: float) -> None:
        """A text is being read."""
        self._stage = "text"
        self._text = QualityProgress("text", self._done, self._total, fraction=fraction, run=self.run)
        self._tell(self._text)

    def read(self, result: ItemResult) -> None:
        """A part of a text is done."""
        progress = self._text or QualityProgress("text", self._done, self._total, run=self.run)
        self._tell(replace(progress, result=result), at_once=True)

    def tell(self, stage: Stage) -> None:
        """Another stage has begun."""
        self._stage = stage
        self._tell(self._progress(), at_once=True)

    def begin(self, item: Item) -> None:
        """That item is next."""
        self._stage, self._item, self._began_s = "ask", item, self._clock()
        self._tell(self._progress(), at_once=True)

    def tick(self) -> None:
        """Time goes by."""
        self._tell(self._progress())

    def finish(self, result: ItemResult) -> None:
        """The present item is done."""
        self._item = None
        self._left[result.kind] -= 1
        self._count(result)
        self._tell(self._progress(result), at_once=True)

    def _count(self, result: ItemResult) -> None:
        if result.kind == "perplexity":
            return
        self._done += 1
        self._took_s.setdefault(result.kind, []).append(result.seconds)
        self._judged += result.verdict not in ("scored", "does_not_fit")
        self._right += result.verdict == "right"

    def _progress(self, result: ItemResult | None = None) -> QualityProgress:
        remaining_s = self._remaining_s()
        spent_s = sum(sum(seconds) for seconds in self._took_s.values())
        if remaining_s is None or not spent_s + remaining_s:
            fraction = self._done / self._total if self._total else 0.0
        else:
            fraction = 1 - remaining_s / (spent_s + remaining_s)
        return QualityProgress(
            self._stage,
            self._done,
            self._total,
            self._item.id if self._item is not None else "",
            self._right,
            self._judged,
            fraction,
            remaining_s,
            result,
            self.run,
        )

    def _remaining_s(self) -> float | None:
        if not self._total:
            # Nobody has said yet which items there are.
            return None
        left_s = 0.0
        for kind, left in self._left.items():
            if left and kind not in self._took_s:
                return None
            if left:
                mean_s = sum(self._took_s[kind]) / len(self._took_s[kind])
                left_s += mean_s * left
                if self._item is not None and self._item.kind == kind:
                    left_s -= min(mean_s, self._clock() - self._began_s)
        return left_s

    def _tell(self, progress: QualityProgress, *, at_once: bool = False) -> None:
        now_s = self._clock()
        if at_once or now_s - self._told_s >= TELL_S:
            self._told_s = now_s
            self._on_progress(progress)
