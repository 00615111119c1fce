"""Plans for machines that are not here: the devices are made up, as figures only."""

from dataclasses import replace

import msgspec
import pytest

from app.engine.planning.cards import usable_bytes
from app.engine.planning.file_shape import ModelShape
from app.engine.planning.load_need import LoadNeed
from app.engine.planning.load_plan import (
    CARD_BATCH_TOKENS,
    PIPELINE_BATCH_TOKENS,
    Room,
    demand_of,
    plan_load,
)
from app.engine.planning.rope_scaling import RopeScaling
from app.engine.protocol import Device, LoadSettings
from models.memory.memory_request import Demand

MIB = 1 << 20
GIB = 1 << 30

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
ROPE = RopeScaling(131072)
PLENTY = Room((), 64 * GIB, 8)
AUTOMATIC = LoadSettings()


def card(free_bytes: int) -> Device:
    return Device(
        name="CUDA0",
        description="a card",
        backend="CUDA",
        kind="gpu",
        memory_total_bytes=free_bytes,
        memory_free_bytes=free_bytes,
    )


def test_nothing_stays_automatic() -> None:
    plan = plan_load(LoadSettings(), R1_QWEN_7B, ROPE, PLENTY).settings
    assert plan == LoadSettings(
        context_tokens=16384,
        gpu_layers=0,
        threads=8,
        prompt_threads=8,
        batch_tokens=512,
        sequences=4,
        kv_type="f16",
        weights="mapped",
    )


def test_what_the_user_chose_stays() -> None:
    asked = LoadSettings(
        context_tokens=5000,
        threads=3,
        prompt_threads=6,
        batch_tokens=64,
        sequences=2,
        kv_type="q8_0",
        weights="copied",
    )
    assert plan_load(asked, R1_QWEN_7B, ROPE, PLENTY).settings == msgspec.structs.replace(asked, gpu_layers=0)


def test_weights_are_copied_into_large_pages_where_there_is_ample_room() -> None:
    def chosen(room: Room, asked: LoadSettings = AUTOMATIC) -> str:
        return plan_load(asked, R1_QWEN_7B, ROPE, replace(room, large_pages=True)).settings.weights

    assert chosen(PLENTY) == "copied"
    assert chosen(Room((), 6 * GIB, 8)) == "mapped"
    assert chosen(Room((card(24 * GIB),), 64 * GIB, 8)) == "mapped"
    assert chosen(PLENTY, LoadSettings(weights="mapped")) == "mapped"


def test_a_copy_has_room_for_the_table_of_tokens_too() -> None:
    def chosen(ram_bytes: float) -> str:
        room = Room((), int(ram_bytes), 8, large_pages=True)
        return plan_load(LoadSettings(sequences=1), R1_QWEN_7B, ROPE, room).settings.weights

    demand = Demand(16384, outputs=48)
    mapped, copied = (
        R1_QWEN_7B.need(replace(demand, copies_weights=copies)).ram.total for copies in (False, True)
    )
    assert copied - mapped == R1_QWEN_7B.input_bytes
    assert chosen(1.01 * mapped / 0.7) == "mapped"
    assert chosen(1.01 * copied / 0.7) == "copied"


def test_a_copy_that_the_user_asked_for_is_given_up_before_memory_is_overdrawn() -> None:
    asked = LoadSettings(weights="copied", context_tokens=4096)
    plan = plan_load(asked, R1_QWEN_7B, ROPE, Room((), 3 * GIB, 8))
    assert plan.settings.maps_weights
    assert "copy of the weights" in " ".join(str(notice) for notice in plan.notices)


def test_a_card_reads_more_of_a_prompt_in_a_step() -> None:
    def planned(*cards: Device, asked: LoadSettings = AUTOMATIC) -> LoadSettings:
        return plan_load(asked, R1_QWEN_7B, ROPE, Room(cards, 64 * GIB, 8)).settings

    assert planned().batch_tokens == 512
    assert planned(card(24 * GIB)).batch_tokens == CARD_BATCH_TOKENS
    assert planned(card(24 * GIB), asked=LoadSettings(batch_tokens=512)).batch_tokens == 512
    assert planned(card(24 * GIB), asked=LoadSettings(gpu_layers=0)).batch_tokens == 512
    for slow in ({"kind": "igpu"}, {"backend": "RPC"}):
        device = msgspec.structs.replace(card(24 * GIB), **slow)
        assert planned(device).batch_tokens == planned(card(24 * GIB), device).batch_tokens == 512
    # Cards that hold all of it between them take turns with its parts.
    assert planned(card(4 * GIB), card(4 * GIB)).batch_tokens == PIPELINE_BATCH_TOKENS
    assert planned(card(2 * GIB), card(2 * GIB)).batch_tokens <= CARD_BATCH_TOKENS


