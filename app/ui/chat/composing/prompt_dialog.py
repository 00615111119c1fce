"""The prompt library: found by typing, read, inserted, written."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QMessageBox,
    QVBoxLayout,
    QWidget,
)

from app.chat.library.prompt_library import SavedPrompt, matching_prompts
from app.ui.base.add_action import allow
from app.ui.widgets.card import button, label
from app.ui.widgets.text_field import TextField

SIZE_PX = (820, 520)
LIST_PX = 280
ROW_PX = 30


class PromptDialog(QDialog):
    """Lists what `prompts` gives, which is asked again after each change. GUI thread."""

    chosen = Signal(object)
    """This `SavedPrompt` is to be inserted."""
    saved = Signal(str, str, object)
    """Title and text to keep, in the place of this `SavedPrompt` of the user, or as a new one (None)."""
    deleted = Signal(object)
    import_requested = Signal()
    export_requested = Signal()

    def __init__(self, prompts: Callable[[], Sequence[SavedPrompt]], parent: QWidget) -> None:
        super().__init__(parent)
        self._prompts = prompts
        self._shown: list[SavedPrompt] = []
        self._edited: SavedPrompt | None = None
        self._begun_as = ("", "")
        """The title and the text before they were changed."""
        self.setWindowTitle(self.tr("Prompt library"))
        self.resize(*SIZE_PX)
        self._search = QLineEdit()
        self._search.setPlaceholderText(self.tr("Search prompts"))
        self._search.setAccessibleName(self._search.placeholderText())
        self._search.textChanged.connect(self.fill)
        self._search.returnPressed.connect(self._insert)
        self._search.installEventFilter(self)
        self._list = QListWidget()
        # Else a title with Chinese characters makes its row higher than its neighbours.
        self._list.setUniformItemSizes(True)
        self._list.setAccessibleName(self.tr("Prompts"))
        self._list.currentRowChanged.connect(self._show_current)
        self._list.itemActivated.connect(lambda _: self._insert())
        self._title = QLineEdit()
        self._title.setAccessibleName(self.tr("Title"))
        self._title.setPlaceholderText(self.tr("Title"))
        self._text = TextField()
        self._text.setProperty("look", "field")
        self._text.setAccessibleName(self.tr("Prompt"))
        self._text.setTabChangesFocus(True)
        self._hint = label(
            self.tr(
                "{{name}} is a gap that is asked for, {{name:default}} has a default, {{name:one|two}} a"
                " choice."
            ),
            "small",
            wrap=True,
        )
        more = button(self.tr("More"), "quiet")
        menu = QMenu(more)
        menu.addAction(self.tr("Import prompts…"), self.import_requested.emit)
        menu.addAction(self.tr("Export my prompts…"), self.export_requested.emit)
        more.setMenu(menu)
        self._new = button(self.tr("New"))
        self._new.clicked.connect(self.begin_new)
        self._edit = button(self.tr("Edit"))
        self._edit.clicked.connect(self.begin_editing)
        self._delete = button(self.tr("Delete"))
        self._delete.clicked.connect(self._on_delete)
        self._insert_button = button(self.tr("Insert"), "primary")
        self._insert_button.setDefault(True)
        self._insert_button.clicked.connect(self._insert)
        self._cancel = button(self.tr("Cancel"))
        self._cancel.clicked.connect(lambda: self.fill(self._search.text()))
        self._save = button(self.tr("Save"), "primary")
        self._save.clicked.connect(self._on_save)
        self._title.textChanged.connect(self._update_save)
        self._text.textChanged.connect(self._update_save)
        left = QVBoxLayout()
        left.setSpacing(8)
        left.addWidget(self._search)
        left.addWidget(self._list, 1)
        foot_left = QHBoxLayout()
        foot_left.addWidget(self._new)
        foot_left.addStretch(1)
        foot_left.addWidget(more)
        left.addLayout(foot_left)
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addWidget(self._title)
        right.addWidget(self._text, 1)
        right.addWidget(self._hint)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addStretch(1)
        for made in (self._delete, self._edit, self._cancel, self._insert_button, self._save):
            foot.addWidget(made)
        right.addLayout(foot)
        held = QWidget()
        held.setLayout(left)
        left.setContentsMargins(0, 0, 0, 0)
        held.setFixedWidth(LIST_PX)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 16, 16, 16)
        row.setSpacing(16)
        row.addWidget(held)
        row.addLayout(right, 1)
        self.fill("")

    @property
    def titles(self) -> list[str]:
        """The titles of the listed prompts."""
        return [prompt.title for prompt in self._shown]

    @property
    def current(self) -> SavedPrompt | None:
        """The prompt that is shown."""
        row = self._list.currentRow()
        return self._shown[row] if 0 <= row < len(self._shown) else None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """The arrows move in the list while the typing goes on."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
            if step is not None and self._shown:
                self._list.setCurrentRow((self._list.currentRow() + step) % len(self._shown))
                return True
        return False

    def fill(self, typed: str) -> None:
        """List the prompts that fit what was typed."""
        self._shown = matching_prompts(self._prompts(), typed)
        self._list.clear()
        for prompt in self._shown:
            QListWidgetItem(prompt.title, self._list).setSizeHint(QSize(0, ROW_PX))
        self._list.setCurrentRow(0)
        self._show_current()

    def refresh(self) -> None:
        """List the prompts that there are now; what is being written, chosen or looked for stays."""
        if self._title.isReadOnly():
            chosen = self.current
            self.fill(self._search.text())
            if chosen in self._shown:
                self._list.setCurrentRow(self._shown.index(chosen))

    def begin_new(self) -> None:
        """Write another prompt."""
        self._edited = None
        self._title.clear()
        self._text.clear()
        self._show_editing(True)
        self._title.setFocus()

    def begin_editing(self) -> None:
        """Change the prompt that is shown; one that ships becomes the user's own."""
        prompt = self.current
        if prompt is not None:
            self._edited = None if prompt.language else prompt
            self._show_editing(True)
            self._text.setFocus()

    def _show_current(self, *_: object) -> None:
        prompt = self.current
        self._title.setText(prompt.title if prompt else "")
        self._text.setPlainText(prompt.text if prompt else "")
        self._show_editing(False)

    def reject(self) -> None:
        """Close; words that were not saved are asked about first."""
        if self._title.isReadOnly() or self._typed == self._begun_as:
            super().reject()
            return
        box = QMessageBox(self)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setIcon(QMessageBox.Icon.NoIcon)
        box.setWindowTitle(self.tr("Unsaved changes"))
        box.setText(self.tr("The prompt is not saved."))
        box.setInformativeText(self.tr("If you discard it, it is gone."))
        save = box.addButton(self.tr("Save"), QMessageBox.ButtonRole.AcceptRole)
        allow(save, self._refusal)
        save.clicked.connect(self._save_and_close)
        discard = box.addButton(self.tr("Discard"), QMessageBox.ButtonRole.DestructiveRole)
        discard.clicked.connect(lambda: QDialog.reject(self))
        box.addButton(self.tr("Go on writing"), QMessageBox.ButtonRole.RejectRole)
        box.open()

    def _save_and_close(self) -> None:
        self._on_save()
        super().reject()

    @property
    def _typed(self) -> tuple[str, str]:
        return self._title.text(), self._text.toPlainText()

    @property
    def _refusal(self) -> str:
        if all(words.strip() for words in self._typed):
            return ""
        return self.tr("It needs a title and a text first")

    def _update_save(self) -> None:
        allow(self._save, self._refusal)

    def _show_editing(self, editing: bool) -> None:
        prompt = self.current
        self._begun_as = self._typed
        # Another row would take the place of what is being written.
        for made in (self._search, self._list, self._new):
            made.setEnabled(not editing)
        self._title.setReadOnly(not editing)
        self._text.setReadOnly(not editing)
        for made in (self._cancel, self._save):
            made.setVisible(editing)
        for made in (self._edit, self._insert_button):
            made.setVisible(not editing and prompt is not None)
        self._edit.setText(self.tr("Copy and edit") if prompt and prompt.language else self.tr("Edit"))
        self._delete.setVisible(not editing and prompt is not None and not prompt.language)
        self._hint.setVisible(editing)
        self._update_save()

    def _insert(self) -> None:
        prompt = self.current
        if prompt is not None and not self._save.isVisible():
            self.accept()
            self.chosen.emit(prompt)

    def _on_save(self) -> None:
        title, text = (words.strip() for words in self._typed)
        if title and text:
            self.saved.emit(title, text, self._edited)
            self.fill(self._search.text())
            if title in self.titles:
                self._list.setCurrentRow(self.titles.index(title))

    def _on_delete(self) -> None:
        if self.current is not None:
            self.deleted.emit(self.current)
            self.fill(self._search.text())
