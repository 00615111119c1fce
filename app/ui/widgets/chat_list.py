"""The list of chats: grouped by when they were last used, renamed in place, exported, deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum, auto

from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QAction, QFont, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app.chat.records import Conversation
from app.ui.theme import Theme
from app.ui.widgets.card import button

WIDTH_PX = 228
ROW_PX, CAPTION_PX = 31, 34
Index = QModelIndex | QPersistentModelIndex


class Period(Enum):
    """When a chat was last used."""

    TODAY = auto()
    YESTERDAY = auto()
    LAST_WEEK = auto()
    EARLIER = auto()


def period_of(updated_at: float, today: date) -> Period:
    """The group of a chat, in local days."""
    age = today - datetime.fromtimestamp(updated_at).date()
    if age <= timedelta(0):
        return Period.TODAY
    if age == timedelta(1):
        return Period.YESTERDAY
    return Period.LAST_WEEK if age <= timedelta(7) else Period.EARLIER


@dataclass(frozen=True, slots=True)
class _Row:
    """A chat, or the caption of a group."""

    chat: Conversation | None
    period: Period


def _shown(row: _Row) -> tuple[Period, int, str]:
    return (row.period, row.chat.id, row.chat.title) if row.chat else (row.period, 0, "")


class ChatListModel(QAbstractListModel):
    """Chats under captions, the one used last first."""

    renamed = Signal(int, str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._rows: list[_Row] = []
        self._captions = {
            Period.TODAY: self.tr("Today"),
            Period.YESTERDAY: self.tr("Yesterday"),
            Period.LAST_WEEK: self.tr("Last week"),
            Period.EARLIER: self.tr("Earlier"),
        }

    def set_chats(self, chats: Sequence[Conversation], today: date) -> None:
        """Show these chats, given in the order of the list."""
        rows: list[_Row] = []
        for chat in chats:
            period = period_of(chat.updated_at, today)
            if not rows or rows[-1].period is not period:
                rows.append(_Row(None, period))
            rows.append(_Row(chat, period))
        same = [_shown(row) for row in rows] == [_shown(row) for row in self._rows]
        if same:
            # Nothing to draw anew: a title that is being edited stays in the editor.
            self._rows = rows
            return
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def chat_at(self, index: Index) -> Conversation | None:
        """The chat of a row; None for a caption."""
        return self._rows[index.row()].chat if index.isValid() else None

    def index_of(self, conversation_id: int | None) -> QModelIndex:
        """The row of a chat; an invalid index when it is not in the list."""
        for number, row in enumerate(self._rows):
            if row.chat is not None and row.chat.id == conversation_id:
                return self.index(number)
        return QModelIndex()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's signature
        """Chats and captions."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | None:
        """Titles and captions."""
        row = self._rows[index.row()]
        if role == Qt.ItemDataRole.EditRole and row.chat is not None:
            return row.chat.title
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            if row.chat is None:
                return None if role == Qt.ItemDataRole.ToolTipRole else self._captions[row.period]
            return row.chat.title or self.tr("New chat")
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Captions can be neither chosen nor renamed."""
        if self.chat_at(index) is None:
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEditable

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:  # noqa: N802
        """Tell that the user typed another title."""
        chat = self.chat_at(index)
        title = " ".join(str(value).split())
        if chat is None or role != Qt.ItemDataRole.EditRole or not title or title == chat.title:
            return False
        self.renamed.emit(chat.id, title)
        return True


class _Delegate(QStyledItemDelegate):
    """Draws captions and titles in the theme's colours."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802
        is_chat = bool(index.flags() & Qt.ItemFlag.ItemIsEnabled)
        return QSize(WIDTH_PX - 24, ROW_PX if is_chat else CAPTION_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRect(option.rect)
        text = str(index.data())
        if not index.flags() & Qt.ItemFlag.ItemIsEnabled:
            font = QFont(option.font)
            font.setPixelSize(11)
            font.setWeight(QFont.Weight.DemiBold)
            font.setCapitalization(QFont.Capitalization.AllUppercase)
            font.setLetterSpacing(QFont.SpacingType.AbsoluteSpacing, 0.6)
            painter.setFont(font)
            painter.setPen(self._theme.colour("muted"))
            painter.drawText(
                area.adjusted(0, 0, 0, -5), Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft, text
            )
            painter.restore()
            return
        area.adjust(0, 1, 0, -1)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        if selected or hovered:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.colour("accent_soft" if selected else "raised"))
            painter.drawRoundedRect(area, 8, 8)
        if option.state & QStyle.StateFlag.State_HasFocus and option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(self._theme.colour("accent"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area.adjusted(0, 0, -1, -1), 8, 8)
        painter.setPen(self._theme.colour("accent" if selected else "text"))
        inner = area.adjusted(12, 0, -10, 0)
        painter.setFont(option.font)
        title = option.fontMetrics.elidedText(text, Qt.TextElideMode.ElideRight, inner.width())
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, title)
        painter.restore()

    def updateEditorGeometry(  # noqa: N802
        self, editor: QWidget, option: QStyleOptionViewItem, index: Index
    ) -> None:
        editor.setGeometry(option.rect)

    def createEditor(  # noqa: N802
        self, parent: QWidget, option: QStyleOptionViewItem, index: Index
    ) -> QWidget:
        editor = QLineEdit(parent)
        editor.setAccessibleName(self.tr("Title of the chat"))
        return editor


