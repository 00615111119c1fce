"""The one figure of the memory that a load takes: its plan, and what that needs. Pure."""

from dataclasses import dataclass, replace

import msgspec

from app.engine.planning.file_shape import ModelShape
from app.engine.planning.load_need import LoadNeed
from app.engine.planning.load_plan import LoadPlan, Room, demand_of, plan_load
from app.engine.planning.rope_scaling import RopeScaling
from app.engine.protocol import Device, LoadSettings
from models.memory.fit import Fit, Memory, Verdict, judge
from models.memory.memory_need import MemoryNeed, Share
from models.quantisation.model_shape import ModelShape as Dimensions
from models.quantisation.weights import Weights
from models.system.cores import physical_cores

_SMALLER_CONTEXTS = (8192, 4096, 2048)
"""Offered, one reply at a time, where a model is too large as it would be loaded."""


@dataclass(frozen=True, slots=True)
class PlannedNeed:
    """A load's plan with what it takes. `gpu_layers` are never more than there are; where the file does not
    tell its shape, `layers` is 0 and nothing is known to be needed."""

    plan: LoadPlan
    gpu_layers: int
    layers: int
    need: MemoryNeed


def plan_need(
    asked: LoadSettings,
    shape: ModelShape | None,
    rope: RopeScaling,
    room: Room,
    draft: ModelShape | None = None,
) -> PlannedNeed:
    """Plan a load as `plan_load` does and compute what it takes."""
    plan = plan_load(asked, shape, rope, room, draft)
    settings = plan.settings
    if shape is None:
        return PlannedNeed(plan, settings.gpu_layers, 0, MemoryNeed(Share(), Share()))
    models = LoadNeed(shape, room.devices, draft if settings.draft_path else None)
    gpu_layers = min(settings.gpu_layers, models.layers)
    return PlannedNeed(plan, gpu_layers, models.layers, models.need(demand_of(settings), gpu_layers))


def planned_fit(
    asked: LoadSettings,
    shape: ModelShape,
    quantisation: str,
    memory: Memory,
    draft: ModelShape | None = None,
) -> Fit:
    """Judge a load before there is an engine, or a file: the same plan, with the memory that is free."""
    devices = tuple(
        Device(
            name=gpu.name,
            description=gpu.name,
            backend="",
            kind="gpu",
            memory_total_bytes=gpu.total_bytes,
            memory_free_bytes=gpu.free_bytes,
        )
        for gpu in memory.gpus
    )
    room = Room(devices, memory.ram_bytes, physical_cores(), memory.large_pages)
    rope = RopeScaling(shape.context_limit)

    def fit(settings: LoadSettings) -> Fit:
        planned = plan_need(settings, shape, rope, room, draft)
        demand = demand_of(planned.plan.settings)
        return judge(quantisation, shape.weights, memory, demand, planned.need, planned.gpu_layers)

    found = fit(asked)
    if found.verdict is not Verdict.TOO_LARGE:
        return found
    for tokens in _SMALLER_CONTEXTS:
        if tokens < found.context_tokens or (tokens == found.context_tokens and found.demand.sequences > 1):
            smaller = fit(msgspec.structs.replace(asked, context_tokens=tokens, sequences=1, draft_path=""))
            if smaller.verdict is not Verdict.TOO_LARGE:
                return replace(found, smaller_context_tokens=tokens)
    return found


def shape_of(dimensions: Dimensions, weights: Weights, context_limit: int) -> ModelShape:
    """Make the shape that a file of these dimensions would have."""
    return ModelShape(
        layer_bytes=weights.layers,
        output_bytes=weights.output,
        input_bytes=weights.embedding,
        hidden=dimensions.hidden,
        feed_forward=dimensions.ffn,
        heads=dimensions.heads,
        kv_heads=dimensions.kv_heads,
        key_length=dimensions.head_size,
        value_length=dimensions.head_size,
        vocabulary=dimensions.vocabulary,
        context_limit=context_limit,
        tied_embeddings=dimensions.tied_embeddings,
        table_type=weights.table_type,
    )
