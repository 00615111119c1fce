"""A card with a picture of figures."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.ui.widgets.card import Card, label
from app.ui.widgets.lazy_plot import LazyPlot

HEIGHT_PX = 220


class PlotCard(Card):
    """A title, a plot and a line that explains it."""

    def __init__(self, title: str, plot: LazyPlot, note: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # A neighbour may be higher.
        self.body.setAlignment(Qt.AlignmentFlag.AlignTop)
        plot.setFixedHeight(HEIGHT_PX)
        plot.setAccessibleName(title)
        self.head = QHBoxLayout()
        self.head.addWidget(label(title, "title"), 1)
        self.note = label(note, "small", wrap=True)
        self.body.addLayout(self.head)
        self.body.addWidget(plot)
        self.body.addWidget(self.note)
