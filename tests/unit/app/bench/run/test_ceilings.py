"""The real child measures what this computer can do at most."""

import sys
import threading

import pytest

from app.base.children import child_command
from app.base.errors import Cancelled, StillroomError
from app.bench.run.ceilings import CeilingsRequest, measure_ceilings

REQUEST = CeilingsRequest(threads=1, working_set_bytes=8 << 20, type_number=2)
HANGS = [sys.executable, "-c", "import sys, time; sys.stdin.readline(); time.sleep(600)"]


def test_memory_and_computing_are_measured() -> None:
    waited: list[float] = []
    found = measure_ceilings(child_command("ceilings"), REQUEST, None, waited.append)
    assert found.one_thread_bytes_per_s > 0
    assert found.all_threads_bytes_per_s > 0
    assert found.working_set_bytes_per_s > 0
    assert found.flop_per_s > 0
    assert waited == sorted(waited)


def test_a_cancel_ends_the_child_at_once() -> None:
    cancel = threading.Event()
    # The child would go on for ten minutes, longer than a test may take.
    with pytest.raises(Cancelled):
        measure_ceilings(HANGS, REQUEST, cancel, lambda elapsed_s: cancel.set())


def test_a_child_that_fails_is_told_with_its_code() -> None:
    with pytest.raises(StillroomError, match="ended with 3"):
        measure_ceilings([sys.executable, "-c", "raise SystemExit(3)"], REQUEST, None, lambda elapsed: None)
