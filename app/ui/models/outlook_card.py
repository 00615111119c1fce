"""One model on this computer: memory, place and speed of each of its quantisations, and why."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QHeaderView, QWidget

from app.machine.advisor import Outlook, Use
from app.ui.base.resource_words import sentences
from app.ui.base.theme import Theme
from app.ui.models.list.fit_text import fit_text, speed_tip
from app.ui.models.outlook_table import CACHE, CARD, COMPUTE, HERE, LAYERS, WEIGHTS, OutlookTable
from app.ui.widgets.card import Card, label, name_field
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.scrolled_page import follow_rows
from app.ui.widgets.wheel_proof import ComboBox
from app.ui.widgets.wide_column import MeasuredTable, WideColumn
from models.memory.kv_cache import KV_BYTES_PER_ELEMENT
from models.system.units import byte_count

CONTEXTS = (4096, 8192, 16384, 32768, 65536, 131072)
ROW_PX = 32
HERE_PX = 240
"""The width that the verdict keeps in a narrow window."""


class OutlookCard(Card):
    """Shows the outlooks of one model for the context and the cache type that are chosen here; GUI thread."""

    use_changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = OutlookTable(theme, self)
        self._contexts = ComboBox()
        self._contexts.addItem(self.tr("as it is loaded"), 0)
        for tokens in CONTEXTS:
            self._contexts.addItem(self.tr("{tokens} tokens").format(tokens=f"{tokens:,}"), tokens)
        name_field(self._contexts, self.tr("Context to judge with"))
        self._caches = ComboBox()
        self._caches.addItem(self.tr("as it is loaded"), "auto")
        for kind in KV_BYTES_PER_ELEMENT:
            self._caches.addItem(kind, kind)
        name_field(self._caches, self.tr("Cache type to judge with"))
        for box in (self._contexts, self._caches):
            box.currentIndexChanged.connect(self.use_changed)
        self._view = MeasuredTable()
        self._view.setModel(self.table)
        self._view.setAccessibleName(self.tr("Quantisations on this PC"))
        self._view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self._view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._view.setShowGrid(False)
        self._view.setTabKeyNavigation(False)
        self._view.setWordWrap(False)
        self._view.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._view.verticalHeader().hide()
        self._view.verticalHeader().setDefaultSectionSize(ROW_PX)
        header = self._view.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsClickable(False)
        header.setMinimumSectionSize(64)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        # What is left out first stands in the sentence below.
        WideColumn(self._view, HERE, HERE_PX, lambda: (COMPUTE, CACHE, WEIGHTS))
        self._view.selectionModel().currentRowChanged.connect(lambda: self._show_reason())
        follow_rows(self._view)
        self.table.modelReset.connect(self._fit_height)
        self._view.horizontalScrollBar().rangeChanged.connect(self._fit_height)
        self._reason = label("", "muted", wrap=True, selectable=True)
        self._model = ElidedLabel("small")
        head = QHBoxLayout()
        head.addWidget(label(self.tr("ON THIS PC"), "caption"))
        head.addWidget(self._model, 1)
        head.addWidget(label(self.tr("Context"), "small"))
        head.addWidget(self._contexts)
        head.addSpacing(8)
        head.addWidget(label(self.tr("Cache"), "small"))
        head.addWidget(self._caches)
        self.body.addLayout(head)
        self.body.addWidget(self._view)
        self.body.addWidget(self._reason)

    @property
    def use(self) -> Use:
        """The use that the models are to be judged for."""
        return Use(self._contexts.currentData(), self._caches.currentData())

    def show_outlooks(self, model: str, outlooks: list[Outlook]) -> None:
        """Show the quantisations of a model; nothing is shown where there are none."""
        self._model.setText(model)
        row = max(0, self._view.currentIndex().row())
        self.table.show_outlooks(outlooks)
        self.setVisible(bool(outlooks))
        # They say nothing where no card takes a layer, and what is said in words needs the room.
        on_cards = any(outlook.fit.gpu_layers for outlook in outlooks)
        for column in (CARD, LAYERS):
            self._view.setColumnHidden(column, not on_cards)
        if outlooks:
            self._view.selectRow(min(row, len(outlooks) - 1))
            self._show_reason()

    def _show_reason(self) -> None:
        row = self._view.currentIndex().row()
        if not 0 <= row < self.table.rowCount():
            return
        outlook = self.table.row(row)
        reason = self.tr("{type}: {reason}").format(type=outlook.quantisation, reason=fit_text(outlook.fit))
        said = [reason, speed_tip(outlook)]
        if (load := outlook.measured) is not None:
            taken = self.tr(
                "When it was loaded with {layers} layers on graphics cards, for {replies} replies at a time, "
                "llama.cpp took {ram} of RAM and {card} on the cards."
            )
            amounts = {"ram": byte_count(load.ram_bytes), "card": byte_count(load.device_bytes)}
            said.insert(1, taken.format(layers=load.gpu_layers, replies=load.sequences, **amounts))
        self._reason.setText(sentences(said))

    def _fit_height(self, *_: object) -> None:
        """Room for all rows, beside a bar that scrolls sideways in a very narrow window."""
        header = self._view.horizontalHeader().sizeHint().height()
        bar = self._view.horizontalScrollBar()
        bar_px = bar.sizeHint().height() if bar.maximum() > 0 else 0
        self._view.setFixedHeight(header + ROW_PX * self.table.rowCount() + 2 + bar_px)
