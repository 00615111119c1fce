"""Runs side by side: the first, then each other one with its change and what that means; and the card that
this stands in."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QScrollArea,
    QWidget,
)

from app.ui.base.plain_text import PhraseLabel, PlainLabel, set_tip
from app.ui.base.resource_words import enumerated
from app.ui.widgets.card import Card, LabelLook, button, label
from app.ui.widgets.scrolled_page import KeyboardRing, ScrolledPage

MOST_WITH_WORDS = 2
"""With more runs there is no room for verdicts in words."""
GAP_PX = 12
"""The gap between the runs, in addition to the spacing of the grid."""
SPACING_PX, NARROW_SPACING_PX = 24, 12
"""Between the columns; the narrow one where there are several runs or little room."""
BAR_GAP_PX = 4
NARROW_HEAD_PX, HEADS_IN_ROOM = 96, 6
"""The least width of a run's name that is broken into lines, and its part of the room where there is more."""


@dataclass(frozen=True, slots=True)
class GridCell:
    """A run's figure, its change against the first run's, and the verdict in words, which `tip` explains."""

    value: str
    change: str
    verdict: str
    look: LabelLook
    tip: str = ""


@dataclass(frozen=True, slots=True)
class GridRow:
    """A figure of all runs; `n` is what it is over, "" in a grid that says it elsewhere."""

    name: str
    first: str
    others: Sequence[GridCell | None]
    n: str = ""


class _RunName(PlainLabel):
    """The name of a run above its figures, which say how wide it is where it is told to shrink."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.setProperty("look", "small")
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._least_px = 0

    def let_shrink(self, least_px: int) -> None:
        """Ask for `least_px` only; 0: for what a line takes."""
        self._least_px = least_px
        self.setMinimumWidth(least_px)
        self.updateGeometry()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As wide as a line, or as it was told."""
        hint = super().sizeHint()
        return QSize(self._least_px, hint.height()) if self._least_px else hint


