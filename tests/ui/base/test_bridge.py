"""Other threads reach the GUI through the bridge alone."""

import asyncio
import contextlib
import gc
import inspect
import threading
from collections.abc import Coroutine
from typing import Any

import pytest
import qasync
import shiboken6
from PySide6.QtCore import QThread
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from app.base.errors import Cancelled, StillroomError
from app.ui.base.bridge import Bridge
from tests.support.event_loop import run_step
from tests.support.waiting import wait_until


def test_callbacks_run_on_the_gui_thread_in_order(qtbot: QtBot) -> None:
    bridge = Bridge(pytest.fail)
    seen: list[tuple[int, bool]] = []

    def note(number: int) -> None:
        seen.append((number, QThread.currentThread() is QApplication.instance().thread()))  # type: ignore[union-attr]

    def post_many() -> None:
        for number in range(1000):
            bridge.post(note, number)

    threads = [threading.Thread(target=post_many)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(seen) == 1000)
    assert [number for number, _ in seen] == list(range(1000))
    assert all(on_gui for _, on_gui in seen)
    for thread in threads:
        thread.join()


def test_a_burst_is_drained_in_few_batches(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    bridge = Bridge(pytest.fail)
    batches = 0
    drain = bridge.drain

    def counted() -> None:
        nonlocal batches
        batches += 1
        drain()

    monkeypatch.setattr(bridge, "drain", counted)
    seen: list[int] = []
    for number in range(500):
        bridge.post(seen.append, number)
    wait_until(lambda: len(seen) == 500)
    assert batches == 1


def test_what_was_posted_can_be_had_before_its_batch(qtbot: QtBot) -> None:
    bridge = Bridge(pytest.fail)
    seen: list[int] = []
    poster = threading.Thread(target=lambda: [bridge.post(seen.append, number) for number in range(3)])
    poster.start()
    poster.join()
    assert seen == []
    bridge.drain()
    assert seen == [0, 1, 2]


def test_a_failing_callback_is_reported_and_the_rest_still_runs(qtbot: QtBot) -> None:
    errors: list[BaseException] = []
    bridge = Bridge(errors.append)
    seen: list[str] = []

    def fail() -> None:
        raise ValueError("broken")

    bridge.post(fail)
    bridge.post(seen.append, "after")
    wait_until(lambda: seen == ["after"])
    assert [str(error) for error in errors] == ["broken"]


def test_cancelling_is_silent(qtbot: QtBot) -> None:
    errors: list[BaseException] = []
    bridge = Bridge(errors.append)
    seen: list[str] = []

    def cancel() -> None:
        raise Cancelled

    bridge.post(cancel)
    bridge.post(seen.append, "after")
    wait_until(lambda: bool(seen))
    assert errors == []


def test_a_closed_bridge_is_silent(qtbot: QtBot) -> None:
    bridge = Bridge(pytest.fail)
    seen: list[int] = []
    bridge.post(seen.append, 1)
    bridge.close()
    bridge.post(seen.append, 2)
    other = Bridge(pytest.fail)
    other.post(seen.append, 3)
    wait_until(lambda: bool(seen))
    assert seen == [3]


def test_what_is_begun_after_the_end_ends_before_it_begins(loop: qasync.QEventLoop) -> None:
    """As Qt's last events may do, when the event loop has stopped: Python would warn of what was never
    awaited."""
    bridge = Bridge(pytest.fail)
    part = bridge.for_place(pytest.fail)
    run_step(loop, bridge.finish(), 30)
    works: list[Coroutine[Any, Any, None]] = []
    for each in (bridge, part):
        works.append(asyncio.sleep(0))
        assert each.start(works[-1]).cancelled()
    assert [inspect.getcoroutinestate(work) for work in works] == [inspect.CORO_CLOSED] * 2


def test_what_is_begun_on_a_closed_bridge_can_be_handed_on(loop: qasync.QEventLoop) -> None:
    errors: list[BaseException] = []
    seen: list[str] = []

    class Places:
        """Of the window before, where nothing is to be told any more."""

        def fail(self, work: str, error: BaseException) -> None:
            pytest.fail(f"{work}: {error}")

        def mend(self, work: str) -> None:
            pytest.fail(work)

    async def scene() -> None:
        before, after = Bridge(pytest.fail), Bridge(errors.append)
        part = before.for_place(Places)
        before.close()
        before.hand_on(after.start)

        async def work(name: str) -> None:
            seen.append(name)
            raise StillroomError(name)

        for each in (before.start(work("one")), part.start(work("two"))):
            with pytest.raises(StillroomError):
                await each

    run_step(loop, scene(), 30)
    assert seen == ["one", "two"]
    assert [str(error) for error in errors] == seen


@pytest.mark.parametrize(("closed", "told"), [(True, 0), (False, 1)])
def test_work_whose_page_was_closed_meanwhile_is_no_error(
    closed: bool, told: int, loop: qasync.QEventLoop
) -> None:
    errors: list[BaseException] = []

    async def scene() -> None:
        page, answered = QLabel(), asyncio.Event()

        async def work() -> None:
            await answered.wait()
            page.setText("what was found")
            raise RuntimeError("a page was deleted")

        task = Bridge(errors.append).start(work())
        if closed:
            shiboken6.delete(page)
        answered.set()
        await asyncio.wait([task])
        await asyncio.sleep(0)

    run_step(loop, scene(), 30)
    assert len(errors) == told


def test_what_fails_after_the_end_is_no_error_that_nobody_has_taken(loop: qasync.QEventLoop) -> None:
    """The engine's end cancels what is asked of it, when the window is closed already."""
    told: list[dict[str, object]] = []
    loop.set_exception_handler(lambda _, context: told.append(context))

    async def scene() -> None:
        bridge, ended = Bridge(pytest.fail), asyncio.Event()

        async def load() -> None:
            with contextlib.suppress(asyncio.CancelledError):
                await ended.wait()
            raise Cancelled

        task = bridge.start(load())
        await asyncio.sleep(0)
        await bridge.finish()
        assert task.done()
        del task
        gc.collect()
        await asyncio.sleep(0)

    run_step(loop, scene(), 30)
    assert told == []
