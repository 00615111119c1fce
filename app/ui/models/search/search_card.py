"""Searching the hub: a field, what was found, and one repository that is opened."""

import asyncio
import threading
from dataclasses import replace

from PySide6.QtCore import QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from app.acquire.jobs import JobBook
from app.acquire.repository_offers import found_fit, offers
from app.base.errors import Cancelled, StillroomError
from app.machine.advisor import Advisor
from app.settings import MOST_REMEMBERED, SettingsFile
from app.ui.base.bridge import Bridge
from app.ui.models.search.found_table import DOWNLOADS, LICENCE, LIKES, FoundRow, FoundTable
from app.ui.models.search.repository_panel import RepositoryPanel
from app.ui.models.search.results_view import ResultsView
from app.ui.widgets.card import Card, button, label
from app.ui.widgets.inline_notices import InlineNotices
from app.ui.widgets.ui_context import UiContext
from models.hub.hub_access import HUB, environment_mirror
from models.hub.repository_card import LONGEST_SEARCH, RepositoryCard
from models.hub.snapshot import Snapshot
from models.system.progress import JobContext

DEBOUNCE_MS = 400
SHORTEST = 2


class SearchCard(Card):
    """Sends what is typed to the hub a moment later, and gives up what was asked before. GUI thread."""

    get_asked = Signal(object)
    """The `Offer` to get."""

    def __init__(self, ui: UiContext, jobs: JobBook, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = ui.theme
        self._settings: SettingsFile = ui.settings
        self._jobs = jobs
        self.failures = InlineNotices(ui.theme)
        """The questions that failed."""
        self._notices = ui.notices
        self._bridge: Bridge = ui.bridge
        self._advisor: Advisor | None = None
        self._given_up = threading.Event()
        self._asked = ""
        self._snapshot: Snapshot | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DEBOUNCE_MS)
        self._timer.timeout.connect(self._search)
        self.field = QLineEdit()
        self.field.setMaxLength(LONGEST_SEARCH)
        self.field.setPlaceholderText(self.tr("Words of a model's name, such as qwen 7b"))
        self.field.setAccessibleName(self.tr("Search Hugging Face"))
        self.field.setClearButtonEnabled(True)
        self.field.textEdited.connect(lambda _: self._timer.start())
        self.field.textChanged.connect(self._on_text)
        self.field.returnPressed.connect(self._search_now)
        self._button = button(self.tr("Search"))
        self._button.clicked.connect(self._on_button)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.field, 1)
        row.addWidget(self._button)
        self._state = label("", "muted", wrap=True)
        self.table = FoundTable(ui.theme, self)
        self.view = ResultsView(
            self.table, self.tr("Models that were found"), spared=(LICENCE, DOWNLOADS, LIKES)
        )
        self.view.row_chosen.connect(self._on_row)
        self.view.clicked.connect(lambda index: self._on_row(index.row()))
        self.panel = RepositoryPanel(ui.theme, ui.settings)
        self.panel.get_asked.connect(self.get_asked)
        self.panel.liked.connect(self._on_liked)
        self.panel.page_asked.connect(self._on_page)
        self.panel.closed.connect(self._close_panel)
        self.panel.hide()
        self.body.addWidget(label(self.tr("SEARCH HUGGING FACE"), "caption"))
        self.body.addLayout(row)
        self.body.addWidget(self.failures)
        self.body.addWidget(self._state)
        self.body.addWidget(self.view)
        self.body.addWidget(self.panel)
        ui.theme.changed.connect(self._colour_icons)
        self._colour_icons()
        self._show_remembered()

    def show_advice(self, advisor: Advisor | None) -> None:
        """Judge by the memory and the load settings of this advisor from now on; None where nothing is known
        yet."""
        before, self._advisor = self._advisor, advisor
        if _same_advice(before, advisor):
            return
        self.table.judge_again([self._judged(row) for row in self.table.rows])
        self._show_snapshot()

    def _on_text(self, text: str) -> None:
        if not text.strip():
            self._timer.stop()
            self._give_up()
            self._show_remembered()

    def _search_now(self) -> None:
        self._timer.stop()
        self._search()

    def _on_button(self) -> None:
        if self._asked:
            self._give_up()
            self._say("")
        else:
            self._search_now()

    def _search(self) -> None:
        text = " ".join(self.field.text().split())
        if text == self._asked:
            return
        if len(text) < SHORTEST:
            self._say(self.tr("Type two letters or more of the name."))
            return
        self._give_up()
        self._bridge.start(self._search_for(text))

    async def _search_for(self, text: str) -> None:
        given_up = self._begin(text)
        self._say(self.tr("Searching…"))
        try:
            found = await asyncio.to_thread(self._jobs.search, text, cancel=given_up)
        except Cancelled:
            return
        except StillroomError as error:
            if self._end(given_up):
                self._fail(error)
            return
        finally:
            given_up.set()
        if not self._end(given_up):
            return
        self.failures.mend("search")
        self._close_panel()
        liked = self._settings.values.hub_liked
        self.table.show_rows(
            [self._judged(FoundRow(card, usable, liked=card.repo in liked)) for card, usable in found]
        )
        self._say(
            self.tr("{count} models, the most downloaded first. Choose one to see its files.").format(
                count=len(found)
            )
            if found
            else self.tr("Nothing was found. Fewer or other words of the name may help.")
        )

    def _on_row(self, number: int) -> None:
        if 0 <= number < len(self.table.rows):
            self._give_up()
            self._bridge.start(self._open(self.table.rows[number].card.repo))

    async def _open(self, repo: str) -> None:
        given_up = self._begin(repo)
        self._say(self.tr("Asking what {repo} holds…").format(repo=repo))
        try:
            snapshot = await asyncio.to_thread(self._jobs.resolve, repo, job=JobContext(cancel=given_up))
        except Cancelled:
            return
        except StillroomError as error:
            if self._end(given_up):
                self._fail(error)
            return
        finally:
            given_up.set()
        if not self._end(given_up):
            return
        self.failures.mend("search")
        self._say("")
        self._snapshot = snapshot
        self._show_snapshot()
        if self.view.hasFocus():
            self.panel.view.setFocus()
        await asyncio.to_thread(
            self._settings.revise, lambda values: {"hub_recent": _first(repo, values.hub_recent)}
        )

    def _show_snapshot(self) -> None:
        snapshot = self._snapshot
        self.panel.setVisible(snapshot is not None)
        if snapshot is not None:
            found = offers(snapshot, self._advisor)
            liked = snapshot.repo in self._settings.values.hub_liked
            self.panel.show_repository(snapshot.repo, snapshot.card, found, liked=liked)

    def _close_panel(self) -> None:
        self._snapshot = None
        self.panel.hide()

    def _show_remembered(self) -> None:
        """Show liked repositories and those that were opened lately, as long as nothing is searched for."""
        values = self._settings.values
        names = dict.fromkeys((*values.hub_liked, *values.hub_recent))
        rows = [FoundRow(RepositoryCard(name), liked=name in values.hub_liked) for name in names]
        self._close_panel()
        self.table.show_rows(rows)
        if rows:
            self._say(self.tr("Liked, and opened lately:"))
        else:
            self._say(self.tr("What you type here is sent to Hugging Face, and nothing else."))

    def _on_liked(self, repo: str, on: bool) -> None:
        self._bridge.start(self._like(repo, on))

    async def _like(self, repo: str, on: bool) -> None:
        def change(liked: tuple[str, ...]) -> tuple[str, ...]:
            return _first(repo, liked) if on else tuple(each for each in liked if each != repo)

        await asyncio.to_thread(self._settings.revise, lambda values: {"hub_liked": change(values.hub_liked)})
        self.table.judge_again(
            [replace(row, liked=on) if row.card.repo == repo else row for row in self.table.rows]
        )

    def _on_page(self, repo: str) -> None:
        mirror = environment_mirror() or self._settings.values.hub_mirror or HUB
        QDesktopServices.openUrl(QUrl(f"{mirror}/{repo}"))

    def _judged(self, row: FoundRow) -> FoundRow:
        if self._advisor is None or row.support in (None, "no"):
            return row
        return replace(row, fit=found_fit(row.card, self._advisor))

    def _begin(self, asked: str) -> threading.Event:
        self._asked = asked
        self._given_up = threading.Event()
        self._button.setText(self.tr("Stop"))
        return self._given_up

    def _end(self, given_up: threading.Event) -> bool:
        """Tell whether the answer of a question is still wanted."""
        wanted = given_up is self._given_up
        if wanted:
            self._give_up()
        return wanted

    def _give_up(self) -> None:
        self._given_up.set()
        self._given_up = threading.Event()
        self._asked = ""
        self._button.setText(self.tr("Search"))

    def _fail(self, error: StillroomError) -> None:
        self._say("")
        self._notices.error(error, self._notices.at(self.failures), "search")

    def _say(self, text: str) -> None:
        self._state.setText(text)
        self._state.setVisible(bool(text))

    def _colour_icons(self) -> None:
        self._button.setIcon(self._theme.icon("magnifying-glass", "text"))


def _same_advice(one: Advisor | None, other: Advisor | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.memory, one.default) == (other.memory, other.default)


def _first(repo: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Put a name in front; the oldest go."""
    return (repo, *(name for name in names if name != repo))[:MOST_REMEMBERED]
