"""Toasts tell what just happened; failures stay where they happened."""

import asyncio
from functools import partial
from unittest.mock import patch

import pytest
import qasync
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QDialog,
    QLabel,
    QLineEdit,
    QMainWindow,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.base.errors import EngineError, StillroomError
from app.ui.base.bridge import Bridge
from app.ui.base.theme import Theme
from app.ui.widgets.inline_notices import MOST_LINES, InlineNotices, NoticeText
from app.ui.widgets.notices import MOST_TOASTS, Notices
from tests.support.event_loop import run_step
from tests.support.widgets import all_seen, seen_button, seen_words

WAIT_S = 20


class Place:
    """A window with a page that has lines, and the lines of the window above it."""

    def __init__(self, qtbot: QtBot, theme: Theme) -> None:
        self.window = QMainWindow()
        qtbot.addWidget(self.window)
        middle = QWidget()
        column = QVBoxLayout(middle)
        self.window_lines = InlineNotices(theme)
        self.page = QWidget()
        page = QVBoxLayout(self.page)
        self.lines = InlineNotices(theme)
        page.addWidget(self.lines)
        page.addStretch(1)
        self.foot = QVBoxLayout()
        column.addWidget(self.window_lines)
        column.addWidget(self.page, 1)
        column.addLayout(self.foot)
        self.window.setCentralWidget(middle)
        self.notices = Notices(self.window, lambda: "the report", self.window_lines)
        self.notices.move_to(self.foot)
        self.window.resize(700, 400)
        self.window.show()

    @property
    def toast(self) -> str:
        return "" if self.notices.isHidden() else seen_words(self.notices)


@pytest.fixture(scope="module")
def theme(qapp: object) -> Theme:
    return Theme(qapp, "light")  # type: ignore[arg-type]


MANY_MS = 3_600_000


@pytest.fixture
def place(qtbot: QtBot, theme: Theme) -> Place:
    return Place(qtbot, theme)


def test_a_newer_toast_takes_the_place_of_the_one_before(place: Place, qtbot: QtBot) -> None:
    done: list[str] = []
    place.notices.inform("One is ready.", "Load", lambda: done.append("one"))
    place.notices.inform("Two is ready.", "Load", lambda: done.append("two"))
    assert place.toast == "Two is ready."
    seen_button(place.notices, "Load").click()
    assert done == ["two"]
    assert place.toast == "", "nothing that waited is shown late"


def test_what_came_of_one_act_stands_together_until_more_is_told(place: Place, qtbot: QtBot) -> None:
    place.notices.inform("Copied.")
    with place.notices.together():
        place.notices.toast(StillroomError("Two is damaged."))
        place.notices.inform("One is added.")
    assert place.toast.splitlines() == ["Two is damaged.", "One is added."]
    place.notices.inform("Copied.")
    assert place.toast == "Copied."


def test_what_can_be_taken_back_stays_beside_what_is_told_after_it(place: Place, qtbot: QtBot) -> None:
    done: list[str] = []
    place.notices.inform_with_undo("One is deleted.", lambda: done.append("one"))
    place.notices.inform("Copied.")
    place.notices.toast(StillroomError("It did not load."))
    assert place.toast.splitlines() == ["One is deleted.", "It did not load."]
    place.notices.inform_with_undo("Two is deleted.", lambda: done.append("two"))
    assert place.toast.splitlines() == ["One is deleted.", "Two is deleted."]
    all_seen(place.notices, QPushButton, "Undo")[0].click()
    assert (done, place.toast) == (["one"], "Two is deleted.")
    seen_button(place.notices, "Undo").click()
    assert (done, place.toast) == (["one", "two"], "")


def test_an_undo_stays_while_a_dialog_keeps_it_from_being_pressed(place: Place, qtbot: QtBot) -> None:
    dialog = QDialog(place.window)
    dialog.open()
    with patch.multiple("app.ui.widgets.notices", INFORM_MS=1, LOOK_MS=1, AFTER_DIALOG_MS=MANY_MS):
        place.notices.inform_with_undo("One is deleted.", lambda: None)
        place.notices.inform("Copied.")
        qtbot.waitUntil(lambda: place.toast == "One is deleted.")
        QTest.qWait(50)
        assert place.toast == "One is deleted."
        dialog.reject()
        QTest.qWait(50)
        assert place.toast == "One is deleted."
        [undo] = place.notices.give_undos()
        assert undo.left_ms > MANY_MS / 2


