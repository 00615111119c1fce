"""A mixture in sentences: the cache that it was sized for, with its figures, and how to check its answers."""

from pathlib import Path

import msgspec

from app.commands.terminal.mixture_words import cache_sentence, check_sentences, mixture_sentences
from models.quantisation.chosen_mixture import CacheChoice, CacheLoss, ChosenMixture
from models.store.store import InstalledModel

LOSS = CacheLoss(kv_type="q8_0", divergence=1e-5, error=2e-6, window_tokens=512, scored_tokens=255)
CHOSEN = ChosenMixture(
    asked_bytes=5_500_000_000,
    bytes=5_490_000_000,
    bits_per_weight=5.61,
    divergence=0.0123,
    reason="The least.",
    text="a text",
)
OWN = "0.000010 nats a token (± 0.000004, 255 tokens, texts of 512) by itself"


def sized_for(kv_type: str, other_bytes: int) -> str:
    choice = msgspec.convert(
        {"kv_type": kv_type, "other_bytes": other_bytes, "other_divergence": 0.02, "loss": LOSS}, CacheChoice
    )
    mixture = msgspec.structs.replace(CHOSEN, cache=choice)
    sentence = cache_sentence(mixture, choice)
    assert sentence in mixture_sentences(mixture)
    return sentence


def test_a_cache_in_q8_0_is_told_with_what_f16_would_leave() -> None:
    assert sized_for("q8_0", 4_900_000_000) == (
        f"Sized for a KV cache in q8_0, which costs {OWN}: with one in f16 4.9 GB of weights, 0.02000 "
        "expected would be all that fits, against 0.01230 here."
    )


def test_a_cache_in_f16_is_told_with_what_q8_0_would_leave() -> None:
    assert sized_for("f16", 6_100_000_000) == (
        "Sized for a KV cache in f16: one in q8_0 leaves 6.1 GB of weights, 0.02000 expected, and costs "
        f"{OWN}."
    )


def test_where_nothing_fits_beside_f16_that_is_said() -> None:
    assert sized_for("q8_0", 0).endswith(": with one in f16 nothing fits.")


def test_a_mixture_by_size_says_nothing_of_caches() -> None:
    assert not any("cache" in line for line in mixture_sentences(CHOSEN))


def test_a_mixture_says_the_size_or_the_bits_that_it_was_chosen_for() -> None:
    assert mixture_sentences(CHOSEN)[0] == "Chosen for 5.5 GB: 5.61 bits a weight."
    by_bits = msgspec.structs.replace(CHOSEN, asked_bits=5.6)
    assert mixture_sentences(by_bits)[0] == "Chosen for 5.60 bits a weight: 5.61 in 5.5 GB."


def file(kind: str, size: int) -> InstalledModel:
    return InstalledModel("some one", kind, Path(f"{kind}.gguf"), size)


def test_the_check_against_the_largest_file_is_two_commands() -> None:
    made, others = file("MIX_3M", 3), [file("Q4_0", 4), file("MIX_3M", 3), file("Q8_0", 8)]
    head, first, second = check_sentences(made, others)
    assert "right answers of Q8_0" in head
    assert first == "  stillroom bench 'some one/Q8_0' --suite quality --kind maths"
    assert second == (
        "  stillroom bench 'some one/MIX_3M' --suite quality --kind maths --against 'some one/Q8_0'"
    )


def test_without_a_larger_file_or_outside_the_store_there_is_no_check() -> None:
    made = file("MIX_3M", 3)
    assert check_sentences(made, [made, file("Q2_K", 2)]) == []
    assert check_sentences(made, [file("Q8_0", 8)]) == []
