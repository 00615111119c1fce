"""Two quality runs side by side."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from app.bench.quality.comparison import ChangeVerdict, QualityChange, QualityComparison
from app.bench.quality.words import change_number
from app.ui.tabs.quality_words import QualityWords
from app.ui.widgets.card import Card, LabelLook, label

_LOOKS: dict[ChangeVerdict, LabelLook] = {
    "better": "good",
    "worse": "danger",
    "noise": "muted",
    "not_conclusive": "warning",
}


class QualityComparisonCard(Card):
    """A row for each kind that both runs have; hidden until there is something to compare."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = QualityWords()
        self._title = label("", "title", wrap=True)
        self._note = label(
            self.tr("The replies were not drawn in the same way, so a change may come from that."),
            "warning",
            wrap=True,
        )
        self._rows = QWidget()
        self.body.addWidget(self._title)
        self.body.addWidget(self._note)
        self.body.addWidget(self._rows)
        self.hide()

    def show_comparison(self, comparison: QualityComparison) -> None:
        """Show the change from the one run to the other."""
        before = comparison.before.model
        self._title.setText(
            self.tr("Against {model}").format(model=f"{before.name} {before.quantisation}".strip())
        )
        self._note.setVisible(comparison.other_protocol)
        rows = QWidget()
        grid = QGridLayout(rows)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(4, 1)
        heads = ("", self.tr("then"), self.tr("now"), self.tr("items"), "")
        for column, head in enumerate(heads):
            grid.addWidget(label(head, "small"), 0, column, _alignment(column))
        for row, change in enumerate(comparison.changes, start=1):
            texts = (
                self._words.kind(change.kind),
                change_number(change, change.before),
                change_number(change, change.after),
                f"{change.n:,}",
            )
            for column, text in enumerate(texts):
                grid.addWidget(label(text), row, column, _alignment(column))
            grid.addWidget(label(self._verdict(change), _LOOKS[change.verdict], wrap=True), row, 4)
        if not comparison.changes:
            nothing = self.tr("The two runs have no question in common.")
            grid.addWidget(label(nothing, "muted"), 1, 0, 1, 5)
        self.body.replaceWidget(self._rows, rows)
        self._rows.deleteLater()
        self._rows = rows
        self.show()

    def _verdict(self, change: QualityChange) -> str:
        verdict = {
            "better": self.tr("better"),
            "worse": self.tr("worse"),
            "noise": self.tr("within chance"),
            "not_conclusive": self.tr("not conclusive, too few items"),
        }[change.verdict]
        if not change.gained and not change.lost:
            return verdict
        return self.tr("{verdict}: {gained} more right, {lost} no longer").format(
            verdict=verdict, gained=change.gained, lost=change.lost
        )


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column in (1, 2, 3) else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
