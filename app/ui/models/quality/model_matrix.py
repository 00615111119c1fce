"""Shows the importance matrix that is kept of the selected model, and deletes it."""

import asyncio
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.acquire.kept_imatrix import MATRIX_NAME, KeptMatrix, kept_matrix
from app.ui.base.resource_words import data_set_words
from app.ui.base.theme import Theme
from app.ui.models.list.model_rows import ModelRow
from app.ui.widgets.card import Card, button, label
from app.ui.widgets.ui_context import UiContext
from models.store.store import ModelStore
from models.system.durable import write_durably
from models.system.units import byte_count


class MatrixCard(Card):
    """The importance matrix that is kept; GUI thread."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.delete = button(self.tr("Delete"), name=self.tr("Delete the importance matrix"))
        self._words = label("", wrap=True, selectable=True)
        head = QHBoxLayout()
        head.addWidget(label(self.tr("IMPORTANCE MATRIX"), "caption"))
        head.addStretch(1)
        head.addWidget(self.delete)
        self.body.addLayout(head)
        self.body.addWidget(self._words)
        theme.changed.connect(self._colour_icons)
        self._colour_icons()

    def show_matrix(self, matrix: KeptMatrix) -> None:
        """Tell what it was collected over, and with."""
        self._words.setText(
            self.tr(
                "It says which weights of this model matter most, so that small sizes of it stay "
                "accurate. Made with {type} from {chunks} pieces of {text}; {size}. The next small "
                "size of this model uses it."
            ).format(
                chunks=matrix.chunks,
                text=data_set_words(matrix.text),
                type=matrix.collected_with,
                size=byte_count(matrix.bytes),
            )
        )

    def _colour_icons(self) -> None:
        self.delete.setIcon(self._theme.icon("trash", "text"))


class ModelMatrix(QObject):
    """Owns the card, which is hidden where there is no matrix; GUI thread."""

    def __init__(
        self,
        ui: UiContext,
        store: ModelStore,
        parent: QObject,
        page: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._bridge = ui.bridge
        self._store = store
        self._notices = ui.notices
        self._name = ""
        self._path = Path()
        self._reads = 0
        self.card = MatrixCard(ui.theme, page)
        self.card.delete.clicked.connect(self._on_delete)
        self.card.hide()

    def show_row(self, row: ModelRow | None) -> None:
        """Show that of a model of the list."""
        name = row.installed[0].name if row is not None and row.installed else ""
        if name != self._name:
            self.card.hide()
        self._name = name
        if name:
            self._path = self._store.folder_of(name) / MATRIX_NAME
            self._bridge.start(self._show(self._path))

    async def _show(self, path: Path) -> None:
        self._reads += 1
        number = self._reads
        matrix = await asyncio.to_thread(kept_matrix, path)
        if self._name and path == self._path and number == self._reads:
            self.card.setVisible(matrix is not None)
            if matrix is not None:
                self.card.show_matrix(matrix)

    def _on_delete(self) -> None:
        # Until it is done: a second press would find nothing to delete.
        self.card.delete.setEnabled(False)
        self._bridge.start(self._delete(self._path, self._name))

    async def _delete(self, path: Path, name: str) -> None:
        try:
            data = await asyncio.to_thread(path.read_bytes)
            await asyncio.to_thread(path.unlink)
        finally:
            self.card.delete.setEnabled(True)
            await self._show(path)
        self._notices.inform_with_undo(
            lambda: self.tr("The importance matrix of {model} was deleted.").format(model=name),
            lambda: self._on_undo(path, data),
        )

    def _on_undo(self, path: Path, data: bytes) -> None:
        self._bridge.start(self._restore(path, data))

    async def _restore(self, path: Path, data: bytes) -> None:
        await asyncio.to_thread(write_durably, path, data)
        await self._show(path)
