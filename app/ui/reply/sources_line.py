"""The passages of documents that an answer is made from."""

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from app.chat.documents.places import Place, place_of, without_heading
from app.chat.documents.retrieval import Passage
from app.chat.store.records import Attachment
from app.ui.base.layouts import clear_layout
from app.ui.widgets.card import button, label
from app.ui.widgets.elided_button import ElidedButton
from models.system.shown_text import shown

SHOWN_CHARACTERS = 160
FOLDED = 4
"""Of more passages only so many are shown until the user asks for the others."""


def place_words(place: Place) -> list[str]:
    """Say where a passage stands in its document: the page and the heading, as far as they are known."""
    said = []
    if place.page:
        said.append(
            QCoreApplication.translate("documents", "page {page}").format(page=place.page)
            if place.page == place.last_page
            else QCoreApplication.translate("documents", "pages {page} to {last}").format(
                page=place.page, last=place.last_page
            )
        )
    return [*said, shown(place.heading)] if place.heading else said


class SourcesLine(QWidget):
    """The passages below a reply; a click opens the document there. GUI thread."""

    opened = Signal(object, object)
    """An `Attachment` and the `Passage` in it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._buttons: list[ElidedButton] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self.hide()

    @property
    def texts(self) -> list[str]:
        """The buttons' texts."""
        return [made.words for made in self._buttons]

    def show_passages(self, attachments: Sequence[Attachment], passages: Sequence[Passage] | None) -> None:
        """List these passages of the question's documents; None where the whole went along."""
        clear_layout(self._layout)
        self._buttons = []
        self.setVisible(bool(passages))
        if not passages:
            return
        self._layout.addWidget(label(self.tr("PASSAGES USED"), "caption"))
        folded = len(passages) > FOLDED + 1
        for passage in passages:
            attachment = attachments[passage.document]
            words = without_heading(attachment.text[passage.start : passage.end])
            words = " ".join(words.split())[:SHOWN_CHARACTERS]
            place = place_of(attachment.name, attachment.text, passage)
            where = " · ".join([attachment.name, *place_words(place)])
            made = ElidedButton(f"{where}: {words}…", "quiet")
            made.setToolTip(self.tr("Open the document at this place"))
            made.clicked.connect(
                lambda _=False, attachment=attachment, passage=passage: self.opened.emit(attachment, passage)
            )
            self._layout.addWidget(made)
            self._buttons.append(made)
            made.setVisible(not folded or len(self._buttons) <= FOLDED)
        if folded:
            others = button(self.tr("Show all {count} passages").format(count=len(passages)), "quiet")
            others.clicked.connect(lambda: self._unfold(others))
            self._layout.addWidget(others, 0, Qt.AlignmentFlag.AlignLeft)

    def _unfold(self, others: QPushButton) -> None:
        others.hide()
        for made in self._buttons:
            made.show()
        self._buttons[FOLDED].setFocus()
