"""Lines about what went wrong in one place of the window, there until it is mended or dismissed."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.ui.base.announce import announce
from app.ui.base.theme import Theme
from app.ui.widgets.card import Card, button, label
from models.system.disk_space import DiskNeed

MOST_LINES = 3
"""So many are shown at once; the older ones come when these are dismissed."""
ICON_PX = 16


@dataclass(frozen=True, slots=True)
class NoticeText:
    """A notice in the window's language: what happened, what to do next, and the button for it if any."""

    text: str
    hint: str = ""
    action_text: str = ""
    action: Callable[[], object] | None = None
    disk: DiskNeed | None = None
    """The space that it waits for, where it says that a disk is full."""


class InlineNotices(QWidget):
    """The lines of one place, the newest first. GUI thread.

    A line belongs to what is shown when its work begins (a chat, a file, a model: `subject`), and is seen
    while that is shown; those without a subject are always seen. The same work leaves one line, its newest.
    """

    changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._subject = ""
        self.is_news = False
        """The keyboard was not here since a line was added."""
        self._kept: dict[tuple[str, str], NoticeText] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self._lines: list[QWidget] = []
        theme.changed.connect(self._show)
        self.hide()

    @property
    def subject(self) -> str:
        """What the place shows now; empty where it is always the same."""
        return self._subject

    def show_subject(self, subject: str) -> None:
        """Show the lines of another chat, file or model."""
        if subject != self._subject:
            self._subject = subject
            self._show()

    @property
    def texts(self) -> list[str]:
        """The sentences that are shown, the newest first."""
        return [notice.text for _, notice in self._seen()]

    def add(self, notice: NoticeText, about: str = "", subject: str | None = None) -> None:
        """Leave a line. `about` names the work, whose earlier line goes; no `subject` is the present one."""
        key = (self._subject if subject is None else subject, about or notice.text)
        self._kept.pop(key, None)
        self._kept[key] = notice
        self._show()
        if key[0] in ("", self._subject):
            self.is_news = True
            announce(self, f"{notice.text} {notice.hint}".strip())

    def go_to(self) -> None:
        """Let the keyboard choose what the newest line offers, or dismiss it."""
        self.is_news = False
        first = next((made for made in self.findChildren(QPushButton) if made.isVisible()), None)
        if first is not None:
            first.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def mend(self, about: str, subject: str | None = None) -> None:
        """Take the line of a work away: it has gone well since."""
        if self._kept.pop((self._subject if subject is None else subject, about), None) is not None:
            self._show()

    @property
    def disk_needs(self) -> set[DiskNeed]:
        """The space that lines about full disks wait for, also those of what is not shown now."""
        return {notice.disk for notice in self._kept.values() if notice.disk is not None}

    def show_space(self, there: Collection[DiskNeed]) -> None:
        """Take the lines about full disks away that waited for this space: it is there."""
        mended = [key for key, notice in self._kept.items() if notice.disk in there]
        for key in mended:
            del self._kept[key]
        if mended:
            self._show()

    def is_seen(self, subject: str | None = None) -> bool:
        """Tell whether a line that is added now, of the present subject unless one is given, is on the
        screen, and not scrolled away."""
        if subject not in (None, "", self._subject):
            return False
        place = self.parentWidget()
        # What was just shown has no room of its own yet.
        is_there = place is not None and not place.visibleRegion().isEmpty()
        # A page that is still being made is not painted, and has its parts at its top.
        return is_there and self.isVisible() and self.updatesEnabled()

    def _seen(self) -> list[tuple[tuple[str, str], NoticeText]]:
        """Give the lines of what is shown now; what says the same of several works is said once."""
        seen: dict[tuple[str, str], tuple[tuple[str, str], NoticeText]] = {}
        for key, notice in reversed(self._kept.items()):
            if key[0] in ("", self._subject):
                seen.setdefault(_says(notice), (key, notice))
        return list(seen.values())

    def _show(self) -> None:
        for line in self._lines:
            self._column.removeWidget(line)
            line.hide()
            line.deleteLater()
        seen = self._seen()
        self._lines = [self._line(notice) for _, notice in seen[:MOST_LINES]]
        if len(seen) > MOST_LINES:
            self._lines.append(self._more(len(seen) - MOST_LINES))
        for line in self._lines:
            self._column.addWidget(line)
            line.show()
        self.setVisible(bool(self._lines))
        self.changed.emit()

    def _line(self, notice: NoticeText) -> QWidget:
        card = Card(look="notice", margin_px=0)
        icon = label()
        icon.setFixedWidth(ICON_PX + 2)
        icon.setPixmap(self._theme.icon("warning", "warning").pixmap(ICON_PX, ICON_PX))
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(label(notice.text, wrap=True, selectable=True))
        if notice.hint:
            words.addWidget(label(notice.hint, "small", wrap=True, selectable=True))
        row = QHBoxLayout()
        row.setContentsMargins(14, 8, 8, 8)
        row.setSpacing(8)
        row.addWidget(icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        if notice.action is not None:
            act = button(notice.action_text)
            act.clicked.connect(notice.action)
            row.addWidget(act, 0, Qt.AlignmentFlag.AlignTop)
        close = button("", "quiet", name=self.tr("Dismiss: {notice}").format(notice=notice.text))
        close.setToolTip(self.tr("Dismiss"))
        close.setIcon(self._theme.icon("x"))
        close.clicked.connect(lambda: self._dismiss(lambda other: _says(other) == _says(notice)))
        row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        card.body.addLayout(row)
        return card

    def _more(self, count: int) -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(14, 0, 8, 0)
        row.addWidget(label(self.tr("{count} more notices").format(count=f"{count:,}"), "small"), 1)
        dismiss = button(self.tr("Dismiss all"), "quiet")
        dismiss.clicked.connect(lambda: self._dismiss(lambda _: True))
        row.addWidget(dismiss)
        return line

    def _dismiss(self, is_meant: Callable[[NoticeText], bool]) -> None:
        for key, notice in tuple(self._kept.items()):
            if key[0] in ("", self._subject) and is_meant(notice):
                del self._kept[key]
        self._show()


def _says(notice: NoticeText) -> tuple[str, str]:
    return notice.text, notice.hint
