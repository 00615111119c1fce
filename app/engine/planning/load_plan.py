"""Choose the automatic values of the load settings for this machine, with notices for the user. Pure.

Layers on a card, context, type of the KV cache, threads, batches, sequences.
"""

from dataclasses import dataclass, field, replace

import msgspec

from app.engine.planning.file_shape import (
    DEFAULT_BATCH_TOKENS,
    DEFAULT_CONTEXT_TOKENS,
    HOST_USABLE_FRACTION,
    SMALLEST_CONTEXT_TOKENS,
    ModelShape,
)
from app.engine.planning.load_need import LoadNeed
from app.engine.planning.memory_fallback import LadderStep, fewer_sequences, next_step, without_draft
from app.engine.planning.rope_scaling import RopeScaling
from app.engine.protocol import Device, KvType, LoadNotice, LoadSettings, Weights
from models.memory.memory_request import Demand, whole_lines
from models.system.units import byte_count

DRAFT_ROWS = 32
"""Most guessed tokens in one batch, of all replies together: each takes a row of logits (0.6 MB at R1's
vocabulary). On a graphics card a step costs about the same up to here."""

CARD_BATCH_TOKENS = 1024
"""Of a step on a graphics card of this computer: layers in RAM cross the bus once a step, and a large card is
busy with so many. Not more, nor on slower devices, since a step there cannot be stopped, and the replies
beside it wait for its end."""

PIPELINE_BATCH_TOKENS = 2048
"""Of a step on several cards that hold a whole model: four parts (`memory_request.step_on_cards`), so that
each has something to compute most of the time. It takes the memory of one part."""
DEFAULT_SEQUENCES = 4
SEQUENCES_RAM_FRACTION = 0.5
"""More replies side by side never take more than this share of the free RAM."""
ALL_LAYERS = 10_000
COPIED_RAM_FRACTION = 0.7
"""Weights that are copied, with the cache and buffers, never take more than this share of the free RAM: the
system cannot drop them as it can drop mapped ones."""


@dataclass(frozen=True, slots=True)
class Room:
    """The machine's free resources. `devices` are those that layers can go to; `large_pages` says that memory
    comes in such."""

    devices: tuple[Device, ...]
    ram_bytes: int
    cores: int
    large_pages: bool = False


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """`settings` without automatic values (flash attention on a graphics card aside), and what the user
    should know. `wanted` is what they were before the free RAM turned out to be too little; what `is_paged`
    does not fit into it all the same, and is read from the file again and again."""

    settings: LoadSettings
    wanted: LoadSettings
    notices: list[LoadNotice] = field(default_factory=list)
    is_paged: bool = False

    @property
    def was_lowered(self) -> bool:
        """Tell whether something was given up already."""
        return self.settings != self.wanted


def plan_load(
    asked: LoadSettings,
    shape: ModelShape | None,
    rope: RopeScaling,
    room: Room,
    draft: ModelShape | None = None,
) -> LoadPlan:
    """Plan a load of a model of `shape` (None where the file does not tell it), with a `draft` model where it
    costs the model neither context nor its place."""
    if shape is None:
        return _plan(asked, None, rope, room)
    alone = LoadNeed(shape, room.devices)
    if draft is None:
        # One that cannot be read takes no memory; loading it says why.
        return _plan(asked, alone, rope, room)
    plan = _plan(msgspec.structs.replace(asked, draft_path=""), alone, rope, room)
    both = LoadNeed(shape, room.devices, draft)
    with_draft = _plan(asked, both, rope, room)
    if not _costs_the_model(with_draft, plan, both, asked):
        return with_draft
    wanted = msgspec.structs.replace(plan.wanted, draft_path=asked.draft_path)
    given_up = without_draft(wanted)
    notices = [*([given_up.notice] if given_up else []), *plan.notices]
    return LoadPlan(plan.settings, wanted, notices, plan.is_paged)


def _costs_the_model(with_draft: LoadPlan, alone: LoadPlan, both: LoadNeed, asked: LoadSettings) -> bool:
    """Tell whether the draft would take memory that the model itself needs."""
    one, other = with_draft.settings, alone.settings
    if asked.gpu_layers > 0 and both.devices:
        return both.layers_that_fit(demand_of(one)) < min(asked.gpu_layers, both.layers)
    return (
        (one.context_tokens, one.kv_type) != (other.context_tokens, other.kv_type)
        or one.gpu_layers == 0 != other.gpu_layers
        or one.gpu_layers < both.layers <= other.gpu_layers
        or len(with_draft.notices) > len(alone.notices)
    )


