"""The `min_p` in front of top_p leaves the distribution as it is: llama.cpp's own samplers against numpy."""

import ctypes
from typing import Any

import numpy as np
import pytest

from app.engine.nucleus import NEGLIGIBLE_MASS, negligible_ratio

llama_cpp = pytest.importorskip("llama_cpp")

VOCABULARY = 151_936
TOKEN_DATA = np.dtype([("id", "<i4"), ("logit", "<f4"), ("p", "<f4")])


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


def apply(samplers: list[Any], logits: Any) -> Any:
    """The candidates that `samplers` leave, as (id, logit, p) rows."""
    params = llama_cpp.llama_sampler_chain_default_params()
    chain = llama_cpp.llama_sampler_chain_init(params)
    for sampler in samplers:
        llama_cpp.llama_sampler_chain_add(chain, sampler)
    rows = np.zeros(len(logits), TOKEN_DATA)
    rows["id"] = np.arange(len(logits))
    rows["logit"] = logits
    pointer = ctypes.cast(rows.ctypes.data, ctypes.POINTER(llama_cpp.llama_token_data))
    array = llama_cpp.llama_token_data_array(pointer, len(logits), -1, False)
    llama_cpp.llama_sampler_apply(chain, ctypes.byref(array))
    llama_cpp.llama_sampler_free(chain)
    return rows[: array.size]


def nucleus_shares(logits: Any, ids: Any, temperature: float, top_p: float) -> Any:
    """The exact (float64) distribution over the vocabulary after top_p among the candidates `ids`."""
    tempered = logits[ids].astype("f8") / temperature
    shares = np.exp(tempered - tempered.max())
    shares /= shares.sum()
    order = np.argsort(-shares, kind="stable")
    size = int(np.searchsorted(np.cumsum(shares[order]), top_p)) + 1
    inside = order[:size]
    out = np.zeros(len(logits))
    out[ids[inside]] = shares[inside] / shares[inside].sum()
    return out


@pytest.mark.parametrize("temperature", [0.3, 0.6, 1.0, 2.0])
@pytest.mark.parametrize("shape", ["flat", "nearly flat", "random", "wide", "peaked"])
def test_the_distribution_is_that_of_the_whole_vocabulary(shape: str, temperature: float) -> None:
    for seed in range(3):
        logits = logits_of(shape, seed)
        ratio = negligible_ratio(VOCABULARY, temperature)
        kept = np.sort(apply([llama_cpp.llama_sampler_init_min_p(ratio, 1)], logits)["id"])
        cut = nucleus_shares(logits, kept, temperature, 0.95)
        whole = nucleus_shares(logits, np.arange(VOCABULARY), temperature, 0.95)
        # At most the one token on the nucleus' edge may differ, and its share is below the float32 rounding.
        assert np.count_nonzero((cut > 0) != (whole > 0)) <= 1
        assert np.abs(cut - whole).sum() <= 1e-5
        assert np.abs(cut - whole).max() <= 2 * whole[whole > 0].min() + 1e-7


@pytest.mark.parametrize("shape", ["flat", "random", "wide", "peaked"])
def test_the_chain_draws_from_the_same_candidates(shape: str) -> None:
    logits = logits_of(shape, 5)
    temper = llama_cpp.llama_sampler_init_temp(0.6), llama_cpp.llama_sampler_init_temp(0.6)
    top_p = llama_cpp.llama_sampler_init_top_p(0.95, 1), llama_cpp.llama_sampler_init_top_p(0.95, 1)
    ratio = negligible_ratio(VOCABULARY, 0.6)
    cut = apply([llama_cpp.llama_sampler_init_min_p(ratio, 1), temper[0], top_p[0]], logits)
    whole = apply([temper[1], top_p[1]], logits)
    # The C samplers sum in float32 in another order, so the edge may lie some tokens off in a wide nucleus.
    assert abs(len(cut) - len(whole)) <= 1 + len(whole) // 200
    shared = min(len(cut), len(whole))
    if shape != "flat":
        assert set(cut["id"][:shared]) == set(whole["id"][:shared])
    assert np.allclose(cut["p"][:shared], whole["p"][:shared], rtol=1e-4)


@pytest.mark.parametrize("temperature", [0.1, 0.6, 1.0, 2.0, 10.0])
@pytest.mark.parametrize("shape", ["flat", "random", "wide", "peaked"])
def test_what_is_left_out_has_less_than_the_negligible_mass(shape: str, temperature: float) -> None:
    logits = logits_of(shape, 11)
    ratio = negligible_ratio(VOCABULARY, temperature)
    kept = apply([llama_cpp.llama_sampler_init_min_p(ratio, 1)], logits)
    tempered = logits.astype("f8") / temperature
    shares = np.exp(tempered - tempered.max())
    lost = 1.0 - shares[kept["id"]].sum() / shares.sum()
    assert lost <= NEGLIGIBLE_MASS


def test_the_worst_case_stays_below_the_bound() -> None:
    # All but one token sit right below the edge: the most mass that can be lost.
    temperature = 0.6
    ratio = negligible_ratio(VOCABULARY, temperature)
    logits = np.full(VOCABULARY, np.log(ratio) - 1e-4, "f4")
    logits[0] = 0.0
    kept = apply([llama_cpp.llama_sampler_init_min_p(ratio, 1)], logits)
    assert list(kept["id"]) == [0]
    lost = (VOCABULARY - 1) * np.exp(float(logits[1]) / temperature)
    assert lost < NEGLIGIBLE_MASS
