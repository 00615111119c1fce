from app.engine.batching.prefix import common_prefix_length, reusable_length
from app.engine.batching.scheduler import Admission, Chunk, Job, Scheduler


def make_job(request_id: int, prompt: list[int], *, reuse: bool = True) -> Job:
    return Job(request_id, list(prompt), len(prompt), reuse_prefix=reuse)


def admit_all(scheduler: Scheduler) -> list[Admission]:
    admissions = []
    while admission := scheduler.admit():
        admissions.append(admission)
    return admissions


def run_step(scheduler: Scheduler, new_token: int = 99) -> list[Chunk]:
    """Admit, plan, and give every job whose logits were asked for a new token."""
    admit_all(scheduler)
    chunks = scheduler.plan()
    scheduler.evaluated(chunks)
    for chunk in chunks:
        if chunk.logits:
            chunk.job.tokens.append(new_token)
    return chunks


def test_a_long_prompt_goes_in_by_batches_and_asks_for_logits_at_its_end() -> None:
    scheduler = Scheduler(1, 512)
    scheduler.add(make_job(1, list(range(1200))))
    spans = [[(c.start, c.end, c.logits) for c in run_step(scheduler)] for _ in range(4)]
    assert spans == [[(0, 512, False)], [(512, 1024, False)], [(1024, 1200, True)], [(1200, 1201, True)]]


def test_running_replies_come_before_prompts() -> None:
    scheduler = Scheduler(2, 8)
    scheduler.add(make_job(1, [1, 2, 3]))
    run_step(scheduler)
    scheduler.add(make_job(2, list(range(20))))
    chunks = run_step(scheduler)
    assert [(c.job.request_id, c.start, c.end, c.logits) for c in chunks] == [
        (1, 3, 4, True),
        (2, 0, 7, False),
    ]


def test_prompts_share_the_batches() -> None:
    scheduler = Scheduler(3, 12)
    scheduler.add(make_job(1, list(range(100))))
    scheduler.add(make_job(2, list(range(200, 203))))
    scheduler.add(make_job(3, list(range(300, 400))))
    spans = {chunk.job.request_id: (chunk.start, chunk.end) for chunk in run_step(scheduler)}
    assert spans == {1: (0, 4), 2: (0, 3), 3: (0, 5)}


def test_prompts_for_which_there_is_no_room_come_in_turn() -> None:
    scheduler = Scheduler(2, 1)
    scheduler.add(make_job(1, list(range(12))))
    scheduler.add(make_job(2, list(range(50, 62))))
    order = [[c.job.request_id for c in run_step(scheduler)] for _ in range(4)]
    assert order == [[1], [2], [1], [2]]


def test_one_prompt_takes_a_chunk_of_a_large_batch() -> None:
    scheduler = Scheduler(2, 2048)
    scheduler.add(make_job(1, list(range(4000))))
    assert [(c.start, c.end) for c in run_step(scheduler)] == [(0, 512)]


def test_the_tokens_that_close_a_thought_go_before_prompts() -> None:
    scheduler = Scheduler(2, 8)
    first = make_job(1, [1, 2, 3])
    scheduler.add(first)
    run_step(scheduler)
    first.tokens += [4, 5, 6]
    scheduler.add(make_job(2, list(range(20))))
    assert [(c.job.request_id, c.start, c.end, c.logits) for c in run_step(scheduler)] == [
        (1, 3, 7, True),
        (2, 0, 4, False),
    ]


def test_a_batch_that_is_too_small_for_them_takes_a_part() -> None:
    scheduler = Scheduler(1, 2)
    job = make_job(1, [1, 2])
    scheduler.add(job)
    run_step(scheduler)
    job.tokens += [4, 5]
    assert [(c.start, c.end, c.logits) for c in run_step(scheduler)] == [(2, 4, False)]
    assert [(c.start, c.end, c.logits) for c in run_step(scheduler)] == [(4, 5, True)]


def test_the_front_goes_before_the_background() -> None:
    scheduler = Scheduler(1, 8)
    background = make_job(1, [1, 2])
    background.background = True
    first, second = make_job(2, [3, 4]), make_job(3, [5, 6])
    for job in (first, background, second):
        scheduler.add(job)
    run_step(scheduler)
    scheduler.remove(first)
    assert [admission.job for admission in admit_all(scheduler)] == [second]


def test_the_background_gives_its_sequence_to_the_front_and_goes_on_later() -> None:
    scheduler = Scheduler(1, 64)
    background = make_job(1, [1, 2, 3])
    background.background = True
    scheduler.add(background)
    for token in (4, 5, 6):
        run_step(scheduler, new_token=token)
    front = make_job(2, [7, 8])
    scheduler.add(front)
    assert [c.job for c in run_step(scheduler)] == [front]
    assert background.sequence == -1
    scheduler.remove(front)
    # All that it has said is evaluated again, and only the last gives a new token.
    (chunk,) = run_step(scheduler, new_token=9)
    assert (chunk.job, chunk.start, chunk.end, chunk.logits) == (background, 0, 6, True)
    assert background.tokens == [1, 2, 3, 4, 5, 6, 9]