def _plan(asked: LoadSettings, models: LoadNeed | None, rope: RopeScaling, room: Room) -> LoadPlan:
    notices: list[LoadNotice] = []
    threads = asked.threads or room.cores
    plan = msgspec.structs.replace(
        asked,
        threads=threads,
        prompt_threads=asked.prompt_threads or threads,
        batch_tokens=asked.batch_tokens or DEFAULT_BATCH_TOKENS,
        sequences=asked.sequences or 1,
        kv_type="f16" if asked.kv_type == "auto" else asked.kv_type,
        weights="mapped" if asked.weights == "auto" else asked.weights,
    )
    context_tokens = asked.context_tokens or _choose_context(plan, models, room)
    plan = msgspec.structs.replace(plan, context_tokens=_within_limit(context_tokens, asked, rope, notices))
    plan = msgspec.structs.replace(plan, gpu_layers=_layers(plan, asked, models, room))
    if models is None:
        return LoadPlan(plan, plan, notices)
    if not asked.sequences:
        plan = msgspec.structs.replace(plan, sequences=_sequences(plan, models, room))
    if not asked.batch_tokens:
        plan = msgspec.structs.replace(plan, batch_tokens=_batch_tokens(plan, models, room))
    if asked.weights == "auto":
        plan = msgspec.structs.replace(plan, weights=_weights(plan, models, room))
    lowered = _within_ram(plan, asked, models, room, notices)
    need = models.need(demand_of(lowered), lowered.gpu_layers).ram
    is_paged = need.total > room.ram_bytes
    if is_paged:
        notices.append(
            LoadNotice(
                "The model needs {needed} of RAM and {free} are free: parts of it will be read from the disk "
                "again and again, which is slow. Close other programs, or choose a smaller quantisation.",
                {"needed": byte_count(need.total), "free": byte_count(room.ram_bytes)},
            )
        )
    return LoadPlan(lowered, plan, notices, is_paged)


def demand_of(plan: LoadSettings) -> Demand:
    """Return what the plan asks of the memory."""
    return Demand(
        plan.context_tokens,
        plan.sequences,
        plan.batch_tokens,
        cache_type(plan),
        plan.flash_attention != "off",
        outputs=whole_lines(plan.sequences + DRAFT_ROWS),
        copies_weights=not plan.maps_weights,
    )


def cache_type(plan: LoadSettings) -> KvType:
    """Return the type of a plan's KV cache."""
    assert plan.kv_type != "auto", "a plan has no automatic cache type"
    return plan.kv_type


def _choose_context(plan: LoadSettings, models: LoadNeed | None, room: Room) -> int:
    if models is None:
        return DEFAULT_CONTEXT_TOKENS
    return choose_context(
        models if plan.gpu_layers else replace(models, devices=()),
        sequences=plan.sequences,
        batch_tokens=plan.batch_tokens,
        kv_type=cache_type(plan),
        host_free_bytes=room.ram_bytes,
        copies_weights=not plan.maps_weights,
    )


def _within_limit(tokens: int, asked: LoadSettings, rope: RopeScaling, notices: list[LoadNotice]) -> int:
    limit = rope.limit_tokens
    if not limit or tokens <= limit:
        return tokens
    stretched = int(limit * asked.context_stretch)
    if asked.context_stretch > 1 and not rope.can_stretch:
        notices.append(
            LoadNotice("The positions of this model cannot be stretched by YaRN, so its own limit holds.")
        )
        stretched = limit
    lowered = min(tokens, stretched)
    if lowered < tokens:
        notices.append(
            LoadNotice(
                "The context was set to {context_tokens} tokens; the model was made for {limit}, so it was "
                "lowered to that.",
                {"context_tokens": tokens, "limit": lowered},
            )
        )
    if lowered > limit:
        notices.append(
            LoadNotice(
                "The context of {context_tokens} tokens is stretched beyond the {limit} that the model was "
                "made for, by YaRN: long conversations work, at some cost of accuracy.",
                {"context_tokens": lowered, "limit": limit},
            )
        )
    return lowered


def _layers(plan: LoadSettings, asked: LoadSettings, models: LoadNeed | None, room: Room) -> int:
    if not room.devices:
        return 0
    if asked.gpu_layers >= 0:
        return asked.gpu_layers
    return ALL_LAYERS if models is None else models.layers_that_fit(demand_of(plan))


def _sequences(plan: LoadSettings, models: LoadNeed, room: Room) -> int:
    """Choose as many replies side by side as take no layer off the card and little of the RAM."""
    for sequences in range(DEFAULT_SEQUENCES, 1, -1):
        # The weights may still be copied.
        more = demand_of(msgspec.structs.replace(plan, sequences=sequences, weights="copied"))
        if plan.gpu_layers and models.layers_that_fit(more) < plan.gpu_layers:
            continue
        need = models.need(more, plan.gpu_layers).ram
        if need.total <= room.ram_bytes * SEQUENCES_RAM_FRACTION:
            return sequences
    return 1


