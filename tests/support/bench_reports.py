"""Reports with chosen figures, for tests of what is done with them."""

from collections.abc import Sequence

import msgspec

from app.bench.results.model_work import ModelWork
from app.bench.results.report import (
    Ceilings,
    EngineFacts,
    GpuFacts,
    MachineFacts,
    Mark,
    Measure,
    ModelFacts,
    Report,
    Sample,
    measure_of,
)
from app.bench.results.roofline import limits_of
from app.engine.protocol import LoadSettings


def make_report(
    run_id: str = "run-1",
    *,
    generation: Sequence[float] = (58.0, 58.4, 58.8),
    prompt: Sequence[float] = (1234.0, 1243.0, 1252.0),
    first_token_s: Sequence[float] = (0.30, 0.31, 0.32),
    peak_ram_bytes: float = 1.1e9,
    started_at: str = "2026-11-23T21:40:00Z",
    model: str = "R1-Qwen-7B",
    quantisation: str = "Q4_K_M",
    sha256: str = "ab" * 32,
    marks: Sequence[Mark] = (),
) -> Report:
    """A report of the suite "speed"; every repeat carries `marks`."""

    def samples(values: Sequence[float]) -> list[Sample]:
        return [Sample(value=value, duration_s=2.0, marks=list(marks)) for value in values]

    return Report(
        id=run_id,
        started_at=started_at,
        duration_s=34.0,
        stillroom_version="0.1.0",
        suite="speed",
        machine=MachineFacts(
            processor="Made-up CPU",
            cores=8,
            threads=16,
            memory_total_bytes=32_000_000_000,
            system="Linux",
            python="3.11",
            gpus=[GpuFacts(name="Made-up GPU", vram_total_bytes=12 << 30)],
            gpu_driver="580.82",
        ),
        model=ModelFacts(
            name=model,
            file=f"{model}-{quantisation}.gguf",
            sha256=sha256,
            size_bytes=4_700_000_000,
            quantisation=quantisation,
            architecture="qwen2",
            parameters=7_600_000_000,
            layers=28,
        ),
        engine=EngineFacts(
            llama_cpp_version="0.3.36",
            system_info="",
            backend="CUDA",
            gpu_layers=29,
            threads=8,
            context_tokens=16384,
            batch_tokens=512,
            kv_type="f16",
            asked=LoadSettings(),
        ),
        measures=[
            measure_of("load", "s", samples([1.9, 2.0, 2.1]), warmups=1),
            measure_of("pp512", "tok/s", samples(prompt), warmups=1, prompt_tokens=512),
            measure_of("tg128", "tok/s", samples(generation), warmups=1, generated_tokens=128),
            measure_of("first_token", "s", samples(first_token_s), warmups=1, prompt_tokens=447),
            measure_of("peak_ram", "bytes", samples([peak_ram_bytes])),
        ],
    )


WORK = ModelWork(
    weight_bytes=4_000_000_000,
    cache_bytes=100_000.0,
    prompt_flop=14e9,
    attention_flop=400_000.0,
    output_flop=1e9,
    layer_share=0.9,
    main_type="Q4_K",
    main_type_number=12,
)
CEILINGS = Ceilings(
    threads=8,
    memory_one_thread_bytes_per_s=12e9,
    memory_bytes_per_s=40e9,
    working_set_bytes=384 << 20,
    working_set_bytes_per_s=40e9,
    weight_type="Q4_K",
    flop_per_s=600e9,
)


def run_on_processor(*, gpu_layers: int = 0) -> Report:
    """A run with speeds at depths and of several replies at once, and what they can be compared with."""
    report = make_report()

    def speed(key: str, value: float, **what: int) -> Measure:
        return measure_of(key, "tok/s", [Sample(value=value)] * 3, **what)

    return msgspec.structs.replace(
        report,
        model=msgspec.structs.replace(report.model, work=WORK),
        engine=msgspec.structs.replace(report.engine, gpu_layers=gpu_layers, batch_tokens=512),
        ceilings=CEILINGS,
        measures=[
            speed("pp512", 30.0, prompt_tokens=512),
            speed("tg128", 8.0, prompt_tokens=1, generated_tokens=128),
            speed("tg128@2048", 7.0, generated_tokens=128, depth_tokens=2048),
            speed("tg64x1", 8.0, prompt_tokens=16, generated_tokens=64),
            speed("tg64x8", 28.0, prompt_tokens=16, generated_tokens=64, streams=8),
        ],
    )


def with_limits(report: Report) -> Report:
    """The same with its limits."""
    limits = limits_of(report.measures, report.model, report.engine, CEILINGS, report.machine.gpus)
    return msgspec.structs.replace(report, limits=limits)
