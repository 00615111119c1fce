"""Waiting for work gives its result, whenever it ends."""

import threading
from concurrent.futures import Future

import pytest

from models.system.errors import Cancelled
from models.system.progress import wait_for


class EndsTooLate(Future[str]):
    """Ends in the moment after a wait for it was given up."""

    def result(self, timeout: float | None = None) -> str:
        try:
            return super().result(timeout)
        except TimeoutError:
            self.set_result("done")
            raise


def test_work_that_ends_just_after_a_wait_has_not_failed() -> None:
    assert wait_for(EndsTooLate(), None, wake_s=0.001) == "done"


def test_an_error_that_work_ends_with_is_raised() -> None:
    work: Future[str] = Future()
    work.set_exception(TimeoutError("its own"))
    with pytest.raises(TimeoutError, match="its own"):
        wait_for(work, None)


def test_a_cancelled_wait_stops_the_work() -> None:
    cancel, stopped = threading.Event(), threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        wait_for(Future[str](), cancel, stopped.set, wake_s=0.001)
    assert stopped.is_set()


def test_work_of_parts_that_are_there_at_once_is_cancelled_between_two_of_them() -> None:
    cancel, stopped = threading.Event(), threading.Event()
    part: Future[str] = Future()
    part.set_result("done")
    assert wait_for(part, cancel, stopped.set) == "done"
    cancel.set()
    with pytest.raises(Cancelled):
        wait_for(part, cancel, stopped.set)
    assert stopped.is_set()
