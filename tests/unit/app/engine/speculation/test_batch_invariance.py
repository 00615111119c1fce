"""Guesses where rows have to be exact: what is tried, what is used, and when it is given up."""

from itertools import pairwise

from app.engine.protocol import LoadSettings
from app.engine.speculation.batch_invariance import CELLS, GUESSES, ROWS, RowProofs, can_be_alike

WANTED = 16


def try_once(proofs: RowProofs, length: int = 10, variant: str = "") -> None:
    """A trial that comes out well."""
    count, on_trial = proofs.choose(variant, length, WANTED)
    assert on_trial
    guesses = list(range(count))
    trial = proofs.begin(variant, length, guesses, [b"%d" % place for place in range(count + 1)])
    for place, guess in enumerate(guesses):
        assert trial.goes_on(length - 1 + place, b"%d" % place, guess)
    assert not trial.goes_on(length - 1 + count, b"%d" % count, 99)


def prove(proofs: RowProofs, length: int = 10, variant: str = "") -> None:
    """As many as it takes."""
    count, _ = proofs.choose(variant, length, WANTED)
    for _ in range(max(1, ROWS // (count + 1))):
        try_once(proofs, length, variant)


def test_a_size_is_used_after_its_rows_were_the_same() -> None:
    proofs = RowProofs(True)
    assert proofs.choose("", 10, WANTED) == (GUESSES[0], True)
    prove(proofs)
    assert proofs.choose("", 10, WANTED) == (GUESSES[0], False)


def test_two_rows_are_not_enough() -> None:
    proofs = RowProofs(True)
    try_once(proofs)
    assert proofs.choose("", 10, WANTED) == (GUESSES[0], True)


def test_a_larger_size_is_tried_once_the_proven_one_was_right() -> None:
    proofs = RowProofs(True)
    for smaller, larger in pairwise(GUESSES):
        prove(proofs)
        assert proofs.choose("", 10, WANTED) == (smaller, False)
        proofs.was_right("", 10, smaller)
        assert proofs.choose("", 10, WANTED) == (larger, True)
    prove(proofs)
    proofs.was_right("", 10, GUESSES[-1])
    assert proofs.choose("", 10, WANTED) == (GUESSES[-1], False)


def test_other_rows_end_it_for_their_size_and_all_larger_ones() -> None:
    proofs = RowProofs(True)
    prove(proofs)
    proofs.was_right("", 10, GUESSES[0])
    count, _ = proofs.choose("", 10, WANTED)
    trial = proofs.begin("", 10, range(count), [b"%d" % place for place in range(count + 1)])
    assert trial.goes_on(9, b"0", 0)
    assert not trial.goes_on(10, b"another", 1)
    proofs.was_right("", 10, GUESSES[0])
    assert proofs.choose("", 10, WANTED) == (GUESSES[0], False)


def test_nothing_is_guessed_where_already_two_rows_differ() -> None:
    proofs = RowProofs(True)
    trial = proofs.begin("", 10, [5], [b"0", b"1"])
    assert not trial.goes_on(9, b"another", 5)
    assert proofs.choose("", 10, WANTED) == (0, False)


def test_a_wrong_guess_proves_nothing_and_refutes_nothing() -> None:
    proofs = RowProofs(True)
    trial = proofs.begin("", 10, [5], [b"0", b"1"])
    assert not trial.goes_on(9, b"0", 6)
    assert proofs.choose("", 10, WANTED) == (GUESSES[0], True)


def test_tokens_that_came_otherwise_end_a_trial() -> None:
    proofs = RowProofs(True)
    trial = proofs.begin("", 10, [5], [b"0", b"1"])
    assert trial.goes_on(9, b"0", 5)
    assert not trial.goes_on(14, b"another", 7)
    assert proofs.choose("", 10, WANTED) == (GUESSES[0], True)


def test_longer_contexts_and_other_adapters_are_tried_by_themselves() -> None:
    proofs = RowProofs(True)
    prove(proofs)
    assert proofs.choose("", CELLS + 10, WANTED) == (GUESSES[0], True)
    assert proofs.choose("", 2 * CELLS + 10, WANTED) == (GUESSES[0], True)
    assert proofs.choose("adapter", 10, WANTED) == (GUESSES[0], True)
    prove(proofs, 2 * CELLS + 10)
    assert proofs.choose("", 3 * CELLS + 10, WANTED) == (GUESSES[0], False)


def test_a_batch_attends_over_the_cells_that_its_rows_do_alone() -> None:
    proofs = RowProofs(True)
    assert proofs.choose("", CELLS - 1, WANTED) == (1, True)
    assert proofs.choose("", CELLS, WANTED) == (0, False)


def test_few_guesses_are_none_too_many() -> None:
    proofs = RowProofs(True)
    assert proofs.choose("", 10, 0) == (0, False)
    prove(proofs)
    proofs.was_right("", 10, GUESSES[0])
    assert proofs.choose("", 10, 2) == (1, False)


def test_nothing_is_tried_on_the_processor_without_flash_attention() -> None:
    assert can_be_alike(LoadSettings(gpu_layers=0))
    assert not can_be_alike(LoadSettings(gpu_layers=0, flash_attention="off"))
    assert can_be_alike(LoadSettings(gpu_layers=9, flash_attention="off"))
    assert RowProofs(False).choose("", 10, WANTED) == (0, False)
