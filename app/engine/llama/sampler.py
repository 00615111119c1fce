"""Drawing tokens with llama.cpp's own samplers."""

import ctypes
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import llama_cpp
import msgspec
import numpy as np

from app.engine.grammar.grammar_matcher import Grammar
from app.engine.llama.candidates import Candidates, Logits
from app.engine.llama.context import Context
from app.engine.llama.errors import NativeError
from app.engine.llama.logit_prefilter import negligible_gap, nucleus
from app.engine.llama.model import Model
from app.engine.protocol import Sampling

_MIROSTAT_TOKENS = 100

_WIDE = 3000
"""So many tokens llama.cpp's top_p sorts sooner than numpy finds the nucleus, whose fifteen steps come from
memory again after each decode (0.1 ms)."""


class Drawing(NamedTuple):
    """The drawing of a token where only the logits matter: among those at most `gap` below the largest,
    by the `llama_sampler *`, or the first where there is none. Of more than `widest` Python draws."""

    sampler: int | None
    gap: float
    widest: int


class Sampler:
    """Chains of llama.cpp's own samplers, in the order of the reference implementations: bias and penalties,
    top_k, temperature, typical, top_p, min_p, XTC, draw (transformers applies top_p to the tempered
    distribution, and so were the DeepSeek-R1 figures made; llama.cpp's own default tempers last).

    The samplers get only tokens that matter: the penalties those that they know, the others those whose share
    is not negligible (see `nucleus`). A `grammar` counts from `bind` on.
    """

    def __init__(
        self,
        model: Model,
        sampling: Sampling,
        seed: int,
        candidates: Candidates,
        grammar: Grammar | None = None,
    ) -> None:
        if sampling.greedy:
            sampling = msgspec.structs.replace(sampling, temperature=0.0)
        self._candidates = candidates
        self._sampling = sampling
        self._grammar = grammar
        self._bound = False
        self._greedy = sampling.greedy
        self._gap = 0.0 if self._greedy else negligible_gap(model.vocabulary, sampling.temperature)
        self._penalty = _chain(_penalties(model, sampling))
        window = max(
            sampling.repeat_last_tokens if _penalises(sampling) else 0,
            sampling.dry_last_tokens if sampling.dry_multiplier > 0.0 else 0,
        )
        self._recent: deque[int] = deque(maxlen=window)
        self._biased = np.fromiter(sampling.logit_bias, np.int32, len(sampling.logit_bias))
        # With R1's temperature and top_p, a wide distribution need not be sorted.
        self._by_nucleus = (
            0.0 < sampling.top_p < 1.0
            and not sampling.mirostat
            and not sampling.top_k
            and sampling.typical_p >= 1.0
        )
        self._last = _chain(_drawing(model, sampling, seed))
        self._whole = _chain([*_narrowing(sampling), self._last]) if self._last is not None else None
        self.drawing: Drawing | None = None
        """None where a penalty, a bias or a grammar has to be heard for each token."""
        if grammar is None and self._penalty is None:
            widest = _WIDE if self._by_nucleus else model.vocabulary
            address = None if self._whole is None else ctypes.cast(self._whole, ctypes.c_void_p).value
            self.drawing = Drawing(address, self._gap, widest)

    def sample(self, context: Context, row: int, *, also: int = -1) -> int:
        """Draw the next token from the logits of batch row `row`, which must have asked for them.

        `also` is a token that may come although the grammar has none such. Raises `NativeError` where no
        token can be drawn, `GrammarError` where the grammar takes too much.
        """
        candidates = self._candidates
        penalised = self._penalised(context.logits(row)) if self._recent or len(self._biased) else None
        if penalised is not None:
            found = candidates.fill_likely(penalised, self._gap)
        else:
            found = candidates.fill_likely_of_row(context.handle, row, self._gap)
        token = self._choose(found)
        grammar = self._grammar
        if grammar is not None and self._bound and token != also:
            # Mostly the model writes by itself what the grammar wants, and testing one token is cheap.
            if not grammar.allows(token):
                logits = context.logits(row) if penalised is None else penalised
                fitting = grammar.allowed(logits, self._gap)
                if not len(fitting):
                    raise NativeError("no token fits the grammar here")
                token = int(fitting[self._choose(candidates.fill_likely(logits[fitting], self._gap))])
            grammar.accept(token)
        self.accept(token)
        return token

    def accept(self, token: int) -> None:
        """Count a token that was not drawn here for the penalties; `sample` counts what it draws."""
        if self._penalty is not None:
            llama_cpp.llama_sampler_accept(self._penalty, token)
            self._recent.append(token)

    def accept_prompt(self, tokens: Sequence[int]) -> None:
        """Count the end of the prompt, as far back as the penalties look."""
        if window := self._recent.maxlen:
            for token in tokens[-window:]:
                self.accept(token)

    def bind(self) -> None:
        """Apply the grammar from the next token on."""
        self._bound = True

    def unbind(self) -> None:
        """Suspend the grammar where it stands."""
        self._bound = False

    @property
    def has_grammar(self) -> bool:
        """Tell whether there is a grammar, be it applied yet or not."""
        return self._grammar is not None

    @property
    def bound(self) -> bool:
        """Tell whether a grammar is applied now."""
        return self._bound and self._grammar is not None

    def free(self) -> None:
        """Give the memory back."""
        for chain in (self._penalty, self._whole):
            if chain is not None:
                llama_cpp.llama_sampler_free(chain)
        self._penalty = self._whole = self._last = self.drawing = None
        self._grammar = None

    def _penalised(self, logits: Logits) -> Logits:
        recent = np.fromiter(self._recent, np.int32, len(self._recent))
        ids = np.unique(np.concatenate([recent, self._biased]))
        candidates = self._candidates
        candidates.fill(ids, logits[ids])
        candidates.apply(self._penalty)
        # What llama.cpp wrote stays, for the log probabilities of others.
        logits = logits.copy()
        logits[ids] = candidates.logits()
        return logits

    def _choose(self, found: int) -> int:
        """Choose one of so many candidates."""
        if not found:
            raise NativeError("the model computed no numbers")
        candidates = self._candidates
        if self._greedy:
            return candidates.first()
        if found > _WIDE and self._by_nucleus:
            temperature, logits = self._sampling.temperature, candidates.logits()
            inside = nucleus(logits, temperature, self._sampling.top_p)
            candidates.fill(candidates.ids()[inside], logits[inside] / np.float32(temperature))
            return candidates.draw(self._last)
        return candidates.draw(self._whole)