def test_what_finds_no_room_can_be_taken_back_when_a_newer_one_has_gone(place: Place, qtbot: QtBot) -> None:
    done: list[int] = []
    for number in range(MOST_TOASTS + 2):
        place.notices.inform_with_undo(f"{number} is deleted.", partial(done.append, number))
    seen = [f"{number} is deleted." for number in range(2, MOST_TOASTS + 2)]
    assert place.toast.splitlines() == seen
    for _ in range(MOST_TOASTS + 2):
        all_seen(place.notices, QPushButton, "Undo")[-1].click()
    assert done == list(reversed(range(MOST_TOASTS + 2)))
    assert place.toast == ""


def test_the_keyboard_reaches_each_toast_and_goes_back_to_where_it_was(place: Place, qtbot: QtBot) -> None:
    field = QLineEdit(place.page)
    field.show()
    place.window.activateWindow()
    qtbot.waitUntil(place.window.isActiveWindow)
    field.setFocus()
    done: list[str] = []
    place.notices.inform_with_undo("One is deleted.", lambda: done.append("one"))
    place.notices.inform_with_undo("Two is deleted.", lambda: done.append("two"))
    first, second = all_seen(place.notices, QPushButton, "Undo")
    place.notices.go_to()
    assert (second.hasFocus(), place.notices.is_news) == (True, True)
    place.notices.go_to()
    assert (first.hasFocus(), place.notices.is_news) == (True, False)
    place.notices.go_to()
    assert field.hasFocus()
    place.notices.go_to()
    QTest.keyClick(second, Qt.Key.Key_Space)
    assert (done, field.hasFocus()) == (["two"], True)
    place.notices.go_to()
    QTest.keyClick(first, Qt.Key.Key_Space)
    assert (done, field.hasFocus()) == (["two", "one"], True)


def test_a_toast_has_room_of_its_own(place: Place, qtbot: QtBot) -> None:
    place.notices.inform("A sentence that is quite long, as a path can be. " * 4, "Undo", lambda: None)
    qtbot.waitUntil(lambda: place.notices.height() > 0 and place.notices.isVisible())
    place.window.grab()
    assert place.notices.geometry().top() >= place.page.geometry().bottom()
    texts = [label for label in place.notices.findChildren(QLabel) if label.isVisible()]
    assert all(label.height() >= label.heightForWidth(label.width()) for label in texts)
    close = seen_button(place.notices, "Close")
    undo = seen_button(place.notices, "Undo")
    assert (
        close.mapTo(place.window, close.rect().topLeft()).y()
        == undo.mapTo(place.window, undo.rect().topLeft()).y()
    )
    assert close.geometry().left() >= undo.geometry().right()


def test_a_failure_leaves_a_line_until_it_is_dismissed(place: Place) -> None:
    place.notices.error(StillroomError("The key is gone.", "Bring it."), place.notices.at(place.lines))
    assert place.lines.texts == ["The key is gone."]
    assert seen_words(place.lines) == "\nThe key is gone.\nBring it."
    assert place.toast == "", "it is seen where it stands"
    seen_button(place.lines, "Dismiss: The key is gone.").click()
    assert place.lines.texts == []
    assert place.lines.isHidden()


def test_a_line_that_is_out_of_sight_is_told_by_a_toast_too(place: Place) -> None:
    place.page.hide()
    place.notices.error(StillroomError("The key is gone."), place.notices.at(place.lines))
    assert place.toast == "The key is gone."
    place.page.show()
    assert place.lines.texts == ["The key is gone."]


def test_lines_belong_to_what_was_shown_when_the_work_began(place: Place) -> None:
    place.lines.show_subject("a.py")
    begun = place.notices.at(place.lines)
    place.lines.show_subject("b.py")
    begun.fail("save", StillroomError("a.py could not be saved."))
    assert place.lines.texts == []
    assert place.toast == "a.py could not be saved."
    place.lines.show_subject("a.py")
    assert place.lines.texts == ["a.py could not be saved."]
    begun.mend("save")
    assert place.lines.texts == []


