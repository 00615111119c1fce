"""Bytes, operations and the limits that they set."""

from pathlib import Path

import msgspec
import pytest

from app.bench.report.curves import (
    batching_gain,
    generation_by_depth,
    generation_limit,
    roofline,
    speed_by_streams,
)
from app.bench.report.report_words import limit_text
from app.bench.results.model_work import model_work
from app.bench.results.report import GpuFacts
from app.bench.results.roofline import bytes_per_s, gpu_share, limits_of, work_of
from converters.gguf.gguf_reader import inspect
from models.catalogue.starter import starter_file
from tests.support.bench_reports import CEILINGS, WORK, run_on_processor, with_limits


def test_the_starter_model_reads_every_weight_for_a_token() -> None:
    path = starter_file()
    if path is None:
        pytest.skip("the starter extra is not installed")
    summary = inspect(Path(path))
    work = model_work(summary, "f16")
    assert work is not None
    # Its embeddings are its output as well, so every tensor is read: llama-bench's model_size.
    assert work.weight_bytes == sum(tensor.bytes for tensor in summary.tensors) == 96_576_768
    # 30 layers, 3 heads of keys and of values, 64 numbers each, 2 bytes a number.
    assert work.cache_bytes == 30 * 2 * 3 * 64 * 2
    # 576 x (576 + 192 + 192 + 576 + 3 * 1536) weights in each layer.
    assert work.prompt_flop == 2 * 30 * 576 * (576 + 192 + 192 + 576 + 3 * 1536)
    assert work.output_flop == 2 * 576 * 49152
    assert work.main_type == "Q4_1"


def test_a_generation_is_bound_by_memory() -> None:
    report = with_limits(run_on_processor())
    limit = report.limit("tg128")
    assert limit is not None
    assert limit.bound == "memory"
    assert limit.allowed == pytest.approx(40e9 / (4e9 + 64 * 100_000))
    assert limit.share == pytest.approx(8.0 / limit.allowed)
    assert limit_text(limit) == "80% of what this memory allows"


def test_the_cache_counts_at_a_depth() -> None:
    limit = with_limits(run_on_processor()).limit("tg128@2048")
    assert limit is not None
    assert limit.bytes == 4e9 + (2048 + 64) * 100_000


def test_a_prompt_is_bound_by_computing() -> None:
    limit = with_limits(run_on_processor()).limit("pp512")
    assert limit is not None
    assert limit.bound == "compute"
    assert limit.flop == 14e9 + 256 * 400_000
    assert limit.share == pytest.approx(30.0 * limit.flop / 600e9)


def test_replies_at_once_share_the_reading_of_the_weights() -> None:
    report = run_on_processor()
    measure = report.measure("tg64x8")
    assert measure is not None
    size, _ = work_of(measure, WORK, report.engine)
    assert size == pytest.approx(4e9 / 8 + 32 * 100_000)


def test_the_graphics_card_s_memory_counts_by_what_lies_in_it() -> None:
    gpus = [GpuFacts(name="Made-up GPU", vram_total_bytes=12 << 30, vram_bytes_per_s=400e9)]
    whole, part = run_on_processor(gpu_layers=29), run_on_processor(gpu_layers=14)
    assert gpu_share(WORK, whole.model, whole.engine) == 1.0
    assert bytes_per_s(WORK, whole.model, whole.engine, CEILINGS, gpus) == pytest.approx(400e9)
    share = 0.9 * 14 / 28
    mixed = bytes_per_s(WORK, part.model, part.engine, CEILINGS, gpus)
    assert mixed == pytest.approx(1 / (share / 400e9 + (1 - share) / 40e9))


def test_a_model_on_both_has_limits_for_its_generations_alone() -> None:
    report = run_on_processor(gpu_layers=14)
    gpus = [GpuFacts(name="Made-up GPU", vram_total_bytes=12 << 30, vram_bytes_per_s=400e9)]
    limits = limits_of(report.measures, report.model, report.engine, CEILINGS, gpus)
    assert [(limit.key, limit.bound) for limit in limits] == [
        ("tg128", "memory"),
        ("tg128@2048", "memory"),
        ("tg64x1", "memory"),
    ]


def test_no_limit_is_told_where_the_card_does_not_tell_its_speed() -> None:
    report = run_on_processor(gpu_layers=29)
    assert with_limits(report).limits == []


def test_a_speed_above_its_limit_says_that_the_limit_is_wrong() -> None:
    limit = with_limits(run_on_processor()).limit("tg128")
    assert limit is not None
    assert "disturbed" in limit_text(msgspec.structs.replace(limit, share=1.4))


def test_the_pictures_show_the_same_figures() -> None:
    report = with_limits(run_on_processor())
    assert [(point.x, point.y) for point in generation_by_depth(report)] == [(0, 8.0), (2048, 7.0)]
    assert [point.x for point in generation_limit(report)] == [0, 2048]
    assert [(point.x, point.y) for point in speed_by_streams(report)] == [(1, 8.0), (8, 28.0)]
    assert batching_gain(report) == pytest.approx(3.5)
    roof = roofline(report)
    assert roof is not None
    assert roof.bytes_per_s == pytest.approx(40e9)
    assert roof.roof(1.0) == pytest.approx(40e9)
    assert roof.roof(1e6) == 600e9
    assert all(point.y <= roof.roof(point.x) for point in roof.points)
