from app.engine.prefix import common_prefix_length, reusable_length
from app.engine.scheduler import Admission, Chunk, Job, Scheduler


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


def test_prompts_share_the_batches_in_turn() -> None:
    scheduler = Scheduler(2, 4)
    scheduler.add(make_job(1, list(range(12))))
    scheduler.add(make_job(2, list(range(50, 62))))
    order = [[c.job.request_id for c in run_step(scheduler)] for _ in range(4)]
    assert order == [[1], [2], [1], [2]]


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
