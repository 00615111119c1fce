import pickle
import random

import pytest

from app.engine.generation.loop_guard import LONGEST_MEMORY, LoopGuard

WORDS = [
    "the", "number", "is", "even", "so", "we", "can", "divide", "by", "two", "and", "then", "check",
    "whether", "that", "holds", "for", "every", "case", "wait", "maybe",
    "there", "another", "way", "to", "see", "this",
    "first", "second", "term", "sum", "product", "root", "equation", "both", "sides", "must", "equal", "zero",
    "one", "prime", "factor", "let", "me", "think", "about", "it", "again", "but", "if", "not", "because",
]  # fmt: skip


def guard_says(pieces: list[str], guard: LoopGuard | None = None) -> int | None:
    """The place of the token at which the guard speaks; a token is its text."""
    guard = guard or LoopGuard()
    ids: dict[str, int] = {}
    for place, piece in enumerate(pieces):
        if guard.add(ids.setdefault(piece, len(ids)), piece.encode()):
            return place
    return None


def prose(count: int, seed: int) -> list[str]:
    draw = random.Random(seed)
    return [" " + draw.choice(WORDS) for _ in range(count)]


def split(text: str) -> list[str]:
    """Tokens of about a word, a digit or a sign, as vocabularies have them."""
    out: list[str] = []
    for character in text:
        if out and character.isalpha() and (out[-1].strip().isalpha() or out[-1] == " "):
            out[-1] += character
        else:
            out.append(character)
    return out


@pytest.mark.parametrize("period", [1, 7, 40, 150, 600])
def test_the_same_words_over_and_over_are_a_circle(period: int) -> None:
    thought, round_ = prose(500, 1), prose(period, 2)
    place = guard_says(thought + round_ * (3000 // period + 4))
    assert place is not None
    assert place >= len(thought) + 3 * period
    assert place <= len(thought) + max(400, 5 * period + 600)


def test_a_circle_with_a_word_changed_in_each_round_is_one() -> None:
    draw = random.Random(3)
    round_ = prose(120, 4)
    thought = prose(300, 5)
    for _ in range(40):
        again = list(round_)
        again[draw.randrange(len(again))] = " " + draw.choice(WORDS)
        thought += again
    place = guard_says(thought)
    assert place is not None
    assert place < 300 + 20 * 120


@pytest.mark.parametrize("seed", range(5))
def test_long_prose_is_none(seed: int) -> None:
    assert guard_says(prose(20_000, seed)) is None


def test_a_table_of_numbers_is_none() -> None:
    rows = "".join(f"| {n} | {n * n} | {n**3} | yes |\n" for n in range(1, 200))
    assert guard_says(split("| n | square | cube | whole |\n|---|---|---|---|\n" + rows)) is None


def test_a_truth_table_is_none() -> None:
    rows = ["| " + " | ".join(f"{n:06b}") + f" | {n % 2} |\n" for n in range(64)]
    assert guard_says(split("| a | b | c | d | e | f | out |\n" + "".join(rows))) is None


def test_a_matrix_of_zeros_is_none() -> None:
    assert guard_says(split(("[" + ", ".join("0" * 20) + "],\n") * 20)) is None


def test_a_list_of_records_is_none() -> None:
    records = [f'{{"id": {n}, "ok": true, "name": "item {n}"}},\n' for n in range(150)]
    assert guard_says(split("".join(records))) is None


def test_code_that_is_written_three_times_is_none() -> None:
    code = split(
        "".join(f"def check_{name}(value):\n    if value < {n}:\n        return {name}\n    return value\n"
                for n, name in enumerate(WORDS[:20]))
    )  # fmt: skip
    thought = prose(300, 6) + code + prose(200, 7) + code + prose(200, 8) + code + prose(300, 9)
    assert guard_says(thought) is None


def test_a_rule_under_a_title_is_none() -> None:
    assert guard_says(prose(50, 1) + ["-"] * 400 + prose(50, 2)) is None


def test_a_long_thought_costs_the_same_for_each_token() -> None:
    guard = LoopGuard()
    sizes = []
    for number in range(3):
        assert guard_says(prose(LONGEST_MEMORY, number), guard) is None
        sizes.append(len(pickle.dumps(guard)))
    assert max(sizes) < 1.05 * sizes[0]


@pytest.mark.parametrize("period", [1, 3, 40, 74, 75, 76, 150, 600])
def test_it_speaks_no_sooner_than_it_says(period: int) -> None:
    guard, ids = LoopGuard(), dict[str, int]()
    draw = random.Random(period)
    pieces = prose(300, 7) + prose(period, 8) * (400 // period + 5)
    pieces += [" " + word for word in (WORDS * 3)[: draw.randrange(60)]] + prose(period, 8) * (
        600 // period + 5
    )
    quiet_until = spoke = 0
    for place, piece in enumerate(pieces):
        quiet_until = max(quiet_until, place + guard.soonest())
        if guard.add(ids.setdefault(piece, len(ids)), piece.encode()):
            spoke += 1
            assert place + 1 >= quiet_until
    assert spoke


def test_it_says_how_soon_it_may_speak() -> None:
    guard = LoopGuard()
    assert guard.soonest() > 200
    pieces = prose(75, 3) * 4
    for piece in pieces[:-1]:
        assert not guard.add(hash(piece), piece.encode())
    assert guard.soonest() == 1
    assert guard.add(hash(pieces[-1]), pieces[-1].encode())
