from app.engine.batching.prefix import Held, Place, choose_place, choose_place_for_saved
from app.engine.batching.scheduler import Job

SHARED = list(range(200))


def job(tokens: list[int], chat_key: str = "", variant: str = "") -> Job:
    return Job(1, tokens, len(tokens), chat_key=chat_key, variant=variant)


def place(wanted: Job, free: dict[int, Held], busy: dict[int, Held] | None = None) -> Place:
    used = dict.fromkeys([*free, *(busy or {})], 0)
    return choose_place(wanted, free, busy or {}, used, least_copied=64)


def test_a_chat_goes_on_where_it_was() -> None:
    free = {0: Held([]), 1: Held([*SHARED, 7, 8, 9], "a")}
    assert place(job([*SHARED, 7, 1], "a"), free) == Place(1, 201)


def test_the_beginning_of_another_chat_is_copied_and_that_chat_stays() -> None:
    free = {0: Held([]), 1: Held([*SHARED, *range(1000, 3000)], "a")}
    assert place(job([*SHARED, 1], "b"), free) == Place(0, 200, copy_from=1)


def test_the_beginning_is_copied_out_of_a_reply_that_runs() -> None:
    assert place(job([*SHARED, 1]), {0: Held([])}, {1: Held([*SHARED, 5])}) == Place(0, 200, copy_from=1)


def test_a_few_tokens_are_not_worth_a_copy() -> None:
    assert place(job([*SHARED[:50], 1]), {0: Held([])}, {1: Held(SHARED)}) == Place(0, 0)


def test_with_one_sequence_there_is_no_choice() -> None:
    assert place(job([*SHARED, 1], "b"), {0: Held([*SHARED, *range(1000, 3000)], "a")}) == Place(0, 200)


def test_what_was_evaluated_with_another_adapter_is_not_shared() -> None:
    assert place(job([*SHARED, 1], variant="x"), {0: Held(SHARED)}) == Place(0, 0)


def test_the_sequence_that_holds_least_goes() -> None:
    free = {0: Held(list(range(500, 900)), "a"), 1: Held(list(range(900, 1000)), "b")}
    assert place(job([1, 2, 3], "c"), free) == Place(1, 0)


def test_what_runs_at_once_lies_side_by_side() -> None:
    """Of sequences that are not neighbours llama.cpp computes each step in parts."""
    idle = {sequence: Held([sequence] * 400, str(sequence)) for sequence in (0, 1, 3, 5, 6)}
    assert place(job([9], "x"), idle, {4: Held([7])}).sequence in (3, 5)
    assert place(job([9], "x"), idle, {2: Held([7]), 4: Held([7])}).sequence == 3


def test_a_long_conversation_is_not_lost_for_a_neighbour() -> None:
    idle = {0: Held([]), 3: Held([1] * 4000, "a")}
    assert place(job([9], "x"), idle, {4: Held([7])}).sequence == 0


def test_a_chat_goes_on_beside_what_runs_if_a_copy_brings_it_there() -> None:
    idle = {0: Held([*SHARED, *range(1000, 1200)], "a"), 3: Held([])}
    wanted = job([*SHARED, *range(1000, 1200), 5], "a")
    assert place(wanted, idle, {4: Held([7])}) == Place(3, 400, copy_from=0)
    assert place(wanted, {0: idle[0]}, {4: Held([7])}) == Place(0, 400)


def place_for_saved(wanted: Job, free: dict[int, Held], busy: tuple[int, ...]) -> Place:
    return choose_place_for_saved(wanted, 150, free, busy, dict.fromkeys(free, 0))


def test_a_state_from_the_disk_goes_beside_what_runs() -> None:
    idle = {0: Held([]), 3: Held([1] * 400, "a"), 5: Held([2] * 300, "b"), 6: Held([3] * 4000, "c")}
    assert place_for_saved(job([*SHARED, 1], "x"), idle, (4,)) == Place(5, 150)
    assert place_for_saved(job([*SHARED, 1], "x"), idle, (7,)).sequence == 0


def test_a_state_from_the_disk_replaces_what_its_chat_held() -> None:
    idle = {0: Held([*SHARED[:20], 3], "x"), 3: Held([])}
    assert place_for_saved(job([*SHARED, 1], "x"), idle, (4,)) == Place(0, 150)
