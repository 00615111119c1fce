"""The files and types that can be got of a repository, as a table."""

from collections.abc import Sequence

from PySide6.QtCore import QObject
from PySide6.QtGui import QColor

from app.acquire.repository_offers import Offer
from app.ui.base.theme import Theme
from app.ui.models.list.fit_text import fit_text, rough_text
from app.ui.widgets.notices import translated
from app.ui.widgets.rows_model import Column, RowsModel
from models.memory.fit import Verdict
from models.system.units import byte_count

NAME, WAY, SIZE, HERE = range(4)


class OffersTable(RowsModel[Offer]):
    """A row for each file and type; GUI thread."""

    says_titles = True

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._columns = (
            Column(self.tr("File or type"), lambda offer: offer.name),
            Column(self.tr("How"), self._way),
            Column(self.tr("Size"), self._size, figures=True),
            Column(self.tr("On this PC"), self._here),
        )
        theme.changed.connect(self._recolour)

    def show_offers(self, offers: Sequence[Offer]) -> None:
        """Show these; the selection survives where their names stay, and nothing is painted where they say
        what is shown."""
        if self._say_the_same(offers):
            return
        if [offer.name for offer in offers] == [offer.name for offer in self._rows]:
            self._renew_rows(offers)
        else:
            self._set_rows(offers)

    @staticmethod
    def refusal_of(offer: Offer) -> str:
        """Say why it cannot be got; empty where it can."""
        return (
            " ".join(text for text in translated(offer.refusal) if text) if offer.refusal is not None else ""
        )

    def _way(self, offer: Offer) -> str:
        if offer.types:
            return self.tr("made of the original weights")
        return self.tr("finished file")

    def _size(self, offer: Offer) -> str:
        if not offer.bytes:
            return ""
        size = byte_count(offer.bytes)
        return self.tr("about {size}").format(size=size) if offer.types and offer.is_estimate else size

    def _here(self, offer: Offer) -> str:
        if offer.refusal is not None:
            return translated(offer.refusal)[0]
        return rough_text(offer.fit) if offer.fit is not None else ""

    def _colour(self, offer: Offer, column: int) -> QColor:
        too_large = offer.fit is not None and offer.fit.verdict is Verdict.TOO_LARGE
        return self._theme.colour("muted" if offer.refusal is not None or too_large else "text")

    def _tip(self, offer: Offer, column: int) -> str | None:
        if offer.refusal is not None:
            return self.refusal_of(offer)
        if column == HERE and offer.fit is not None:
            return fit_text(offer.fit)
        return offer.name if column == NAME else None
