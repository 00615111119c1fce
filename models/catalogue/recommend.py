"""Recommend a model for this computer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models.catalogue.catalogue import CatalogueModel
from models.memory.fit import Fit, Verdict
from models.quantisation.quantisation_types import EVERYDAY_TYPE

SMALL_MODELS_TYPE = "Q8_0"

# Smaller models lose more by quantisation and are quick anyway.
_SMALL_PARAMETERS = 4_000_000_000
# Thinking takes many tokens.
_QUICK_TOK_PER_S = 12
# Each token reads all weights; an ordinary PC's RAM gives about 30 GB/s, where its speed is not known.
_CPU_WEIGHTS_BYTES = 2_500_000_000
# At last any: the user may have chosen a short one for all models.
_LEAST_CONTEXTS = (16384, 8192, 4096, 1)

Judge = Callable[[CatalogueModel, str], Fit]
"""Says how a model in a quantisation would be loaded here."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One model and quantisation for this computer; the fit says why it runs well.

    `alternative` is a model with better published scores that runs too, but slower or with less context:
    the one that scores most for its size.
    `is_quick` False: no model is quick here, and this is the smallest.
    """

    model: CatalogueModel
    fit: Fit
    alternative: tuple[CatalogueModel, Fit] | None = None
    is_quick: bool = True


def recommend(models: Sequence[CatalogueModel], judge: Judge) -> Recommendation | None:
    """Choose the model with the best published scores that is quick here; None where none runs.

    On a GPU, the best that fits entirely, with as long a context as any of them is loaded with (16k, 8k, 4k
    tokens). On the processor, the best that the memory's speed allows 12 tokens per second (where it is not
    known, whose weights are at most 2.5 GB), else the smallest. In Q4_K_M, or in Q8_0 where the model is
    small and that is as good.
    """
    ranked = sorted((model for model in models if model.thinks), key=strength, reverse=True)
    for wanted in (Verdict.GPU, Verdict.RAM):
        for context in _LEAST_CONTEXTS:
            for model in ranked:
                found = _quick_fit(model, judge, context, wanted)
                if found is not None:
                    return Recommendation(model, found, _better(ranked, model, judge))
    for model in sorted(ranked, key=lambda model: model.shape.parameters):
        found = judge(model, EVERYDAY_TYPE)
        if found.verdict is not Verdict.TOO_LARGE:
            return Recommendation(model, found, _better(ranked, model, judge), is_quick=False)
    return None


def recommended_type(model: CatalogueModel, judge: Judge) -> str:
    """Choose the quantisation to make of a model: the best of those recommended for its size that is quick
    here, else the everyday one."""
    for wanted in (Verdict.GPU, Verdict.RAM):
        found = _quick_fit(model, judge, 1, wanted)
        if found is not None:
            return found.quantisation
    return EVERYDAY_TYPE


def strength(model: CatalogueModel) -> float:
    """Return the mean of the published AIME 2024 and GPQA Diamond results in percent, 0 without them."""
    scores = model.scores
    if scores.aime24 is None or scores.gpqa_diamond is None:
        return 0.0
    return (scores.aime24 + scores.gpqa_diamond) / 2


def _quick_fit(model: CatalogueModel, judge: Judge, context: int, wanted: Verdict) -> Fit | None:
    small = model.shape.parameters < _SMALL_PARAMETERS
    for kind in (SMALL_MODELS_TYPE, EVERYDAY_TYPE) if small else (EVERYDAY_TYPE,):
        found = judge(model, kind)
        if found.context_tokens < context:
            continue
        if wanted is Verdict.GPU and found.verdict is Verdict.GPU:
            return found
        if (
            wanted is Verdict.RAM
            and found.verdict in (Verdict.RAM, Verdict.PARTLY)
            and is_quick_on_processor(found)
        ):
            return found
    return None


def is_quick_on_processor(found: Fit) -> bool:
    """Tell whether a load that needs the processor writes fast enough for thinking."""
    if found.tok_per_s is None:
        return found.weights_bytes <= _CPU_WEIGHTS_BYTES
    return found.tok_per_s >= _QUICK_TOK_PER_S


def _better(
    ranked: Sequence[CatalogueModel], chosen: CatalogueModel, judge: Judge
) -> tuple[CatalogueModel, Fit] | None:
    stronger = [model for model in ranked if strength(model) > strength(chosen)]
    # What scores most for its size first: of two that are as large, never the weaker one.
    stronger.sort(key=lambda model: strength(model) / model.shape.parameters, reverse=True)
    fits = [(model, judge(model, EVERYDAY_TYPE)) for model in stronger]
    for wanted in (Verdict.GPU, Verdict.PARTLY, Verdict.RAM):
        for context in _LEAST_CONTEXTS:
            for model, found in fits:
                if found.verdict is wanted and found.context_tokens >= context:
                    return model, found
    return None
