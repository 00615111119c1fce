"""The one model to begin with on this computer, and why."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.machine.advisor import Outlook
from app.ui.base.plain_text import set_tip
from app.ui.base.theme import Theme
from app.ui.models.list.fit_text import fit_text, speed_text, speed_tip
from app.ui.widgets.card import Card, button, label, set_look
from models.catalog.recommend import Recommendation
from models.store.store import InstalledModel
from models.system.units import byte_count


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
        self._title = label("", "title")
        self._reason = label("", "muted", wrap=True)
        self._alternative = label("", "muted", wrap=True)
        self._button = button(self.tr("Get"), "primary")
        self._button.clicked.connect(self._on_clicked)
        self._state = label("", "good")
        head = QHBoxLayout()
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(label(self.tr("RECOMMENDED FOR THIS PC"), "caption"))
        words.addWidget(self._title)
        head.addLayout(words, 1)
        head.addWidget(self._state)
        head.addWidget(self._button)
        self.body.addLayout(head)
        self.body.addWidget(self._reason)
        self.body.addWidget(self._alternative)
        theme.changed.connect(self._colour_icon)
        self.show_looking()

    def show_looking(self) -> None:
        """Say that the devices are being listed."""
        self._title.setText(self.tr("Looking at this computer…"))
        self._reason.setText(self.tr("The engine is listing the devices that it can use."))
        self._alternative.hide()
        self._button.hide()
        self._state.hide()

    def show_none(self) -> None:
        """Say that no model of the catalogue runs."""
        self.show_looking()
        self._title.setText(self.tr("No R1 model fits into the free memory"))
        self._reason.setText(
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
        loaded: bool,
    ) -> None:
        """`installed` is the recommended file where it is on disk; `getting`: a job fetches it already, or
        is to (`stopped`) once the user lets it go on."""
        self._recommendation = recommendation
        self._installed = installed
        model, found = recommendation.model, recommendation.fit
        self._title.setText(f"{model.name} · {found.quantisation}")
        size = byte_count(model.sizes_bytes[found.quantisation])
        if recommendation.is_quick:
            scores = self.tr(
                "The best published scores of the models that run quickly here "
                "(AIME 2024 {aime}%, GPQA Diamond {gpqa}%)."
            )
        else:
            scores = self.tr(
                "No R1 model is quick on this PC; this is the smallest "
                "(AIME 2024 {aime}%, GPQA Diamond {gpqa}%)."
            )
        scores = scores.format(aime=model.scores.aime24, gpqa=model.scores.gpqa_diamond)
        sentences = [fit_text(found), scores]
        if outlook.tok_per_s is not None:
            rate = self.tr("Expected: {rate} tokens per second.").format(rate=speed_text(outlook))
            sentences.insert(1, rate)
        self._reason.setText(" ".join(sentences))
        set_tip(self._reason, speed_tip(outlook))
        download = byte_count(model.checkpoint_bytes)
        if recommendation.alternative is not None:
            other, its_fit = recommendation.alternative
            text = self.tr("{model} scores higher: {reason}").format(
                model=other.name, reason=fit_text(its_fit)
            )
            self._alternative.setText(text)
        self._alternative.setVisible(recommendation.alternative is not None)
        self._button.setVisible(not (getting or stopped or loaded))
        self._button.setText(
            self.tr("Load") if installed is not None else self.tr("Get · {size}").format(size=download)
        )
        set_tip(
            self._button,
            ""
            if installed is not None
            else self.tr("Downloads the original model ({download}) and makes one of {size} from it.").format(
                download=download, size=size
            ),
        )
        self._button.setAccessibleName(f"{self._button.text()} {self._title.text()}")
        self._state.setVisible(loaded or getting or stopped)
        set_look(self._state, "muted" if stopped else "good")
        if loaded:
            self._state.setText(self.tr("Loaded"))
        else:
            self._state.setText(self.tr("On its way") if getting else self.tr("Stopped"))
        self._colour_icon()

    def _on_clicked(self) -> None:
        if self._installed is not None:
            self.load_asked.emit(self._installed)
        elif self._recommendation is not None:
            self.get_asked.emit(self._recommendation.model.key, [self._recommendation.fit.quantisation])

    def _colour_icon(self) -> None:
        name = "play" if self._installed is not None else "download-simple"
        self._button.setIcon(self._theme.icon(name, "on_accent"))
