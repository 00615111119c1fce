"""Getting a model that the list does not name: by its Hugging Face id, or a file on this computer."""

from pathlib import Path

from PySide6.QtCore import QDir, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QWidget

from app.ui.base.add_action import allow, also_found_by
from app.ui.base.file_dialogs import FileDialog
from app.ui.base.theme import Theme
from app.ui.models.job_following import asking_text
from app.ui.widgets.card import Card, button, label, name_field
from app.ui.widgets.inline_notices import InlineNotices
from app.ui.widgets.push_buttons import SingleClicks
from app.ui.widgets.wheel_proof import ComboBox
from models.quantisation.quantisation_types import FULL_PRECISION, QUANTISATIONS
from models.system.progress import Progress


class AddModelCard(Card):
    """A field for an id or an address, the type to build, and a button for a file; GUI thread."""

    add_asked = Signal(str, str)
    """The text that was typed, and the type to build."""
    stop_asked = Signal()
    """The server is not to be asked any more."""
    paths_chosen = Signal(list)
    """Files and folders as `Path`s."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.failures = InlineNotices(theme)
        """What could not be added."""
        self.field = QLineEdit()
        self.field.setPlaceholderText(self.tr("Hugging Face id or address, such as owner/name"))
        self.field.setAccessibleName(self.tr("Hugging Face id or address"))
        self.field.setClearButtonEnabled(True)
        self.field.returnPressed.connect(self._on_add)
        self.field.textChanged.connect(self._update)
        self.types = ComboBox()
        self.types.addItems([*QUANTISATIONS, *FULL_PRECISION])
        name_field(self.types, self.tr("Size to make (quantisation)"))
        self.types.setToolTip(
            self.tr(
                "How small the model is made (its quantisation): a smaller one is faster and needs "
                "less memory, and answers a little worse. A ready GGUF file stays as it is."
            )
        )
        self.types.setMinimumWidth(104)
        self._add = button(self.tr("Get"))
        self._add.clicked.connect(self._on_button)
        # It asks and stops.
        SingleClicks(self._add)
        self._file = button(self.tr("Open a GGUF file…"))
        self._file.clicked.connect(self._on_file)
        self._folder = button(
            self.tr("Add a folder…"),
            tip=self.tr("Every GGUF file in it, or the models of Ollama or LM Studio; nothing is copied"),
        )
        self._folder.clicked.connect(self._on_folder)
        for made in (self._file, self._folder):
            also_found_by(made, self.tr("import models from this computer"))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.field, 1)
        row.addWidget(self.types)
        row.addWidget(self._add)
        self.body.addWidget(label(self.tr("ANOTHER MODEL"), "caption"))
        self.body.addLayout(row)
        self._asking = label("", "muted", wrap=True)
        self._asking.hide()
        self.body.addWidget(self._asking)
        self.body.addWidget(self.failures)
        self.body.addWidget(
            label(
                self.tr(
                    "Of original Llama, Qwen2 and Qwen3 models (.safetensors) a model for this PC is "
                    "made; ready GGUF files are taken as they are."
                ),
                "small",
                wrap=True,
            )
        )
        here = QHBoxLayout()
        here.setSpacing(8)
        here.addWidget(
            label(
                self.tr(
                    "Models that are on this PC already, Ollama's and LM Studio's too, stay where they are. "
                    "Files and folders can also be dropped here."
                ),
                "small",
                wrap=True,
            ),
            1,
        )
        here.addWidget(self._file)
        here.addWidget(self._folder)
        self.body.addLayout(here)
        theme.changed.connect(self._colour_icons)
        self._colour_icons()
        self._update()

    def set_busy(self, busy: bool) -> None:
        """While the server is asked about what was typed, which the button stops."""
        self.field.setReadOnly(busy)
        self._asking.setText(self.tr("Asking the server…"))
        self._asking.setVisible(busy)
        self._add.setText(self.tr("Stop") if busy else self.tr("Get"))
        self._colour_icons()
        self._update()

    def show_asking(self, progress: Progress) -> None:
        """Say that the server did not answer, and when it is asked again."""
        self._asking.setText(asking_text(progress))
        self._asking.show()

    def clear(self) -> None:
        """Clear the field after a model was added."""
        self.field.clear()

    def _on_button(self) -> None:
        if self.field.isReadOnly():
            self.stop_asked.emit()
        else:
            self._on_add()

    def _update(self) -> None:
        allow(self._add, "" if self.field.text().strip() else self.tr("Type an id or an address first"))

    def _on_add(self) -> None:
        text = self.field.text().strip()
        if text and not self.field.isReadOnly():
            self.add_asked.emit(text, self.types.currentText())

    def _on_file(self) -> None:
        dialog = FileDialog(self, self.tr("Open a GGUF file"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilter(self.tr("GGUF models (*.gguf)"))
        self._open(dialog)

    def _on_folder(self) -> None:
        dialog = FileDialog(self, self.tr("Add a folder"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        # Ollama keeps its models below a hidden folder.
        dialog.setFilter(dialog.filter() | QDir.Filter.Hidden)
        self._open(dialog)

    def _open(self, dialog: FileDialog) -> None:
        dialog.fileSelected.connect(lambda path: self.paths_chosen.emit([Path(path)]))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _colour_icons(self) -> None:
        name = "x" if self.field.isReadOnly() else "download-simple"
        self._add.setIcon(self._theme.icon(name, "text"))
        self._file.setIcon(self._theme.icon("file-plus", "text"))
        self._folder.setIcon(self._theme.icon("folder-plus", "text"))
