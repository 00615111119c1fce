"""Short messages at the foot of the window: errors, and deletions that can be undone."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.base.errors import EngineError, StillroomError
from app.engine.protocol import LoadNotice
from app.ui.base.add_action import add_action
from app.ui.base.announce import announce
from app.ui.base.show_in_folder import show_in_folder
from app.ui.widgets.card import button, label, set_look
from models.system.shown_text import fill

INFORM_MS = 8_000
ERROR_MS = 20_000
WIDTH_PX = 560
MARGIN_PX = 24


def translated(error: StillroomError) -> tuple[str, str]:
    """An error's message and hint in the window's language, filled in."""

    return filled(error.message, error.values), filled(error.hint, error.values)


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


@dataclass(frozen=True, slots=True)
class _Notice:
    text: str
    hint: str
    action_text: str
    action: Callable[[], None] | None
    look: str
    shown_ms: int


class Notices(QFrame):
    """One notice at a time over the lower edge of `host`; the next waits until it is gone.

    `report` gives the text that the copy button of an unexpected error puts on the clipboard.
    """

    def __init__(self, host: QWidget, report: Callable[[], str]) -> None:
        super().__init__(host)
        self._host = host
        self._report = report
        self._waiting: deque[_Notice] = deque()
        self._action: Callable[[], None] | None = None
        self.setProperty("look", "toast")
        self.setAccessibleName(self.tr("Notice"))
        self._text = label("", wrap=True)
        self._hint = label("", wrap=True)
        self._button = button("")
        self._button.clicked.connect(self._on_action)
        self._close = button("✕", name=self.tr("Close"))
        self._close.clicked.connect(self._next)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._text)
        words.addWidget(self._hint)
        row = self._row = QHBoxLayout(self)
        row.setContentsMargins(16, 10, 10, 10)
        row.setSpacing(8)
        row.addLayout(words, 1)
        row.addWidget(self._button, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self._close, 0, Qt.AlignmentFlag.AlignVCenter)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._next)
        host.installEventFilter(self)
        self._before: QWidget | None = None
        add_action(host, self.tr("Go to the notice"), "F6", self.go_to)
        self.hide()

    def inform(self, text: str, action_text: str = "", action: Callable[[], None] | None = None) -> None:
        """Say that something happened; `action` (an undo, mostly) is offered for some seconds."""
        self._add(_Notice(text, "", action_text, action, "toast", INFORM_MS))

    def tell_of_file(self, text: str, path: Path) -> None:
        """Say that a file was written; it can be shown in its folder."""
        self.inform(text, self.tr("Show in folder"), lambda: show_in_folder(path))

    def warn(self, text: str, action_text: str = "", action: Callable[[], None] | None = None) -> None:
        """Say that something is going wrong; longer than what only informs."""
        self._add(_Notice(text, "", action_text, action, "toast", ERROR_MS))

    def error(self, error: BaseException) -> None:
        """Show a failure: what happened and what to do. What nobody foresaw can be copied as a report."""
        if isinstance(error, StillroomError):
            message, hint = translated(error)
            native = error.native if isinstance(error, EngineError) else ""
            if native:
                self._add(
                    _Notice(
                        message, hint, self.tr("Copy details"), lambda: self._copy(native), "toast", ERROR_MS
                    )
                )
            else:
                self._add(_Notice(message, hint, "", None, "toast", ERROR_MS))
            return
        self._add(
            _Notice(
                self.tr("Something went wrong that Stillroom did not expect."),
                self.tr("Your chats and models are safe. The report holds no chat text."),
                self.tr("Copy report"),
                lambda: self._copy(self._report()),
                "toast",
                ERROR_MS,
            )
        )

    def go_to(self) -> None:
        """Let the keyboard choose what the notice offers; once more goes back to where it was."""
        if not self.isVisible():
            return
        here = self._button if self._button.isVisible() else self._close
        if here.hasFocus() and self._before is not None:
            self._before.setFocus()
            return
        self._before = QApplication.focusWidget()
        here.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Keep its place when the window changes its size."""
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return super().eventFilter(watched, event)

    def _add(self, notice: _Notice) -> None:
        same = (notice.text, notice.hint)
        if self.isVisible() and same == (self._text.text(), self._hint.text()):
            self._timer.start(notice.shown_ms)
            return
        self._waiting.append(notice)
        if not self.isVisible():
            self._next()

    def _next(self) -> None:
        self._timer.stop()
        if not self._waiting:
            self.hide()
            return
        notice = self._waiting.popleft()
        set_look(self, notice.look)
        self._text.setText(notice.text)
        self._hint.setText(notice.hint)
        self._hint.setVisible(bool(notice.hint))
        self._action = notice.action
        announce(self, f"{notice.text} {notice.hint}".strip())
        self._button.setText(notice.action_text)
        self._button.setVisible(notice.action is not None)
        self._place()
        self.show()
        self.raise_()
        self._timer.start(notice.shown_ms)

    def _place(self) -> None:
        host = self._host
        width = min(WIDTH_PX, host.width() - 2 * MARGIN_PX)
        self.setFixedWidth(width)
        height = self._row.heightForWidth(width) if self._row.hasHeightForWidth() else -1
        height = max(height, self.sizeHint().height())
        self.setGeometry((host.width() - width) // 2, host.height() - height - MARGIN_PX, width, height)

    def _on_action(self) -> None:
        action = self._action
        if self._button.hasFocus() and self._before is not None:
            self._before.setFocus()
        self._next()
        if action is not None:
            action()

    @staticmethod
    def _copy(text: str) -> None:
        QGuiApplication.clipboard().setText(text)
