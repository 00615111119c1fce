"""What each quantisation of a model would be like on this computer, as a table."""

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.advisor import Outlook
from app.ui.fit_text import fit_text, speed_text, speed_tip, verdict_text
from app.ui.theme import Theme
from models.fit import Verdict
from models.wording import byte_count

Index = QModelIndex | QPersistentModelIndex

TYPE, WEIGHTS, CACHE, COMPUTE, RAM, CARD, LAYERS, SPEED, HERE = range(9)
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class OutlookTable(QAbstractTableModel):
    """A row for each quantisation; GUI thread."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._outlooks: list[Outlook] = []
        theme.changed.connect(self._on_theme_changed)

    def show_outlooks(self, outlooks: list[Outlook]) -> None:
        """Take new rows; the selection survives where their number stays."""
        if len(outlooks) != len(self._outlooks):
            self.beginResetModel()
            self._outlooks = outlooks
            self.endResetModel()
        else:
            self._outlooks = outlooks
            self._on_theme_changed()

    def outlook(self, row: int) -> Outlook:
        """What row `row` shows."""
        return self._outlooks[row]

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's name and default
        """One row for each quantisation."""
        return 0 if parent.isValid() else len(self._outlooks)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's name and default
        """Memory by what it is for and where it is, layers on the GPU, speed, verdict."""
        return 0 if parent.isValid() else 9

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """The columns' titles and explanations."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return (
                self.tr("Type"),
                self.tr("Weights"),
                self.tr("KV cache"),
                self.tr("Compute"),
                self.tr("RAM"),
                self.tr("GPU memory"),
                self.tr("Layers on GPU"),
                self.tr("Tokens/s"),
                self.tr("On this PC"),
            )[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return (
                None,
                None,
                self.tr("Keys and values of the whole context."),
                self.tr("Scratch memory of one step, and the logits."),
                self.tr("Everything in RAM together."),
                self.tr("Everything on graphics cards together."),
                self.tr("Layers that fit on the graphics cards; the output is the last of them."),
                self.tr("New tokens per second while the context is short."),
                None,
            )[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if WEIGHTS <= section <= SPEED else _LEFT
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, alignment, colour and explanation of a cell."""
        outlook, column = self._outlooks[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(outlook, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if WEIGHTS <= column <= SPEED else _LEFT
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._theme.colour(self._colour(outlook, column))
        if role == Qt.ItemDataRole.ToolTipRole:
            return speed_tip(outlook) if column == SPEED else fit_text(outlook.fit)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self.headerData(column, Qt.Orientation.Horizontal)}: {self._text(outlook, column)}"
        return None

    @staticmethod
    def _text(outlook: Outlook, column: int) -> str:
        found = outlook.fit
        match column:
            case 0:
                return outlook.quantisation
            case 1:
                return byte_count(found.weights_bytes)
            case 2:
                return byte_count(found.cache_bytes)
            case 3:
                return byte_count(found.buffer_bytes)
            case 4:
                return byte_count(outlook.ram_bytes)
            case 5:
                return byte_count(outlook.device_bytes) if outlook.device_bytes else "–"
            case 6:
                return f"{found.gpu_layers} / {found.layers}" if found.gpu_layers else "–"
            case 7:
                return speed_text(outlook)
        return verdict_text(found)

    @staticmethod
    def _colour(outlook: Outlook, column: int) -> str:
        if outlook.fit.verdict is Verdict.TOO_LARGE:
            return "muted"
        measured = outlook.basis == "measured" if column == SPEED else outlook.measured_so is not None
        return "good" if measured and column in (RAM, CARD, SPEED) else "text"

    def _on_theme_changed(self) -> None:
        if self._outlooks:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._outlooks) - 1, HERE))
