"""A table's column that takes the room that is left, and can still be read where there is little."""

from collections.abc import Callable, Sequence

import shiboken6
from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import (
    QFocusEvent,
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QHeaderView, QStyleOptionViewItem, QTableView, QToolTip, QWidget

from app.ui.base.plain_text import plain_tip
from app.ui.widgets.scrolled_page import RING_PX

NEARLY = 0.85
"""In so much of its width a text is shortened rather than the table scrolled for some pixels."""


def no_columns() -> Sequence[int]:
    """Return no columns."""
    return ()


def shows_other_texts(roles: Sequence[int]) -> bool:
    """Tell whether cells of which a model says that these roles have changed may need another width."""
    return not roles or any(role != Qt.ItemDataRole.ForegroundRole for role in roles)


class MeasuredTable(QTableView):
    """Finds and remembers how wide its columns want to be. Header and `WideColumn` often ask for them, and Qt
    asks style and model for each cell: 5 ms for 40 rows of a column. The cells of a column have one font and
    no pictures. Draws a ring around the row that has the keyboard; what a cell has no room for is its tool
    tip, unless the model has another one. GUI thread."""

    restyled = Signal()
    """Its font or style has changed, and that of its header before."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._wanted_px: dict[int, int] = {}
        self._measures: tuple[object, ...] = ()
        """Of the style that it has; empty until cells were measured."""
        self._has_keyboard = False
        """It was reached by a key, or one was pressed in it since it was clicked."""
        self.verticalScrollBar().valueChanged.connect(self._forget)

    def setModel(self, model: QAbstractItemModel | None) -> None:  # noqa: N802 - Qt's name
        """Show a model, and measure anew what changes in it."""
        if model is not None:
            # Before the header hears of it, which may ask at once.
            for changed in (
                model.modelReset,
                model.layoutChanged,
                model.headerDataChanged,
                model.rowsInserted,
                model.rowsRemoved,
                model.columnsInserted,
                model.columnsRemoved,
            ):
                changed.connect(self._forget)
            model.dataChanged.connect(self._on_cells)
        super().setModel(model)
        self._forget()

    def sizeHintForColumn(self, column: int) -> int:  # noqa: N802 - Qt's name
        """The width of the column's widest cell of those that are measured."""
        if column not in self._wanted_px:
            self._wanted_px[column] = self._measured_px(column)
        return self._wanted_px[column]

    def _measured_px(self, column: int) -> int:
        model = self.model()
        if model is None or not (rows := self._measured_rows()):
            return super().sizeHintForColumn(column)
        if not self._measures:
            self._measures = self._style_measures()
        metrics = QFontMetricsF(self.font())
        # Many cells say the same.
        texts = {self._text(row, column): row for row in rows}
        widest = model.index(texts[max(texts, key=metrics.horizontalAdvance)], column)
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        return self.itemDelegateForIndex(widest).sizeHint(option, widest).width() + self.showGrid()

    def _text(self, row: int, column: int) -> str:
        """Return what a cell shows."""
        return str(self.model().index(row, column).data() or "")

    def _measured_rows(self) -> range:
        """Those that are seen and others around them, as many as the header wants: Qt's choice."""
        count, most = self.model().rowCount(), self.horizontalHeader().resizeContentsPrecision()
        first, end = max(0, self.rowAt(0)), self.rowAt(self.viewport().height()) + 1
        if not self.isVisible() or end == 0:
            end = count
        more = max(0, most - (end - first)) if most >= 0 else count
        below = min(count - end, max(more // 2, more - first))
        above = min(first, more - below)
        rows = range(first - above, end + below)
        return rows[:most] if most > 0 else rows

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Measure anew in another font or style; not where only colours are others."""
        is_restyled = (
            event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange) and self._has_other_measures()
        )
        if is_restyled:
            self._forget()
        super().changeEvent(event)
        if is_restyled:
            self.restyled.emit()

    def _has_other_measures(self) -> bool:
        """Tell whether a text may need another width or height than in the style before."""
        before, self._measures = self._measures, self._style_measures()
        return not before or self._measures != before

    def _style_measures(self) -> tuple[object, ...]:
        """Return what tells two styles apart in which a text takes another room; nothing without cells."""
        header, model = self.horizontalHeader(), self.model()
        column = header.logicalIndex(0)
        if model is None or not model.rowCount() or column < 0:
            return ()
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        cell = model.index(0, column)
        cell_size = self.itemDelegateForIndex(cell).sizeHint(option, cell)
        fonts = self.font().toString(), header.font().toString()
        return (*fonts, header.sizeHint(), header.sectionSizeHint(column), cell_size, cell.data())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Other rows are seen in another height."""
        if event.size().height() != event.oldSize().height():
            self._forget()
        super().resizeEvent(event)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Qt measures other rows of a table that nobody sees."""
        self._forget()
        super().showEvent(event)

    def _forget(self, *_: object) -> None:
        self._wanted_px.clear()

    def _on_cells(self, _first: QModelIndex, _last: QModelIndex, roles: Sequence[int]) -> None:
        if shows_other_texts(roles):
            self._forget()

    def viewportEvent(self, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Say whole what is cut off below the mouse."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            cell = self.indexAt(event.pos())
            text = self._text(cell.row(), cell.column()) if cell.isValid() else ""
            if text and not cell.data(Qt.ItemDataRole.ToolTipRole) and self._is_cut_off(cell):
                QToolTip.showText(event.globalPos(), plain_tip(text), self.viewport(), self.visualRect(cell))
                return True
        return super().viewportEvent(event)

    def _is_cut_off(self, cell: QModelIndex) -> bool:
        return self.sizeHintForIndex(cell).width() > self.columnWidth(cell.column())

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        """Note whether a key brought the focus."""
        if event.reason() not in (Qt.FocusReason.ActiveWindowFocusReason, Qt.FocusReason.PopupFocusReason):
            self._has_keyboard = event.reason() != Qt.FocusReason.MouseFocusReason
        super().focusInEvent(event)
        self.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Show where the keys go."""
        self._has_keyboard = True
        super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Show no ring to who clicks."""
        self._has_keyboard = False
        super().mousePressEvent(event)
        self.viewport().update()

    def currentChanged(  # noqa: N802 - Qt's name
        self, current: QModelIndex | QPersistentModelIndex, previous: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draw the ring around another row; Qt draws two cells anew."""
        super().currentChanged(current, previous)
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw the cells, and the ring over them; around all of them where no row has the keyboard."""
        super().paintEvent(event)
        if not (self.hasFocus() and self._has_keyboard):
            return
        row = self.currentIndex().row()
        across = self.viewport().rect()
        if row >= 0:
            across = QRect(0, self.rowViewportPosition(row), across.width(), self.rowHeight(row))
        with QPainter(self.viewport()) as painter:
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Accent), RING_PX))
            painter.drawRect(across.adjusted(1, 1, -1, -1))


class WideColumn(QObject):
    """Stretches `column` as long as its texts fit, up to `most_px` of them, or nearly fit; where they do not
    it keeps that width, and the table scrolls sideways. Belongs to `table`; GUI thread."""

    def __init__(
        self, table: QTableView, column: int, most_px: int, spared: Callable[[], Sequence[int]] = no_columns
    ) -> None:
        """`spared` gives the columns that are left out before anything is scrolled, the first one first."""
        super().__init__(table)
        self._table = table
        self._column = column
        self._most_px = most_px
        self._spared = spared
        self._left_out: set[int] = set()
        self._title_px: dict[int, int] = {}
        header = table.horizontalHeader()
        header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        header.sectionResized.connect(self._on_section)
        table.viewport().installEventFilter(self)
        self._later = QTimer(self, singleShot=True, interval=0)
        self._later.timeout.connect(self._fit)
        model = table.model()
        for changed in (model.modelReset, model.rowsInserted, model.rowsRemoved):
            changed.connect(self._fit_later)
        model.dataChanged.connect(self._on_cells)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Fit to another width of the table."""
        if event.type() == QEvent.Type.Resize:
            self._fit()
        return super().eventFilter(watched, event)

    def _on_cells(self, _first: QModelIndex, _last: QModelIndex, roles: Sequence[int]) -> None:
        if shows_other_texts(roles):
            self._fit_later()

    def _fit_later(self, *_: object) -> None:
        # Other columns may be spared now, though none of those that are shown got another width.
        if shiboken6.isValid(self._later):
            self._later.start()

    def _on_section(self, section: int) -> None:
        # A header on its way out shows its hidden sections once more.
        if section != self._column and shiboken6.isValid(self._table):
            self._share(min(self._most_px, self._texts_px(self._column)))
            # Once more when all of them have their sizes: one that is hidden just now still counts, and none
            # may be hidden while the header goes through them.
            self._later.start()

    def _fit(self) -> None:
        wanted_px = min(self._most_px, self._texts_px(self._column))
        self._leave_out(wanted_px)
        self._share(wanted_px)

    def _share(self, wanted_px: int) -> None:
        header, column = self._table.horizontalHeader(), self._column
        room_px = self._table.viewport().width() - (header.length() - header.sectionSize(column))
        if room_px >= NEARLY * wanted_px:
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        else:
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, wanted_px)

    def _texts_px(self, column: int) -> int:
        return max(
            self._table.sizeHintForColumn(column), self._table.horizontalHeader().sectionSizeHint(column)
        )

    def _leave_out(self, wanted_px: int) -> None:
        """Hide as many of the spared columns as the others need the room of."""
        spared = list(self._spared())
        if not spared and not self._left_out:
            return
        header = self._table.horizontalHeader()
        shown = [
            column
            for column in range(header.count())
            if column != self._column and (column in self._left_out or not header.isSectionHidden(column))
        ]
        for column in shown:
            # The header tells nothing of a column that is hidden.
            if not header.isSectionHidden(column):
                self._title_px[column] = max(header.sectionSizeHint(column), header.sectionSize(column))
        needed_px = {
            column: max(
                self._table.sizeHintForColumn(column), self._title_px[column], header.minimumSectionSize()
            )
            for column in shown
        }
        missing_px = wanted_px + sum(needed_px.values()) - self._table.viewport().width()
        left_out: set[int] = set()
        for column in spared:
            if missing_px <= 0:
                break
            if column in needed_px:
                left_out.add(column)
                missing_px -= needed_px[column]
        if left_out == self._left_out:
            return
        for column in left_out ^ self._left_out:
            header.setSectionHidden(column, column in left_out)
        self._left_out = left_out
        # Its bar would go on scrolling over what is hidden.
        self._table.doItemsLayout()