@pytest.mark.parametrize("free_mib", range(1000, 8000, 250))
def test_larger_steps_cost_no_layer_on_the_card(free_mib: int) -> None:
    room = Room((card(free_mib * MIB),), 64 * GIB, 8)
    plan = plan_load(LoadSettings(), R1_QWEN_7B, ROPE, room).settings
    small = plan_load(LoadSettings(batch_tokens=512), R1_QWEN_7B, ROPE, room).settings
    assert msgspec.structs.replace(plan, batch_tokens=512) == small


def test_weights_of_layers_beside_the_card_are_copied() -> None:
    def chosen(ram_bytes: int, *cards: Device) -> str:
        return plan_load(AUTOMATIC, R1_QWEN_7B, ROPE, Room(cards, ram_bytes, 8)).settings.weights

    assert chosen(64 * GIB, card(3 * GIB)) == "copied"
    assert chosen(3 * GIB, card(3 * GIB)) == "mapped"
    assert chosen(64 * GIB, card(24 * GIB)) == "mapped"
    assert chosen(64 * GIB) == "mapped"


def test_prompt_threads_follow_the_threads() -> None:
    assert plan_load(LoadSettings(threads=3), R1_QWEN_7B, ROPE, PLENTY).settings.prompt_threads == 3


def test_replies_side_by_side_cost_no_layer_on_the_card() -> None:
    large = plan_load(LoadSettings(), R1_QWEN_7B, ROPE, Room((card(24 * GIB),), 64 * GIB, 8))
    assert (large.settings.gpu_layers, large.settings.sequences) == (29, 4)
    small = plan_load(LoadSettings(), R1_QWEN_7B, ROPE, Room((card(7 * GIB),), 64 * GIB, 8))
    assert (small.settings.gpu_layers, small.settings.sequences) == (29, 2)


def test_replies_side_by_side_take_little_of_the_ram() -> None:
    assert plan_load(LoadSettings(), R1_QWEN_7B, ROPE, Room((), 12 * GIB, 8)).settings.sequences == 1


def test_replies_that_were_asked_for_become_as_many_as_fit() -> None:
    asked = LoadSettings(sequences=8, context_tokens=16384, kv_type="f16")
    # A context of 16,384 tokens takes 0.9 GiB, the weights stay in the file.
    plan = plan_load(asked, R1_QWEN_7B, ROPE, replace(PLENTY, ram_bytes=int(3.2 * GIB)))
    assert (plan.settings.sequences, plan.settings.context_tokens) == (3, 16384)
    assert [str(notice) for notice in plan.notices][:1] == [
        "Memory is too short for 8 replies side by side, so there are 3 at once."
    ]


def test_a_context_beyond_the_limit_is_lowered_and_said() -> None:
    plan = plan_load(LoadSettings(context_tokens=200_000), R1_QWEN_7B, ROPE, PLENTY)
    assert plan.settings.context_tokens == 131072
    assert "made for 131,072, so it was lowered" in str(plan.notices[0])


def test_yarn_takes_the_context_beyond_the_limit_where_asked_for() -> None:
    asked = LoadSettings(context_tokens=200_000, context_stretch=2)
    plan = plan_load(asked, R1_QWEN_7B, ROPE, PLENTY)
    assert plan.settings.context_tokens == 200_000
    assert "by YaRN" in str(plan.notices[0])
    plan = plan_load(LoadSettings(context_tokens=300_000, context_stretch=2), R1_QWEN_7B, ROPE, PLENTY)
    assert plan.settings.context_tokens == 262_144


def test_positions_that_cannot_be_stretched_keep_their_limit() -> None:
    asked = LoadSettings(context_tokens=200_000, context_stretch=2)
    plan = plan_load(asked, R1_QWEN_7B, RopeScaling(131072, is_plain_rope=False), PLENTY)
    assert plan.settings.context_tokens == 131072
    assert "cannot be stretched" in str(plan.notices[0])


def test_a_cache_that_does_not_fit_into_free_ram_is_lowered_before_the_machine_swaps() -> None:
    # 56 KiB a token: 7 GiB in f16, 3.7 GiB in q8_0.
    asked = LoadSettings(context_tokens=131072, sequences=1)
    plan = plan_load(asked, R1_QWEN_7B, ROPE, Room((), 6 * GIB, 8))
    assert (plan.settings.context_tokens, plan.settings.kv_type) == (131072, "q8_0")
    assert plan.wanted.kv_type == "f16"
    assert plan.was_lowered
    plan = plan_load(asked, R1_QWEN_7B, ROPE, Room((), 3 * GIB, 8))
    assert (plan.settings.context_tokens, plan.settings.kv_type) == (65536, "q8_0")


