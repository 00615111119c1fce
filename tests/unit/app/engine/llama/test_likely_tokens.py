"""Finding the likely tokens, by llama.cpp's library (packaging/engine/likely_tokens.cpp) and without it."""

from typing import Any

import numpy as np
import pytest

from app.engine.llama import candidates as module
from app.engine.llama.candidates import Candidates

LANES = 32
"""So many logits are looked at side by side."""


@pytest.fixture(params=["compiled in", "as it comes"], autouse=True)
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stillroom's llama.cpp, and one that knows nothing of likely tokens."""
    names = ("_likely_tokens", "_likely_tokens_of_row", "_draw")
    if request.param == "as it comes":
        for name in names:
            monkeypatch.setattr(module, name, None)
    else:
        assert all(getattr(module, name) is not None for name in names)


def found_in(logits: Any, gap: float) -> list[tuple[int, float]]:
    candidates = Candidates(len(logits))
    assert candidates.fill_likely(logits, gap) == len(candidates.ids())
    return list(zip(candidates.ids().tolist(), candidates.logits().tolist(), strict=True))


@pytest.mark.parametrize("gap", [0.0, 0.5, 3.0, 12.3, 1e9])
@pytest.mark.parametrize("count", [1, 2, LANES - 1, LANES, LANES + 1, 5 * LANES + 7, 49_152, 151_936])
def test_those_at_most_so_far_below_the_largest(count: int, gap: float) -> None:
    for seed in range(5):
        logits = np.random.default_rng(seed).normal(0, 3, count).astype("f4")
        kept = (logits >= logits.max() - np.float32(gap)).nonzero()[0]
        assert found_in(logits, gap) == list(zip(kept.tolist(), logits[kept].tolist(), strict=True))


@pytest.mark.parametrize("place", [0, LANES - 1, LANES, 3 * LANES, 3 * LANES + 4])
def test_the_first_of_the_largest_comes_first(place: int) -> None:
    logits = np.zeros(3 * LANES + 5, "f4")
    logits[place:] = 7.0
    candidates = Candidates(len(logits))
    candidates.fill_likely(logits, 0.0)
    assert candidates.first() == place == logits.argmax()


@pytest.mark.parametrize("place", [0, LANES - 1, LANES, 3 * LANES, 3 * LANES + 4])
@pytest.mark.parametrize("strange", [np.nan, np.inf])
def test_one_that_is_no_number_leaves_nothing(place: int, strange: float) -> None:
    logits = np.random.default_rng(place).normal(0, 3, 3 * LANES + 5).astype("f4")
    logits[place] = strange
    assert found_in(logits, 5.0) == []


def test_forbidden_tokens_are_left_out() -> None:
    # A logit bias of minus infinity forbids a token.
    logits = np.full(LANES + 3, -np.inf, "f4")
    logits[[5, LANES + 1]] = 1.0, 2.0
    assert found_in(logits, 5.0) == [(5, 1.0), (LANES + 1, 2.0)]
    assert found_in(np.full(LANES + 3, -np.inf, "f4"), 5.0) == []
