"""Dialogs for files: where they begin, and room in Qt's own for what they show."""

from pathlib import Path

from PySide6.QtCore import QDate, QDateTime, QLocale, QSize, QStandardPaths, QTime
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFileDialog, QHeaderView, QTreeView

SIZE_EM = (54, 32)
"""Width and height of Qt's own dialog in heights of its text."""
CELL_PX = 20
LONGEST_SIZE = "1023.99 KiB"
LONGEST_TYPE = "Markdown document"
SIZE, TYPE, DATE = 1, 2, 3


class FileDialog(QFileDialog):
    """The desktop's own dialog, or Qt's where it has none. GUI thread."""

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Make room: Qt's columns cut sizes and dates, with whatever style."""
        table = self.findChild(QTreeView, "treeView")
        header = table.findChild(QHeaderView) if table is not None else None
        if header is not None:
            words = self.fontMetrics()
            widest = QDateTime(QDate(2000, 12, 30), QTime(22, 58))
            date = QLocale().toString(widest, QLocale.FormatType.ShortFormat)
            for column, text in ((SIZE, LONGEST_SIZE), (TYPE, LONGEST_TYPE), (DATE, date)):
                needed_px = words.horizontalAdvance(text) + CELL_PX
                header.resizeSection(column, max(header.sectionSize(column), needed_px))
            width, height = (words.height() * part for part in SIZE_EM)
            wanted = self.size().expandedTo(QSize(width, height))
            self.resize(wanted.boundedTo(self.screen().availableSize()))
        super().showEvent(event)


def documents_folder() -> str:
    """Return the folder in which people keep their documents, or their home where they have none."""
    folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    return folder if folder and Path(folder).is_dir() else str(Path.home())
