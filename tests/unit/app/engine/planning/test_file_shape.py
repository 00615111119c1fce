from dataclasses import replace

import msgspec
import pytest

from app.engine.planning.cards import offload_devices, usable_bytes
from app.engine.planning.file_shape import (
    DEFAULT_CONTEXT_TOKENS,
    SMALLEST_CONTEXT_TOKENS,
    Demand,
    ModelShape,
    shape_from_gguf,
)
from app.engine.planning.load_need import LoadNeed
from app.engine.planning.load_plan import choose_context
from app.engine.protocol import Device

MIB = 1024 * 1024
GIB = 1024 * MIB

R1_QWEN_7B = ModelShape(
    layer_bytes=(140 * MIB,) * 28,
    output_bytes=430 * MIB,
    input_bytes=290 * MIB,
    hidden=3584,
    feed_forward=18944,
    heads=28,
    kv_heads=4,
    key_length=128,
    value_length=128,
    vocabulary=152064,
    context_limit=131072,
)


def card(free_bytes: int, kind: str = "gpu") -> Device:
    return Device(
        name="CUDA0",
        description="a card",
        backend="CUDA",
        kind=kind,  # type: ignore[arg-type] # a plain string stands for the literal
        memory_total_bytes=free_bytes,
        memory_free_bytes=free_bytes,
    )


def demand(context: int = 8192) -> Demand:
    return Demand(context, sequences=1, batch_tokens=512, kv_type="f16")


def test_kv_cache_size_is_the_published_one() -> None:
    # 28 layers x 4 heads x (128 + 128) x 2 bytes: 56 KiB a token.
    assert R1_QWEN_7B.kv_bytes(1, "f16") == 56 * 1024
    assert R1_QWEN_7B.kv_bytes(32, "q8_0") == 28 * 4 * 256 * 34


def test_a_large_card_takes_the_whole_model() -> None:
    assert LoadNeed(R1_QWEN_7B, [card(12 * GIB)]).layers_that_fit(demand()) == 29


def test_a_small_card_takes_what_fits_and_no_more() -> None:
    fitting = LoadNeed(R1_QWEN_7B, [card(4 * GIB)]).layers_that_fit(demand())
    assert 0 < fitting < 29
    needed = R1_QWEN_7B.need(demand(), fitting).device.total
    assert needed <= usable_bytes(card(4 * GIB)) < needed + 170 * MIB


def test_more_free_memory_never_means_fewer_layers() -> None:
    counts = [
        LoadNeed(R1_QWEN_7B, [card(size * 256 * MIB)]).layers_that_fit(demand()) for size in range(1, 48)
    ]
    assert counts == sorted(counts)
    assert counts[0] == 0
    assert counts[-1] == 29


def test_a_larger_context_leaves_room_for_fewer_layers() -> None:
    small = LoadNeed(R1_QWEN_7B, [card(5 * GIB)]).layers_that_fit(demand(4096))
    large = LoadNeed(R1_QWEN_7B, [card(5 * GIB)]).layers_that_fit(demand(65536))
    assert large < small


def test_two_cards_take_more_than_one_and_less_than_their_sum() -> None:
    one = LoadNeed(R1_QWEN_7B, [card(3 * GIB)]).layers_that_fit(demand())
    two = LoadNeed(R1_QWEN_7B, [card(3 * GIB), card(3 * GIB)]).layers_that_fit(demand())
    sum_of_both = LoadNeed(R1_QWEN_7B, [card(6 * GIB)]).layers_that_fit(demand())
    assert one < two <= sum_of_both


def test_no_card_takes_nothing() -> None:
    assert LoadNeed(R1_QWEN_7B, []).layers_that_fit(demand()) == 0


def test_integrated_graphics_count_only_without_a_card() -> None:
    both = [card(GIB, "igpu"), card(2 * GIB), card(GIB, "cpu")]
    assert offload_devices(both) == [both[1]]
    assert offload_devices([both[2], both[0]]) == [both[0]]
    assert offload_devices([both[2]]) == []


def context_for(devices: list[Device], host_free_bytes: int, shape: ModelShape = R1_QWEN_7B) -> int:
    return choose_context(
        LoadNeed(shape, devices),
        sequences=1,
        batch_tokens=512,
        kv_type="f16",
        host_free_bytes=host_free_bytes,
        copies_weights=False,
    )


def test_the_default_context_is_what_fits() -> None:
    assert context_for([], 64 * GIB) == DEFAULT_CONTEXT_TOKENS
    assert context_for([card(24 * GIB)], 64 * GIB) == DEFAULT_CONTEXT_TOKENS
    # The whole model fits this card with 8,192 tokens, not with 16,384.
    assert context_for([card(5700 * MIB)], 64 * GIB) == 8192
    assert context_for([], 4 * GIB) == SMALLEST_CONTEXT_TOKENS


def test_the_default_context_stays_within_the_models_limit() -> None:
    assert context_for([], 64 * GIB, replace(R1_QWEN_7B, context_limit=2048)) == 2048


def test_the_shape_is_read_from_gguf_metadata() -> None:
    numbers = {
        "block_count": 2,
        "embedding_length": 64,
        "attention.head_count": 4,
        "attention.head_count_kv": 2,
        "feed_forward_length": 128,
        "context_length": 4096,
    }
    tensors = [
        ("token_embd.weight", 1000),
        ("blk.0.attn_q.weight", 10),
        ("blk.0.ffn_up.weight", 20),
        ("blk.1.ffn_up.weight", 40),
        ("output_norm.weight", 1),
        ("output.weight", 500),
    ]
    shape = shape_from_gguf(numbers, tensors, 300)
    assert shape is not None
    assert shape.layer_bytes == (30, 40)
    assert (shape.input_bytes, shape.output_bytes) == (1000, 501)
    assert (shape.key_length, shape.kv_heads, shape.vocabulary) == (16, 2, 300)
    tied = shape_from_gguf(numbers, tensors[:-1], 300)
    assert tied is not None
    assert tied.output_bytes == 1001


@pytest.mark.parametrize("missing", ["block_count", "embedding_length", "attention.head_count"])
def test_a_shape_without_its_needed_keys_is_none(missing: str) -> None:
    numbers = {"block_count": 2, "embedding_length": 64, "attention.head_count": 4}
    del numbers[missing]
    assert shape_from_gguf(numbers, [], 10) is None


def test_a_card_that_answers_to_two_back_ends_counts_once() -> None:
    cuda = Device(
        name="CUDA0",
        description="a card",
        backend="CUDA",
        kind="gpu",
        memory_total_bytes=8,
        memory_free_bytes=6,
        hardware_id="0000:01:00.0",
    )
    vulkan = msgspec.structs.replace(cuda, name="Vulkan0", backend="Vulkan")
    other = msgspec.structs.replace(cuda, name="Vulkan1", backend="Vulkan", hardware_id="0000:02:00.0")
    assert offload_devices([cuda, vulkan, other]) == [cuda, other]
