"""The log probabilities of tokens."""

import numpy as np

from app.engine.llama.candidates import Logits
from app.engine.llama.model import Model
from app.engine.protocol import Candidate, TokenLogprob


def token_logprob(model: Model, logits: Logits, token: int, alternatives: int) -> TokenLogprob:
    """The log probability of `token` and those of the `alternatives` likeliest tokens, of the model's own
    distribution: before temperature, penalties and whatever else."""
    largest = logits.max()
    total = np.exp(logits - largest, dtype=np.float32).sum(dtype=np.float64)
    offset = float(largest) + float(np.log(total))

    def candidate(id_: int) -> Candidate:
        return Candidate(id_, model.raw_piece(id_, special=True), float(logits[id_]) - offset)

    if not alternatives:
        return TokenLogprob(candidate(token))
    best = np.argpartition(logits, -alternatives)[-alternatives:]
    best = best[np.argsort(-logits[best], kind="stable")]
    return TokenLogprob(candidate(token), [candidate(int(id_)) for id_ in best])
