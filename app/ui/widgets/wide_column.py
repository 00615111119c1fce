"""A table's column that takes the room that is left, and can still be read where there is little."""

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QHeaderView, QTableView


class WideColumn(QObject):
    """Stretches `column` as long as its texts fit, up to `most_px` of them; where they do not it keeps that
    width, and the table scrolls sideways. Belongs to `table`; GUI thread."""

    def __init__(self, table: QTableView, column: int, most_px: int) -> None:
        super().__init__(table)
        self._table = table
        self._header = table.horizontalHeader()
        self._column = column
        self._most_px = most_px
        self._header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        self._header.sectionResized.connect(self._on_section)
        table.viewport().installEventFilter(self)
        self._later = QTimer(self, singleShot=True, interval=0)
        self._later.timeout.connect(self._fit)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Fit to another width of the table."""
        if event.type() == QEvent.Type.Resize:
            self._fit()
        return super().eventFilter(watched, event)

    def _on_section(self, section: int) -> None:
        if section != self._column:
            self._fit()
            # Once more when all of them have their sizes: one that is hidden just now still counts.
            self._later.start()

    def _fit(self) -> None:
        header, column = self._header, self._column
        texts_px = max(self._table.sizeHintForColumn(column), header.sectionSizeHint(column))
        wanted_px = min(self._most_px, texts_px)
        room_px = self._table.viewport().width() - (header.length() - header.sectionSize(column))
        if room_px >= wanted_px:
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        else:
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, wanted_px)
