"""Everything that can be done, found by typing: Ctrl+Shift+P."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.ui.base.add_action import Command, matching
from app.ui.base.theme import TEXT_PX
from app.ui.widgets.card import label

WIDTH_PX, HEIGHT_PX = 560, 420
ROW_PX = 34


class CommandPalette(QDialog):
    """A field and what fits it; Enter or a click does the chosen thing, after the palette has closed."""

    def __init__(self, commands: Sequence[Command], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Commands"))
        self.setWindowFlag(Qt.WindowType.FramelessWindowHint)
        size = QSize(WIDTH_PX, HEIGHT_PX) * (self.fontInfo().pixelSize() / TEXT_PX)
        self.resize(size.boundedTo(parent.size()))
        self._commands = commands
        self._shown: list[Command] = []
        self._field = QLineEdit()
        self._field.setPlaceholderText(self.tr("What do you want to do?"))
        self._field.setAccessibleName(self._field.placeholderText())
        self._field.textChanged.connect(self._fill)
        self._field.returnPressed.connect(self._run)
        self._field.installEventFilter(self)
        self._list = QListWidget()
        self._list.setProperty("look", "hits")
        self._list.setAccessibleName(self.tr("Commands"))
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.itemClicked.connect(lambda _: self._run())
        self._nothing = label(self.tr("Nothing of this name can be done here."), "muted")
        frame = QFrame()
        frame.setProperty("look", "floating")
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(12, 12, 12, 12)
        inside.setSpacing(8)
        inside.addWidget(self._field)
        inside.addWidget(self._nothing)
        inside.addWidget(self._list, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(frame)
        self._fill("")

    @property
    def titles(self) -> list[str]:
        """The titles of the shown commands."""
        return [command.title for command in self._shown]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """The arrows move in the list while the typing goes on."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
            if step is not None and self._shown:
                self._list.setCurrentRow((self._list.currentRow() + step) % len(self._shown))
                return True
        return False

    def _fill(self, typed: str) -> None:
        self._shown = matching(self._commands, typed)
        self._list.clear()
        self._nothing.setVisible(not self._shown)
        for command in self._shown:
            item = QListWidgetItem(self._list)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{command.title} {command.keys}")
            row = QWidget()
            row.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            cells = QHBoxLayout(row)
            cells.setContentsMargins(10, 0, 10, 0)
            cells.addWidget(label(command.title), 1)
            cells.addWidget(label(command.keys, "small"))
            item.setSizeHint(QSize(0, max(row.sizeHint().height(), ROW_PX)))
            self._list.setItemWidget(item, row)
        self._list.setCurrentRow(0)

    def _run(self) -> None:
        place = self._list.currentRow()
        if 0 <= place < len(self._shown):
            command = self._shown[place]
            self.accept()
            command.run()
