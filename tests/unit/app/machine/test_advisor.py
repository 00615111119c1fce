"""Estimates give way to what was measured on this computer."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from app.engine.planning.memory_estimate import shape_of
from app.engine.protocol import LoadSettings
from app.machine.advisor import Advisor, FileFacts, Use
from app.machine.measurements import LoadMeasurement
from models.catalogue.catalogue import CatalogueModel, catalogue, find
from models.catalogue.similar import similar_weights
from models.memory.fit import GpuMemory, Memory, Verdict
from models.quantisation.chosen_mixture import ChosenMixture, PlainType
from models.quantisation.file_size import weights_of
from models.quantisation.quantisation_types import QUANTISATIONS
from models.store.store import InstalledModel
from tests.support.qualities import made_up_quality

GIB = 1 << 30
MEMORY = Memory(32 * GIB, ram_bytes_per_s=20e9)
USE = Use(8192, "f16")


def model(key: str) -> CatalogueModel:
    found = find(key)
    assert found is not None
    return found


def installed(key: str, kind: str) -> InstalledModel:
    return InstalledModel(
        model(key).name, kind, Path(f"/models/{key}-{kind}.gguf"), model(key).sizes_bytes[kind], key=key
    )


def measurement(file: InstalledModel, tok_per_s: float, gpu_layers: int = 0) -> LoadMeasurement:
    return LoadMeasurement(
        path=str(file.path),
        file_bytes=file.bytes,
        context_tokens=8192,
        kv_type="f16",
        batch_tokens=512,
        gpu_layers=gpu_layers,
        sequences=4,
        buffers={"CPU": 5 * GIB},
        decode_tok_per_s=tok_per_s,
    )


def test_every_model_and_quantisation_has_an_outlook() -> None:
    found = Advisor(catalogue(), MEMORY).outlooks(USE)
    assert len(found) == 7 * len(QUANTISATIONS)
    assert all(one.measured is None and str(one.fit) for one in found)
    assert {one.basis for one in found if one.fit.verdict is Verdict.RAM} == {"memory"}
    assert {one.tok_per_s for one in found if one.fit.verdict is Verdict.TOO_LARGE} == {None}


def test_the_recommended_model_has_the_type_of_the_recommendation() -> None:
    small = Memory(4 * GIB, (GpuMemory("small", int(2.6 * GIB), 12 * GIB),), ram_bytes_per_s=20e9)
    advisor = Advisor(catalogue(), small)
    best = advisor.recommendation()
    assert best is not None
    assert (best.model.key, best.fit.quantisation) == ("r1-qwen-1.5b", "Q4_K_M")
    assert advisor.recommended_type(best.model) == "Q4_K_M", "with more context than Q8_0 leaves room for"


def test_a_model_is_judged_once() -> None:
    advisor = Advisor(catalogue(), MEMORY)
    first = advisor.outlook(model("r1-qwen-7b"), "Q4_K_M", USE)
    assert advisor.outlook(model("r1-qwen-7b"), "Q4_K_M", USE) is first
    assert advisor.outlook(model("r1-qwen-7b"), "Q4_K_M").fit != first.fit, "another use"


def test_advisors_judge_alike_by_the_same_facts_and_about_as_much_free_memory() -> None:
    file = installed("r1-qwen-7b", "Q4_K_M")
    advisor = Advisor(catalogue(), MEMORY, [measurement(file, 3.3)], [file])
    alike = Advisor(catalogue(), replace(MEMORY, ram_bytes=int(31.9 * GIB)), [measurement(file, 3.3)], [file])
    assert advisor.judges_like(alike)
    others = [
        Advisor(catalogue(), replace(MEMORY, ram_bytes=30 * GIB), [measurement(file, 3.3)], [file]),
        Advisor(catalogue(), replace(MEMORY, ram_bytes_per_s=30e9), [measurement(file, 3.3)], [file]),
        Advisor(catalogue(), MEMORY, [measurement(file, 3.4)], [file]),
        Advisor(catalogue(), MEMORY, [measurement(file, 3.3)]),
        Advisor(
            catalogue(), MEMORY, [measurement(file, 3.3)], [file], {str(file.path): FileFacts(LoadSettings())}
        ),
    ]
    assert not any(advisor.judges_like(other) for other in others)


def test_the_measured_file_replaces_its_estimate() -> None:
    file = installed("r1-qwen-7b", "Q4_K_M")
    advisor = Advisor(catalogue(), MEMORY, [measurement(file, 3.3)], [file])
    one = advisor.outlook(model("r1-qwen-7b"), "Q4_K_M", USE)
    assert (one.tok_per_s, one.basis, one.ram_bytes) == (3.3, "measured", 5 * GIB)
    other_context = advisor.outlook(model("r1-qwen-7b"), "Q4_K_M", Use(4096, "f16"))
    assert other_context.measured is None
    assert (other_context.tok_per_s, other_context.basis) == (3.3, "measured"), "one speed of one file"
    assert other_context.ram_bytes == other_context.fit.need.ram.total


def test_another_file_in_its_place_is_not_the_measured_one() -> None:
    file = installed("r1-qwen-7b", "Q4_K_M")
    before = measurement(file, 3.3)
    rebuilt = InstalledModel(file.name, file.type, file.path, file.bytes - 1, key=file.key)
    one = Advisor(catalogue(), MEMORY, [before], [rebuilt]).outlook(model("r1-qwen-7b"), "Q4_K_M", USE)
    assert one.measured is None
    assert one.basis == "memory"


def test_replies_of_the_largest_model_tell_the_speed_of_the_others() -> None:
    small, large = installed("r1-qwen-1.5b", "Q8_0"), installed("r1-qwen-7b", "Q8_0")
    loads = [measurement(large, 2.0), measurement(small, 30.0)]
    one = Advisor(catalogue(), MEMORY, loads, [small, large]).outlook(model("r1-llama-8b"), "Q8_0", USE)
    read = weights_of(model("r1-qwen-7b").shape, "Q8_0").read_per_token
    other = weights_of(model("r1-llama-8b").shape, "Q8_0").read_per_token
    assert one.tok_per_s == pytest.approx(2.0 * read / other, rel=0.01)


def test_replies_of_one_kind_of_weights_tell_of_the_other_by_what_was_measured() -> None:
    file = installed("r1-qwen-7b", "Q8_0")
    measured = replace(MEMORY, eight_bit_bytes_per_s=25e9)
    read = weights_of(model("r1-qwen-7b").shape, "Q8_0").read_per_token
    advisor = Advisor(catalogue(), measured, [measurement(file, 4.0)], [file])
    assert advisor.memory.eight_bit_bytes_per_s == pytest.approx(4.0 * read, rel=0.01)
    assert advisor.memory.ram_bytes_per_s == pytest.approx(4.0 * read * 20 / 25, rel=0.01)
    unmeasured = replace(MEMORY, ram_bytes_per_s=0.0)
    alone = Advisor(catalogue(), unmeasured, [measurement(file, 4.0)], [file])
    assert alone.memory.ram_bytes_per_s == pytest.approx(4.0 * read, rel=0.01)


def test_a_cards_speed_is_unknown_until_a_reply_ran_on_it() -> None:
    card = Memory(32 * GIB, (GpuMemory("A", 24 * GIB, 24 * GIB),), ram_bytes_per_s=20e9)
    wanted = model("r1-llama-8b")
    assert Advisor(catalogue(), card).outlook(wanted, "Q4_K_M", USE).tok_per_s is None
    file = installed("r1-qwen-7b", "Q4_K_M")
    known = Advisor(catalogue(), card, [measurement(file, 80.0, gpu_layers=29)], [file])
    found = known.outlook(wanted, "Q4_K_M", USE)
    assert found.fit.verdict is Verdict.GPU
    assert found.tok_per_s == pytest.approx(76, rel=0.1)


def test_a_load_for_other_replies_tells_its_speed_and_not_its_memory() -> None:
    file = installed("r1-qwen-7b", "Q4_K_M")
    alone = msgspec.structs.replace(measurement(file, 3.3), sequences=1)
    one = Advisor(catalogue(), MEMORY, [alone], [file]).outlook(model("r1-qwen-7b"), "Q4_K_M", USE)
    assert (one.tok_per_s, one.basis, one.measured) == (3.3, "measured", alone)
    assert one.ram_bytes == one.fit.need.ram.total
    both = Advisor(catalogue(), MEMORY, [measurement(file, 3.0), alone], [file])
    assert both.outlook(model("r1-qwen-7b"), "Q4_K_M", USE).ram_bytes == 5 * GIB


def test_the_memory_is_that_of_the_load_and_not_of_one_reply() -> None:
    found = Advisor(catalogue(), MEMORY).outlook(model("r1-qwen-1.5b"), "Q8_0").fit
    assert (found.demand.sequences, found.context_tokens) == (4, 16384)
    assert found.cache_bytes == 4 * 16384 * 28 * 2 * 256 * 2
    assert "4 × 16,384 tokens" in str(found)


def test_what_was_chosen_for_a_file_counts_in_its_outlook() -> None:
    file = installed("r1-qwen-1.5b", "Q8_0")
    facts = {str(file.path): FileFacts(LoadSettings(context_tokens=4096, sequences=2))}
    advisor = Advisor(catalogue(), MEMORY, (), [file], facts=facts)
    demand = advisor.outlook(model("r1-qwen-1.5b"), "Q8_0").fit.demand
    assert (demand.context_tokens, demand.sequences) == (4096, 2)
    other = advisor.outlook(model("r1-qwen-1.5b"), "Q4_K_M").fit.demand
    assert (other.context_tokens, other.sequences) == (16384, 4)


def test_a_provisional_speed_of_the_memory_makes_provisional_speeds() -> None:
    busy = replace(MEMORY, speed_is_provisional=True)
    assert Advisor(catalogue(), busy).outlook(model("r1-qwen-7b"), "Q4_K_M").basis == "provisional"
    file = installed("r1-qwen-7b", "Q8_0")
    known = Advisor(catalogue(), busy, [measurement(file, 2.0)], [file])
    assert known.outlook(model("r1-llama-8b"), "Q8_0").basis == "replies"


def test_a_model_that_is_too_large_is_offered_the_context_that_fits() -> None:
    # 14B in Q4_K_M are 9 GB; 16,384 tokens of context are 3.2 GB.
    asked = LoadSettings(context_tokens=16384)
    little = Memory(int(12.3 * GIB))
    found = Advisor(catalogue(), little, default=asked).outlook(model("r1-qwen-14b"), "Q4_K_M").fit
    assert found.verdict is Verdict.TOO_LARGE
    assert found.smaller_context_tokens == 8192
    assert "1.6 GB of them are left to the system" in str(found)
    less = Advisor(catalogue(), Memory(9 * GIB), default=asked).outlook(model("r1-qwen-14b"), "Q4_K_M").fit
    assert (less.verdict, less.smaller_context_tokens) == (Verdict.TOO_LARGE, 0)


def test_a_small_models_replies_say_nothing_of_large_ones() -> None:
    starter = InstalledModel("SmolLM2", "Q4_1", Path("/s.gguf"), 98_000_000, key="starter", bundled=True)
    advisor = Advisor(catalogue(), MEMORY, [measurement(starter, 130.0)], [starter])
    assert advisor.outlook(model("r1-qwen-7b"), "Q4_K_M", USE).basis == "memory"


def mixed(key: str, size_bytes: int, loss: float | None) -> InstalledModel:
    """A file whose types were chosen for its size; its expected divergence is 0.01, that of any type 0.02."""
    chosen = ChosenMixture(
        asked_bytes=size_bytes,
        bytes=size_bytes,
        bits_per_weight=5.0,
        divergence=0.01,
        reason="",
        text="a text",
        plain=tuple(
            PlainType(type=kind, bytes=model(key).sizes_bytes[kind], divergence=0.02)
            for kind in QUANTISATIONS
        ),
    )
    quality = made_up_quality(bytes=size_bytes, kld_mean=loss) if loss is not None else None
    path = Path(f"/models/{key}-{chosen.label}.gguf")
    return InstalledModel(
        model(key).name, chosen.label, path, size_bytes, key=key, quality=quality, mixture=chosen
    )


def with_files(memory: Memory, *files: InstalledModel) -> Advisor:
    facts = {}
    for file in files:
        found = model(file.key)
        shape = shape_of(found.shape, similar_weights(found, file.bytes), found.context_limit)
        facts[str(file.path)] = FileFacts(LoadSettings(), shape)
    return Advisor(catalogue(), memory, (), files, facts=facts)


def test_a_mixture_is_best_here_once_it_is_measured() -> None:
    fast = replace(MEMORY, ram_bytes_per_s=90e9)
    wanted = model("r1-qwen-7b")
    kind = with_files(fast).recommended_type(wanted)
    size = wanted.sizes_bytes[kind]
    assert with_files(fast).best_mixture(wanted) is None
    assert with_files(fast, mixed("r1-qwen-7b", size, None)).best_mixture(wanted) is None
    file = mixed("r1-qwen-7b", size, 0.015)
    assert with_files(fast, file).best_mixture(wanted) == file
    better = mixed("r1-qwen-7b", size + 100_000_000, 0.012)
    assert with_files(fast, file, better).best_mixture(wanted) == better
    # What both were measured to lose goes before what was expected.
    plain = replace(installed("r1-qwen-7b", kind), quality=made_up_quality(kld_mean=0.011))
    assert with_files(fast, file, plain).best_mixture(wanted) is None


def test_a_mixture_that_is_too_slow_or_too_large_is_not_best() -> None:
    wanted = model("r1-qwen-7b")
    large = mixed("r1-qwen-7b", wanted.sizes_bytes["Q8_0"], 0.001)
    assert with_files(replace(MEMORY, ram_bytes_per_s=60e9), large).best_mixture(wanted) is None
    card = Memory(32 * GIB, (GpuMemory("A", 6 * GIB, 6 * GIB),), ram_bytes_per_s=20e9)
    assert with_files(card, large).best_mixture(wanted) is None
