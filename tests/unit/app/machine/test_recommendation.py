"""Where the catalogue's models run on computers that this one is not, and which is recommended there."""

import pytest

from app.engine.protocol import LoadSettings
from app.machine.advisor import Advisor
from models.catalogue.catalogue import CatalogueModel, catalogue, find
from models.catalogue.recommend import Recommendation, strength
from models.memory.fit import Fit, GpuMemory, Memory, Verdict
from models.memory.memory_reserve import usable_vram_bytes

GIB = 1 << 30
ONE_REPLY = LoadSettings(context_tokens=16384, sequences=1)


def memory(vram_gib: float = 0, ram_gib: float = 32) -> Memory:
    gpus = (GpuMemory("NVIDIA RTX 3060", int(vram_gib * GIB), int(vram_gib * GIB)),) if vram_gib else ()
    return Memory(int(ram_gib * GIB), gpus)


def model(key: str) -> CatalogueModel:
    found = find(key)
    assert found is not None
    return found


def fit_of(key: str, where: Memory, kind: str = "Q4_K_M", asked: LoadSettings = ONE_REPLY) -> Fit:
    return Advisor(catalogue(), where, default=asked).outlook(model(key), kind).fit


def recommendation(where: Memory) -> Recommendation | None:
    return Advisor(catalogue(), where).recommendation()


def test_a_7b_fits_on_a_12_gb_card_with_its_parts_named() -> None:
    found = fit_of("r1-qwen-7b", memory(11.3))
    assert found.verdict is Verdict.GPU
    assert found.gpu_layers == found.layers == 29
    assert str(found) == (
        "Fits entirely on the NVIDIA RTX 3060, 12.1 GB free: it takes 5.7 GB, which are 4.4 GB weights, "
        "940 MB cache for 1 × 16,384 tokens of context (replies side by side) and 374 MB buffers."
    )


def test_a_32b_goes_partly_on_a_12_gb_card() -> None:
    found = fit_of("r1-qwen-32b", memory(11.3, ram_gib=64))
    assert found.verdict is Verdict.PARTLY
    assert 20 < found.gpu_layers < 45
    assert f"{found.gpu_layers} of 65 layers" in str(found)


def test_without_a_gpu_a_model_runs_in_ram_or_is_too_large() -> None:
    assert fit_of("r1-qwen-7b", memory()).verdict is Verdict.RAM
    large = fit_of("r1-llama-70b", memory())
    assert large.verdict is Verdict.TOO_LARGE
    assert "Too large" in str(large)


def test_layers_never_take_more_than_is_free() -> None:
    for key in ("r1-qwen-1.5b", "r1-qwen-14b", "r1-llama-70b"):
        before = -1
        for vram_gib in (0.5, 1, 2, 4, 8, 16, 24, 48, 80):
            found = fit_of(key, memory(vram_gib, ram_gib=256))
            assert found.gpu_layers >= before
            before = found.gpu_layers
            assert found.need.device.total <= usable_vram_bytes(int(vram_gib * GIB), int(vram_gib * GIB))


def test_two_cards_hold_more_than_one() -> None:
    card = GpuMemory("A", 12 * GIB)
    one = fit_of("r1-qwen-32b", Memory(64 * GIB, (card,)))
    two = fit_of("r1-qwen-32b", Memory(64 * GIB, (card, card)))
    assert two.gpu_layers > one.gpu_layers
    assert "A + A" in str(two)


def test_a_quantised_cache_needs_less() -> None:
    full = fit_of("r1-llama-8b", memory(8))
    small = fit_of(
        "r1-llama-8b", memory(8), asked=LoadSettings(context_tokens=16384, sequences=1, kv_type="q8_0")
    )
    assert small.cache_bytes < full.cache_bytes * 0.54


