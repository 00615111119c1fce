"""The chats at the left: pinned, in folders, by when they were last used; searched, renamed, exported."""

from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import QEvent, QItemSelectionModel, QModelIndex, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QFocusEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QMenu,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from app.chat.store.records import Conversation, Folder
from app.ui.base import shortcuts
from app.ui.base.add_action import with_keys
from app.ui.base.field_escape import keeps_escape
from app.ui.base.offers import Offers
from app.ui.base.plain_text import set_tip
from app.ui.base.theme import Theme
from app.ui.chat.list.chat_row_delegate import ChatRowDelegate
from app.ui.chat.list.chat_rows import ChatRowsModel
from app.ui.chat.list.chat_search_results import ChatSearchResults
from app.ui.chat.list.reading_row import ReadingRow
from app.ui.widgets.card import button

WIDTH_PX = 228
INNER_PX = WIDTH_PX - 24
SEARCH_MS = 150


class ChatList(QFrame):
    """The list with its search field. It asks; whoever owns the store acts. GUI thread."""

    new_chat_requested = Signal()
    chat_chosen = Signal(int)
    rename_requested = Signal(int, str)
    pin_requested = Signal(int, bool)
    delete_requested = Signal(int)
    export_requested = Signal(int, str, bool)
    """Chat (0 for all), "markdown", "json", "html" or "pdf", and whether the thinking goes with it."""
    import_requested = Signal()
    move_requested = Signal(int, object)
    """Chat and folder: its number, None for no folder, or "" for one that is to be made."""
    folder_rename_requested = Signal(int, str)
    folder_delete_requested = Signal(int)
    search_requested = Signal(str)
    search_left = Signal()
    """Nothing is to be searched: the keyboard may go elsewhere."""
    hit_chosen = Signal(object)
    """A `SearchHit`."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._open_id: int | None = None
        self.setProperty("look", "side-left")
        self._new = button(
            self.tr("New chat"), tip=with_keys(self.tr("Start a new chat"), shortcuts.NEW_CHAT)
        )
        self._new.clicked.connect(self.new_chat_requested)
        self._more = button("", "quiet", name=self.tr("Import and export chats"))
        self._more.clicked.connect(self._show_more)
        self.search = _SearchField()
        self.search.setPlaceholderText(self.tr("Search all chats"))
        self.search.setAccessibleName(self.tr("Search all chats"))
        set_tip(self.search, with_keys(self.tr("Search all chats"), shortcuts.SEARCH_CHATS))
        self.search.setClearButtonEnabled(True)
        self._search_timer = QTimer(self, singleShot=True, interval=SEARCH_MS)
        self._search_timer.timeout.connect(lambda: self.search_requested.emit(self.search.text()))
        self.search.textChanged.connect(self._on_search_changed)
        self.results = ChatSearchResults(theme, INNER_PX)
        self.results.hit_chosen.connect(self.hit_chosen)
        self.search.left.connect(self.search_left)
        self.search.into_results.connect(self.results.focus_first)
        self.results.left.connect(self.begin_search)
        self.model = ChatRowsModel(self)
        self.model.renamed.connect(self.rename_requested)
        self.model.folder_renamed.connect(self.folder_rename_requested)
        self.view = self._make_view()
        self._pages = QStackedLayout()
        self._reading = QVBoxLayout()
        self._lay_out()
        Offers(self, self.menus)
        theme.changed.connect(self._on_theme_changed)
        self._on_theme_changed()

    def show_chats(
        self, chats: Sequence[Conversation], folders: Sequence[Folder], current_id: int | None
    ) -> None:
        """Fill the list and mark the chat that is open; tells nobody that it was chosen."""
        selection = self.view.selectionModel()
        selection.blockSignals(True)
        self._open_id = current_id
        self.model.set_chats(chats, folders, datetime.now().date())
        index = self.model.index_of(current_id)
        if index.isValid():
            selection.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        else:
            selection.clear()
        selection.blockSignals(False)
        self.view.viewport().update()

    @property
    def has_keyboard(self) -> bool:
        """Tell whether the keys go to the chats, or to the title of one that is being typed."""
        focus = QApplication.focusWidget()
        return focus is not None and (focus is self.view or self.view.isAncestorOf(focus))

    def show_busy(self, chats: frozenset[int]) -> None:
        """Mark the chats whose replies are coming in."""
        self.model.set_busy(chats)

    def show_reading(self, name: str) -> ReadingRow:
        """Say that a file of chats is being read, until the row that this returns is ended."""
        row = ReadingRow(name, self)
        self._reading.addWidget(row)
        return row

    def edit_folder(self, folder_id: int) -> None:
        """Let the user type a folder's name in its place."""
        index = self.model.index_of_folder(folder_id)
        self.view.setCurrentIndex(index)
        self.view.edit(index)

    def choose_next(self, step: int) -> None:
        """Open the chat below the present one (1) or above it (-1), past headings and folders."""
        present = self.view.currentIndex().row()
        for row in range(present + step, self.model.rowCount() if step > 0 else -1, step):
            index = self.model.index(row)
            if self.model.chat_at(index) is not None:
                self.view.setCurrentIndex(index)
                break

    def begin_search(self) -> None:
        """Go into the search field."""
        self.search.setFocus()
        self.search.selectAll()

    def menu_for(self, chat: Conversation) -> QMenu:
        """Make the menu of a chat."""
        menu = QMenu(self.tr("This chat"), self)
        rename = menu.addAction(self.tr("Rename"))
        rename.setShortcut(QKeySequence(shortcuts.RENAME))
        rename.triggered.connect(lambda: self.view.edit(self.model.index_of(chat.id)))
        pin = menu.addAction(self.tr("Unpin") if chat.pinned else self.tr("Pin"))
        pin.triggered.connect(lambda: self.pin_requested.emit(chat.id, not chat.pinned))
        self._add_folders(menu.addMenu(self.tr("Move to folder")), chat)
        self._add_exports(menu.addMenu(self.tr("Export")), chat.id)
        menu.addSeparator()
        delete = menu.addAction(self.tr("Delete"))
        delete.setShortcut(QKeySequence(shortcuts.DELETE))
        delete.triggered.connect(lambda: self.delete_requested.emit(chat.id))
        return menu

    def menu_for_folder(self, folder: Folder) -> QMenu:
        """Make the menu of a folder."""
        menu = QMenu(self.tr("Its folder"), self)
        rename = menu.addAction(self.tr("Rename"))
        rename.setShortcut(QKeySequence(shortcuts.RENAME))
        rename.triggered.connect(lambda: self.edit_folder(folder.id))
        remove = menu.addAction(self.tr("Remove folder, keep its chats"))
        remove.triggered.connect(lambda: self.folder_delete_requested.emit(folder.id))
        return menu

    def menu_for_all(self) -> QMenu:
        """Make the menu for all chats."""
        menu = QMenu(self.tr("Chats"), self)
        menu.addAction(self.tr("Import chats…")).triggered.connect(self.import_requested)
        self._add_exports(menu.addMenu(self.tr("Export all chats")), 0)
        return menu

    def menus(self) -> list[QMenu]:
        """The menus of the open chat, of its folder and of all chats, for the command palette."""
        menus = [self.menu_for_all()]
        chat = self.model.chat_of(self._open_id)
        if chat is None:
            return menus
        menus.insert(0, self.menu_for(chat))
        for folder in self.model.folders:
            if folder.id == chat.folder_id:
                menus.insert(1, self.menu_for_folder(folder))
        return menus

    def _add_folders(self, menu: QMenu, chat: Conversation) -> None:
        for folder in self.model.folders:
            action = menu.addAction(folder.name.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(folder.id == chat.folder_id)
            action.triggered.connect(
                lambda _=False, folder_id=folder.id: self.move_requested.emit(chat.id, folder_id)
            )
        if self.model.folders:
            menu.addSeparator()
        if chat.folder_id is not None:
            menu.addAction(self.tr("No folder")).triggered.connect(
                lambda: self.move_requested.emit(chat.id, None)
            )
        menu.addAction(self.tr("New folder")).triggered.connect(lambda: self.move_requested.emit(chat.id, ""))

    def _add_exports(self, menu: QMenu, conversation_id: int) -> None:
        for text, kind, thinking in (
            (self.tr("Markdown…"), "markdown", False),
            (self.tr("Markdown with thinking…"), "markdown", True),
            (self.tr("Web page…"), "html", False),
            (self.tr("Web page with thinking…"), "html", True),
            (self.tr("PDF…"), "pdf", False),
            (self.tr("PDF with thinking…"), "pdf", True),
            (self.tr("JSON…"), "json", False),
            (self.tr("JSON with thinking…"), "json", True),
        ):
            menu.addAction(text).triggered.connect(
                lambda _=False, kind=kind, thinking=thinking: self.export_requested.emit(
                    conversation_id, kind, thinking
                )
            )

    def _make_view(self) -> QListView:
        view = _ChatsView()
        view.setModel(self.model)
        view.setItemDelegate(ChatRowDelegate(self._theme, self.model, view))
        view.setAccessibleName(self.tr("Chats"))
        view.setMouseTracking(True)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        view.setEditTriggers(QListView.EditTrigger.EditKeyPressed)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        view.customContextMenuRequested.connect(self._show_menu)
        view.clicked.connect(self._on_clicked)
        view.activated.connect(self._on_activated)
        view.selectionModel().currentChanged.connect(self._on_current_changed)
        delete = QAction(view)
        delete.setShortcut(QKeySequence(shortcuts.DELETE))
        delete.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        # The next chat comes to where the deleted one was: a key that is held would go on with it.
        delete.setAutoRepeat(False)
        delete.triggered.connect(self._on_delete)
        view.addAction(delete)
        return view

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self._new)
        head.addStretch()
        head.addWidget(self._more)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addSpacing(8)
        layout.addWidget(self.search)
        layout.addLayout(self._reading)
        layout.addLayout(self._pages, 1)
        # Now that it has a place: Qt shows the first one at once, before as a window of its own.
        self._pages.addWidget(self.view)
        self._pages.addWidget(self.results)

    def _on_search_changed(self, text: str) -> None:
        searching = bool(text.strip())
        self._pages.setCurrentWidget(self.results if searching else self.view)
        if searching:
            self._search_timer.start()
        else:
            self._search_timer.stop()

    def _show_menu(self, at: QPoint) -> None:
        row = self.model.row_at(self.view.indexAt(at))
        if row is None or (row.chat is None and row.folder is None):
            return
        if row.chat is not None:
            menu = self.menu_for(row.chat)
        else:
            assert row.folder is not None
            menu = self.menu_for_folder(row.folder)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.view.viewport().mapToGlobal(at))

    def _show_more(self) -> None:
        menu = self.menu_for_all()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self._more.mapToGlobal(self._more.rect().bottomLeft()))

    def _on_current_changed(self, index: QModelIndex) -> None:
        chat = self.model.chat_at(index)
        if chat is not None:
            self.chat_chosen.emit(chat.id)

    def _on_clicked(self, index: QModelIndex) -> None:
        row = self.model.row_at(index)
        if row is not None and row.chat is None and row.folder is not None:
            self.model.toggle_folder(row.folder.id)

    def _on_activated(self, index: QModelIndex) -> None:
        # Enter; a click comes here too on desktops that activate with one, after `clicked`.
        if not self.view.underMouse():
            self._on_clicked(index)

    def _on_delete(self) -> None:
        row = self.model.row_at(self.view.currentIndex())
        if row is None:
            return
        if row.chat is not None:
            self.delete_requested.emit(row.chat.id)
        elif row.folder is not None:
            self.folder_delete_requested.emit(row.folder.id)

    def _on_theme_changed(self) -> None:
        self.setFixedWidth(self._theme.pixels(WIDTH_PX))
        self.view.doItemsLayout()
        self._new.setIcon(self._theme.icon("plus", "text"))
        self._more.setIcon(self._theme.icon("dots-three"))
        self.view.viewport().update()


class _ChatsView(QListView):
    """Leaves what is typed to the message, in place of looking for a title that begins with it."""

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Stay without a current chat where none is: Qt takes the first one, also when the user comes back
        from another window, which would open it and give it to the Delete key."""
        selection = self.selectionModel()
        if selection.currentIndex().isValid():
            super().focusInEvent(event)
            return
        selection.blockSignals(True)
        super().focusInEvent(event)
        selection.clear()
        selection.blockSignals(False)
        self.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.text().isprintable() and event.text().strip():
            event.ignore()
        else:
            super().keyPressEvent(event)


class _SearchField(QLineEdit):
    """Escape empties it, then leaves it; the arrow down goes into what was found."""

    into_results = Signal()
    left = Signal()

    def event(self, event: QEvent) -> bool:
        """Take Escape ahead of the shortcuts while there is a text."""
        return (bool(self.text()) and keeps_escape(event)) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() == Qt.Key.Key_Escape:
            if self.text():
                self.clear()
            else:
                self.left.emit()
        elif event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.into_results.emit()
        else:
            super().keyPressEvent(event)
