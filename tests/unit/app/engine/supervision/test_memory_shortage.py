import itertools

import pytest

from app.engine.supervision.memory_shortage import LOOKS, MemoryLook, MemoryShortage, look_at_memory

AMPLE, SHORT = 0.6, 0.04


def shortage(*looks: MemoryLook) -> MemoryShortage:
    """One that has seen all of these but the last, which comes with the question."""
    coming = iter(looks)
    memory = MemoryShortage(lambda: next(coming))
    for _ in looks[2:]:
        memory.note()
    return memory


def test_memory_was_not_short_where_there_was_always_enough() -> None:
    assert not shortage(*(MemoryLook(AMPLE, 3) for _ in range(5))).was_short()


@pytest.mark.parametrize(
    "looks",
    [
        (MemoryLook(AMPLE, 3), MemoryLook(AMPLE, 4)),
        (MemoryLook(AMPLE, 3), MemoryLook(SHORT, 3), MemoryLook(AMPLE, 3)),
        (MemoryLook(AMPLE, None), MemoryLook(AMPLE, None)),
    ],
    ids=["the kernel ended a process", "nearly all was taken", "nobody says what the kernel ended"],
)
def test_memory_was_short_where_anything_points_to_it(looks: tuple[MemoryLook, ...]) -> None:
    assert shortage(*looks).was_short()


def test_what_lies_further_back_does_not_count() -> None:
    looks = itertools.chain([MemoryLook(SHORT, 3)], itertools.repeat(MemoryLook(AMPLE, 4)))
    memory = MemoryShortage(lambda: next(looks))
    for _ in range(LOOKS):
        memory.note()
    assert not memory.was_short()


def test_this_computer_tells_how_much_is_free() -> None:
    assert 0 < look_at_memory().free_fraction < 1
