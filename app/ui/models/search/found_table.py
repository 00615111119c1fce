"""The models that a search at the hub found, as a table."""

from dataclasses import dataclass

from PySide6.QtCore import QObject
from PySide6.QtGui import QColor

from app.acquire.repository_offers import Support
from app.ui.base.theme import Theme
from app.ui.models.list.fit_text import rough_text
from app.ui.widgets.rows_model import Column, RowsModel
from models.hub.repository_card import RepositoryCard
from models.memory.fit import Fit, Verdict

NAME, SIZE, LICENCE, DOWNLOADS, LIKES, HERE = range(6)


@dataclass(frozen=True, slots=True)
class FoundRow:
    """A repository, and what it is like here in the usual type; without `support` it is only remembered."""

    card: RepositoryCard
    support: Support | None = None
    fit: Fit | None = None
    liked: bool = False


class FoundTable(RowsModel[FoundRow]):
    """A row for each repository; GUI thread."""

    says_titles = True

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._columns = (
            Column(self.tr("Model"), lambda row: f"★ {row.card.repo}" if row.liked else row.card.repo),
            Column(
                self.tr("Size"),
                self._size,
                figures=True,
                explanation=self.tr("How many numbers (parameters) the model consists of"),
            ),
            Column(self.tr("Licence"), lambda row: row.card.licence),
            Column(
                self.tr("Downloads"),
                lambda row: f"{row.card.downloads:,}" if row.support else "",
                figures=True,
                explanation=self.tr("Of the last 30 days"),
            ),
            Column(self.tr("Likes"), lambda row: f"{row.card.likes:,}" if row.support else "", figures=True),
            Column(self.tr("On this PC"), self._here),
        )
        theme.changed.connect(self._recolour)

    def show_rows(self, rows: list[FoundRow]) -> None:
        """Show these repositories."""
        self._set_rows(rows)

    def judge_again(self, rows: list[FoundRow]) -> None:
        """Show the same ones, judged anew; nothing is painted where they say what they said."""
        if not self._say_the_same(rows):
            self._renew_rows(rows)

    @property
    def rows(self) -> list[FoundRow]:
        """The rows that are shown."""
        return list(self._rows)

    def _size(self, row: FoundRow) -> str:
        billions = row.card.parameters / 1e9
        if not billions:
            return ""
        return self.tr("{count} billion").format(
            count=f"{billions:.2f}" if billions < 10 else f"{billions:.0f}"
        )

    def _here(self, row: FoundRow) -> str:
        if row.support == "no":
            return self.tr("Its kind cannot be used")
        if row.fit is not None:
            return rough_text(row.fit)
        return self.tr("Open it to see") if row.support else ""

    def _colour(self, row: FoundRow, column: int) -> QColor:
        unusable = row.support == "no" or (row.fit is not None and row.fit.verdict is Verdict.TOO_LARGE)
        return self._theme.colour("muted" if unusable else "text")

    def _tip(self, row: FoundRow, column: int) -> str | None:
        if column == HERE and row.support == "no":
            kind = row.card.architecture or row.card.gguf_architecture
            return self.tr("Models of the kind {kind} cannot be used here.").format(kind=kind)
        if column == HERE and row.fit is not None:
            return self.tr(
                "Estimated for the type {type}, with a context of {context} tokens, from a model of about "
                "this size."
            ).format(type=row.fit.quantisation, context=f"{row.fit.context_tokens:,}")
        return row.card.repo if column == NAME else None
