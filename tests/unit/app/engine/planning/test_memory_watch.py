from app.engine.planning.memory_watch import MemoryWatch

MIB = 1 << 20
GIB = 1 << 30


def test_a_card_that_another_program_fills_is_said_once() -> None:
    watch = MemoryWatch()
    assert watch.card("A card", 600 * MIB, 8 * GIB) is None
    notice = watch.card("A card", 100 * MIB, 8 * GIB)
    assert notice is not None
    assert "(A card): 105 MB are free" in str(notice)
    assert watch.card("A card", 50 * MIB, 8 * GIB) is None


def test_it_is_said_again_after_the_memory_was_free_in_between() -> None:
    watch = MemoryWatch()
    assert watch.card("A card", 100 * MIB, 8 * GIB) is not None
    # A little more is no recovery: it would be said at every change.
    assert watch.card("A card", 210 * MIB, 8 * GIB) is None
    assert watch.card("A card", 100 * MIB, 8 * GIB) is None
    assert watch.card("A card", 400 * MIB, 8 * GIB) is None
    assert watch.card("A card", 100 * MIB, 8 * GIB) is not None


def test_cards_are_looked_at_one_by_one() -> None:
    watch = MemoryWatch()
    assert watch.card("First", 100 * MIB, 8 * GIB) is not None
    assert watch.card("Second", 100 * MIB, 8 * GIB) is not None


def test_ram_that_is_nearly_full_is_said() -> None:
    watch = MemoryWatch()
    assert watch.ram(2 * GIB, 16 * GIB) is None
    notice = watch.ram(300 * MIB, 16 * GIB)
    assert notice is not None
    assert "315 MB are free" in str(notice)
