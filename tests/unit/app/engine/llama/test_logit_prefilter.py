"""Leaving tokens out before llama.cpp's samplers changes nothing about the distribution: against numpy and
against llama.cpp's own top_p."""

import ctypes
from typing import Any

import llama_cpp
import numpy as np
import pytest

from app.engine.llama.candidates import Candidates
from app.engine.llama.logit_prefilter import NEGLIGIBLE_MASS, negligible_gap, nucleus

VOCABULARY = 151_936
TOKEN_DATA = np.dtype([("id", "<i4"), ("logit", "<f4"), ("p", "<f4")])
SHAPES = ["flat", "nearly flat", "random", "wide", "peaked"]


def logits_of(shape: str, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    if shape == "flat":
        return np.zeros(VOCABULARY, "f4")
    if shape == "nearly flat":
        return rng.normal(0, 0.05, VOCABULARY).astype("f4")
    if shape == "random":
        return rng.normal(0, 3, VOCABULARY).astype("f4")
    if shape == "wide":
        tail = rng.normal(0, 2.5, VOCABULARY - 3000)
        return np.concatenate([tail, rng.normal(6, 2, 3000)]).astype("f4")
    tail = rng.normal(0, 2.5, VOCABULARY - 20)
    return np.concatenate([tail, rng.normal(16, 4, 20)]).astype("f4")


def top_p_of_llama(ids: Any, logits: Any, temperature: float, top_p: float) -> set[int]:
    """The tokens that llama.cpp's samplers leave."""
    chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
    llama_cpp.llama_sampler_chain_add(chain, llama_cpp.llama_sampler_init_temp(temperature))
    llama_cpp.llama_sampler_chain_add(chain, llama_cpp.llama_sampler_init_top_p(top_p, 1))
    rows = np.zeros(len(ids), TOKEN_DATA)
    rows["id"] = ids
    rows["logit"] = logits[ids]
    pointer = ctypes.cast(rows.ctypes.data, ctypes.POINTER(llama_cpp.llama_token_data))
    array = llama_cpp.llama_token_data_array(pointer, len(ids), -1, False)
    llama_cpp.llama_sampler_apply(chain, ctypes.byref(array))
    left = {int(array.data[place].id) for place in range(array.size)}
    llama_cpp.llama_sampler_free(chain)
    return left


def likely(logits: Any, gap: float) -> Any:
    """The tokens that the samplers get."""
    candidates = Candidates(len(logits))
    candidates.fill_likely(logits, gap)
    return candidates.ids()


def shares_of(logits: Any, temperature: float) -> Any:
    shares = np.exp((logits.astype("f8") - logits.max()) / temperature)
    return shares / shares.sum()


@pytest.mark.parametrize("temperature", [0.1, 0.6, 1.0, 2.0, 10.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_left_out_has_less_than_the_negligible_mass(shape: str, temperature: float) -> None:
    logits = logits_of(shape, 11)
    kept = likely(logits, negligible_gap(VOCABULARY, temperature))
    lost = np.delete(shares_of(logits, temperature), kept).sum()
    assert lost < NEGLIGIBLE_MASS


def test_the_worst_case_stays_below_the_bound() -> None:
    # All but one token sit right below the edge: the most mass that can be lost.
    gap = negligible_gap(VOCABULARY, 0.6)
    logits = np.full(VOCABULARY, -gap - 1e-4, "f4")
    logits[0] = 0.0
    assert list(likely(logits, gap)) == [0]
    assert (VOCABULARY - 1) * np.exp(float(logits[1]) / 0.6) < NEGLIGIBLE_MASS


@pytest.mark.parametrize("temperature", [0.3, 0.6, 1.0, 2.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_nucleus_is_the_smallest_set_of_likeliest_tokens(shape: str, temperature: float) -> None:
    for seed in range(3):
        logits = logits_of(shape, seed)
        shares = shares_of(logits, temperature)
        inside = nucleus(logits, temperature, 0.95)
        least = shares[inside].min()
        assert shares[inside].sum() >= 0.95 - 1e-6
        # All tokens above its edge are in it, and without those at the edge it would be too small.
        assert np.count_nonzero(shares > least * (1 + 1e-6)) <= len(inside)
        assert shares[inside][shares[inside] > least * (1 + 1e-6)].sum() < 0.95 + 1e-6


@pytest.mark.parametrize("shape", ["random", "wide", "peaked"])
def test_llama_cpp_draws_from_the_same_tokens(shape: str) -> None:
    logits = logits_of(shape, 5)
    every = np.arange(VOCABULARY)
    whole = top_p_of_llama(every, logits, 0.6, 0.95)
    kept = likely(logits, negligible_gap(VOCABULARY, 0.6))
    cut = top_p_of_llama(kept, logits, 0.6, 0.95)
    found = set(nucleus(logits, 0.6, 0.95).tolist())
    # The C samplers sum in float32 in another order, so the edge may lie some tokens off in a wide nucleus.
    for other in (cut, found):
        assert len(whole ^ other) <= 1 + len(whole) // 200


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_vocabulary_of_few_tokens(count: int) -> None:
    logits = np.arange(count, dtype="f4")
    assert list(nucleus(logits, 0.1, 0.95)) == [count - 1]