def test_weights_larger_than_the_free_ram_are_warned_of() -> None:
    plan = plan_load(LoadSettings(context_tokens=4096), R1_QWEN_7B, ROPE, Room((), 3 * GIB, 8))
    assert not plan.was_lowered
    assert "3.2 GB are free" in str(plan.notices[-1])
    assert plan_load(LoadSettings(context_tokens=4096), R1_QWEN_7B, ROPE, PLENTY).notices == []


@pytest.mark.parametrize("free_gib", [1, 2, 4, 6, 8, 12, 24, 48])
def test_no_plan_keeps_more_in_ram_than_is_free(free_gib: int) -> None:
    plan = plan_load(LoadSettings(), R1_QWEN_7B, ROPE, Room((), free_gib * GIB, 8)).settings
    need = R1_QWEN_7B.need(demand_of(plan)).ram
    assert need.cache + need.compute <= free_gib * GIB


def test_a_file_that_tells_no_shape_is_loaded_with_the_defaults() -> None:
    plan = plan_load(LoadSettings(), None, RopeScaling(0), Room((card(8 * GIB),), GIB, 2)).settings
    assert (plan.context_tokens, plan.sequences, plan.gpu_layers) == (16384, 1, 10_000)


R1_QWEN_1_5B = ModelShape(
    layer_bytes=(26 * MIB,) * 28,
    output_bytes=183 * MIB,
    input_bytes=125 * MIB,
    hidden=1536,
    feed_forward=8960,
    heads=12,
    kv_heads=2,
    key_length=128,
    value_length=128,
    vocabulary=151936,
    context_limit=131072,
)
GUESSED = LoadSettings(draft_path="/models/small.gguf", sequences=1)


def test_a_draft_model_is_kept_where_there_is_room_for_both() -> None:
    for room in (PLENTY, Room((card(24 * GIB),), 64 * GIB, 8)):
        plan = plan_load(GUESSED, R1_QWEN_7B, ROPE, room, R1_QWEN_1_5B)
        assert plan.settings.draft_path == GUESSED.draft_path
        assert not plan.was_lowered
        assert plan.notices == []


def test_a_draft_model_goes_before_the_model_leaves_the_card() -> None:
    room = Room((card(7 * GIB),), 64 * GIB, 8)
    alone = plan_load(LoadSettings(sequences=1), R1_QWEN_7B, ROPE, room).settings
    plan = plan_load(GUESSED, R1_QWEN_7B, ROPE, room, R1_QWEN_1_5B)
    assert plan.settings == alone
    assert plan.wanted.draft_path == GUESSED.draft_path
    assert [str(notice) for notice in plan.notices] == [
        "Memory is too short for small.gguf, the model that should guess ahead, beside this one: it was "
        "left out."
    ]


def test_a_draft_model_goes_before_ram_runs_out() -> None:
    asked = msgspec.structs.replace(GUESSED, context_tokens=16384)
    without = plan_load(asked, R1_QWEN_7B, ROPE, Room((), 6 * GIB, 8), R1_QWEN_1_5B)
    assert without.settings.draft_path == ""
    assert (without.settings.context_tokens, len(without.notices)) == (16384, 1)
    both = plan_load(asked, R1_QWEN_7B, ROPE, Room((), 10 * GIB, 8), R1_QWEN_1_5B)
    assert both.settings.draft_path == asked.draft_path


def test_layers_leave_room_on_the_card_for_the_draft_model() -> None:
    room = Room((card(5 * GIB),), 64 * GIB, 8)
    asked = msgspec.structs.replace(GUESSED, context_tokens=8192)
    alone = plan_load(msgspec.structs.replace(asked, draft_path=""), R1_QWEN_7B, ROPE, room).settings
    plan = plan_load(asked, R1_QWEN_7B, ROPE, room, R1_QWEN_1_5B).settings
    assert plan.draft_path
    assert 0 < plan.gpu_layers < alone.gpu_layers < 29
    need = LoadNeed(R1_QWEN_7B, room.devices, R1_QWEN_1_5B).need(demand_of(plan), plan.gpu_layers)
    assert need.device.total <= usable_bytes(room.devices[0])


def test_layers_that_the_user_fixed_go_before_the_draft_model() -> None:
    room = Room((card(5 * GIB),), 64 * GIB, 8)
    asked = msgspec.structs.replace(GUESSED, context_tokens=8192, gpu_layers=24)
    plan = plan_load(asked, R1_QWEN_7B, ROPE, room, R1_QWEN_1_5B).settings
    assert (plan.draft_path, plan.gpu_layers) == ("", 24)


def test_a_draft_model_that_cannot_be_read_stays_for_the_load_to_say_why() -> None:
    plan = plan_load(GUESSED, R1_QWEN_7B, ROPE, PLENTY, None)
    assert plan.settings.draft_path == GUESSED.draft_path
