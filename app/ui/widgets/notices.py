"""Short messages about what just happened, and the sentences of errors in the window's language."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import shiboken6
from PySide6.QtCore import QCoreApplication, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QBoxLayout, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.base.errors import EngineError, StillroomError
from app.engine.protocol import LoadNotice
from app.ui.base.announce import announce
from app.ui.base.show_in_folder import show_in_folder
from app.ui.widgets.card import button, label
from app.ui.widgets.inline_notices import InlineNotices, NoticeText
from models.system.disk_space import DiskFullError, DiskNeed, told_error
from models.system.shown_text import fill

INFORM_MS = 8_000
ERROR_MS = 20_000
LOOK_MS = 500
AFTER_DIALOG_MS = 4_000
"""For so long an Undo is still offered once the dialog has gone that kept it from being pressed."""
WIDTH_PX = 560
MARGIN_PX = 12
Words = str | Callable[[], str]
"""A text, or what says it in the language that the window has then."""
MOST_TOASTS = 3
"""Of those with an Undo; an older one is shown again once one of these has gone."""
FULL_DISK = "the full disk"
"""The work of each line of the window that says that a disk is full."""


def translated(error: StillroomError) -> tuple[str, str]:
    """An error's message and hint in the window's language, filled in."""

    return filled(error.message, error.values), filled(error.hint, error.values)


def error_text(error: StillroomError, between: str = " ") -> str:
    """Put an error and its hint, where it has one, into one text."""
    return between.join(text for text in translated(error) if text)


def notice_text(notice: LoadNotice) -> str:
    """Put a notice about a loaded model into the window's language."""
    return filled(notice.message, notice.values)


def filled(template: str, values: Mapping[str, object]) -> str:
    """A template of the context "errors" in the window's language, filled in.

    A value can be a sentence of the program itself ("reason"): it is translated too. What it is not, such as
    the words of the system, stays.
    """
    if not template:
        return ""
    shown = dict(values)
    for name, value in values.items():
        if isinstance(value, StillroomError):
            shown[name] = translated(value)[0]
        elif name == "reason" and isinstance(value, str) and value:
            shown[name] = QCoreApplication.translate("errors", value)
    return fill(QCoreApplication.translate("errors", template), shown)