class ChatList(QFrame):
    """The chats at the left of the tab. It asks; whoever owns the store acts. GUI thread."""

    new_chat_requested = Signal()
    chat_chosen = Signal(int)
    rename_requested = Signal(int, str)
    delete_requested = Signal(int)
    export_requested = Signal(int, str, bool)
    """Chat, "markdown" or "json", and whether the thinking goes with it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setProperty("look", "side-left")
        self.setFixedWidth(WIDTH_PX)
        self._new = button(self.tr("New chat"), tip=self.tr("Start a new chat (Ctrl+N)"))
        self._new.clicked.connect(self.new_chat_requested)
        self.model = ChatListModel(self)
        self.model.renamed.connect(self.rename_requested)
        self.view = QListView()
        self.view.setModel(self.model)
        self.view.setItemDelegate(_Delegate(theme, self.view))
        self.view.setAccessibleName(self.tr("Chats"))
        self.view.setMouseTracking(True)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.view.setEditTriggers(QListView.EditTrigger.EditKeyPressed)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._show_menu)
        self.view.selectionModel().currentChanged.connect(self._on_current_changed)
        delete = QAction(self.view)
        delete.setShortcut(QKeySequence(QKeySequence.StandardKey.Delete))
        delete.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        delete.triggered.connect(self._on_delete)
        self.view.addAction(delete)
        head = QHBoxLayout()
        head.addWidget(self._new)
        head.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self.view, 1)
        theme.changed.connect(self._draw_icons)
        self._draw_icons()

    def show_chats(self, chats: Sequence[Conversation], current_id: int | None) -> None:
        """Fill the list and mark the chat that is open; tells nobody that it was chosen."""
        selection = self.view.selectionModel()
        selection.blockSignals(True)
        self.model.set_chats(chats, datetime.now().date())
        index = self.model.index_of(current_id)
        if index.isValid():
            selection.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        selection.blockSignals(False)
        self.view.viewport().update()

    def menu_for(self, chat: Conversation) -> QMenu:
        """What can be done with a chat."""
        menu = QMenu(self)
        rename = menu.addAction(self.tr("Rename"))
        rename.setShortcut(QKeySequence("F2"))
        rename.triggered.connect(lambda: self.view.edit(self.model.index_of(chat.id)))
        export = menu.addMenu(self.tr("Export"))
        for text, kind, thinking in (
            (self.tr("Markdown…"), "markdown", False),
            (self.tr("Markdown with thinking…"), "markdown", True),
            (self.tr("JSON…"), "json", False),
            (self.tr("JSON with thinking…"), "json", True),
        ):
            action = export.addAction(text)
            action.triggered.connect(
                lambda _=False, kind=kind, thinking=thinking: self.export_requested.emit(
                    chat.id, kind, thinking
                )
            )
        menu.addSeparator()
        delete = menu.addAction(self.tr("Delete"))
        delete.setShortcut(QKeySequence(QKeySequence.StandardKey.Delete))
        delete.triggered.connect(lambda: self.delete_requested.emit(chat.id))
        return menu

    def _show_menu(self, at: QPoint) -> None:
        chat = self.model.chat_at(self.view.indexAt(at))
        if chat is not None:
            menu = self.menu_for(chat)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(self.view.viewport().mapToGlobal(at))

    def _on_current_changed(self, index: QModelIndex) -> None:
        chat = self.model.chat_at(index)
        if chat is not None:
            self.chat_chosen.emit(chat.id)

    def _on_delete(self) -> None:
        chat = self.model.chat_at(self.view.currentIndex())
        if chat is not None:
            self.delete_requested.emit(chat.id)

    def _draw_icons(self) -> None:
        self._new.setIcon(self._theme.icon("plus", "text"))
        self.view.viewport().update()
