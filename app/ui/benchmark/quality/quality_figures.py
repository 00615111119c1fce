"""The figures of a quality run, a card for each kind of question."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QSizePolicy, QWidget

from app.bench.quality.figures import Figure
from app.bench.quality.item import KINDS, Kind
from app.ui.benchmark.quality.quality_words import QualityWords
from app.ui.widgets.card import Card, label

CARD_PX = 250


class QualityFigureCard(Card):
    """The main figure of a kind, its interval and n, and the figures beside it."""

    def __init__(self, kind: Kind, figures: Sequence[Figure], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        words = QualityWords()
        main, *further = figures
        self.body.setSpacing(2)
        self.setAccessibleName(words.kind(kind))
        head = QHBoxLayout()
        head.addWidget(label(words.kind(kind).upper(), "caption"), 1)
        if not main.conclusive:
            mark = label(self.tr("not conclusive"), "warning")
            mark.setToolTip(
                self.tr("The interval is too wide to tell models apart. More items make it narrower.")
            )
            head.addWidget(mark)
        self.body.addLayout(head)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(
            label(words.number(main, main.value), "figure", selectable=True), 0, Qt.AlignmentFlag.AlignBottom
        )
        interval = label(words.interval(main), "unit")
        interval.setContentsMargins(0, 0, 0, 4)
        row.addWidget(interval, 1, Qt.AlignmentFlag.AlignBottom)
        self.body.addLayout(row)
        lines = [words.about(kind), *filter(None, (words.further(figure) for figure in further))]
        self.body.addWidget(label(lines[0], "small", wrap=True))
        self.body.addWidget(label(" · ".join(lines[1:]), "small", wrap=True))
        self.body.addStretch(1)


class QualityFigureCards(QWidget):
    """As many cards side by side as have room."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cards: list[QualityFigureCard] = []
        self._columns = 0
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(12)
        # The width decides the columns, so the columns must not decide the width.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def show_figures(self, figures: Sequence[Figure]) -> None:
        """Show what there is."""
        for card in self._cards:
            self._grid.removeWidget(card)
            card.deleteLater()
        of_kind = {kind: [figure for figure in figures if figure.kind == kind] for kind in KINDS}
        self._cards = [QualityFigureCard(kind, found) for kind, found in of_kind.items() if found]
        self._columns = 0
        self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Fewer columns in a narrow window."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        columns = max(1, min(3, self.width() // CARD_PX))
        if columns == self._columns:
            return
        for column in range(3):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)
        self._columns = columns
        for place, card in enumerate(self._cards):
            self._grid.addWidget(card, place // columns, place % columns)
