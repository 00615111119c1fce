"""A grammar of llama.cpp (GBNF) that a reply must follow."""

from typing import Any

import llama_cpp
import numpy as np

from app.engine.llama.candidates import Candidates, Ids, Logits
from app.engine.llama.errors import NativeError
from app.engine.llama.model import Model

ROOT = "root"

FIRST_TRY = 1024
"""So many of the likeliest tokens are tested before the whole vocabulary, which takes 100 times as long."""


class Grammar:
    """The state of one reply in its grammar.

    llama.cpp ends the process over a token that does not fit, so each one is tested before it is accepted.
    """

    def __init__(self, model: Model, candidates: Candidates, gbnf: str) -> None:
        """Raises `NativeError` for a text that is no grammar."""
        self._grammar: Any = llama_cpp.llama_sampler_init_grammar(model.vocab, gbnf.encode(), ROOT.encode())
        if not self._grammar:
            raise NativeError("failed to parse grammar")
        self._candidates = candidates
        self._vocabulary = np.arange(model.vocabulary, dtype=np.int32)
        self._one = Candidates(1)

    def allows(self, token: int) -> bool:
        """`token` may come next."""
        self._one.fill(np.array([token]), np.zeros(1, np.float32))
        self._one.apply(self._grammar)
        return bool(np.isfinite(self._one.logits()[0]))

    def allowed(self, logits: Logits, gap: float) -> Ids:
        """The tokens that may come next; those that lie more than `gap` below the best of them may be
        missing."""
        if len(logits) > FIRST_TRY:
            first = np.argpartition(logits, -FIRST_TRY)[-FIRST_TRY:]
            fitting = self._fitting(first, logits)
            if len(fitting) and logits[fitting].max() - gap >= logits[first].min():
                return fitting
        return self._fitting(self._vocabulary, logits)

    def accept(self, token: int) -> None:
        """`token`, which the grammar allows, has come."""
        llama_cpp.llama_sampler_accept(self._grammar, token)

    def free(self) -> None:
        """Give the memory back."""
        if self._grammar:
            llama_cpp.llama_sampler_free(self._grammar)
            self._grammar = None

    def _fitting(self, ids: Ids, logits: Logits) -> Ids:
        candidates = self._candidates
        candidates.fill(ids, logits[ids])
        candidates.apply(self._grammar)
        return ids[np.isfinite(candidates.logits())]
