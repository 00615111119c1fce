"""Cards whose driver moves to RAM what they cannot hold: a larger reserve, and a look after the load."""

import pytest

from app.engine.planning import cards
from app.engine.planning.cards import usable_bytes
from app.engine.planning.paged_memory import is_paged, looks_full
from app.engine.protocol import Device

GIB = 1 << 30


def card(free_gib: float, **changes: object) -> Device:
    values: dict[str, object] = {"name": "CUDA0", "backend": "CUDA", "kind": "gpu", **changes}
    return Device(
        description="a card",
        memory_total_bytes=8 * GIB,
        memory_free_bytes=round(free_gib * GIB),
        **values,  # type: ignore[arg-type] # its fields
    )


def test_a_driver_that_pages_leaves_a_gibibyte_free(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = usable_bytes(card(7))
    monkeypatch.setattr(cards, "driver_pages", lambda: True)
    assert usable_bytes(card(7)) == 6 * GIB < plain
    assert usable_bytes(card(0.5)) == 0
    # They have no memory of their own, and nobody knows another computer's system.
    assert usable_bytes(card(7, kind="igpu")) == usable_bytes(card(7, backend="RPC")) == plain


@pytest.mark.parametrize(
    ("free_before", "allocated", "free_now", "full"),
    [
        (7.0, 5.0, 1.8, False),
        (7.0, 8.0, 0.0, True),
        (7.0, 8.0, 2.0, True),
        (7.0, 6.8, 0.1, True),
        (7.0, 0.0, 0.0, False),
    ],
)
def test_a_card_looks_full_by_what_was_free_and_by_what_is(
    free_before: float, allocated: float, free_now: float, full: bool
) -> None:
    sizes = {"CUDA0": round(allocated * GIB), "CPU": 30 * GIB}
    assert looks_full([card(free_before)], [card(free_now)], sizes) is full
    assert not looks_full([card(free_before, kind="igpu")], [card(free_now, kind="igpu")], sizes)


@pytest.mark.parametrize(
    ("allocated", "token_s", "whole", "paged"),
    [
        # A card that makes room by moving others' memory out is as fast as ever.
        (9.0, 0.025, True, False),
        # A quarter of the weights comes over the bus.
        (9.0, 0.09, True, True),
        (9.0, 0.09, False, True),
        # As much as was free: only what no card could be is too slow.
        (6.8, 0.05, True, False),
        (6.8, 0.20, True, True),
        # Layers in RAM are slow by themselves.
        (6.8, 0.20, False, False),
        (9.0, 0.009, True, False),
    ],
)
def test_a_part_in_ram_is_told_by_the_speed(
    allocated: float, token_s: float, whole: bool, paged: bool
) -> None:
    sizes = {"CUDA0": round(allocated * GIB)}
    assert is_paged([card(7)], sizes, round(5.5 * GIB), token_s, whole=whole) is paged
