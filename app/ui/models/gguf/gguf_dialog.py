"""The header of a GGUF file: its metadata and its tensors."""

from collections import Counter
from math import prod
from pathlib import Path

from PySide6.QtWidgets import QDialog, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.ui.models.gguf.gguf_metadata_table import VALUE, GgufMetadataTable
from app.ui.models.gguf.gguf_tensors_table import NAME, GgufTensorsTable
from app.ui.widgets.card import Card, button, label
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.filtered_table import FilteredTable
from app.ui.widgets.push_buttons import ButtonRow
from converters.gguf.file_type import file_type
from converters.gguf.gguf_reader import GgufSummary
from models.system.units import byte_count

SIZE_PX = (880, 640)


class GgufDialog(QDialog):
    """Shows the header of one file, which was read already; GUI thread."""

    def __init__(self, path: Path, summary: GgufSummary, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Inside {file}").format(file=path.name))
        self.resize(*SIZE_PX)
        title = ElidedLabel("title")
        title.setText(summary.text("general.name") or path.stem)
        place = ElidedLabel("small")
        place.setText(str(path))
        self.tensors = FilteredTable(GgufTensorsTable(summary, self), self.tr("Tensors"), NAME)
        self.metadata = FilteredTable(GgufMetadataTable(summary, self), self.tr("Metadata"), VALUE)
        self._pages = QStackedWidget()
        tabs = QHBoxLayout()
        tabs.setSpacing(4)
        self._buttons = ButtonRow(self)
        for number, (text, page) in enumerate(
            ((self.tr("Tensors"), self.tensors), (self.tr("Metadata"), self.metadata))
        ):
            self._pages.addWidget(page)
            tab = button(text, "tab")
            tab.setCheckable(True)
            tab.setChecked(number == 0)
            self._buttons.addButton(tab, number)
            tabs.addWidget(tab)
        self._buttons.idClicked.connect(self._pages.setCurrentIndex)
        tabs.addStretch(1)
        copy = button(self.tr("Copy"), tip=self.tr("Copies the selected rows, or all that are shown"))
        copy.clicked.connect(self._on_copy)
        tabs.addWidget(copy)
        close = button(self.tr("Close"))
        close.clicked.connect(self.close)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(close)
        card = Card()
        card.body.addLayout(tabs)
        card.body.addWidget(self._pages, 1)
        body = QVBoxLayout(self)
        body.setContentsMargins(20, 20, 20, 20)
        body.setSpacing(8)
        body.addWidget(title)
        body.addWidget(place)
        body.addWidget(label(self._facts(summary), "muted", wrap=True, selectable=True))
        body.addWidget(label(self._shares(summary), "muted", wrap=True, selectable=True))
        body.addWidget(card, 1)
        body.addLayout(foot)
        self.tensors.view.setFocus()

    def _facts(self, summary: GgufSummary) -> str:
        return self.tr(
            "{type} · {size} · {parameters} billion parameters in {tensors} tensors · "
            "{entries} metadata entries · GGUF version {version}"
        ).format(
            type=file_type(summary),
            size=byte_count(summary.bytes),
            parameters=f"{sum(prod(tensor.shape) for tensor in summary.tensors) / 1e9:.2f}",
            tensors=f"{len(summary.tensors):,}",
            entries=f"{len(summary.metadata):,}",
            version=summary.version,
        )

    def _shares(self, summary: GgufSummary) -> str:
        sizes: Counter[str] = Counter()
        for tensor in summary.tensors:
            sizes[tensor.type] += tensor.bytes
        return " · ".join(
            self.tr("{type} {size} ({share}%)").format(
                type=kind, size=byte_count(size), share=f"{100 * size / summary.bytes:.1f}"
            )
            for kind, size in sizes.most_common()
        )

    def _on_copy(self) -> None:
        page = self._pages.currentWidget()
        assert isinstance(page, FilteredTable)
        page.copy()
