"""Drawing tokens with llama.cpp's own samplers."""

from typing import Any

import llama_cpp

from app.engine.llama.context import Context
from app.engine.llama.model import Model
from app.engine.messages import Sampling
from app.engine.nucleus import negligible_ratio


class Sampler:
    """A chain of llama.cpp's own samplers, in the order of the reference implementations: penalties, top_k,
    temperature, top_p, min_p, draw (transformers applies top_p to the tempered distribution, and so were the
    DeepSeek-R1 figures made; llama.cpp's own default tempers last)."""

    def __init__(self, model: Model, sampling: Sampling, seed: int) -> None:
        add, chain = llama_cpp.llama_sampler_chain_add, _sampler_chain()
        self._chain = chain
        if sampling.repeat_penalty != 1.0 and sampling.repeat_last_tokens > 0:
            last = sampling.repeat_last_tokens
            penalties = llama_cpp.llama_sampler_init_penalties(
                model.vocabulary, last, sampling.repeat_penalty, 0.0, 0.0
            )
            add(chain, penalties)
        if sampling.temperature <= 0.0:
            add(chain, llama_cpp.llama_sampler_init_greedy())
            return
        if sampling.top_k > 0:
            add(chain, llama_cpp.llama_sampler_init_top_k(sampling.top_k))
        else:
            ratio = negligible_ratio(model.vocabulary, sampling.temperature)
            add(chain, llama_cpp.llama_sampler_init_min_p(ratio, 1))
        add(chain, llama_cpp.llama_sampler_init_temp(sampling.temperature))
        if sampling.top_p < 1.0:
            add(chain, llama_cpp.llama_sampler_init_top_p(sampling.top_p, 1))
        if sampling.min_p > 0.0:
            add(chain, llama_cpp.llama_sampler_init_min_p(sampling.min_p, 1))
        add(chain, llama_cpp.llama_sampler_init_dist(seed))

    def sample(self, context: Context, row: int) -> int:
        """Draw the next token from the logits of batch row `row`, which must have asked for them."""
        return int(llama_cpp.llama_sampler_sample(self._chain, context.handle, row))

    def accept(self, token: int) -> None:
        """Count a prompt token for the penalties; `sample` counts what it draws."""
        llama_cpp.llama_sampler_accept(self._chain, token)

    def free(self) -> None:
        """Give the memory back."""
        if self._chain:
            llama_cpp.llama_sampler_free(self._chain)
            self._chain = None


def _sampler_chain() -> Any:
    params = llama_cpp.llama_sampler_chain_default_params()
    params.no_perf = True
    return llama_cpp.llama_sampler_chain_init(params)
