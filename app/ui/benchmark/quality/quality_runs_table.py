"""The history of quality runs as a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject

from app.bench.quality.comparison import MAIN_FIGURES
from app.bench.quality.figures import Figure
from app.bench.quality.item import KINDS, Kind
from app.bench.quality.result import QualityRun
from app.ui.benchmark.frame.benchmark_words import when_text
from app.ui.benchmark.frame.runs_model import MODEL, RunsModel
from app.ui.benchmark.quality.quality_words import QualityWords
from app.ui.widgets.rows_model import Column


@dataclass(frozen=True, slots=True)
class QualityRow:
    """A run and what it came to; `figures` are None until they have been read."""

    run: QualityRun
    finished: bool
    figures: Sequence[Figure] | None

    @property
    def id(self) -> str:
        """The run's."""
        return self.run.id

    @property
    def started_at(self) -> str:
        """The run's."""
        return self.run.started_at

    def figure(self, kind: Kind) -> Figure | None:
        """Return the main figure of that kind of question, None where it was not asked."""
        key = MAIN_FIGURES[kind]
        return next((figure for figure in self.figures or () if figure.key == key), None)


class QualityRunsModel(RunsModel[QualityRow]):
    """A row a run, a column a kind of question; GUI thread."""

    says_titles = True

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        words = QualityWords()
        self._columns = (
            Column(self.tr("When"), lambda row: when_text(row.started_at), sort=lambda row: row.started_at),
            Column(self.tr("Model"), lambda row: words.model(row.run), sort=lambda row: words.model(row.run)),
            *(self._kind(kind, words) for kind in KINDS),
            Column(self.tr("Notes"), lambda row: "" if row.finished else self.tr("not finished")),
        )

    @staticmethod
    def _kind(kind: Kind, words: QualityWords) -> Column[QualityRow]:
        def text(row: QualityRow) -> str:
            figure = row.figure(kind)
            return "–" if figure is None else words.number(figure, figure.value)

        def value(row: QualityRow) -> float:
            figure = row.figure(kind)
            return -1.0 if figure is None else figure.value

        return Column(words.kind(kind), text, figures=True, explanation=words.about(kind), sort=value)

    def _tip(self, row: QualityRow, column: int) -> str:
        if column != MODEL:
            return ""
        return self.tr("{file}, at most {tokens} tokens each").format(
            file=row.run.model.file, tokens=f"{row.run.protocol.max_tokens:,}"
        )
