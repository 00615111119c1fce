"""Choose what to give up when memory is short, one step after the other. Pure.

The draft model goes first: without it the replies are the same. Then what the engine chose itself, in the
order of what it costs: a copy of the weights, large steps, attention with a large buffer, replies side by
side, a shorter context, a cache in q8_0, then layers off the graphics card down to none. Then what the user
had fixed, in the same order, and at last a cache in q4_0. Each step says itself in a sentence.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from app.engine.planning.file_shape import DEFAULT_BATCH_TOKENS, SMALLEST_CONTEXT_TOKENS
from app.engine.protocol import LoadNotice, LoadSettings

Stage = Literal["weights", "context", "decode"]
"""The stage at which memory ran out: reading the weights, making the cache and buffers, or evaluating."""

GIVEN_UP = (
    "draft_path",
    "weights",
    "batch_tokens",
    "flash_attention",
    "sequences",
    "context_tokens",
    "kv_type",
    "gpu_layers",
)
"""The settings that steps change."""


class LadderStep(msgspec.Struct, frozen=True):
    """The next plan to try, and what to tell about it."""

    plan: LoadSettings
    notice: LoadNotice


def next_step(plan: LoadSettings, asked: LoadSettings, stage: Stage, layers: int) -> LadderStep | None:
    """Return the step after `plan` failed for want of memory, or None where nothing is left to give up.

    `plan` has no automatic values (`ModelInfo.plan`), `asked` may; `layers` is the model's count with its
    output, 0 where it is unknown.
    """
    step = without_draft(plan)
    if step is not None:
        return step
    fixed_weights = asked.weights != "auto"
    fixed_sequences = asked.sequences > 0
    fixed_context = asked.context_tokens > 0
    fixed_layers = asked.gpu_layers >= 0
    fixed_cache = asked.kv_type != "auto"
    moves: list[tuple[bool, Callable[[LoadSettings], LadderStep | None]]] = [(fixed_weights, _mapped_weights)]
    if stage != "weights":
        moves.append((asked.batch_tokens > 0, _smaller_steps))
        if asked.flash_attention == "auto":
            moves.append((False, _flash_attention))
        moves += [
            (fixed_sequences, _fewer_sequences),
            (fixed_context, _shorter_context),
            (fixed_cache, _smaller_cache),
        ]
    moves.append((fixed_layers, lambda present: _fewer_layers(present, layers)))
    # sorted is stable: what is automatic first, each group in the order above.
    for _, move in sorted(moves, key=lambda choice: choice[0]):
        step = move(plan)
        if step is not None:
            return step
    return _smallest_cache(plan) if stage != "weights" else None


def steps(plan: LoadSettings, asked: LoadSettings, stage: Stage, layers: int) -> Iterator[LadderStep]:
    """Yield the whole ladder below `plan`, were every step to fail at the same stage."""
    while (step := next_step(plan, asked, stage, layers)) is not None:
        plan = step.plan
        yield step


def processor_only(plan: LoadSettings) -> LadderStep | None:
    """Return the step for a graphics card that fails for another reason than memory."""
    if plan.gpu_layers <= 0:
        return None
    return LadderStep(
        msgspec.structs.replace(plan, gpu_layers=0),
        LoadNotice("The graphics card could not load the model, so it runs on the processor."),
    )


def without_draft(plan: LoadSettings) -> LadderStep | None:
    """Return the step that gives up the draft model."""
    if not plan.draft_path:
        return None
    return LadderStep(
        msgspec.structs.replace(plan, draft_path=""),
        LoadNotice(
            "Memory is too short for {name}, the model that should guess ahead, beside this one: it was "
            "left out.",
            {"name": Path(plan.draft_path).name},
        ),
    )


def _mapped_weights(plan: LoadSettings) -> LadderStep | None:
    if plan.weights != "copied":
        return None
    return LadderStep(
        msgspec.structs.replace(plan, weights="mapped"),
        LoadNotice(
            "Memory is too short for a copy of the weights, so they are read through the file: replies are "
            "somewhat slower."
        ),
    )


def _smaller_steps(plan: LoadSettings) -> LadderStep | None:
    if plan.batch_tokens <= DEFAULT_BATCH_TOKENS:
        return None
    return LadderStep(
        msgspec.structs.replace(plan, batch_tokens=DEFAULT_BATCH_TOKENS),
        LoadNotice(
            "Memory is too short to read prompts {before} tokens at a time, so it is {after}: they take "
            "somewhat longer.",
            {"before": plan.batch_tokens, "after": DEFAULT_BATCH_TOKENS},
        ),
    )


def _flash_attention(plan: LoadSettings) -> LadderStep | None:
    if plan.flash_attention != "off":
        return None
    return LadderStep(
        msgspec.structs.replace(plan, flash_attention="on"),
        LoadNotice(
            "Memory is too short for the attention that is quickest on the processor, so long chats are "
            "slower."
        ),
    )


def _fewer_sequences(plan: LoadSettings) -> LadderStep | None:
    return fewer_sequences(plan, plan.sequences // 2) if plan.sequences > 1 else None


def fewer_sequences(plan: LoadSettings, sequences: int) -> LadderStep:
    """Return the step to so many replies side by side."""
    notice = (
        LoadNotice(
            "Memory is too short for {before} replies side by side, so there are {after} at once.",
            {"before": plan.sequences, "after": sequences},
        )
        if sequences > 1
        else LoadNotice(
            "Memory is too short for {before} replies side by side, so one is written after the other.",
            {"before": plan.sequences},
        )
    )
    return LadderStep(msgspec.structs.replace(plan, sequences=sequences), notice)


def _shorter_context(plan: LoadSettings) -> LadderStep | None:
    if plan.context_tokens <= SMALLEST_CONTEXT_TOKENS:
        return None
    tokens = SMALLEST_CONTEXT_TOKENS
    while tokens * 2 < plan.context_tokens:
        tokens *= 2
    return LadderStep(
        msgspec.structs.replace(plan, context_tokens=tokens),
        LoadNotice(
            "Memory is too short for a context of {before} tokens, so it was lowered to {after}.",
            {"before": plan.context_tokens, "after": tokens},
        ),
    )


def _smaller_cache(plan: LoadSettings) -> LadderStep | None:
    # A quantised cache needs flash attention (llama_init_from_model, src/llama-context.cpp).
    if plan.kv_type != "f16" or plan.flash_attention == "off":
        return None
    return LadderStep(
        msgspec.structs.replace(plan, kv_type="q8_0"),
        LoadNotice(
            "Memory is too short for a cache in f16, so it is kept in q8_0: half the size at a hardly "
            "measurable loss."
        ),
    )


def _smallest_cache(plan: LoadSettings) -> LadderStep | None:
    if plan.kv_type == "q4_0" or plan.flash_attention == "off":
        return None
    return LadderStep(
        msgspec.structs.replace(plan, kv_type="q4_0"),
        LoadNotice(
            "Memory is too short for a cache in {before}, so it is kept in q4_0, which can cost accuracy.",
            {"before": plan.kv_type},
        ),
    )


def _fewer_layers(plan: LoadSettings, layers: int) -> LadderStep | None:
    if plan.gpu_layers <= 0:
        return None
    present = min(plan.gpu_layers, layers) if layers else plan.gpu_layers
    fewer = present - max(1, -(-layers // 4)) if layers else present // 2
    fewer = max(0, fewer)
    notice = (
        LoadNotice(
            "The graphics card has too little memory for {before} layers, so it takes {after}.",
            {"before": present, "after": fewer},
        )
        if fewer
        else LoadNotice("The graphics card has too little memory, so the model runs on the processor.")
    )
    return LadderStep(msgspec.structs.replace(plan, gpu_layers=fewer), notice)
