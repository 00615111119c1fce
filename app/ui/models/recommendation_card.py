"""The one model to begin with on this computer, and why."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.machine.advisor import Outlook
from app.ui.base.plain_text import set_tip
from app.ui.base.resource_words import sentences
from app.ui.base.theme import Theme
from app.ui.models.list.fit_text import fit_text, provisional_text, speed_text, speed_tip
from app.ui.widgets.card import Card, button, label, set_look
from models.catalogue.recommend import Recommendation, strength
from models.store.store import InstalledModel
from models.system.units import byte_count

STRONG_PERCENT, ABLE_PERCENT = 60.0, 40.0
"""Of the published scores (`strength`)."""
WORDS_PER_TOKEN = 0.75
READ_WORDS_PER_S = 4.0
"""Adults read some 240 words a minute silently (Brysbaert 2019, https://doi.org/10.1016/j.jml.2019.104047)."""
LINE_BITS_PER_S = 100e6


class RecommendationCard(Card):
    """Shows a `Recommendation` with its reasons and one button; GUI thread."""

    get_asked = Signal(str, list)
    """Catalogue key and types."""
    load_asked = Signal(object)
    """The `InstalledModel`, where the recommended one is on disk already."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._recommendation: Recommendation | None = None
        self._installed: InstalledModel | None = None
        self._is_looking = True
        self._title = label("", "title", wrap=True)
        self._sentence = label("", wrap=True)
        self._room = label("", wrap=True)
        """Never seen: it keeps the room for a sentence that is still to come."""
        self._provisional = label(provisional_text(), "small", wrap=True)
        self._reason = label("", "muted", wrap=True, selectable=True)
        self._button = button(self.tr("Get"), "primary")
        self._button.clicked.connect(self._on_clicked)
        self._state = label("", "good")
        self._fold = button(self.tr("Why this one"), "quiet")
        self._fold.setCheckable(True)
        self._fold.toggled.connect(self._on_fold)
        head = QHBoxLayout()
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(label(self.tr("RECOMMENDED FOR THIS PC"), "caption"))
        words.addWidget(self._title)
        head.addLayout(words, 1)
        head.addWidget(self._state)
        head.addWidget(self._button)
        self.body.addLayout(head)
        said = QGridLayout()
        for part in (self._room, self._sentence):
            said.addWidget(part, 0, 0, Qt.AlignmentFlag.AlignTop)
        self.body.addLayout(said)
        self.body.addWidget(self._provisional)
        self.body.addWidget(self._fold, 0, Qt.AlignmentFlag.AlignLeft)
        self.body.addWidget(self._reason)
        theme.changed.connect(self._colour_icon)
        self._room.setText(
            sentences(
                (self._good_at(ABLE_PERCENT), self._speed_words(READ_WORDS_PER_S), self._download(1 << 30))
            )
        )
        self._room.hide()
        self._keep_room(True)
        self.show_looking()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Take no more room than is needed: nobody was about to click below it."""
        if not event.spontaneous():
            self._keep_room(self._is_looking)
        super().showEvent(event)

    def _keep_room(self, kept: bool) -> None:
        """Be as high without what is still to come, or has gone, as with it: what stands below keeps its
        place."""
        for part in (self._room, self._provisional, self._fold):
            policy = part.sizePolicy()
            policy.setRetainSizeWhenHidden(kept)
            part.setSizePolicy(policy)

    def show_looking(self) -> None:
        """Say that the devices are being listed."""
        self._is_looking = True
        self._title.setText(self.tr("Looking at this computer…"))
        self._sentence.setText(self.tr("The engine is listing the devices that it can use."))
        for part in (self._provisional, self._fold, self._reason, self._button, self._state):
            part.hide()

    def show_measuring(self) -> None:
        """Say that the speed is being measured for the first time: what is recommended follows from it."""
        self.show_looking()
        self._sentence.setText(self.tr("How fast it computes is being measured."))

    def show_none(self) -> None:
        """Say that no model of the catalogue runs."""
        self.show_looking()
        self._is_looking = False
        self._title.setText(self.tr("No R1 model fits into the free memory"))
        self._sentence.setText(
            self.tr(
                "The smallest needs about 3.5 GB of free RAM. Close other programs, or use the starter model."
            )
        )

    def show_recommendation(
        self,
        recommendation: Recommendation,
        outlook: Outlook,
        installed: InstalledModel | None,
        *,
        getting: bool,
        stopped: bool,
        loading: bool = False,
        loaded: bool,
        answers: bool,
    ) -> None:
        """`installed` is the recommended file where it is on disk, on its way into memory (`loading`), there
        (`loaded`), the current model (`answers`); `getting`: a job fetches it already, or is to (`stopped`)
        once the user lets it go on."""
        self._is_looking = False
        self._recommendation = recommendation
        self._installed = installed
        model, found = recommendation.model, recommendation.fit
        self._title.setText(f"{model.title} · {found.quantisation}")
        self._sentence.setText(self._in_words(recommendation, outlook, is_here=installed is not None))
        self._provisional.setVisible(outlook.basis == "provisional")
        self._reason.setText(self._reasons(recommendation, outlook))
        self._fold.show()
        self._on_fold(self._fold.isChecked())
        size = byte_count(installed.bytes if installed is not None else model.sizes_bytes[found.quantisation])
        download = byte_count(model.checkpoint_bytes)
        self._button.setVisible(not (getting or stopped or loading or answers))
        if installed is None:
            self._button.setText(self.tr("Get · {size}").format(size=download))
        else:
            self._button.setText(self.tr("Use") if loaded else self.tr("Load"))
        set_tip(
            self._button,
            ""
            if installed is not None
            else self.tr("Downloads the original model ({download}) and makes one of {size} from it.").format(
                download=download, size=size
            ),
        )
        self._button.setAccessibleName(f"{self._button.text()} {self._title.text()}")
        self._state.setVisible(loading or loaded or getting or stopped)
        set_look(self._state, "muted" if stopped or loading else "good")
        if loading:
            self._state.setText(self.tr("Loading…"))
        elif loaded:
            self._state.setText(self.tr("Loaded"))
        else:
            self._state.setText(self.tr("On its way") if getting else self.tr("Stopped"))
        self._colour_icon()

    def _in_words(self, recommendation: Recommendation, outlook: Outlook, *, is_here: bool) -> str:
        """Say for a person what it is good at, how fast it writes here, and how long the download takes."""
        model = recommendation.model
        said = [self._good_at(strength(model))]
        if outlook.tok_per_s is not None:
            said.append(self._speed_words(outlook.tok_per_s * WORDS_PER_TOKEN))
        if not is_here:
            said.append(self._download(model.checkpoint_bytes))
        return sentences(said)

    def _good_at(self, score: float) -> str:
        if score >= STRONG_PERCENT:
            return self.tr("Strong at mathematics, programming and science questions.")
        if score >= ABLE_PERCENT:
            return self.tr("Good at mathematics and programming, with the knowledge of a small model.")
        return self.tr("Good at school mathematics and short puzzles; it often errs in facts.")

    def _speed_words(self, words: float) -> str:
        count = f"{words:.1f}" if words < 2 else f"{words:.0f}"
        if words >= READ_WORDS_PER_S:
            speed = self.tr("Here it writes up to {count} words a second, faster than most people read.")
        else:
            speed = self.tr("Here it writes up to {count} words a second, slower than most people read.")
        return speed.format(count=count)

    def _download(self, size: int) -> str:
        minutes = max(1, round(size * 8 / LINE_BITS_PER_S / 60))
        return self.tr("Getting it downloads {size}: about {minutes} min at 100 Mbit/s.").format(
            size=byte_count(size), minutes=minutes
        )

    def _reasons(self, recommendation: Recommendation, outlook: Outlook) -> str:
        model, found = recommendation.model, recommendation.fit
        if recommendation.is_quick:
            scores = self.tr(
                "The best published scores of the models that run quickly here "
                "(AIME 2024 {aime}%, GPQA Diamond {gpqa}%)."
            )
        else:
            scores = self.tr(
                "Each R1 model takes long for its thoughts on this PC; this is the smallest "
                "(AIME 2024 {aime}%, GPQA Diamond {gpqa}%)."
            )
        reasons = [
            model.name,
            fit_text(found),
            scores.format(aime=model.scores.aime24, gpqa=model.scores.gpqa_diamond),
        ]
        if outlook.tok_per_s is not None:
            rate = self.tr("Expected: {rate} tokens per second.").format(rate=speed_text(outlook))
            # That it is provisional stands above already.
            why = "" if outlook.basis == "provisional" else speed_tip(outlook)
            reasons.append(sentences((rate, why)))
        if recommendation.alternative is not None:
            other, its_fit = recommendation.alternative
            text = self.tr("{model} scores higher: {reason}").format(
                model=other.name, reason=fit_text(its_fit)
            )
            reasons.append(text)
        return "\n".join(reasons)

    def _on_fold(self, unfolded: bool) -> None:
        self._reason.setVisible(unfolded)
        self._colour_icon()

    def _on_clicked(self) -> None:
        if self._installed is not None:
            self.load_asked.emit(self._installed)
        elif self._recommendation is not None:
            self.get_asked.emit(self._recommendation.model.key, [self._recommendation.fit.quantisation])

    def _colour_icon(self) -> None:
        name = "play" if self._installed is not None else "download-simple"
        self._button.setIcon(self._theme.icon(name, "on_accent"))
        self._fold.setIcon(self._theme.icon("caret-down" if self._fold.isChecked() else "caret-right"))