@pytest.mark.parametrize(
    ("vram_gib", "ram_gib", "key", "kind", "context"),
    [
        (3.6, 16, "r1-qwen-1.5b", "Q8_0", 16384),
        (7.2, 16, "r1-qwen-7b", "Q4_K_M", 16384),
        (11.3, 32, "r1-0528-qwen3-8b", "Q4_K_M", 16384),
        (23.3, 64, "r1-0528-qwen3-8b", "Q4_K_M", 16384),
        (0, 16, "r1-qwen-1.5b", "Q8_0", 16384),
        (0, 3.5, "r1-qwen-1.5b", "Q4_K_M", 16384),
    ],
)
def test_recommendations(vram_gib: float, ram_gib: float, key: str, kind: str, context: int) -> None:
    found = recommendation(memory(vram_gib, ram_gib))
    assert found is not None
    assert (found.model.key, found.fit.quantisation, found.fit.context_tokens) == (key, kind, context)


def test_a_slow_memory_means_a_smaller_model() -> None:
    for gb_per_s, key, kind in ((90, "r1-0528-qwen3-8b", "Q4_K_M"), (30, "r1-qwen-1.5b", "Q8_0")):
        found = recommendation(Memory(32 * GIB, ram_bytes_per_s=gb_per_s * 1e9))
        assert found is not None
        assert (found.model.key, found.fit.quantisation) == (key, kind)
    slowest = recommendation(Memory(32 * GIB, ram_bytes_per_s=5e9))
    assert slowest is not None
    assert (slowest.model.key, slowest.fit.quantisation) == ("r1-qwen-1.5b", "Q4_K_M")
    assert not slowest.is_quick
    assert slowest.alternative is not None
    assert slowest.alternative[0].key == "r1-0528-qwen3-8b"


def test_weights_of_eight_bits_have_a_speed_of_their_own() -> None:
    memory = Memory(32 * GIB, ram_bytes_per_s=17e9, eight_bit_bytes_per_s=25e9)
    found = recommendation(memory)
    assert found is not None
    assert (found.model.key, found.fit.quantisation) == ("r1-qwen-1.5b", "Q8_0")
    for kind, bytes_per_s in (("Q8_0", 25e9), ("BF16", 25e9), ("Q6_K", 17e9), ("", 17e9)):
        assert memory.reading_bytes_per_s(kind) == bytes_per_s
    assert Memory(32 * GIB, ram_bytes_per_s=17e9).reading_bytes_per_s("Q8_0") == 17e9


def test_the_alternative_has_better_scores_and_runs() -> None:
    found = recommendation(memory(7.2, 16))
    assert found is not None
    assert found.alternative is not None
    model, its_fit = found.alternative
    assert strength(model) > strength(found.model)
    assert its_fit.verdict is not Verdict.TOO_LARGE


def test_the_speed_follows_from_what_a_token_reads() -> None:
    assert fit_of("r1-qwen-7b", memory()).tok_per_s is None
    slow = fit_of("r1-qwen-7b", Memory(32 * GIB, ram_bytes_per_s=20e9))
    assert slow.tok_per_s == pytest.approx(20e9 / slow.weights_bytes, rel=0.01)
    card = GpuMemory("A", 5 * GIB, 5 * GIB, bytes_per_s=400e9)
    both = fit_of("r1-qwen-7b", Memory(32 * GIB, (card,), ram_bytes_per_s=20e9))
    assert both.verdict is Verdict.PARTLY
    assert both.tok_per_s is not None
    assert slow.tok_per_s < both.tok_per_s < 90
    assert fit_of("r1-qwen-7b", Memory(32 * GIB, (card,))).tok_per_s is None


def test_the_type_to_make_of_a_model_is_the_best_that_is_quick() -> None:
    for gb_per_s, key, kind in (
        (30, "r1-qwen-1.5b", "Q8_0"),
        (15, "r1-qwen-1.5b", "Q4_K_M"),
        (30, "r1-qwen-14b", "Q4_K_M"),
    ):
        advisor = Advisor(catalogue(), Memory(32 * GIB, ram_bytes_per_s=gb_per_s * 1e9))
        assert advisor.recommended_type(model(key)) == kind


def test_nothing_is_recommended_where_nothing_runs() -> None:
    assert recommendation(memory(0, 1.6)) is None
