"""Where the code of a reply goes, said above its changes, with the other place to choose."""

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.code.changes.placing import Place, Places
from app.ui.base.announce import announce
from app.ui.base.resource_words import enumerated
from app.ui.widgets.card import button, label, set_look
from models.system.shown_text import shown

AskedFor = Literal["selection", "text", "cursor"]
NAMES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Offer:
    """The places for a reply's code. `asked_for` is what the `asked` one is; `fits` says that the fitting
    place is the one to show."""

    places: Places
    asked_for: AskedFor
    fits: bool = True

    @property
    def place(self) -> Place:
        """The place to show."""
        return self.places.fitting if self.fits else self.places.asked

    @property
    def has_another(self) -> bool:
        """Tell whether there is a choice."""
        return self.places.asked != self.places.fitting


class PlacementLine(QWidget):
    """Speaks only where a reply did not hold what was asked for. GUI thread only."""

    other_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = label("", "small", wrap=True)
        self.other = button()
        # A click leaves the focus in the text, whose keys decide.
        self.other.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.other.clicked.connect(self.other_wanted)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 0, 10, 8)
        layout.setSpacing(4)
        layout.addWidget(self.words)
        layout.addWidget(self.other, 0, Qt.AlignmentFlag.AlignLeft)
        self.hide()

    def show_offer(self, offer: Offer | None) -> None:
        """Say what is to be known of the place that is shown; None says nothing."""
        sentence = self._sentence(offer) if offer is not None else ""
        self.words.setText(sentence)
        self.setVisible(bool(sentence))
        if offer is None or not sentence:
            return
        set_look(self.words, "warning" if offer.place.doubled or offer.place.lost else "small")
        self.other.setVisible(offer.has_another)
        self.other.setText(self._other(offer))
        announce(self, sentence)

    def _sentence(self, offer: Offer) -> str:
        place, asked = offer.place, offer.places.asked
        if place.doubled:
            return self.tr("Accepting this defines {names} twice.").format(names=self._names(place.doubled))
        if place.lost:
            return self.tr("Accepting this removes {names}.").format(names=self._names(place.lost))
        if not offer.has_another or not offer.fits:
            return ""
        lines = self._lines(place)
        if asked.doubled:
            names = self._names(asked.doubled)
            match offer.asked_for:
                case "selection":
                    text = self.tr(
                        "Shown as a change of {lines}: in place of the selection, "
                        "{names} would be there twice."
                    )
                case "text":
                    text = self.tr(
                        "Shown as a change of {lines}: in place of the whole text, "
                        "{names} would be there twice."
                    )
                case "cursor":
                    text = self.tr(
                        "Shown as a change of {lines}: at the cursor, {names} would be there twice."
                    )
            return text.format(names=names, lines=lines)
        if asked.lost:
            text = self.tr("Shown as a change of {lines}: in place of the whole text, {names} would be gone.")
            return text.format(names=self._names(asked.lost), lines=lines)
        return self.tr("Shown as a change of {lines}, which the answer rewrites.").format(lines=lines)

    def _other(self, offer: Offer) -> str:
        if not offer.fits:
            return self.tr("In place of {lines}").format(lines=self._lines(offer.places.fitting))
        match offer.asked_for:
            case "selection":
                return self.tr("In place of the selection")
            case "text":
                return self.tr("In place of the whole text")
            case "cursor":
                return self.tr("At the cursor")

    def _lines(self, place: Place) -> str:
        text = self.tr("lines {first} to {last}")
        # An insertion ends before it begins.
        if place.last_line <= place.first_line:
            text = self.tr("line {first}")
        return text.format(first=f"{place.first_line:,}", last=f"{place.last_line:,}")

    def _names(self, names: tuple[str, ...]) -> str:
        # A method of a class that is named itself needs no word.
        outer = [name for name in names if name.rpartition(".")[0] not in names]
        listed = enumerated(shown(name.replace(":", ".")) for name in outer[:NAMES_SHOWN])
        if len(outer) <= NAMES_SHOWN:
            return listed
        return self.tr("{names} and {count} more").format(names=listed, count=len(outer) - NAMES_SHOWN)
