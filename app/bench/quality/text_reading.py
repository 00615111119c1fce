"""A text's perplexity, part by part, so that a long one can be left and taken up again."""

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from app.bench.quality.progress import Pace
from app.bench.quality.result import ItemResult
from converters.quality.measuring_client import TextRequest, read_part
from models.system.progress import JobContext, Progress

PART_CHUNKS = 64
"""A multiple of 4, the chunks that llama-perplexity evaluates together: parts sum as the whole does."""


class TextReading:
    """Reads `text` with the model of a file in the measuring process; at most `most_chunks` (0: all)."""

    def __init__(self, path: Path, text: str, command: Sequence[str], most_chunks: int) -> None:
        self._path = path
        self._text = text
        self._command = command
        self._most_chunks = most_chunks

    def rest(
        self, done: Sequence[ItemResult], pace: Pace, cancel: threading.Event | None
    ) -> Iterator[ItemResult]:
        """The parts that are not in `done`. Raises `Cancelled` and `BuildError`."""
        read = [result for result in done if result.kind == "perplexity"]
        at = sum(int(result.scores["chunks"]) for result in read)
        end = self._end(int(read[-1].scores["all_chunks"])) if read else None
        while end is None or at < end:

            def tell(progress: Progress, at: int = at, end: int | None = end) -> None:
                inside = progress.done / max(1, progress.total)
                whole = (at + PART_CHUNKS * inside) / end if end else inside
                pace.text(min(1.0, whole))

            chunks = min(PART_CHUNKS, (end or self._most_chunks or PART_CHUNKS + at) - at)
            request = TextRequest(model=self._path, text=self._text, first_chunk=at, most_chunks=chunks)
            part = read_part(request, self._command, JobContext(tell, cancel))
            yield ItemResult(
                id=f"perplexity/{at:05}",
                kind="perplexity",
                verdict="scored",
                scores={
                    "chunks": part.chunks,
                    "all_chunks": part.all_chunks,
                    "scored_tokens": part.scored_tokens,
                    "nll": part.nll,
                    "nll_squares": part.nll_squares,
                    "seconds": part.seconds,
                },
                at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            )
            at += part.chunks
            end = self._end(part.all_chunks)

    def _end(self, all_chunks: int) -> int:
        return min(all_chunks, self._most_chunks or all_chunks)
