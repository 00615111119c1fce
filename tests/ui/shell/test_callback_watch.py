"""The pieces that the GUI thread's work is measured in."""

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QTimer
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.ui.shell.callback_watch import CallbackWatch

PIECE_S = 0.02


@pytest.fixture
def watch(qapp: QApplication) -> Iterator[CallbackWatch]:
    watch = CallbackWatch()
    loop: Any = SimpleNamespace(watch=None)
    watch.start(loop)
    yield watch
    watch.stop()


def compute() -> None:
    end_s = time.thread_time() + PIECE_S
    while time.thread_time() < end_s:
        pass


def let_live(milliseconds: int) -> None:
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def pieces(watch: CallbackWatch, least_s: float) -> int:
    return sum(piece.cpu_s >= least_s for piece in watch.figures().most_computed)


def test_what_an_event_sends_is_part_of_it(watch: CallbackWatch, qtbot: QtBot) -> None:
    widget = QWidget()
    qtbot.addWidget(widget)

    def act() -> None:
        for kind in (QEvent.Type.LayoutRequest, QEvent.Type.UpdateRequest):
            compute()
            QCoreApplication.sendEvent(widget, QEvent(kind))
        compute()

    watch.forget()
    QTimer.singleShot(10, act)
    let_live(300)
    assert pieces(watch, 3 * PIECE_S) == 1


def test_two_turns_are_two_pieces(watch: CallbackWatch) -> None:
    watch.forget()
    for _ in range(2):
        QTimer.singleShot(10, compute)
    let_live(300)
    assert pieces(watch, PIECE_S) == 2


def test_turns_of_a_dialog_s_own_loop_are_pieces_too(watch: CallbackWatch) -> None:
    watch.forget()

    def act() -> None:
        for after_ms in (10, 60):
            QTimer.singleShot(after_ms, compute)
        let_live(200)

    QTimer.singleShot(10, act)
    let_live(500)
    assert pieces(watch, PIECE_S) == 2


def test_a_callback_is_put_into_words_after_it_was_measured(watch: CallbackWatch) -> None:
    def words() -> str:
        compute()
        return "the work"

    watch.forget()
    watch.run(words, lambda: None)
    assert [piece.what for piece in watch.figures().most_computed] == ["the work"]
    assert pieces(watch, PIECE_S) == 0
