"""Everything that can be done, found by typing: Ctrl+Shift+P."""

from collections.abc import Sequence

import shiboken6
from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app.ui.base.add_action import Command, matching
from app.ui.base.plain_text import draw_line, plain, plain_tip
from app.ui.base.theme import TEXT_PX, Theme
from app.ui.widgets.card import label
from app.ui.widgets.early_keys import EarlyKeys, LateKeys

Index = QModelIndex | QPersistentModelIndex

WIDTH_PX, HEIGHT_PX = 640, 460
ROW_PX = 34
MARGIN_PX = 10
MARK_PX = 18
"""Before the title: the sign of what is on or chosen."""
LONGEST_TITLE = 200
KEPT_MS = 2000
"""So long its window is there for late keys once a command has begun."""


class CommandPalette(QDialog):
    """A field and what fits it; Enter or a click does the chosen thing, after the palette has closed. Where
    nothing fits yet, Enter does the first thing that is found to fit what is typed. It is not modal
    (`EarlyKeys`)."""

    painted = Signal()
    """Once, when it can be seen."""

    def __init__(self, commands: Sequence[Command], theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._was_painted = False
        self.setWindowTitle(self.tr("Commands"))
        self.setWindowFlag(Qt.WindowType.FramelessWindowHint)
        size = QSize(WIDTH_PX, HEIGHT_PX) * (self.fontInfo().pixelSize() / TEXT_PX)
        self.resize(size.boundedTo(parent.size()))
        self._commands = list(commands)
        self._complete = False
        self._is_awaited = False
        """Enter was pressed, and nothing has fitted yet."""
        self._field = QLineEdit()
        self._field.setPlaceholderText(self.tr("What do you want to do?"))
        self._field.setAccessibleName(self._field.placeholderText())
        self._field.textChanged.connect(self._on_typed)
        self._field.returnPressed.connect(self._run)
        self._field.installEventFilter(self)
        EarlyKeys(self, self._field)
        self._rows = _CommandRows(self)
        self._list = QListView()
        self._list.setModel(self._rows)
        self._list.setItemDelegate(_CommandDelegate(theme, self._list))
        self._list.setUniformItemSizes(True)
        self._list.setProperty("look", "hits")
        self._list.setAccessibleName(self.tr("Commands"))
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.clicked.connect(lambda _: self._run())
        self._nothing = label("", "muted")
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
        self._show_whole_rows()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Tell of the first painting once the event queue has done it."""
        super().paintEvent(event)
        if not self._was_painted:
            self._was_painted = True
            QTimer.singleShot(0, self.painted.emit)

    def _show_whole_rows(self) -> None:
        """Be as high as some rows are, so that none is cut at the foot."""
        layout = self.layout()
        assert layout is not None
        row_px = self._list.sizeHintForRow(0)
        beside_px = layout.sizeHint().height() - self._list.sizeHint().height()
        if row_px > 0:
            rows = max(1, (self.height() - beside_px) // row_px)
            self.resize(self.width(), beside_px + rows * row_px + 2 * self._list.frameWidth())

    @property
    def titles(self) -> list[str]:
        """The titles of the shown commands."""
        return [command.title for command in self._rows.commands]

    @property
    def commands(self) -> Sequence[Command]:
        """The shown commands."""
        return self._rows.commands

    @property
    def complete(self) -> bool:
        """Tell whether all commands are there; until then more are added."""
        return self._complete

    def finish(self) -> None:
        """Show that no more commands are added."""
        self._complete = True
        self._show_nothing()

    def add(self, commands: Sequence[Command]) -> None:
        """Show more commands behind those that are there."""
        self._commands += commands
        before, chosen = self._rows.commands, self._list.currentIndex().row()
        self._fill(self._field.text())
        if chosen > 0:
            # What somebody has gone to stays chosen, also where something that fits better comes before it.
            places = (row for row, each in enumerate(self._rows.commands) if each is before[chosen])
            self._choose(next(places, 0))
        if self._is_awaited:
            self._run()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """The arrows move in the list while the typing goes on."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {
                Qt.Key.Key_Down: 1,
                Qt.Key.Key_Up: -1,
                Qt.Key.Key_PageDown: self._page(),
                Qt.Key.Key_PageUp: -self._page(),
            }.get(Qt.Key(event.key()))
            count = self._rows.rowCount()
            if step is not None and count:
                self._is_awaited = False
                at = self._list.currentIndex().row() + step
                self._choose(at % count if abs(step) == 1 else min(max(0, at), count - 1))
                return True
        return False

    def _page(self) -> int:
        return max(2, self._list.viewport().height() // max(1, self._list.sizeHintForRow(0)) - 1)

    def _on_typed(self, typed: str) -> None:
        self._is_awaited = False
        self._fill(typed)

    def _fill(self, typed: str) -> None:
        self._rows.show_commands(matching(self._commands, typed))
        self._show_nothing()
        self._choose(0)

    def _show_nothing(self) -> None:
        none = self.tr("There is no command of this name.")
        self._nothing.setText(none if self._complete else self.tr("Looking for more commands…"))
        self._nothing.setVisible(not self._rows.commands)

    def _choose(self, row: int) -> None:
        self._list.setCurrentIndex(self._rows.index(row))

    def _run(self) -> None:
        if self.isHidden():
            # It was pressed twice.
            return
        place = self._list.currentIndex().row()
        if not 0 <= place < len(self._rows.commands):
            self._is_awaited = True
            return
        command = self._rows.commands[place]
        if not command.refusal:
            self._is_awaited = False
            # Not closed: with the window of the system, keys that are on their way to it would be lost, such
            # as an Escape for the dialog that the command opens.
            self.hide()
            LateKeys(self)
            self.setResult(self.DialogCode.Accepted)
            self.finished.emit(self.result())
            try:
                command.run()
            finally:
                # It may have ended the window.
                if shiboken6.isValid(self):
                    QTimer.singleShot(KEPT_MS, self, self.close)


class _CommandRows(QAbstractListModel):
    """The commands that fit what is typed."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.commands: list[Command] = []

    def show_commands(self, commands: list[Command]) -> None:
        """Show these in place of the ones before."""
        self.beginResetModel()
        self.commands = commands
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's name and default
        return 0 if parent.isValid() else len(self.commands)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        command = self.commands[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return plain(command.title, LONGEST_TITLE)
            case Qt.ItemDataRole.AccessibleTextRole:
                return " ".join(filter(None, (command.title, command.keys, command.refusal)))
            case Qt.ItemDataRole.ToolTipRole:
                return plain_tip("\n".join(filter(None, (command.title, command.refusal))))
        return None


class _CommandDelegate(QStyledItemDelegate):
    """Draws a title, and at the right the keys, or why it cannot be done now."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802
        """One line."""
        return QSize(0, max(self._theme.pixels(ROW_PX), QFontMetrics(option.font).height() + 12))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one line."""
        rows = index.model()
        assert isinstance(rows, _CommandRows)
        command = rows.commands[index.row()]
        theme = self._theme
        painter.save()
        if option.state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver):
            chosen = bool(option.state & QStyle.StateFlag.State_Selected)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(theme.colour("accent") if chosen else Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("accent_soft" if chosen else "raised"))
            painter.drawRoundedRect(option.rect.adjusted(0, 0, -1, -1), 8, 8)
        margin = theme.pixels(MARGIN_PX)
        room = option.rect.adjusted(margin, 0, -margin, 0)
        metrics = QFontMetrics(option.font)
        side = command.refusal or command.keys
        # A reason may be long; the title goes first.
        most = room.width() // 2 if command.refusal else room.width() // 3
        side = metrics.elidedText(side, Qt.TextElideMode.ElideRight, most)
        side_px = metrics.horizontalAdvance(side)
        self._draw(painter, room, side, Qt.AlignmentFlag.AlignRight, theme.colour("muted"))
        if command.checked:
            self._draw(painter, room, "✓", Qt.AlignmentFlag.AlignLeft, theme.colour("accent"))
        room.setLeft(room.left() + theme.pixels(MARK_PX))
        room.setRight(room.right() - side_px - margin)
        title = metrics.elidedText(
            plain(command.title, LONGEST_TITLE), Qt.TextElideMode.ElideMiddle, room.width()
        )
        colour = theme.colour("faint" if command.refusal else "text")
        self._draw(painter, room, title, Qt.AlignmentFlag.AlignLeft, colour)
        painter.restore()

    @staticmethod
    def _draw(painter: QPainter, room: QRect, text: str, side: Qt.AlignmentFlag, colour: QColor) -> None:
        painter.setPen(colour)
        draw_line(painter, room, text, side)
