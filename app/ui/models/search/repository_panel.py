"""One repository of the hub: its facts, and what can be got of it."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.acquire.repository_offers import Offer, RepositoryOffers, best
from app.settings import SettingsFile
from app.ui.base.add_action import allow
from app.ui.base.theme import Theme
from app.ui.models.build_choices import BuildChoices
from app.ui.models.search.offers_table import OffersTable
from app.ui.models.search.results_view import ResultsView
from app.ui.widgets.card import Card, button, label
from app.ui.widgets.elided_label import ElidedLabel
from models.hub.repository_card import RepositoryCard
from models.system.units import byte_count


class RepositoryPanel(Card):
    """Shows what is in a repository and lets one of it be chosen; GUI thread."""

    get_asked = Signal(object)
    """The `Offer` to get."""
    liked = Signal(str, bool)
    page_asked = Signal(str)
    """The repository's page, to be opened in the browser."""
    closed = Signal()

    def __init__(self, theme: Theme, settings: SettingsFile, parent: QWidget | None = None) -> None:
        super().__init__(parent, look="sunken")
        self._theme = theme
        self._build_choices = BuildChoices(settings)
        self._repo = ""
        self._offers: tuple[Offer, ...] = ()
        self._title = ElidedLabel("title")
        self.like = button(self.tr("Like"), "quiet")
        self.like.setCheckable(True)
        self.like.toggled.connect(self._on_like)
        page = button(self.tr("Open its page"), "quiet")
        page.clicked.connect(lambda: self.page_asked.emit(self._repo))
        close = button("", "quiet", name=self.tr("Close the repository"))
        close.clicked.connect(self.closed)
        self._close = close
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self.like)
        head.addWidget(page)
        head.addWidget(close)
        self._facts = label("", "muted", wrap=True, selectable=True)
        self._nothing = label(
            self.tr("It holds nothing that Stillroom can use: no .safetensors and no .gguf files."), wrap=True
        )
        self._left_out = label("", "muted", wrap=True)
        self.table = OffersTable(theme, self)
        self.view = ResultsView(self.table, self.tr("Files and types of the repository"))
        self.view.row_selected.connect(self._update)
        self.view.row_chosen.connect(lambda _: self._on_get())
        self._get = button(self.tr("Get"), "primary")
        self._get.clicked.connect(self._on_get)
        foot = QHBoxLayout()
        foot.addWidget(self._build_choices, 1)
        foot.addStretch()
        foot.addWidget(self._get, 0, Qt.AlignmentFlag.AlignBottom)
        self.body.addLayout(head)
        self.body.addWidget(self._facts)
        self.body.addWidget(self._nothing)
        self.body.addWidget(self.view)
        self.body.addWidget(self._left_out)
        self.body.addLayout(foot)
        theme.changed.connect(self._colour_icons)
        self._colour_icons()

    def show_repository(
        self, repo: str, card: RepositoryCard | None, found: RepositoryOffers, *, liked: bool
    ) -> None:
        """Show what is in a repository; what is chosen stays while it is the same one."""
        offers = found.listed
        again = repo == self._repo and len(offers) == len(self._offers)
        chosen = self.view.currentIndex().row() if again else best(offers)
        self._repo, self._offers = repo, offers
        self._title.setText(repo)
        self.setAccessibleName(repo)
        self._facts.setText(self._facts_text(card))
        self.like.blockSignals(True)
        self.like.setChecked(liked)
        self.like.blockSignals(False)
        self.table.show_offers(offers)
        self._nothing.setVisible(not offers)
        self._left_out.setText(
            self.tr("{count} larger files are not listed; its page shows them all.").format(
                count=f"{found.left_out:,}"
            )
        )
        self._left_out.setVisible(found.left_out > 0)
        if chosen >= 0:
            self.view.selectRow(chosen)
        self._update()
        self._colour_icons()

    @property
    def chosen(self) -> Offer | None:
        """The offer that is selected."""
        number = self.view.currentIndex().row()
        return self._offers[number] if 0 <= number < len(self._offers) else None

    def _facts_text(self, card: RepositoryCard | None) -> str:
        if card is None:
            return ""
        kind = card.architecture or card.gguf_architecture
        facts = [
            self.tr("{count} billion parameters").format(count=f"{card.parameters / 1e9:.2f}")
            if card.parameters
            else "",
            self.tr("kind: {kind}").format(kind=kind) if kind else "",
            self.tr("context up to {tokens} tokens").format(tokens=f"{card.context_tokens:,}")
            if card.context_tokens
            else "",
            self.tr("licence: {licence}").format(licence=card.licence) if card.licence else "",
            self.tr("{count} downloads in 30 days").format(count=f"{card.downloads:,}"),
            self.tr("{count} likes").format(count=f"{card.likes:,}"),
            self.tr("its terms must be accepted on its page first") if card.gated else "",
        ]
        return " · ".join(fact for fact in facts if fact)

    def _update(self, _row: int = 0) -> None:
        offer = self.chosen
        self._get.setVisible(bool(self._offers))
        types = offer.types if offer is not None and offer.refusal is None else ()
        self._build_choices.show_choice(types, offer.download_bytes if offer is not None else 0)
        if offer is None:
            self._get.setText(self.tr("Get"))
            allow(self._get, self.tr("Choose a file or a type first"))
            return
        allow(self._get, self.table.refusal_of(offer))
        if offer.refusal is None:
            self._get.setText(
                self.tr("Get {name} · {size} to download").format(
                    name=offer.kind or offer.name, size=byte_count(offer.download_bytes)
                )
            )

    def _on_get(self) -> None:
        offer = self.chosen
        if offer is not None and offer.refusal is None:
            self.get_asked.emit(offer)

    def _on_like(self, on: bool) -> None:
        self._colour_icons()
        self.liked.emit(self._repo, on)

    def _colour_icons(self) -> None:
        on = self.like.isChecked()
        self.like.setText(self.tr("Liked") if on else self.tr("Like"))
        self.like.setIcon(self._theme.icon("star", "accent" if on else "muted"))
        self._close.setIcon(self._theme.icon("x"))
        self._get.setIcon(self._theme.icon("download-simple", "on_accent"))
