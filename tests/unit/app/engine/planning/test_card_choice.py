"""Which cards a model's layers go to, on machines that this one is not: devices are figures here."""

import msgspec

from app.engine.planning.card_choice import choose_cards
from app.engine.planning.device_placement import place
from app.engine.protocol import Device, LoadSettings, RpcServer
from tests.support.graphics_machines import R1_QWEN_7B, NobodyElse

GIB = 1 << 30


def card(name: str, free_gib: float, description: str = "", backend: str = "CUDA", bus: int = 0) -> Device:
    return Device(
        name=name,
        description=description or name,
        backend=backend,
        kind="gpu",
        memory_total_bytes=round((free_gib + 0.5) * GIB),
        memory_free_bytes=round(free_gib * GIB),
        hardware_id=f"0000:{bus:02x}:00.0" if bus else "",
    )


A, B = card("CUDA0", 11, bus=1), card("CUDA1", 11, bus=2)
SMALL = card("CUDA2", 4, bus=3)


def chosen(*devices: Device, **settings: object) -> list[str]:
    choice = choose_cards(LoadSettings(**settings), R1_QWEN_7B, devices, 32 * GIB)  # type: ignore[arg-type]
    return [device.name for device in choice.devices]


def test_one_card_that_holds_the_model_is_enough() -> None:
    assert chosen(A, B) == ["CUDA0"]
    assert chosen(SMALL, A, B) == ["CUDA0"]


def test_what_one_card_does_not_hold_is_shared() -> None:
    assert chosen(SMALL, card("CUDA3", 4, bus=4)) == ["CUDA2", "CUDA3"]
    # A longer context than one of them would hold.
    assert chosen(card("CUDA0", 5.5, bus=1), card("CUDA1", 5.5, bus=2)) == ["CUDA0", "CUDA1"]
    assert chosen(A, B, context_tokens=131072, sequences=1) == ["CUDA0", "CUDA1"]


def test_of_cards_whose_speed_nobody_tells_the_larger_is_taken() -> None:
    old = card("Vulkan0", 7.5, "NVIDIA GeForce GTX 1070", "Vulkan", bus=1)
    new = card("Vulkan1", 11.5, "NVIDIA GeForce RTX 3060", "Vulkan", bus=2)
    assert chosen(old, new) == ["Vulkan1"]


def test_a_card_that_others_have_filled_gets_nothing() -> None:
    assert chosen(SMALL, card("CUDA3", 0, bus=4)) == ["CUDA2"]
    assert chosen(card("CUDA0", 0, bus=1), card("CUDA1", 0, bus=2)) == ["CUDA0"]


def test_the_user_says_which_cards_and_how_they_are_shared() -> None:
    assert chosen(A, B, card_use="all") == ["CUDA0", "CUDA1"]
    assert chosen(A, B, main_card="0000:02:00.0") == ["CUDA1"]
    assert chosen(A, B, card_use="all", main_card="0000:02:00.0") == ["CUDA1", "CUDA0"]
    assert chosen(A, B, SMALL, cards=("0000:03:00.0",)) == ["CUDA2"]
    assert chosen(SMALL, A, card_use="one") == ["CUDA0"]
    assert chosen(SMALL, A, card_use="one", main_card="0000:03:00.0") == ["CUDA2"]


def test_a_card_that_was_chosen_and_is_gone_is_said() -> None:
    choice = choose_cards(LoadSettings(cards=("0000:09:00.0",)), R1_QWEN_7B, [A, B], 32 * GIB)
    assert [device.name for device in choice.devices] == ["CUDA0"]
    assert "is not there; others are used" in str(choice.notices[0])


def test_an_old_card_beside_a_new_one_does_not_come_back_through_vulkan() -> None:
    rtx = card("CUDA0", 5, "NVIDIA GeForce RTX 3060", bus=1)
    again = card("Vulkan0", 5, "NVIDIA GeForce RTX 3060", "Vulkan", bus=1)
    old = card("Vulkan1", 6, "NVIDIA GeForce GTX 1060 6GB", "Vulkan", bus=2)
    assert chosen(rtx, again, old) == ["CUDA0"]
    # Also where Vulkan's driver does not tell the card's address.
    assert chosen(rtx, card("Vulkan0", 5, "NVIDIA GeForce RTX 3060", "Vulkan")) == ["CUDA0"]
    # By itself it is better than the processor, and the user may ask for it.
    assert chosen(old) == ["Vulkan1"]
    assert chosen(rtx, again, old, cards=("0000:02:00.0",)) == ["Vulkan1"]


def test_integrated_graphics_are_used_only_without_a_card_and_said() -> None:
    igpu = msgspec.structs.replace(card("Vulkan0", 12, "AMD Radeon 780M", "Vulkan"), kind="igpu")
    assert chosen(igpu, A) == ["CUDA0"]
    choice = choose_cards(LoadSettings(), R1_QWEN_7B, [igpu], 32 * GIB)
    assert [device.name for device in choice.devices] == ["Vulkan0"]
    assert "the processor's own graphics compute (AMD Radeon 780M)" in str(choice.notices[0])
    assert not choose_cards(LoadSettings(gpu_layers=0), R1_QWEN_7B, [igpu], 32 * GIB).notices


def test_llama_cpp_is_told_where_it_would_choose_otherwise() -> None:
    local = list(enumerate([A, B], 11))
    one = place(LoadSettings(), R1_QWEN_7B, local, 32 * GIB, NobodyElse())
    assert (one.devices, one.handles, one.split) == ((A,), (11,), ())
    both = place(LoadSettings(card_use="all"), R1_QWEN_7B, local, 32 * GIB, NobodyElse())
    assert (both.devices, both.handles, both.split) == ((A, B), (), ())
    turned = place(
        LoadSettings(card_use="all", main_card="0000:02:00.0", rpc_servers=(RpcServer("den-pc"),)),
        R1_QWEN_7B,
        local,
        32 * GIB,
        NobodyElse(),
    )
    assert (turned.devices, turned.handles) == ((B, A), (12, 11))
    assert turned.split[0] == turned.split[1] > 0
