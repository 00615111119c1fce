"""Greedy generation by llama.cpp's functions alone: one sequence, its own greedy sampler, nothing of ours."""

import os
from collections.abc import Sequence

import llama_cpp


class LlamaGreedy:
    """A model and a context of `context_tokens`."""

    def __init__(self, model: str, *, threads: int, context_tokens: int) -> None:
        llama_cpp.llama_backend_init()
        self._model = llama_cpp.llama_model_load_from_file(
            os.fsencode(model), llama_cpp.llama_model_default_params()
        )
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = context_tokens
        params.n_threads = params.n_threads_batch = threads
        self._context = llama_cpp.llama_init_from_model(self._model, params)
        self._sampler = llama_cpp.llama_sampler_init_greedy()

    def complete(self, prompt: Sequence[int], tokens: int) -> list[int]:
        """The next `tokens` tokens."""
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self._context), True)
        said: list[int] = []
        pending = list(prompt)
        while True:
            # llama.cpp keeps the pointer: the array must live as long as the decode.
            array = (llama_cpp.llama_token * len(pending))(*pending)
            batch = llama_cpp.llama_batch_get_one(array, len(pending))
            assert llama_cpp.llama_decode(self._context, batch) == 0
            said.append(int(llama_cpp.llama_sampler_sample(self._sampler, self._context, -1)))
            if len(said) == tokens:
                return said
            pending = said[-1:]

    def close(self) -> None:
        """Give the memory back."""
        llama_cpp.llama_sampler_free(self._sampler)
        llama_cpp.llama_free(self._context)
        llama_cpp.llama_model_free(self._model)