def _penalises(sampling: Sampling) -> bool:
    return sampling.repeat_last_tokens > 0 and (
        sampling.repeat_penalty != 1.0
        or sampling.presence_penalty != 0.0
        or sampling.frequency_penalty != 0.0
    )


def _penalties(model: Model, sampling: Sampling) -> list[Any]:
    samplers = []
    if sampling.logit_bias:
        biases = (llama_cpp.llama_logit_bias * len(sampling.logit_bias))(*sampling.logit_bias.items())
        samplers.append(llama_cpp.llama_sampler_init_logit_bias(model.vocabulary, len(biases), biases))
    if sampling.dry_multiplier > 0.0:
        breakers = (ctypes.c_char_p * len(sampling.dry_breakers))(
            *(text.encode() for text in sampling.dry_breakers)
        )
        samplers.append(
            llama_cpp.llama_sampler_init_dry(
                model.vocab,
                sampling.dry_multiplier,
                sampling.dry_base,
                sampling.dry_allowed_tokens,
                sampling.dry_last_tokens,
                breakers,
                len(breakers),
            )
        )
    if _penalises(sampling):
        samplers.append(
            llama_cpp.llama_sampler_init_penalties(
                model.vocabulary,
                sampling.repeat_last_tokens,
                sampling.repeat_penalty,
                sampling.frequency_penalty,
                sampling.presence_penalty,
            )
        )
    return samplers


def _narrowing(sampling: Sampling) -> list[Any]:
    if sampling.temperature <= 0.0:
        return []
    temper = llama_cpp.llama_sampler_init_temp(sampling.temperature)
    if sampling.mirostat:
        return [temper]
    samplers = []
    if sampling.top_k > 0:
        samplers.append(llama_cpp.llama_sampler_init_top_k(sampling.top_k))
    samplers.append(temper)
    if sampling.typical_p < 1.0:
        samplers.append(llama_cpp.llama_sampler_init_typical(sampling.typical_p, 1))
    if sampling.top_p < 1.0:
        samplers.append(llama_cpp.llama_sampler_init_top_p(sampling.top_p, 1))
    return samplers


def _drawing(model: Model, sampling: Sampling, seed: int) -> list[Any]:
    if sampling.temperature <= 0.0:
        return []
    if sampling.mirostat == 1:
        return [
            llama_cpp.llama_sampler_init_mirostat(
                model.vocabulary, seed, sampling.mirostat_tau, sampling.mirostat_eta, _MIROSTAT_TOKENS
            )
        ]
    if sampling.mirostat == 2:
        return [llama_cpp.llama_sampler_init_mirostat_v2(seed, sampling.mirostat_tau, sampling.mirostat_eta)]
    samplers = []
    if sampling.min_p > 0.0:
        samplers.append(llama_cpp.llama_sampler_init_min_p(sampling.min_p, 1))
    if sampling.xtc_probability > 0.0:
        samplers.append(
            llama_cpp.llama_sampler_init_xtc(sampling.xtc_probability, sampling.xtc_threshold, 1, seed)
        )
    return [*samplers, llama_cpp.llama_sampler_init_dist(seed)]


def _chain(samplers: list[Any]) -> Any:
    """Make a chain that owns `samplers`; None for none."""
    if not samplers:
        return None
    params = llama_cpp.llama_sampler_chain_default_params()
    params.no_perf = True
    chain = llama_cpp.llama_sampler_chain_init(params)
    for sampler in samplers:
        llama_cpp.llama_sampler_chain_add(chain, sampler)
    return chain
