"""Work in slices: a step at least in each turn of the event loop, and no more than a turn has time for."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QObject, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.ui.base.slices import NEXT_TURN, SLICE_S, Slices
from tests.support.waiting import wait_until


class Steps:
    """A clock that goes on by what each step takes, and the steps that were done in each turn."""

    def __init__(self, parent: QObject, step_s: float) -> None:
        self._now_s = 0.0
        self._step_s = step_s
        self.done = 0
        self.slices = Slices(parent, lambda: self._now_s)

    def steps(self, count: int) -> Iterator[None]:
        for _ in range(count):
            self._now_s += self._step_s
            self.done += 1
            yield

    def turns(self) -> list[int]:
        """Let the window live to the end; how many steps each turn did."""
        found = []
        while self.slices.under_way:
            before = self.done
            QCoreApplication.processEvents()
            found.append(self.done - before)
        return [count for count in found if count]


@pytest.fixture
def parent(qapp: QApplication) -> Iterator[QObject]:
    parent = QObject()
    yield parent
    parent.deleteLater()


def test_nothing_is_done_before_the_next_turn(parent: QObject) -> None:
    steps = Steps(parent, SLICE_S)
    steps.slices.begin(steps.steps(3))
    assert steps.done == 0
    assert steps.slices.under_way
    assert steps.turns() == [1, 1, 1]


def test_short_steps_share_a_turn(parent: QObject) -> None:
    steps = Steps(parent, SLICE_S / 3.5)
    steps.slices.begin(steps.steps(10))
    assert steps.turns() == [3, 3, 3, 1], "a fourth would end too late"


def test_another_work_takes_the_place_of_the_first(parent: QObject) -> None:
    steps = Steps(parent, SLICE_S)
    steps.slices.begin(steps.steps(10))
    QCoreApplication.processEvents()
    assert steps.done == 1
    steps.slices.begin(steps.steps(2))
    assert steps.turns() == [1, 1]
    steps.slices.begin(steps.steps(10))
    steps.slices.stop()
    assert not steps.slices.under_way
    QCoreApplication.processEvents()
    assert steps.done == 3


def test_a_step_can_begin_another_work(parent: QObject) -> None:
    steps = Steps(parent, 0.0)

    def first() -> Iterator[None]:
        steps.slices.begin(steps.steps(2))
        yield
        raise AssertionError("the first work goes on")

    steps.slices.begin(first())
    wait_until(lambda: not steps.slices.under_way)
    assert steps.done == 2


def test_a_step_that_fails_ends_the_work(parent: QObject, qtbot: QtBot) -> None:
    slices = Slices(parent)

    def failing() -> Iterator[None]:
        yield
        raise ValueError("it fails")

    with qtbot.captureExceptions() as failures:
        slices.begin(failing())
        wait_until(lambda: not slices.under_way)
    assert [kind for kind, *_ in failures] == [ValueError]


def test_what_is_needed_now_is_done_now(parent: QObject) -> None:
    steps = Steps(parent, 0.0)
    steps.slices.begin(steps.steps(3))
    steps.slices.finish()
    assert steps.done == 3
    assert not steps.slices.under_way
    steps.slices.finish()
    QCoreApplication.processEvents()
    assert steps.done == 3


def test_what_is_left_is_done_in_the_steps_of_another_work(parent: QObject) -> None:
    steps = Steps(parent, SLICE_S)
    steps.slices.begin(steps.steps(4))
    rest = steps.slices.rest()
    next(rest)
    assert steps.done == 1
    QCoreApplication.processEvents()
    assert steps.done == 2, "its own turns go on"
    for _ in rest:
        pass
    assert (steps.done, steps.slices.under_way) == (4, False)


def test_a_step_that_fails_in_another_work_ends_its_own(parent: QObject) -> None:
    def fail() -> Iterator[None]:
        yield
        raise ValueError("it broke")

    steps = Steps(parent, SLICE_S)
    steps.slices.begin(fail())
    rest = steps.slices.rest()
    next(rest)
    with pytest.raises(ValueError, match="it broke"):
        next(rest)
    assert not steps.slices.under_way


def test_a_long_step_has_a_turn_of_its_own(qapp: QApplication, qtbot: QtBot) -> None:
    order: list[str] = []

    def steps() -> Iterator[object]:
        order.append("short")
        QTimer.singleShot(0, lambda: order.append("the window"))
        yield NEXT_TURN
        order.append("long")

    parent = QObject()
    slices = Slices(parent)
    slices.begin(steps())
    wait_until(lambda: not slices.under_way)
    assert order == ["short", "the window", "long"]
