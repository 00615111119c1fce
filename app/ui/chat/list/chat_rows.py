"""The rows of the chat list: pinned chats, folders, then the others by when they were last used."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum, auto

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtWidgets import QWidget

from app.chat.store.records import Conversation, Folder
from app.ui.base.plain_text import plain, plain_tip

Index = QModelIndex | QPersistentModelIndex


class Group(Enum):
    """Under which caption a chat stands."""

    PINNED = auto()
    FOLDER = auto()
    TODAY = auto()
    YESTERDAY = auto()
    LAST_WEEK = auto()
    EARLIER = auto()


def periods_of(times: Iterable[float], today: date) -> Iterator[Group]:
    """The groups of chats that are in no folder, by when they were last used, in local days."""
    today_s, yesterday_s, last_week_s = (
        datetime.combine(today - timedelta(days), time()).timestamp() for days in (0, 1, 7)
    )
    for at in times:
        # Of thousands of chats most are old.
        if at < last_week_s:
            yield Group.EARLIER
        elif at < yesterday_s:
            yield Group.LAST_WEEK
        else:
            yield Group.TODAY if at >= today_s else Group.YESTERDAY


@dataclass(frozen=True, slots=True)
class ChatRow:
    """A chat, or (`chat` None) the caption of its group; a folder's caption can be `closed`."""

    group: Group
    chat: Conversation | None = None
    folder: Folder | None = None
    closed: bool = False


def rows_of(
    chats: Sequence[Conversation], folders: Sequence[Folder], closed: set[int], today: date
) -> list[ChatRow]:
    """The rows from the top; `chats` come in the order in which they were last used."""
    rows: list[ChatRow] = []
    pinned = [chat for chat in chats if chat.pinned]
    if pinned:
        rows += [ChatRow(Group.PINNED), *(ChatRow(Group.PINNED, chat) for chat in pinned)]
    for folder in folders:
        is_closed = folder.id in closed
        rows.append(ChatRow(Group.FOLDER, folder=folder, closed=is_closed))
        if not is_closed:
            rows += [
                ChatRow(Group.FOLDER, chat, folder)
                for chat in chats
                if chat.folder_id == folder.id and not chat.pinned
            ]
    last: Group | None = None
    others = [chat for chat in chats if not chat.pinned and chat.folder_id is None]
    for chat, group in zip(others, periods_of((chat.updated_at for chat in others), today), strict=True):
        if group is not last:
            rows.append(ChatRow(group))
            last = group
        rows.append(ChatRow(group, chat))
    return rows


def drawn_parts(row: ChatRow) -> tuple[object, ...]:
    """Return what is drawn of a row: rows with the same parts look alike."""
    chat = (row.chat.id, row.chat.title) if row.chat else None
    return row.group, chat, row.folder, row.closed


class ChatRowsModel(QAbstractListModel):
    """Chats under captions. GUI thread."""

    renamed = Signal(int, str)
    folder_renamed = Signal(int, str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._rows: list[ChatRow] = []
        self._shown: list[tuple[object, ...]] = []
        """The rows as they are drawn."""
        self._closed: set[int] = set()
        self._busy: frozenset[int] = frozenset()
        self._given: tuple[Sequence[Conversation], Sequence[Folder], date] = ((), (), date.min)
        self._made_of: tuple[object, ...] = ()
        self._captions = {
            Group.PINNED: self.tr("Pinned"),
            Group.TODAY: self.tr("Today"),
            Group.YESTERDAY: self.tr("Yesterday"),
            Group.LAST_WEEK: self.tr("Last week"),
            Group.EARLIER: self.tr("Earlier"),
        }

    @property
    def folders(self) -> Sequence[Folder]:
        """All folders."""
        return self._given[1]

    def set_chats(self, chats: Sequence[Conversation], folders: Sequence[Folder], today: date) -> None:
        """Show these chats, given in the order of the list."""
        self._given = chats, folders, today
        made_of = [*chats], [*folders], today, {*self._closed}
        if made_of == self._made_of:
            return
        self._made_of = made_of
        rows = rows_of(chats, folders, self._closed, today)
        before, self._shown = self._shown, [drawn_parts(row) for row in rows]
        if self._shown == before:
            # Nothing to draw anew: a title that is being edited stays in the editor.
            self._rows = rows
            return
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def set_busy(self, chats: frozenset[int]) -> None:
        """Mark the chats whose replies are coming in."""
        changed, self._busy = self._busy ^ chats, chats
        for chat_id in changed:
            index = self.index_of(chat_id)
            if index.isValid():
                self.dataChanged.emit(index, index)

    def is_busy(self, chat_id: int) -> bool:
        """Tell whether a chat's reply is coming in."""
        return chat_id in self._busy

    def toggle_folder(self, folder_id: int) -> None:
        """Open or close a folder."""
        self._closed ^= {folder_id}
        self.set_chats(*self._given)

    def open_folder(self, folder_id: int) -> None:
        """Show what is in a folder."""
        if folder_id in self._closed:
            self.toggle_folder(folder_id)

    def row_at(self, index: Index) -> ChatRow | None:
        """The row of an index; None for an invalid one."""
        return self._rows[index.row()] if index.isValid() else None

    def chat_at(self, index: Index) -> Conversation | None:
        """The chat of a row; None for a caption."""
        row = self.row_at(index)
        return row.chat if row is not None else None

    def chat_of(self, conversation_id: int | None) -> Conversation | None:
        """The chat of this number, also in a closed folder; None where it is not listed."""
        return next((chat for chat in self._given[0] if chat.id == conversation_id), None)

    def index_of(self, conversation_id: int | None) -> QModelIndex:
        """The row of a chat; an invalid index when it is not in the list."""
        for number, row in enumerate(self._rows):
            if row.chat is not None and row.chat.id == conversation_id:
                return self.index(number)
        return QModelIndex()

    def index_of_folder(self, folder_id: int) -> QModelIndex:
        """The row of a folder's caption."""
        for number, row in enumerate(self._rows):
            if row.chat is None and row.folder is not None and row.folder.id == folder_id:
                return self.index(number)
        return QModelIndex()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's signature
        """Chats and captions."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | None:
        """Titles and captions."""
        row = self._rows[index.row()]
        if role == Qt.ItemDataRole.EditRole:
            if row.chat is not None:
                return row.chat.title
            return row.folder.name if row.folder is not None else None
        if role == Qt.ItemDataRole.AccessibleTextRole and row.chat is not None:
            title = self.data(index)
            return (
                self.tr("{title}, a reply is coming in").format(title=title)
                if self.is_busy(row.chat.id)
                else title
            )
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        words = plain if role == Qt.ItemDataRole.DisplayRole else plain_tip
        if row.chat is not None:
            return words(row.chat.title) or self.tr("New chat")
        if row.folder is not None:
            return words(row.folder.name)
        return None if role == Qt.ItemDataRole.ToolTipRole else self._captions[row.group]

    def flags(self, index: Index) -> Qt.ItemFlag:
        """The captions of periods can be neither chosen nor renamed; a folder's can be renamed."""
        row = self._rows[index.row()]
        if row.chat is None and row.folder is None:
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEditable

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:  # noqa: N802
        """Tell that the user typed another title."""
        row = self.row_at(index)
        title = " ".join(str(value).split())
        if row is None or role != Qt.ItemDataRole.EditRole or not title or title == self.data(index, role):
            return False
        if row.chat is not None:
            self.renamed.emit(row.chat.id, title)
        elif row.folder is not None:
            self.folder_renamed.emit(row.folder.id, title)
        return True
