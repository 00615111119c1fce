"""The time that cancelling a quality run takes, in a reply, in the text and while answers are compared.

python -m tests.perf.quality_cancel
"""

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QApplication

from app.base.errors import Cancelled
from app.bench.quality.answers.answer_process import AnswerJudge
from app.bench.quality.built_in import built_in
from app.bench.quality.item import Collection, Item
from app.bench.quality.progress import QualityProgress
from app.bench.quality.runner import Wish
from tests.support.engines import starter_path
from tests.support.quality_desk import SETTINGS, QualityDesk, Stores

ROUNDS = 10

LONG = Collection(
    kind="dialogue",
    name="a long story",
    licence="CC0-1.0",
    items=[Item(id="dialogue/story", kind="dialogue", turns=["Tell a very long story."], expected=["Once."])],
)


def took_s(work: Callable[[threading.Event], object], begun: threading.Event) -> float:
    cancel = threading.Event()
    ended = threading.Event()

    def run() -> None:
        try:
            work(cancel)
        except Cancelled:
            ended.set()

    worker = threading.Thread(target=run)
    worker.start()
    assert begun.wait(300)
    started_s = time.monotonic()
    cancel.set()
    assert ended.wait(60)
    worker.join()
    return time.monotonic() - started_s


def cancelling_a_run(stores: Stores, stage: str) -> None:
    text = next(collection for collection in built_in() if collection.kind == "perplexity")
    wish = Wish([LONG if stage == "ask" else text], max_tokens=3000)
    seconds = []
    for _ in range(ROUNDS):
        begun = threading.Event()

        def note(progress: QualityProgress, begun: threading.Event = begun) -> None:
            if progress.stage == stage and (progress.item or stage == "text"):
                begun.set()

        seconds.append(
            took_s(
                lambda cancel, note=note: stores.quality.run(  # type: ignore[misc]
                    Path(starter_path()), SETTINGS, wish, note, cancel
                ),
                begun,
            )
        )
    print(f"\n{stage}: median {1000 * statistics.median(seconds):.0f} ms, worst {1000 * max(seconds):.0f} ms")


def cancelling_a_comparison_that_does_not_end() -> None:
    seconds = []
    for _ in range(ROUNDS):
        with AnswerJudge(time_limit_s=60.0) as judge:
            assert judge.same("0.5", "\\frac{1}{2}")
            begun = threading.Event()

            def compare(
                cancel: threading.Event, judge: AnswerJudge = judge, begun: threading.Event = begun
            ) -> None:
                begun.set()
                judge.same("7", "((10^{400})!)!", cancel)
                raise Cancelled

            seconds.append(took_s(compare, begun))
    print(f"\ncompare: median {1000 * statistics.median(seconds):.0f} ms, worst {1000 * max(seconds):.0f} ms")


def main() -> None:
    """Measure and print."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    desk = QualityDesk(QApplication(["stillroom"]))
    for stage in ("ask", "text"):
        with tempfile.TemporaryDirectory() as folder:
            stores = Stores(desk, Path(folder))
            cancelling_a_run(stores, stage)
            stores.close()
    desk.close()
    cancelling_a_comparison_that_does_not_end()


if __name__ == "__main__":
    main()
