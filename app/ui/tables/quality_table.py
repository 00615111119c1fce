"""What quantising cost each file of a model, as a table."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.ui.theme import Theme
from models.quality import CONFIDENCE, Quality
from models.store import InstalledModel
from models.wording import byte_count

Index = QModelIndex | QPersistentModelIndex

TYPE, SIZE, SAME_TOP, LOSS, KLD, KLD_P99, SPEED = range(7)
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class QualityTable(QAbstractTableModel):
    """A row for each measured file, the largest first; GUI thread."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._rows: list[tuple[str, Quality]] = []
        self._gate_percent = 0.0
        theme.changed.connect(self._on_theme_changed)

    def show_models(self, models: Sequence[InstalledModel], gate_percent: float) -> None:
        """Take new rows; a loss above `gate_percent` stands out."""
        self.beginResetModel()
        self._gate_percent = gate_percent
        self._rows = [(model.type, model.quality) for model in models if model.quality is not None]
        self._rows.sort(key=lambda row: -row[1].bytes)
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's name and default
        """One row for each measured file."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's name and default
        """Type, size, the losses and the speed."""
        return 0 if parent.isValid() else 7

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """The columns' titles and explanations."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return (
                self.tr("Type"),
                self.tr("Size"),
                self.tr("Same next word"),
                self.tr("Accuracy loss"),
                self.tr("Divergence"),
                self.tr("99% below"),
                self.tr("Tokens/s"),
            )[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return (
                None,
                None,
                self.tr("How often both models hold the same next token for the likeliest."),
                self.tr("By how much the perplexity of the text grew."),
                self.tr("Kullback-Leibler divergence from full precision, the mean in nats a token."),
                self.tr("The divergence that 99 of 100 tokens stay below."),
                self.tr("New tokens per second when it was measured, and those of full precision."),
            )[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _LEFT if section == TYPE else _RIGHT
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, alignment, colour and explanation of a cell."""
        (kind, quality), column = self._rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(kind, quality, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _LEFT if column == TYPE else _RIGHT
        if role == Qt.ItemDataRole.ForegroundRole:
            above = column == LOSS and quality.accuracy_loss_percent > self._gate_percent
            return self._theme.colour("warning" if above else "text")
        if role == Qt.ItemDataRole.AccessibleTextRole:
            title = self.headerData(column, Qt.Orientation.Horizontal)
            return f"{title}: {self._text(kind, quality, column)}"
        return None

    @staticmethod
    def _text(kind: str, quality: Quality, column: int) -> str:
        match column:
            case 0:
                return kind
            case 1:
                return byte_count(quality.bytes)
            case 2:
                return f"{100 * quality.same_top:.1f}% ± {100 * CONFIDENCE * quality.same_top_error:.1f}"
            case 3:
                low, high = quality.accuracy_loss_interval
                return f"{quality.accuracy_loss_percent:.2f}% ± {(high - low) / 2:.2f}"
            case 4:
                return f"{quality.kld_mean:.3g} ± {CONFIDENCE * quality.kld_mean_error:.2g}"
            case 5:
                return f"{quality.kld_p99:.3g}"
        return f"{quality.decode_tok_per_s:.1f} / {quality.reference_decode_tok_per_s:.1f}"

    def _on_theme_changed(self) -> None:
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, SPEED))
