"""Finding the likely tokens, by the library beside llama.cpp (packaging/engine/likely_tokens) and without."""

import importlib.util
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import psutil
import pytest

from app.engine.llama import candidates as module
from app.engine.llama.candidates import Candidates

LANES = 32
"""So many logits are looked at side by side."""


FUNCTIONS = ("_likely_tokens", "_likely_tokens_of_row", "_draw", "_best_of_row")


@pytest.fixture(params=["with the library", "with numpy"], autouse=True)
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment's own llama-cpp-python, and one as it comes."""
    if request.param == "with numpy":
        for name in FUNCTIONS:
            monkeypatch.setattr(module, name, None)
    else:
        assert all(getattr(module, name) is not None for name in FUNCTIONS)


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


def test_the_library_uses_the_llama_cpp_that_the_bindings_use() -> None:
    mapped = {Path(area.path).name for area in psutil.Process().memory_maps()}
    assert any("likely_tokens" in name for name in mapped)
    assert len([name for name in mapped if name.removeprefix("lib").startswith("llama.")]) == 1


@pytest.mark.parametrize("damaged", [False, True])
def test_a_llama_cpp_without_the_library_leaves_it_to_numpy(
    damaged: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lib").mkdir()
    if damaged:
        for name in ("liblikely_tokens.so", "likely_tokens.dll"):
            (tmp_path / "lib" / name).write_bytes(b"no library")
    monkeypatch.setattr(llama_cpp, "__file__", str(tmp_path / "__init__.py"))
    spec = importlib.util.spec_from_file_location("candidates_anew", module.__file__)
    assert spec is not None
    assert spec.loader is not None
    anew = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(anew)
    assert [getattr(anew, name) for name in FUNCTIONS] == [None] * 4
    candidates = anew.Candidates(3)
    assert candidates.fill_likely(np.array([1.0, 5.0, 4.0], "f4"), 2.0) == 2
    assert candidates.ids().tolist() == [1, 2]


def test_a_library_of_another_version_lacks_what_it_lacks() -> None:
    assert module.library_function("stillroom_of_another_version", None) is None