def test_a_line_of_no_subject_is_told_once(place: Place) -> None:
    begun = place.notices.at(place.lines)
    place.lines.show_subject("a.py")
    begun.fail("open b.dat", StillroomError("b.dat is no text."))
    assert place.lines.texts == ["b.dat is no text."]
    assert place.toast == "", "it is seen where it stands, whatever is in front"


def test_a_failure_without_a_place_is_one_of_the_window(place: Place) -> None:
    place.notices.error(StillroomError("The settings are damaged."))
    place.notices.error(ValueError("what nobody foresaw"))
    assert place.window_lines.texts == [
        "Something went wrong that Stillroom did not expect.",
        "The settings are damaged.",
    ]
    assert seen_button(place.window_lines, "Copy report").isVisible()


def test_the_native_words_can_be_copied(place: Place, qtbot: QtBot) -> None:
    error = EngineError("It stopped.", native="ggml: out of memory")
    place.notices.error(error, place.notices.at(place.lines))
    seen_button(place.lines, "Copy details").click()
    assert QGuiApplication.clipboard().text() == "ggml: out of memory"
    assert place.lines.texts == ["It stopped."]


def test_many_lines_leave_room_for_the_page(place: Place) -> None:
    for number in range(MOST_LINES + 2):
        place.lines.add(NoticeText(f"Failure {number}."))
    cards = [made for made in place.lines.findChildren(QPushButton) if made.isVisibleTo(place.lines)]
    assert len(cards) == MOST_LINES + 1
    assert "2 more notices" in seen_words(place.lines)
    assert place.lines.texts[0] == f"Failure {MOST_LINES + 1}."
    seen_button(place.lines, "Dismiss all").click()
    assert place.lines.texts == []


def test_the_same_work_leaves_one_line_and_takes_it_back(place: Place, loop: qasync.QEventLoop) -> None:
    unplaced: list[BaseException] = []
    whole = Bridge(unplaced.append)
    bridge = whole.for_place(lambda: place.notices.at(place.lines))

    async def save(error: Exception | None) -> None:
        await asyncio.sleep(0)
        if error is not None:
            raise error

    async def scene() -> None:
        for error in (StillroomError("Full."), StillroomError("Still full."), None):
            task = bridge.start(save(error))
            await asyncio.wait([task])
            await asyncio.sleep(0)
            assert place.lines.texts == ([] if error is None else [str(error)])
        await asyncio.wait([whole.start(save(StillroomError("Elsewhere.")))])
        await asyncio.sleep(0)
        await whole.finish()

    run_step(loop, scene(), WAIT_S)
    assert [str(error) for error in unplaced] == ["Elsewhere."]
    assert place.lines.texts == []


def test_what_fails_several_works_for_one_reason_is_said_once(place: Place) -> None:
    for work in ("save the reply", "keep the question"):
        place.lines.add(NoticeText("The disk is full.", "Free some space."), work)
    place.lines.add(NoticeText("Another thing."), "another")
    assert place.lines.texts == ["Another thing.", "The disk is full."]
    place.lines.mend("keep the question")
    assert place.lines.texts == ["Another thing.", "The disk is full."]
    place.lines.add(NoticeText("The disk is full.", "Free some space."), "keep the question")
    close = next(
        made
        for made in place.lines.findChildren(QPushButton)
        if made.accessibleName() == "Dismiss: The disk is full." and made.isVisible()
    )
    close.click()
    assert place.lines.texts == ["Another thing."]


def test_a_line_in_a_page_that_is_scrolled_away_is_out_of_sight(qtbot: QtBot, theme: Theme) -> None:
    area = QScrollArea()
    qtbot.addWidget(area)
    inner = QWidget()
    column = QVBoxLayout(inner)
    column.addSpacing(2000)
    card = QWidget()
    lines = InlineNotices(theme)
    QVBoxLayout(card).addWidget(lines)
    column.addWidget(card)
    area.setWidget(inner)
    area.setWidgetResizable(True)
    area.resize(300, 200)
    area.show()
    qtbot.waitExposed(area)
    lines.add(NoticeText("Far below."))
    inner.grab()
    assert not lines.is_seen()