def _batch_tokens(plan: LoadSettings, models: LoadNeed, room: Room) -> int:
    """Choose as many tokens a step as take no layer off the card and fit into the RAM."""
    if not plan.gpu_layers or any(each.kind != "gpu" or each.backend == "RPC" for each in room.devices):
        return plan.batch_tokens
    layers = min(plan.gpu_layers, models.layers)
    several = len(room.devices) > 1 and layers == models.layers
    tokens = PIPELINE_BATCH_TOKENS if several else CARD_BATCH_TOKENS
    more = msgspec.structs.replace(plan, batch_tokens=tokens)
    is_free = (
        models.layers_that_fit(demand_of(more)) >= layers and _kept(more, models, layers) <= room.ram_bytes
    )
    return tokens if is_free else plan.batch_tokens


def _weights(plan: LoadSettings, models: LoadNeed, room: Room) -> Weights:
    """Choose between mapped and copied weights. Each token reads all weights. In pages of 4 KB, as a file is
    mapped, the processor looks up where each of them lies, and what it fetches ahead ends with the page.
    llama-bench, generation, mapped and copied, tokens per second, two processors of an AMD EPYC, medians of
    4:

        starter Q4_1, one thread 149 and 164, two 159 and 188
        r1-qwen-1.5b Q4_K_M, two threads 35 and 35 to 39: most of it is copied in either case (CPU_REPACK)

    For a model that is whole on a graphics card it makes no difference. Of one that is partly there, copied
    weights lie in memory that the card's driver keeps in place (llama.cpp's host buffers), from where they
    cross the bus while the card computes; mapped ones are copied once more on their way.
    """
    layers = min(plan.gpu_layers, models.layers)
    if layers == models.layers or not (layers or room.large_pages):
        return "mapped"
    copied = msgspec.structs.replace(plan, weights="copied")
    need = models.need(demand_of(copied), layers).ram.total
    return "copied" if need <= room.ram_bytes * COPIED_RAM_FRACTION else "mapped"


def _within_ram(
    plan: LoadSettings, asked: LoadSettings, models: LoadNeed, room: Room, notices: list[LoadNotice]
) -> LoadSettings:
    """Step down the ladder until what cannot be read again from the file fits into the free RAM.

    Linux hands out more memory than there is, and ends the process later: nothing would fail here.
    """
    layers = plan.gpu_layers
    while True:
        if _kept(plan, models, layers) <= room.ram_bytes:
            return plan
        # Layers off the card would only need more RAM.
        step = next_step(msgspec.structs.replace(plan, gpu_layers=0), asked, "context", 0)
        if step is None:
            return plan
        if step.plan.sequences < plan.sequences:
            step = _as_many_replies(plan, models, layers, room)
        plan = msgspec.structs.replace(step.plan, gpu_layers=layers)
        notices.append(step.notice)


def _as_many_replies(plan: LoadSettings, models: LoadNeed, layers: int, room: Room) -> LadderStep:
    """Return the step to as many replies side by side as fit, one where none does."""
    for sequences in range(plan.sequences - 1, 1, -1):
        if _kept(msgspec.structs.replace(plan, sequences=sequences), models, layers) <= room.ram_bytes:
            return fewer_sequences(plan, sequences)
    return fewer_sequences(plan, 1)


def _kept(plan: LoadSettings, models: LoadNeed, layers: int) -> int:
    """Return the bytes of RAM that cannot be read again from the file."""
    need = models.need(demand_of(plan), layers).ram
    return need.cache + need.compute + (0 if plan.maps_weights else need.weights)


def choose_context(
    models: LoadNeed,
    *,
    sequences: int,
    batch_tokens: int,
    kv_type: KvType,
    host_free_bytes: int,
    copies_weights: bool,
) -> int:
    """Choose the context tokens of each sequence.

    The largest power of two up to 16,384 with which the whole model still fits the graphics memory; where it
    does not fit anyway, with which everything stays within three quarters of the free host memory.
    Never less than 4,096 (or the model's limit), and never more than the model was trained for.
    """

    def demand(tokens: int) -> Demand:
        return Demand(tokens, sequences, batch_tokens, kv_type, copies_weights=copies_weights)

    def is_whole_on_devices(tokens: int) -> bool:
        return bool(models.devices) and models.layers_that_fit(demand(tokens)) == models.layers

    on_device = is_whole_on_devices(SMALLEST_CONTEXT_TOKENS)
    tokens = DEFAULT_CONTEXT_TOKENS
    while tokens > SMALLEST_CONTEXT_TOKENS:
        if on_device:
            fits = is_whole_on_devices(tokens)
        else:
            fits = models.need(demand(tokens)).ram.total <= host_free_bytes * HOST_USABLE_FRACTION
        if fits:
            break
        tokens //= 2
    return min(tokens, models.shape.context_limit or DEFAULT_CONTEXT_TOKENS)