class Notices(QWidget):
    """The toasts, and the one way to tell the user something that no page says by itself. GUI thread.

    A toast is for what just happened: it stands in a row of its own (`move_to`), where it covers nothing.
    A newer one takes its place, so that none is shown late; only one that can take back what was done stays
    beside it for its time, and what came of one act stands `together`. A failure also leaves a line where it
    happened, in the `InlineNotices` of that place, or in `lines`, those of the window as a whole.

    `copy_report` is what the copy button of an unexpected error does. `folder` is that of the user's data,
    whose disk is meant where an error says that a disk is full and not which.
    """

    keyboard_left = Signal()
    """A toast is about to go with the keyboard, and where that came from is not known, or gone."""

    def __init__(
        self,
        host: QWidget,
        copy_report: Callable[[], object],
        lines: InlineNotices | None = None,
        folder: Path = Path(),
    ) -> None:
        super().__init__(host)
        self._folder = folder
        self._copy_report = copy_report
        self._lines = lines
        self._full_disks: list[WaitsForSpace] = [] if lines is None else [lines]
        """Where it may be said that a disk is full."""
        self._before: QWidget | None = None
        self._toasts: list[Toast] = []
        self._together: list[Toast] | None = None
        """Those of the act of which is told now."""
        self._remedies: list[tuple[type[StillroomError], str, Callable[[StillroomError], object]]] = []
        self.setAccessibleName(self.tr("Notice"))
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX)
        self._column.setSpacing(MARGIN_PX // 2)
        self.hide()

    @property
    def is_news(self) -> bool:
        """Something was told where the keyboard was not yet."""
        return any(toast.is_news for toast in self._toasts if toast.isVisible())

    def move_to(self, place: QBoxLayout) -> None:
        """Stand in this row from now on."""
        place.addWidget(self)

    def inform(self, text: str, action_text: str = "", action: Callable[[], object] | None = None) -> None:
        """Say that something happened; `action` is offered for some seconds, or until more is to be said."""
        self._show(NoticeText(text, "", action_text, action), INFORM_MS)

    def inform_with_undo(
        self, words: Words, undo: Callable[[], object], back: "BroughtBack | None" = None, *, about: str = ""
    ) -> None:
        """Say what was done and offer to take it back, for some seconds whatever else there is to say, also
        in a window that takes the place of this one, which shows then what is `back`; until `withdraw` is
        called with `about`."""
        self._offer_undo(Undo(words, undo, INFORM_MS, back, about))

    def withdraw(self, about: str) -> None:
        """Take away what was said `about` something that is no longer so, or that is seen by itself now."""
        for toast in tuple(self._toasts):
            if toast.about == about:
                self._dismiss(toast)

    def _offer_undo(self, undo: "Undo") -> None:
        text = undo.words if isinstance(undo.words, str) else undo.words()
        notice = NoticeText(text, "", self.tr("Undo"), undo.action)
        self._show(notice, undo.left_ms, undo, undo.about)

    def give_undos(self) -> "list[Undo]":
        """Give what can still be taken back, for the window that takes the place of this one. It is offered
        here no more."""
        undos = [
            replace(toast.undo, left_ms=toast.left_ms) for toast in self._toasts if toast.undo is not None
        ]
        self.dismiss()
        return undos

    def take_undos(self, undos: "Sequence[Undo]", take_back: "Callable[[Undo], object]") -> None:
        """Offer what was done in another window, for the time that was left of it there; `take_back` calls
        the action of one."""
        for undo in undos:
            self._offer_undo(replace(undo, action=partial(take_back, undo)))

    def tell_of_file(self, text: str, path: Path) -> None:
        """Say that a file was written; it can be shown in its folder."""
        self.inform(text, self.tr("Show in folder"), lambda: show_in_folder(path))

    def warn(
        self,
        text: str,
        action_text: str = "",
        action: Callable[[], object] | None = None,
        *,
        about: str = "",
    ) -> None:
        """Say that something is going wrong; longer than what only informs, or until `withdraw` is called
        with `about`."""
        self._show(NoticeText(text, "", action_text, action), ERROR_MS, about=about)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Let what is told meanwhile stand beside each other: what came of one act, such as of some files
        that were dropped, of which one was not taken."""
        before, self._together = self._together, []
        try:
            yield
        finally:
            self._together = before

    def toast(self, error: BaseException, after: str = "") -> None:
        """Say a failure of which something on the screen keeps the trace, and what comes `after` it."""
        told = self.told(error)
        self._show(replace(told, hint="\n".join(filter(None, (told.hint, after)))), ERROR_MS)

    def error(self, error: BaseException, place: "NoticePlace | None" = None, about: str = "") -> None:
        """Leave a line about a failure: what happened and what to do; without a `place` it is the window's.

        `about` names the work. Where the line cannot be seen now, a toast says it too.
        """
        if place is None and isinstance(told_error(error, self._folder), DiskFullError):
            # One line for all of them, until there is space.
            about = FULL_DISK
        lines, subject = (self._lines, None) if place is None else (place.lines, place.subject)
        if lines is not None:
            lines.add(self.told(error), about, subject)
            if lines not in self._full_disks and lines.disk_needs:
                self.follow_disks(lines)
        if lines is None or not lines.is_seen(subject):
            self.toast(error)

    @property
    def disk_needs(self) -> set[DiskNeed]:
        """The space that is waited for wherever it is said that a disk is full."""
        self._full_disks = [place for place in self._full_disks if shiboken6.isValid(place)]
        return {need for place in self._full_disks for need in place.disk_needs}

    def follow_disks(self, place: "WaitsForSpace") -> None:
        """Tell `place` from now on, until it is gone, which of the space is there that it waits for."""
        self._full_disks.append(place)

    def show_space(self, there: Collection[DiskNeed]) -> None:
        """Say of the space that is waited for what is there now."""
        for place in self._full_disks:
            if shiboken6.isValid(place):
                place.show_space(there)

    def at(self, lines: InlineNotices) -> "NoticePlace":
        """Name the place that shows `lines`, with what it shows now."""
        return NoticePlace(self, lines, lines.subject)

    def offer(
        self, kind: type[StillroomError], text: str, remedy: Callable[[StillroomError], object]
    ) -> None:
        """Offer `remedy` against each failure of this kind from now on."""
        self._remedies.append((kind, text, remedy))

    def go_to(self) -> None:
        """Let the keyboard choose what the newest toast offers; once more goes back to where it was."""
        shown = [toast for toast in self._toasts if toast.isVisible()]
        if not shown:
            return
        here = ([toast for toast in shown if toast.is_news] or shown)[-1]
        if not here.is_news and any(toast.has_keyboard for toast in shown):
            self._give_back_keyboard()
            return
        if not any(toast.has_keyboard for toast in shown):
            self._before = QApplication.focusWidget()
        here.take_keyboard()

    def dismiss(self) -> None:
        """Take all toasts away."""
        for toast in tuple(self._toasts):
            self._remove(toast)
        self._arrange()

    def _dismiss(self, toast: "Toast") -> None:
        self._remove(toast)
        self._arrange()

    def _remove(self, toast: "Toast") -> None:
        if toast.has_keyboard:
            self._give_back_keyboard()
        self._toasts.remove(toast)
        self._column.removeWidget(toast)
        toast.hide()
        toast.deleteLater()

    def _arrange(self) -> None:
        """Show the newest ones, as many as leave room for the page; the time of the others stands still."""
        for toast in self._toasts[:-MOST_TOASTS]:
            toast.wait()
        for toast in self._toasts[-MOST_TOASTS:]:
            toast.go_on()
        self.setVisible(bool(self._toasts))

    def _give_back_keyboard(self) -> None:
        before, self._before = self._before, None
        # What had it may have been drawn anew meanwhile.
        if before is not None and shiboken6.isValid(before) and before.isVisible() and before.isEnabled():
            before.setFocus()
        else:
            self.keyboard_left.emit()

    def told(self, error: BaseException) -> NoticeText:
        """Put a failure into words: what nobody foresaw can be copied as a report."""
        error = told_error(error, self._folder)
        if isinstance(error, StillroomError):
            message, hint = translated(error)
            native = error.native if isinstance(error, EngineError) else ""
            disk = error.need if isinstance(error, DiskFullError) else None
            if native:
                return NoticeText(message, hint, self.tr("Copy details"), partial(_copy, native))
            for kind, text, remedy in self._remedies:
                if isinstance(error, kind):
                    return NoticeText(message, hint, text, partial(remedy, error), disk)
            return NoticeText(message, hint, disk=disk)
        return NoticeText(
            self.tr("Something went wrong that Stillroom did not expect."),
            self.tr("Your chats and models are safe. The report holds no chat text."),
            self.tr("Copy report"),
            self._copy_report,
        )

    def _show(self, notice: NoticeText, shown_ms: int, undo: "Undo | None" = None, about: str = "") -> None:
        together = self._together or ()
        for before in tuple(self._toasts):
            if before.undo is None and before not in together:
                self._remove(before)
        toast = Toast(notice, shown_ms, undo, about)
        if self._together is not None:
            self._together.append(toast)
        toast.left.connect(partial(self._dismiss, toast))
        self._toasts.append(toast)
        self._column.addWidget(toast)
        announce(self, f"{notice.text} {notice.hint}".strip())
        self._arrange()


@dataclass(frozen=True, slots=True)
class BroughtBack:
    """Shown by a page once it was brought back: the number of a chat, or the key of a model."""

    page: Literal["chat", "models"]
    key: int | str


@dataclass(frozen=True, slots=True)
class Undo:
    """The words for what was done, the way back, and the time for which it is still offered."""

    words: Words
    action: Callable[[], object]
    left_ms: int
    back: BroughtBack | None = None
    about: str = ""
    """For `Notices.withdraw`."""


class Toast(QWidget):
    """A row that tells one thing for `shown_ms`, counted while it is shown; one with an `undo` is not
    replaced by a newer one."""

    left = Signal()
    """Its time is over, or the user has done with it."""

    def __init__(self, notice: NoticeText, shown_ms: int, undo: Undo | None, about: str) -> None:
        super().__init__()
        self.undo = undo
        self.about = about
        """For `Notices.withdraw`; empty where it only goes with its time."""
        self.is_news = True
        """The keyboard was not here yet."""
        self._action = notice.action
        frame = QFrame()
        frame.setProperty("look", "toast")
        frame.setMaximumWidth(WIDTH_PX)
        self._button = button(notice.action_text)
        if notice.action is None:
            self._button.hide()
        self._button.clicked.connect(self._on_action)
        self._close = button("✕", "quiet", name=self.tr("Close"))
        self._close.clicked.connect(self.left)
        for pressed in (self._button, self._close):
            # A click leaves the keyboard where it is: the toast goes.
            pressed.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        words = QVBoxLayout()
        words.setSpacing(2)
        for text in filter(None, (notice.text, notice.hint)):
            words.addWidget(label(text, wrap=True))
        inside = QHBoxLayout(frame)
        inside.setContentsMargins(16, 8, 8, 8)
        inside.setSpacing(8)
        inside.addLayout(words, 1)
        inside.addWidget(self._button, 0, Qt.AlignmentFlag.AlignTop)
        inside.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addStretch(1)
        row.addWidget(frame, 1000)
        row.addStretch(1)
        self._left_ms = shown_ms
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._on_time)
        self._was_behind = False
        """A dialog kept it from being pressed when its time was over."""

    @property
    def has_keyboard(self) -> bool:
        """One of its buttons has the keyboard."""
        return self._button.hasFocus() or self._close.hasFocus()

    @property
    def left_ms(self) -> int:
        """The time for which it is still to be shown."""
        if self._was_behind:
            return AFTER_DIALOG_MS
        return self._timer.remainingTime() if self._timer.isActive() else self._left_ms

    def take_keyboard(self) -> None:
        """Let the keyboard choose what it offers."""
        self.is_news = False
        here = self._button if self._action is not None else self._close
        here.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def wait(self) -> None:
        """Make room for newer ones."""
        if self._timer.isActive():
            self._left_ms = self.left_ms
            self._timer.stop()
        self.hide()

    def go_on(self) -> None:
        """Be shown for the time that is left."""
        self.show()
        if not self._timer.isActive():
            self._timer.start(self._left_ms)

    def _on_time(self) -> None:
        if self.undo is not None and QApplication.activeModalWidget() is not None:
            self._was_behind = True
            self._timer.start(LOOK_MS)
        elif self._was_behind:
            self._was_behind = False
            self._timer.start(AFTER_DIALOG_MS)
        else:
            self.left.emit()

    def _on_action(self) -> None:
        self.left.emit()
        if self._action is not None:
            self._action()


class WaitsForSpace(Protocol):
    """A widget that says that a disk is full."""

    @property
    def disk_needs(self) -> set[DiskNeed]:
        """The space that it waits for."""

    def show_space(self, there: Collection[DiskNeed]) -> None:
        """Take what of the space that is waited for anywhere is there now."""


@runtime_checkable
class HasToastPlace(Protocol):
    """A page with a row of its own for toasts."""

    @property
    def toast_place(self) -> QBoxLayout:
        """The row, which takes no room while it is empty."""


@dataclass(frozen=True, slots=True)
class NoticePlace:
    """Where the failures of a work are told: the lines of a page, and what the page showed when it began."""

    notices: Notices
    lines: InlineNotices
    subject: str

    def fail(self, work: str, error: BaseException) -> None:
        """Leave a line about a work that failed."""
        if shiboken6.isValid(self.lines):
            self.notices.error(error, self, work)
        else:
            self.notices.toast(error)

    def mend(self, work: str) -> None:
        """Take the line away that the same work left when it failed before."""
        if shiboken6.isValid(self.lines):
            self.lines.mend(work, self.subject)


def _copy(text: str) -> None:
    QGuiApplication.clipboard().setText(text)
