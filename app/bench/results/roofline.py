"""The roofline: how near the measured speeds are to what memory and processor allow. Pure.

Williams, Waterman, Patterson, "Roofline", CACM 52 (2009), https://doi.org/10.1145/1498765.1498785
"""

from app.bench.results.model_work import ModelWork
from app.bench.results.report import Ceilings, EngineFacts, GpuFacts, Limit, Measure, ModelFacts


def limits_of(
    measures: list[Measure], model: ModelFacts, engine: EngineFacts, ceilings: Ceilings, gpus: list[GpuFacts]
) -> list[Limit]:
    """The limit of each speed, in their order; none where the memory's speed or the model is not known.

    With some layers on a graphics card it is not known who computes what: llama.cpp sends the large products
    of a prompt there, too. Then only generations have a limit, that of the memory.
    """
    work = model.work
    bandwidth = None if work is None else bytes_per_s(work, model, engine, ceilings, gpus)
    if work is None or bandwidth is None:
        return []
    is_shared = 0 < gpu_share(work, model, engine) < 1
    found = []
    for measure in measures:
        is_single = measure.generated_tokens > 0 and measure.streams == 1
        if measure.unit != "tok/s" or (is_shared and not is_single):
            continue
        size, flop = work_of(measure, work, engine)
        allowed: dict[str, float] = {"memory": bandwidth / size}
        if ceilings.flop_per_s and not is_shared:
            allowed["compute"] = ceilings.flop_per_s / flop
        bound = min(allowed, key=lambda name: allowed[name])
        found.append(
            Limit(
                key=measure.key,
                bound="memory" if bound == "memory" else "compute",
                allowed=allowed[bound],
                share=measure.mean / allowed[bound],
                bytes=size,
                flop=flop,
            )
        )
    return found


def work_of(measure: Measure, work: ModelWork, engine: EngineFacts) -> tuple[float, float]:
    """Bytes read and operations computed for a token of this speed, on average."""
    if measure.generated_tokens:
        before = measure.depth_tokens + measure.generated_tokens / 2
        size = work.weight_bytes / measure.streams + work.cache_bytes * before
        return size, work.flop_at(before) + work.output_flop
    # A step of the prompt reads the weights once, and the cache of what is before it.
    step = max(1, min(measure.prompt_tokens, engine.batch_tokens))
    before = measure.prompt_tokens / 2
    return (work.weight_bytes + work.cache_bytes * before) / step, work.flop_at(before)


def bytes_per_s(
    work: ModelWork, model: ModelFacts, engine: EngineFacts, ceilings: Ceilings, gpus: list[GpuFacts]
) -> float | None:
    """Return the speed at which the weights can be read from where they lie; None where the speed of a memory
    is not known, and with several cards."""
    memory = ceilings.working_set_bytes_per_s or ceilings.memory_bytes_per_s
    share = gpu_share(work, model, engine)
    if share and (len(gpus) != 1 or not gpus[0].vram_bytes_per_s):
        return None
    if share < 1 and not memory:
        return None
    seconds_per_byte = 0.0
    if share:
        seconds_per_byte += share / gpus[0].vram_bytes_per_s
    if share < 1:
        seconds_per_byte += (1 - share) / memory
    return 1 / seconds_per_byte


def gpu_share(work: ModelWork, model: ModelFacts, engine: EngineFacts) -> float:
    """The share of the weights' bytes that lies on graphics cards."""
    if engine.gpu_layers > model.layers:
        return 1.0
    return work.layer_share * engine.gpu_layers / max(1, model.layers)
