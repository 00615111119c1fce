"""Choosing another type to make of a model that is on disk."""

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from app.ui.widgets.card import Card, button, label, name_field
from app.ui.widgets.wheel_proof import ComboBox
from models.store.store import InstalledModel
from models.system.units import byte_count


class RequantiseDialog(QDialog):
    """Says what it costs in quality; `chosen` carries the type. GUI thread.

    `source_type` is the type of the file itself, `sizes_bytes` has the size of each type that can be made;
    `loses_quality` says that the file is quantised already.
    """

    chosen = Signal(str)

    def __init__(
        self,
        model: InstalledModel,
        source_type: str,
        sizes_bytes: Mapping[str, int],
        *,
        loses_quality: bool,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._sizes_bytes = sizes_bytes
        self.setWindowTitle(self.tr("Another size of {model}").format(model=model.name))
        self.setMinimumWidth(480)
        self._types = ComboBox()
        self._types.addItems(list(sizes_bytes))
        name_field(self._types, self.tr("Size to make (quantisation)"))
        self._types.currentIndexChanged.connect(self._show_size)
        self._size = label("", "muted")
        if loses_quality:
            words = self.tr(
                "This file was made smaller already ({type}). To make it smaller again costs more "
                "accuracy than to make the same size of the original."
            ).format(type=source_type)
        else:
            words = self.tr(
                "The file has full precision ({type}), so the result is as good as one made of the original."
            ).format(type=source_type)
        row = QHBoxLayout()
        row.addWidget(label(self.tr("Type")))
        row.addWidget(self._types)
        row.addWidget(self._size, 1)
        card = Card()
        card.body.addLayout(row)
        card.body.addWidget(label(words, "warning" if loses_quality else "muted", wrap=True))
        cancel = button(self.tr("Cancel"))
        cancel.clicked.connect(self.reject)
        start = button(self.tr("Make it"), "primary")
        start.setDefault(True)
        start.clicked.connect(self._on_start)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(cancel)
        foot.addWidget(start)
        body = QVBoxLayout(self)
        body.setContentsMargins(20, 20, 20, 20)
        body.setSpacing(16)
        body.addWidget(card)
        body.addLayout(foot)
        self._show_size()

    def _show_size(self) -> None:
        self._size.setText(byte_count(self._sizes_bytes[self._types.currentText()]))

    def _on_start(self) -> None:
        self.chosen.emit(self._types.currentText())
        self.accept()