class ComparisonGrid(QScrollArea):
    """As high as its rows; words are broken where the room is narrow, and it is scrolled sideways where many
    runs stand beside each other. GUI thread.

    With one other run the verdicts stand in a column; with several the verdict is the colour of the change,
    which a `ComparisonLegend` explains, and its tool tip.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        KeyboardRing(self)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._words: list[QLabel] = []
        """The labels that may be broken into lines, the names of the runs first."""
        self._heads: list[_RunName] = []
        self._spacing_px = SPACING_PX
        # Not within the resizing itself: what is laid out there would keep the height of before.
        self._later = QTimer(self, singleShot=True, interval=0)
        self._later.timeout.connect(self._fit)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Break words where there is no room for them."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._later.start()

    def show_rows(self, heads: Sequence[str], rows: Sequence[GridRow], n_head: str = "") -> None:
        """Replace what is shown; `heads` name all runs, and `n_head` the column of what figures are over."""
        is_alone = len(heads) <= MOST_WITH_WORDS
        page = ScrolledPage()
        grid = QGridLayout(page)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(6)
        if n_head:
            grid.addWidget(_right(label(n_head, "small")), 0, 1)
        self._heads = [_RunName(head) for head in heads]
        self._words = [*self._heads]
        self._spacing_px = SPACING_PX if is_alone else NARROW_SPACING_PX
        grid.addWidget(self._heads[0], 0, 2)
        for place, head in enumerate(self._heads[1:]):
            columns = 1 if is_alone else 2
            grid.addWidget(_apart(head), 0, 3 + 3 * place, 1, columns)
        for number, row in enumerate(rows, start=1):
            self._words.append(_phrases(row.name, "body"))
            grid.addWidget(self._words[-1], number, 0)
            if row.n:
                grid.addWidget(_right(label(row.n, "muted")), number, 1)
            grid.addWidget(_right(label(row.first, selectable=True)), number, 2)
            for place, cell in enumerate(row.others):
                verdict = _add(grid, number, 3 + 3 * place, cell, is_alone=is_alone)
                if verdict is not None and is_alone:
                    self._words.append(verdict)
        grid.setColumnStretch(2 + 3 * (len(heads) - 1), 1)
        self.setWidget(page)
        self._later.start()
        self._fit()

    def _fit(self) -> None:
        page = self.widget()
        layout = page.layout() if page is not None else None
        if not isinstance(layout, QGridLayout):
            return
        room_px = self.viewport().width()
        heads = self._heads
        for made in self._words:
            made.setWordWrap(False)
        for head in heads:
            head.let_shrink(0)
        layout.setHorizontalSpacing(self._spacing_px)
        layout.invalidate()
        if layout.sizeHint().width() > room_px:
            least_px = max(NARROW_HEAD_PX, room_px // HEADS_IN_ROOM)
            for head in heads:
                margins = head.contentsMargins()
                wanted_px = min(head.sizeHint().width(), least_px + margins.left() + margins.right())
                head.let_shrink(wanted_px)
            for made in self._words:
                made.setWordWrap(True)
            layout.setHorizontalSpacing(NARROW_SPACING_PX)
            layout.invalidate()
        width_px = layout.minimumSize().width()
        height_px = (
            layout.totalHeightForWidth(max(room_px, width_px))
            if layout.hasHeightForWidth()
            else layout.sizeHint().height()
        )
        bar_px = self.horizontalScrollBar().sizeHint().height() + BAR_GAP_PX if width_px > room_px else 0
        self.setFixedHeight(height_px + bar_px)


def _add(grid: QGridLayout, row: int, column: int, cell: GridCell | None, *, is_alone: bool) -> QLabel | None:
    """Add a run's cells of a row; return what shows the verdict in words, where something does."""
    if cell is None:
        grid.addWidget(_right(label("–", "muted")), row, column)
        return None
    verdict = _phrases(cell.verdict, cell.look)
    set_tip(verdict, cell.tip)
    if not cell.value:
        # What all figures come to.
        if is_alone:
            grid.addWidget(verdict, row, column + 2)
        else:
            grid.addWidget(_right(verdict), row, column, 1, 2)
        return verdict
    grid.addWidget(_apart(_right(label(cell.value, selectable=True))), row, column)
    if is_alone:
        grid.addWidget(_right(label(cell.change)), row, column + 1)
        grid.addWidget(verdict, row, column + 2)
        return verdict
    change = _right(label(cell.change, cell.look))
    set_tip(change, f"{cell.verdict}\n{cell.tip}".strip())
    change.setAccessibleName(enumerated((cell.change, cell.verdict)))
    grid.addWidget(change, row, column + 1)
    return None


class ComparisonFrame(Card):
    """A card whose head has the title, what can be done with the comparison, and a button that closes it."""

    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._save = button(self.tr("Save or copy"), "quiet")
        close = button("✕", "quiet", name=self.tr("Close the comparison"))
        close.clicked.connect(self.closed)
        head = QHBoxLayout()
        head.addWidget(label(self.tr("Comparison"), "title"), 1)
        head.addWidget(self._save)
        head.addWidget(close)
        self.body.addLayout(head)

    def set_menu(self, menu: QMenu) -> None:
        """Set the menu of what can be done with the comparison."""
        self._save.setMenu(menu)


class ComparisonLegend(QWidget):
    """The meanings of the colours of the changes, each in its own colour."""

    def __init__(self, verdicts: Sequence[tuple[str, LabelLook]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        for text, look in verdicts:
            row.addWidget(label(f"■ {text}", look))
        row.addStretch(1)


def _phrases(text: str, look: LabelLook) -> QLabel:
    made = PhraseLabel(text)
    made.setProperty("look", look)
    return made


def _apart(made: QLabel) -> QLabel:
    made.setContentsMargins(GAP_PX, 0, 0, 0)
    return made


def _right(made: QLabel) -> QLabel:
    made.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return made
