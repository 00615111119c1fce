"""The four figures that a run is known by, each on a card."""

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QSizePolicy, QWidget

from app.bench.results.report import Measure, Report
from app.ui.base import figures
from app.ui.base.plain_text import set_tip
from app.ui.benchmark.frame import benchmark_words as words
from app.ui.widgets.card import Card, label
from app.ui.widgets.elided_label import ElidedLabel
from models.system.units import gigabytes

WIDE_PX = 760
"""From this width on the four cards stand side by side."""


class FigureCard(Card):
    """A caption, a measured mean with its deviation and unit, and a line about it."""

    def __init__(self, caption: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.body.setSpacing(2)
        self._figure = label("–", "figure", selectable=True)
        self._unit = label("", "unit")
        self._line = ElidedLabel("small")
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._figure, 0, Qt.AlignmentFlag.AlignBottom)
        row.addWidget(self._unit, 1, Qt.AlignmentFlag.AlignBottom)
        self._unit.setContentsMargins(0, 0, 0, 4)
        self.body.addWidget(label(caption, "caption"))
        self.body.addLayout(row)
        self.body.addWidget(self._line)
        self.setAccessibleName(caption)

    def show_measure(self, measure: Measure | None, line: str) -> None:
        """Show a figure, or a dash where the run has none."""
        self._line.setText(line)
        set_tip(self, "" if measure is None else _interval_text(measure))
        if measure is None:
            self._figure.setText("–")
            self._unit.setText("")
            return
        self._figure.setText(words.mean_text(measure))
        self._unit.setText(f"{words.deviation_text(measure)} {words.unit_text(measure)}".strip())


class FigureCards(QWidget):
    """Generation, prompt, first token and efficiency (or peak memory) of one run."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._generation = FigureCard(self.tr("GENERATION"))
        self._prompt = FigureCard(self.tr("PROMPT"))
        self._first_token = FigureCard(self.tr("FIRST TOKEN"))
        self._memory = FigureCard(self.tr("PEAK MEMORY"))
        self._efficiency = FigureCard(self.tr("EFFICIENCY"))
        self._efficiency.hide()
        self._cards = (self._generation, self._prompt, self._first_token, self._memory)
        self._columns = 0
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(12)
        # The width decides the columns, so the columns must not decide the width.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._arrange(self._wanted_columns())

    def show_report(self, report: Report) -> None:
        """Show the figures of a run."""
        generation, prompt = report.generation, report.prompt
        first_token, load = report.measure("first_token"), report.measure("load")
        memory, vram = report.measure("peak_ram"), report.measure("peak_vram")
        self._generation.show_measure(generation, self._about(report, generation))
        self._prompt.show_measure(prompt, self._about(report, prompt))
        line = ""
        if first_token is not None:
            line = self.tr("after a prompt of {tokens} tokens").format(tokens=first_token.prompt_tokens)
        self._first_token.show_measure(first_token, line)
        parts = []
        if vram is not None:
            parts.append(self.tr("VRAM {size} GB").format(size=gigabytes(vram.mean)))
        if load is not None:
            parts.append(self.tr("loads in {duration} s").format(duration=figures.seconds(load.mean)))
        if report.is_elsewhere:
            parts = [self.tr("not measured: it runs elsewhere")]
        self._memory.show_measure(memory, " · ".join(parts))
        efficiency, power = report.measure("tok_per_j"), report.measure("power")
        parts = []
        if power is not None:
            parts.append(self.tr("{power} W").format(power=figures.number(power.mean)))
        if memory is not None:
            parts.append(self.tr("memory {size} GB").format(size=gigabytes((vram or memory).mean)))
        self._efficiency.show_measure(efficiency, " · ".join(parts))
        self._show_last(self._memory if efficiency is None else self._efficiency)

    def _show_last(self, card: FigureCard) -> None:
        """Efficiency takes the place of memory where it was measured."""
        last = self._cards[-1]
        if card is last:
            return
        self._grid.replaceWidget(last, card)
        last.hide()
        card.show()
        self._cards = (*self._cards[:-1], card)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Two rows of two in a narrow window."""
        super().resizeEvent(event)
        self._arrange(self._wanted_columns())

    def _wanted_columns(self) -> int:
        return len(self._cards) if self.width() >= WIDE_PX else 2

    def _arrange(self, columns: int) -> None:
        if columns == self._columns:
            return
        self._columns = columns
        for number, card in enumerate(self._cards):
            self._grid.addWidget(card, number // columns, number % columns)
        for column in range(len(self._cards)):
            self._grid.setColumnStretch(column, int(column < columns))

    def _about(self, report: Report, measure: Measure | None) -> str:
        """Say how near the limit it is, else how many tokens were measured."""
        if measure is None:
            return ""
        limit = report.limit(measure.key)
        if limit is not None:
            return words.limit_text(limit)
        return self.tr("{tokens} tokens").format(
            tokens=f"{measure.generated_tokens or measure.prompt_tokens:,}"
        )


def _interval_text(measure: Measure) -> str:
    if measure.low is None or measure.high is None:
        return ""
    return QCoreApplication.translate(
        "benchmark", "95% interval of the mean: {low} to {high}, n = {n}"
    ).format(
        low=words.value_text(measure, max(0.0, measure.low)),
        high=words.value_text(measure, measure.high),
        n=len(measure.samples),
    )
