"""A hang is told from what is only slow: seconds pass as the test says."""

import time
from collections.abc import Callable

from app.engine.supervision.activity import Beat, Work
from app.engine.supervision.stalled_step import HANG_S, LOAD_HANG_S, MARGIN, SPIN_FACTOR, StallWatch, Vitals


def beat(work: Work = "step", *, tokens: int = 1, token_s: float = 0.01, step: int = 1) -> Beat:
    return Beat(step, work, time.perf_counter(), lambda: tokens, token_s)


def first_hang_s(
    present: Beat,
    limit_s: float,
    *,
    cpu: Callable[[float], float] = lambda now_s: 0.0,
    reads: Callable[[float], int] = lambda now_s: 0,
    tick_s: float = 1.0,
) -> float | None:
    """When it is called a hang, in seconds from its start; None if it is not until `limit_s`."""
    watch = StallWatch()
    now_s = 0.0
    while now_s <= limit_s:
        if watch.look(now_s, present, Vitals(cpu(now_s), reads(now_s))):
            return now_s
        now_s += tick_s
    return None


def test_a_step_that_neither_computes_nor_reads_has_hung_within_ten_seconds() -> None:
    hung_s = first_hang_s(beat(), 60)
    assert hung_s is not None
    assert HANG_S <= hung_s < 10


def test_a_step_that_computes_goes_on() -> None:
    # A token of a 70B model on a slow processor, in 70 seconds.
    assert first_hang_s(beat(), 70, cpu=lambda now_s: now_s) is None


def test_a_step_that_reads_the_file_again_goes_on() -> None:
    assert first_hang_s(beat(), 3600, reads=lambda now_s: int(now_s)) is None


def test_a_big_prompt_on_a_graphics_card_gets_the_time_that_its_tokens_need() -> None:
    big = beat(tokens=512, token_s=0.05)
    hung_s = first_hang_s(big, 600)
    assert hung_s is not None
    assert MARGIN * 512 * 0.05 <= hung_s < MARGIN * 512 * 0.05 + 2


def test_threads_that_only_wait_for_each_other_are_a_hang_in_the_end() -> None:
    hung_s = first_hang_s(beat(), 3600, cpu=lambda now_s: 2 * now_s)
    assert hung_s is not None
    assert SPIN_FACTOR * HANG_S <= hung_s < SPIN_FACTOR * HANG_S + 2


def test_a_load_from_a_slow_disk_may_pause() -> None:
    hung_s = first_hang_s(beat("load"), 3600)
    assert hung_s is not None
    assert LOAD_HANG_S <= hung_s < LOAD_HANG_S + 2
    assert first_hang_s(beat("load"), 3600, reads=lambda now_s: int(now_s / 30)) is None
    assert first_hang_s(beat("load"), 3600, cpu=lambda now_s: now_s) is None


def test_the_sleep_of_the_machine_is_no_hang() -> None:
    watch = StallWatch()
    present = beat()
    assert not watch.look(0.0, present, Vitals(0.0, 0))
    assert not watch.look(1.0, present, Vitals(0.0, 0))
    assert not watch.look(9000.0, present, Vitals(0.0, 0))
    assert not watch.look(9001.0, present, Vitals(0.0, 0))


def test_waiting_for_a_request_is_no_hang() -> None:
    watch = StallWatch()
    assert not any(watch.look(float(now_s), None, Vitals(0.0, 0)) for now_s in range(100))


def test_each_step_counts_from_its_own_start() -> None:
    watch = StallWatch()
    steps = [beat(step=number // 5) for number in range(100)]
    assert not any(watch.look(float(now_s), present, Vitals(0.0, 0)) for now_s, present in enumerate(steps))
