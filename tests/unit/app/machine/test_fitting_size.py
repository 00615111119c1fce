"""The size of file that fits: whole on the card where it can be, less of it for a longer context."""

import pytest

from app.engine.planning.memory_estimate import planned_fit, shape_of
from app.engine.protocol import LoadSettings
from app.machine.fitting_size import fitting_by_cache, largest_fitting_bytes, with_context
from models.catalogue.catalogue import CatalogueModel, find
from models.catalogue.similar import similar_weights
from models.memory.fit import GpuMemory, Memory, Verdict
from models.memory.kv_cache import kv_cache_bytes
from models.quantisation.file_size import weights_of
from models.quantisation.quantisation_types import EVERYDAY_TYPE

GIB = 1 << 30


def fitting(model: CatalogueModel, memory: Memory, context_tokens: int) -> int:
    spread = weights_of(model.shape, EVERYDAY_TYPE)
    asked = with_context(LoadSettings(), context_tokens)
    return largest_fitting_bytes(model.shape, spread, model.context_limit, asked, memory)


def model(key: str) -> CatalogueModel:
    found = find(key)
    assert found is not None
    return found


def card(free_bytes: int) -> Memory:
    return Memory(32 * GIB, (GpuMemory("Card", free_bytes, free_bytes),))


@pytest.mark.parametrize("context_tokens", [4096, 16384])
def test_what_fits_goes_whole_on_the_card_and_a_little_more_does_not(context_tokens: int) -> None:
    seven, memory = model("r1-qwen-7b"), card(6 * GIB)
    size = fitting(seven, memory, context_tokens)
    asked = with_context(LoadSettings(), context_tokens)

    def verdict(file_bytes: int) -> Verdict:
        shape = shape_of(seven.shape, similar_weights(seven, file_bytes), seven.context_limit)
        return planned_fit(asked, shape, "", memory).verdict

    assert verdict(size) is Verdict.GPU
    assert verdict(size + (8 << 20)) is not Verdict.GPU


def test_more_memory_and_less_context_leave_more_for_the_weights() -> None:
    seven = model("r1-qwen-7b")
    sizes = [fitting(seven, card(gib * GIB), 4096) for gib in (5, 6, 8)]
    assert sizes == sorted(sizes)
    assert fitting(seven, card(6 * GIB), 16384) < fitting(seven, card(6 * GIB), 4096)


def test_without_a_card_memory_decides_up_to_eight_and_a_half_bits() -> None:
    small = model("r1-qwen-1.5b")
    most = small.shape.parameters * 8.5 / 8
    assert most - (2 << 20) < fitting(small, Memory(32 * GIB), 4096) <= most
    assert 0 < fitting(model("r1-qwen-7b"), Memory(6 * GIB), 4096) < 5 * GIB


def by_cache(asked: LoadSettings, memory: Memory) -> tuple[int, int]:
    seven = model("r1-qwen-7b")
    spread = weights_of(seven.shape, EVERYDAY_TYPE)
    return fitting_by_cache(seven.shape, spread, seven.context_limit, asked, memory)


def test_a_cache_in_q8_0_leaves_half_of_the_caches_memory_to_the_weights() -> None:
    seven, asked = model("r1-qwen-7b"), with_context(LoadSettings(), 32768)
    wide, small = by_cache(asked, card(8 * GIB))
    cache = kv_cache_bytes(seven.shape, 32768)
    assert wide == fitting(seven, card(8 * GIB), 32768)
    assert 0.4 * cache < small - wide < 0.6 * cache


def test_a_cache_that_the_user_chose_is_no_question() -> None:
    asked = with_context(LoadSettings(kv_type="q8_0"), 32768)
    wide, small = by_cache(asked, card(8 * GIB))
    assert small == 0
    assert wide == by_cache(with_context(LoadSettings(), 32768), card(8 * GIB))[1]


def test_nothing_fits_where_not_even_the_smallest_does() -> None:
    assert fitting(model("r1-llama-70b"), Memory(8 * GIB), 4096) == 0
