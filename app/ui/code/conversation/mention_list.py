"""The files whose names fit what is being typed after `@`, above the field of the question."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent, QTextCursor
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QPlainTextEdit, QWidget

from app.code.folder.name_search import names_with
from app.code.mentions import typed_mention, written_mention
from app.ui.base.announce import announce
from app.ui.base.field_escape import keeps_escape
from models.system.shown_text import shown

MOST_NAMES = 40
ROWS_SEEN = 6
PATH_CHARACTERS = 400


class MentionList(QListWidget):
    """Completes a name by Tab, Enter or a click, and goes by Esc. GUI thread only.

    It never has the focus: up and down come from the field.
    """

    def __init__(
        self, field: QPlainTextEdit, names: Callable[[], Sequence[str]], parent: QWidget | None = None
    ) -> None:
        """`names` gives what can be named, the likeliest first."""
        super().__init__(parent)
        self._field = field
        self._names = names
        self._refused = ""
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setUniformItemSizes(True)
        self.setFrameShape(QListWidget.Shape.NoFrame)
        self.setProperty("kind", "files")
        self.setAccessibleName(self.tr("Files to name in the question"))
        self.hide()
        field.textChanged.connect(self._look)
        field.cursorPositionChanged.connect(self._look)
        # Before the filter that takes Enter for the question: the newest one is asked first.
        field.installEventFilter(self)
        self.itemClicked.connect(self._take)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Take the keys of the field that mean the list while it is seen."""
        if watched is not self._field or self.isHidden():
            return False
        if keeps_escape(event):
            return True
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            return self._press(event)
        if event.type() == QEvent.Type.FocusOut:
            self.hide()
        return False

    def _press(self, event: QKeyEvent) -> bool:
        key = event.key()
        if key in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            step = 1 if key == Qt.Key.Key_Down else -1
            self.setCurrentRow((self.currentRow() + step) % self.count())
            announce(self, self.currentItem().text())
            return True
        if key in (Qt.Key.Key_Tab, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._take(self.currentItem())
            return True
        if key == Qt.Key.Key_Escape:
            self._refused = self._typed()
            self.hide()
            return True
        return False

    def _before(self) -> str:
        cursor = self._field.textCursor()
        return cursor.block().text()[: cursor.positionInBlock()]

    def _typed(self) -> str:
        before = self._before()
        mention = typed_mention(before)
        return before[: mention[0]] if mention is not None else ""

    def _look(self) -> None:
        """Show what fits the name at the cursor; nothing where none is typed, or Esc was pressed in it."""
        before = self._before()
        mention = typed_mention(before) if not self._field.textCursor().hasSelection() else None
        if mention is None:
            self._refused = ""
            self.hide()
            return
        start, typed = mention
        names = names_with(self._names(), typed, MOST_NAMES)
        if not names or names == [typed] or (self._refused and self._refused == before[:start]):
            self.hide()
            return
        self.clear()
        for name in names:
            item = QListWidgetItem(shown(name, PATH_CHARACTERS))
            item.setData(Qt.ItemDataRole.UserRole, name)
            self.addItem(item)
        self.setCurrentRow(0)
        rows = min(len(names), ROWS_SEEN)
        self.setFixedHeight(rows * self.sizeHintForRow(0) + 4)
        self.show()

    def _take(self, item: QListWidgetItem) -> None:
        mention = typed_mention(self._before())
        if mention is None:
            return
        cursor = self._field.textCursor()
        block = cursor.block().position()
        cursor.setPosition(block + mention[0])
        cursor.setPosition(block + len(self._before()), QTextCursor.MoveMode.KeepAnchor)
        cursor.insertText(written_mention(item.data(Qt.ItemDataRole.UserRole)) + " ")
        self.hide()
        self._field.setFocus()
