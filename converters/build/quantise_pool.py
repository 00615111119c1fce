"""From stored weights to quantised files in one read, on all cores, in memory that no tensor enlarges."""

import queue
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from converters.build.output import Output
from converters.build.quantise_rows import Bench, RowRange
from converters.checkpoint.architectures import PlannedTensor
from models.hub.resumable_file import open_arriving
from models.system.cores import usable_cores
from models.system.page_cache import forget

_RANGES_AHEAD = 4
"""Ranges per worker that are handed out before the first of them must be done."""


def one_pass(
    ranges: Iterable[RowRange],
    outputs: Sequence[Output],
    parts: Sequence[Path],
    *,
    on_rows: Callable[[RowRange], None],
    on_tensor: Callable[[PlannedTensor], None],
    threads: int = 0,
) -> None:
    """Bring every one of `ranges` to its place in each of `parts`, the working files of `outputs`.

    Both callbacks run on the caller's thread, in order: `on_rows` for every range that is written (not
    synced), `on_tensor` when it was a tensor's last. `ranges` may wait until one can be read. `threads` 0
    is all cores. Raises `CheckpointError` and `OSError`; the ranges under way have ended then.
    """
    count = threads or usable_cores()
    benches: queue.SimpleQueue[Bench] = queue.SimpleQueue()
    made = [Bench(outputs, parts) for _ in range(count)]
    for bench in made:
        benches.put(bench)

    def work(rows: RowRange) -> None:
        bench = benches.get()
        try:
            bench.work(rows)
        finally:
            benches.put(bench)

    def settle(rows: RowRange, future: Future[None]) -> None:
        future.result()
        source = rows.tensor.source
        on_rows(rows)
        if rows.is_last:
            drop_behind(source.file, source.offset, source.offset + source.size)
            on_tensor(rows.tensor)

    try:
        with ThreadPoolExecutor(count, "quantise") as pool:
            under_way: deque[tuple[RowRange, Future[None]]] = deque()
            try:
                for rows in ranges:
                    under_way.append((rows, pool.submit(work, rows)))
                    if len(under_way) > _RANGES_AHEAD * count:
                        settle(*under_way.popleft())
                while under_way:
                    settle(*under_way.popleft())
            finally:
                pool.shutdown(cancel_futures=True)
    finally:
        for bench in made:
            bench.close()


def drop_behind(path: Path, start: int, end: int) -> None:
    """Drop what was read of a source file from the page cache."""
    with open_arriving(path) as file:
        forget(file.fileno(), start, end)