def test_the_background_waits_while_the_front_reads_its_prompt() -> None:
    scheduler = Scheduler(2, 8)
    background = make_job(1, [1, 2, 3])
    background.background = True
    scheduler.add(background)
    run_step(scheduler)
    front = make_job(2, list(range(10, 22)))
    scheduler.add(front)
    assert [[c.job for c in run_step(scheduler)] for _ in range(2)] == [[front], [front]]
    assert {c.job.request_id for c in run_step(scheduler)} == {1, 2}


def test_the_front_goes_alone_until_it_has_had_as_much_time() -> None:
    scheduler = Scheduler(2, 8)
    background = make_job(1, [1, 2, 3])
    background.background = True
    scheduler.add(background)
    scheduler.add(make_job(2, [4, 5, 6]))
    run_step(scheduler)
    sizes = []
    for _ in range(12):
        chunks = run_step(scheduler)
        sizes.append(len(chunks))
        scheduler.took(chunks, 0.01 * len(chunks))
    assert sizes.count(2) in (5, 6, 7)


def test_a_job_waits_until_a_sequence_is_free() -> None:
    scheduler = Scheduler(1, 8)
    first, second = make_job(1, [1, 2]), make_job(2, [3, 4])
    scheduler.add(first)
    scheduler.add(second)
    run_step(scheduler)
    assert second.sequence == -1
    scheduler.remove(first)
    assert [admission.job for admission in admit_all(scheduler)] == [second]
    assert second.sequence == 0


def test_a_waiting_job_can_be_cancelled() -> None:
    scheduler = Scheduler(1, 8)
    first, second = make_job(1, [1, 2]), make_job(2, [3, 4])
    scheduler.add(first)
    scheduler.add(second)
    run_step(scheduler)
    scheduler.remove(second)
    scheduler.remove(first)
    assert not scheduler.busy
    assert scheduler.admit() is None


def test_planning_twice_changes_nothing() -> None:
    scheduler = Scheduler(1, 4)
    scheduler.add(make_job(1, list(range(10))))
    admit_all(scheduler)
    assert [(c.start, c.end) for c in scheduler.plan()] == [(c.start, c.end) for c in scheduler.plan()]


def test_the_same_beginning_is_not_evaluated_again() -> None:
    scheduler = Scheduler(1, 64)
    first = make_job(1, [1, 2, 3, 4])
    scheduler.add(first)
    run_step(scheduler, new_token=5)
    run_step(scheduler, new_token=6)
    scheduler.remove(first)
    second = make_job(2, [1, 2, 3, 4, 5, 7, 8])
    scheduler.add(second)
    admit_all(scheduler)
    assert (second.reused, second.evaluated) == (5, 5)
    assert [(c.start, c.end, c.logits) for c in scheduler.plan()] == [(5, 7, True)]


def test_a_prompt_that_is_cached_whole_evaluates_its_last_token() -> None:
    scheduler = Scheduler(1, 64)
    first = make_job(1, [1, 2, 3])
    scheduler.add(first)
    run_step(scheduler)
    scheduler.remove(first)
    second = make_job(2, [1, 2, 3])
    scheduler.add(second)
    admit_all(scheduler)
    assert second.reused == 2


def test_a_benchmark_reuses_nothing() -> None:
    scheduler = Scheduler(1, 64)
    first = make_job(1, [1, 2, 3])
    scheduler.add(first)
    run_step(scheduler)
    scheduler.remove(first)
    second = make_job(2, [1, 2, 3], reuse=False)
    scheduler.add(second)
    admit_all(scheduler)
    assert second.reused == 0


def test_a_job_takes_the_sequence_that_holds_most_of_its_prompt() -> None:
    scheduler = Scheduler(2, 64)
    jobs = [make_job(1, [1, 2, 3]), make_job(2, [7, 8, 9])]
    for job in jobs:
        scheduler.add(job)
    run_step(scheduler)
    for job in jobs:
        scheduler.remove(job)
    again = make_job(3, [7, 8, 9, 10])
    scheduler.add(again)
    admit_all(scheduler)
    assert (again.sequence, again.reused) == (1, 3)


def test_a_sequence_that_cannot_be_cut_starts_over() -> None:
    scheduler = Scheduler(1, 64)
    first = make_job(1, [1, 2, 3])
    scheduler.add(first)
    run_step(scheduler)
    scheduler.remove(first)
    second = make_job(2, [1, 2, 9])
    scheduler.add(second)
    admit_all(scheduler)
    scheduler.forget(second)
    assert [(c.start, c.end) for c in scheduler.plan()] == [(0, 3)]


def test_common_prefix() -> None:
    assert common_prefix_length([], [1]) == 0
    assert common_prefix_length([1], [2]) == 0
    assert common_prefix_length([1, 2, 3], [1, 2, 3, 4]) == 3
    for shared in range(40):
        first = list(range(shared)) + [-1] * 5
        second = list(range(shared)) + [-2] * 7
        assert common_prefix_length(first, second) == shared
    assert reusable_length([1, 2], []) == 0


def test_a_batch_is_in_the_order_of_the_sequences() -> None:
    scheduler = Scheduler(4, 64)
    for number in range(4):
        scheduler.add(make_job(number, [10 * number, 10 * number + 1]))
    for _ in range(6):
        chunks = run_step(scheduler)
        assert [chunk.job.sequence for chunk in chunks] == [0, 1, 2, 3]
