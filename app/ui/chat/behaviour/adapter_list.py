"""The LoRA adapters of a chat: which files, how strongly, and a way to add one or take it away."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from app.engine.protocol import Lora
from app.ui.base.file_dialogs import FileDialog
from app.ui.base.layouts import clear_layout
from app.ui.base.plain_text import set_tip
from app.ui.base.theme import Theme
from app.ui.widgets.card import NUMBER_MARGINS_PX, button
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.wheel_proof import DoubleSpinBox

LARGEST_SCALE = 10.0
SCALE_WIDTH_PX = 76


class AdapterList(QWidget):
    """One row for each adapter. `changed` comes with each change of the user's. GUI thread."""

    changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._loras: list[Lora] = []
        self._rows = QVBoxLayout()
        self._rows.setSpacing(4)
        self._add = button(self.tr("Add an adapter…"))
        self._add.clicked.connect(self._ask)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(self._rows)
        layout.addWidget(self._add, 0, Qt.AlignmentFlag.AlignLeft)
        theme.changed.connect(self._make)

    @property
    def loras(self) -> tuple[Lora, ...]:
        """The adapters (LoRA) as set now."""
        return tuple(self._loras)

    def show_loras(self, loras: Sequence[Lora]) -> None:
        """Show a chat's adapters; tells nobody."""
        if list(loras) != self._loras:
            self._loras = list(loras)
            self._make()

    def add(self, path: str) -> None:
        """Put one more on the model, as strongly as it was trained."""
        if all(lora.path != path for lora in self._loras):
            self._loras.append(Lora(path))
            self._make()
            self.changed.emit()

    def _ask(self) -> None:
        dialog = FileDialog(self, self.tr("Choose a LoRA adapter"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilter(self.tr("Adapters (*.gguf)"))
        dialog.fileSelected.connect(self.add)
        dialog.open()

    def _make(self) -> None:
        clear_layout(self._rows)
        for index in range(len(self._loras)):
            self._rows.addWidget(self._row(index))

    def _row(self, index: int) -> QWidget:
        lora = self._loras[index]
        name = Path(lora.path).stem
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        shown = ElidedLabel()
        shown.setText(name)
        scale = DoubleSpinBox()
        scale.setRange(-LARGEST_SCALE, LARGEST_SCALE)
        scale.setSingleStep(0.1)
        scale.setDecimals(2)
        scale.setFixedWidth(SCALE_WIDTH_PX)
        scale.setValue(lora.scale)
        scale.setAccessibleName(self.tr("Strength of {name}").format(name=name))
        scale.setToolTip(self.tr("1 is its full effect, 0 is none."))
        scale.lineEdit().setTextMargins(*NUMBER_MARGINS_PX)
        scale.valueChanged.connect(lambda value: self._on_scale(index, value))
        remove = button("", "quiet", icon=self._theme.icon("x"))
        remove.setAccessibleName(self.tr("Remove {name}").format(name=name))
        set_tip(remove, remove.accessibleName())
        remove.clicked.connect(lambda: self._on_remove(index))
        layout.addWidget(shown, 1)
        layout.addWidget(scale)
        layout.addWidget(remove)
        return row

    def _on_scale(self, index: int, value: float) -> None:
        self._loras[index] = Lora(self._loras[index].path, round(value, 3))
        self.changed.emit()

    def _on_remove(self, index: int) -> None:
        del self._loras[index]
        self._make()
        self.changed.emit()
