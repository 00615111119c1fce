"""The perplexity of one model on a text: chunks, scored half and BOS are those of llama-perplexity."""

import time

import numpy as np
import numpy.typing as npt

from converters.quality.evaluation import CONTEXT_TOKENS, Evaluation, Machine, Window
from converters.quality.measuring_client import TextPart, TextRequest
from converters.quality.token_progress import TokenProgress
from models.system.progress import OnProgress

_FIRST = CONTEXT_TOKENS // 2
_SEQUENCES = 4
"""As in llama-perplexity; parts of a text begin at multiples of it, so that the sums round alike."""

_ROWS = 64


def read_text(request: TextRequest, machine: Machine, on_progress: OnProgress) -> TextPart:
    """Read what `request` asks for; the stage is "measure".

    Raises `BuildError`, also for a text of less than two chunks.
    """
    first_chunk, most_chunks = request.first_chunk, request.most_chunks
    started_s = time.monotonic()
    window = Window(first_output=_FIRST, sequences=_SEQUENCES)
    with Evaluation(request.model, machine, window) as evaluation:
        chunks = evaluation.chunks(request.text.encode())
        part = chunks[first_chunk : first_chunk + most_chunks if most_chunks else None]
        progress = TokenProgress(
            on_progress,
            "measure",
            len(part) * CONTEXT_TOKENS,
            expected_s=len(part) * evaluation.chunk_s() if part else 0.0,
        )
        nll: list[npt.NDArray[np.float64]] = [np.zeros(0)]
        for start in range(0, len(part), _SEQUENCES):
            batch = part[start : start + _SEQUENCES]
            for logits, chunk in zip(evaluation.run(batch), batch, strict=True):
                # The last token's logits predict what no chunk holds.
                nll.append(_nll(logits[:-1], chunk[_FIRST + 1 :]))
            progress.advance(len(batch) * CONTEXT_TOKENS)
    losses = np.concatenate(nll)
    return TextPart(
        chunks=len(part),
        all_chunks=len(chunks),
        scored_tokens=len(losses),
        nll=float(losses.sum()),
        nll_squares=float((losses * losses).sum()),
        seconds=time.monotonic() - started_s,
    )


def _nll(logits: npt.NDArray[np.float32], tokens: list[int]) -> npt.NDArray[np.float64]:
    found = np.empty(len(tokens))
    for start in range(0, len(tokens), _ROWS):
        rows = logits[start : start + _ROWS]
        most = rows.max(axis=1)
        sums = np.exp(rows - most[:, None]).sum(axis=1, dtype=np.float64)
        wanted = np.asarray(tokens[start : start + _ROWS])[:, None]
        found[start : start + _ROWS] = np.log(sums) + most - np.take_along_axis(rows, wanted, 1)[:, 0]
    return found
