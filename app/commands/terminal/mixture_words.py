"""A mixture that was chosen by measurement, in sentences for a terminal."""

import shlex
from collections import defaultdict
from collections.abc import Sequence

from models.quantisation.chosen_mixture import CacheChoice, ChosenMixture
from models.quantisation.quantisation_loss import CONFIDENCE
from models.store.store import InstalledModel
from models.system.shown_text import shown
from models.system.units import byte_count


def mixture_sentences(mixture: ChosenMixture) -> list[str]:
    """Say what was chosen and why, the other sizes to compare with, and each type's tensors."""
    lines = [
        _asked_sentence(mixture),
        shown(mixture.reason, 400),
        "Expected of llama.cpp's own mixtures: "
        + ", ".join(
            f"{shown(plain.type)} {byte_count(plain.bytes)} {plain.divergence:.4f}" for plain in mixture.plain
        ),
    ]
    if mixture.cache is not None:
        lines.append(cache_sentence(mixture, mixture.cache))
    tensors: dict[str, list[int]] = defaultdict(list)
    for choice in mixture.tensors:
        tensors[choice.type].append(choice.bytes)
    lines += [
        f"{shown(kind)}: {len(sizes)} tensors, {byte_count(sum(sizes))}"
        for kind, sizes in sorted(tensors.items(), key=lambda item: -sum(item[1]))
    ]
    return lines


def _asked_sentence(mixture: ChosenMixture) -> str:
    bits = f"{mixture.bits_per_weight:.2f}"
    if mixture.asked_bits:
        return f"Chosen for {mixture.asked_bits:.2f} bits a weight: {bits} in {byte_count(mixture.bytes)}."
    return f"Chosen for {byte_count(mixture.asked_bytes)}: {bits} bits a weight."


def cache_sentence(mixture: ChosenMixture, cache: CacheChoice) -> str:
    """Say which KV cache the file was sized for, and by which figures."""
    loss = cache.loss
    spread = CONFIDENCE * loss.error
    own = (
        f"{loss.divergence:.6f} nats a token (± {spread:.6f}, {loss.scored_tokens} tokens, texts of "
        f"{loss.window_tokens})"
    )
    if not cache.other_bytes:
        return f"Sized for a KV cache in q8_0, which costs {own} by itself: with one in f16 nothing fits."
    other = f"{byte_count(cache.other_bytes)} of weights, {cache.other_divergence:.5f} expected"
    if cache.kv_type == "f16":
        return f"Sized for a KV cache in f16: one in q8_0 leaves {other}, and costs {own} by itself."
    return (
        f"Sized for a KV cache in q8_0, which costs {own} by itself: with one in f16 {other} would be all "
        f"that fits, against {mixture.divergence:.5f} here."
    )


def check_sentences(made: InstalledModel, others: Sequence[InstalledModel]) -> list[str]:
    """Say how to check the answers of a mixture in the store against those of the largest file of its model;
    nothing where there is no larger one."""
    larger = max((one for one in others if one.bytes > made.bytes), key=lambda one: one.bytes, default=None)
    if larger is None or made.reference not in {one.reference for one in others}:
        return []
    command = "stillroom bench {model} --suite quality --kind maths"
    first, second = (shlex.quote(one.reference) for one in (larger, made))
    return [
        f"How many of the right answers of {shown(larger.type)} it keeps is found by two runs:",
        f"  {command.format(model=first)}",
        f"  {command.format(model=second)} --against {first}",
    ]
