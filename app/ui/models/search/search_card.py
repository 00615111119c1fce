"""Searching the hub: a field, what was found, and one repository that is opened."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, TypeVar

from PySide6.QtCore import QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from app.acquire.jobs import JobBook
from app.acquire.repository_offers import RepositoryOffers, found_fit, offers
from app.base.errors import Cancelled, StillroomError
from app.machine.advisor import Advisor
from app.settings import MOST_REMEMBERED, SettingsFile
from app.ui.base.bridge import Bridge
from app.ui.models.search.found_table import DOWNLOADS, LICENCE, LIKES, FoundRow, FoundTable
from app.ui.models.search.repository_panel import RepositoryPanel
from app.ui.models.search.results_view import ResultsView
from app.ui.widgets.card import Card, button, label
from app.ui.widgets.inline_notices import InlineNotices
from app.ui.widgets.push_buttons import SingleClicks
from app.ui.widgets.ui_context import UiContext
from models.hub.hub_access import HUB, environment_mirror
from models.hub.repository_card import LONGEST_SEARCH, MOST_FOUND, RepositoryCard
from models.hub.snapshot import Snapshot
from models.system.progress import JobContext

T = TypeVar("T")
Question = tuple[Literal["search", "open"], str]
"""A question to the hub: for the words, or of the repository."""

DEBOUNCE_MS = 400
JUDGE_MS = 500
"""From advice to judging by it: the free memory changes all the time, and the judging takes a processor."""
SHORTEST = 2


class SearchCard(Card):
    """Sends what is typed to the hub a moment later, and gives up what was asked before. GUI thread."""

    get_asked = Signal(object)
    """The `Offer` to get."""
    grown = Signal(QWidget)
    """A part to be looked at has come below what the user is at."""

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
        self._asked: Question | None = None
        self._opened = ""
        """The repository that is shown, by the name that it was asked for."""
        self._snapshot: Snapshot | None = None
        self._judging = False
        self._judge_timer = QTimer(self)
        self._judge_timer.setSingleShot(True)
        self._judge_timer.setInterval(JUDGE_MS)
        self._judge_timer.timeout.connect(self._on_judge)
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
        # It asks and stops.
        SingleClicks(self._button)
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
        self.panel.closed.connect(lambda: self._close_panel(self.view))
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

    def search_for(self, words: str) -> None:
        """Ask the hub for what was typed in another window."""
        self.field.setText(words)
        if len(" ".join(words.split())) >= SHORTEST:
            self._search_now()

    def show_advice(self, advisor: Advisor | None) -> None:
        """Judge by the memory and the load settings of this advisor from now on; None where nothing is known
        yet."""
        self._advisor = advisor
        self._judge_soon()

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
        if self._asked == ("search", text):
            return
        if len(text) < SHORTEST:
            # Else the answer to the longer words of before would come.
            self._give_up()
            self._say(self.tr("Type two letters or more of the name."))
            return
        given_up = self._begin(("search", text), self.tr("Searching…"))
        self._bridge.start(self._search_for(text, given_up))

    async def _search_for(self, text: str, given_up: threading.Event) -> None:
        advisor = self._advisor

        def work() -> list[FoundRow]:
            found = self._jobs.search(text, cancel=given_up)
            return _judged([FoundRow(card, usable) for card, usable in found], advisor)

        rows = await self._ask(work, given_up)
        if rows is None:
            return
        self._close_panel(self.field)
        if not rows and self.view.hasFocus():
            self.field.setFocus()
        liked = self._settings.values.hub_liked
        self.table.show_rows([replace(row, liked=row.card.repo in liked) for row in rows])
        if self._advisor is not advisor:
            self._judge_soon()
        if not rows:
            self._say(self.tr("Nothing was found. Fewer or other words of the name may help."))
            return
        if len(rows) < MOST_FOUND:
            said = self.tr("{count} models, the most downloaded first. Choose one to see its files.")
        else:
            said = self.tr(
                "The {count} most downloaded models. Choose one to see its files; more words find others."
            )
        self._say(said.format(count=len(rows)))
        self._tell_growth(self)

    def _on_row(self, number: int) -> None:
        if not 0 <= number < len(self.table.rows):
            return
        repo = self.table.rows[number].card.repo
        # A double click comes as two clicks and an activation.
        if repo == self._opened and self._asked is None:
            self._enter_panel()
        elif self._asked != ("open", repo):
            given_up = self._begin(("open", repo), self.tr("Asking what {repo} holds…").format(repo=repo))
            self._bridge.start(self._open(repo, given_up))

    async def _open(self, repo: str, given_up: threading.Event) -> None:
        advisor = self._advisor

        def work() -> tuple[Snapshot, RepositoryOffers]:
            snapshot = self._jobs.resolve(repo, job=JobContext(cancel=given_up))
            return snapshot, offers(snapshot, advisor)

        found = await self._ask(work, given_up)
        if found is None:
            return
        self._say("")
        self._opened = repo
        self._snapshot = found[0]
        self._show_offers(*found)
        if self._advisor is not advisor:
            self._judge_soon()
        self._enter_panel()
        self._tell_growth(self.panel)
        self._settings.note(hub_recent=_first(repo, self._settings.values.hub_recent))

    async def _ask(self, work: Callable[[], T], given_up: threading.Event) -> T | None:
        """Do `work` on another thread; None where it failed or is not wanted any more."""
        try:
            found = await asyncio.to_thread(work)
        except Cancelled:
            return None
        except StillroomError as error:
            if self._end(given_up):
                self._fail(error)
            return None
        except Exception:
            if self._end(given_up):
                self._say("")
            raise
        finally:
            given_up.set()
        if not self._end(given_up):
            return None
        self.failures.mend("search")
        return found

    def _judge_soon(self) -> None:
        if not self._judge_timer.isActive():
            self._judge_timer.start()

    def _on_judge(self) -> None:
        if self._judging:
            self._judge_soon()
        elif self._advisor is not None and (self._snapshot is not None or self.table.rows):
            self._judging = True
            self._bridge.start(self._judge(self._advisor, self.table.rows, self._snapshot))

    async def _judge(self, advisor: Advisor, rows: list[FoundRow], snapshot: Snapshot | None) -> None:
        def work() -> tuple[list[FoundRow], RepositoryOffers]:
            found = offers(snapshot, advisor) if snapshot is not None else RepositoryOffers()
            return _judged(rows, advisor), found

        try:
            judged, found = await asyncio.to_thread(work)
        finally:
            self._judging = False
        fits = {row.card.repo: row.fit for row in judged}
        self.table.judge_again(
            [replace(row, fit=fits.get(row.card.repo, row.fit)) for row in self.table.rows]
        )
        if snapshot is not None and snapshot is self._snapshot:
            self._show_offers(snapshot, found)

    def _show_offers(self, snapshot: Snapshot, found: RepositoryOffers) -> None:
        liked = snapshot.repo in self._settings.values.hub_liked
        self.panel.show_repository(snapshot.repo, snapshot.card, found, liked=liked)
        self.panel.show()

    def _enter_panel(self) -> None:
        if self.view.hasFocus():
            self.panel.view.setFocus()

    def _tell_growth(self, part: QWidget) -> None:
        """Say what has come, unless the user went elsewhere meanwhile."""
        here = self.window().focusWidget()
        if here is not None and self.isAncestorOf(here):
            self.grown.emit(part)

    def _close_panel(self, place: QWidget) -> None:
        """Hide the panel. If it has the keyboard, `place` gets that: Qt would take it to another card."""
        here = self.window().focusWidget()
        if here is not None and self.panel.isAncestorOf(here):
            place.setFocus()
        self._snapshot, self._opened = None, ""
        self.panel.hide()

    def _show_remembered(self) -> None:
        """Show liked repositories and those that were opened lately, as long as nothing is searched for."""
        values = self._settings.values
        names = dict.fromkeys((*values.hub_liked, *values.hub_recent))
        rows = [FoundRow(RepositoryCard(name), liked=name in values.hub_liked) for name in names]
        self._close_panel(self.field)
        self.table.show_rows(rows)
        if rows:
            self._say(self.tr("Liked, and opened lately:"))
        else:
            self._say(self.tr("What you type here is sent to Hugging Face, and nothing else."))

    def _on_liked(self, repo: str, on: bool) -> None:
        liked = self._settings.values.hub_liked
        others = tuple(each for each in liked if each != repo)
        self._settings.change(hub_liked=_first(repo, others) if on else others)
        self.table.judge_again(
            [replace(row, liked=on) if row.card.repo == repo else row for row in self.table.rows]
        )

    def _on_page(self, repo: str) -> None:
        mirror = environment_mirror() or self._settings.values.hub_mirror or HUB
        QDesktopServices.openUrl(QUrl(f"{mirror}/{repo}"))

    def _begin(self, asked: Question, said: str) -> threading.Event:
        """Say what is asked from now on; an earlier question is given up."""
        self._give_up()
        self._asked = asked
        self._say(said)
        self._button.setText(self.tr("Stop"))
        self._colour_icons()
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
        self._asked = None
        self._button.setText(self.tr("Search"))
        self._colour_icons()

    def _fail(self, error: StillroomError) -> None:
        self._say("")
        self._notices.error(error, self._notices.at(self.failures), "search")

    def _say(self, text: str) -> None:
        self._state.setText(text)
        self._state.setVisible(bool(text))

    def _colour_icons(self) -> None:
        self._button.setIcon(self._theme.icon("stop" if self._asked else "magnifying-glass", "text"))


def _judged(rows: Sequence[FoundRow], advisor: Advisor | None) -> list[FoundRow]:
    """Judge those that may be used; what is only remembered stays as it is."""
    if advisor is None:
        return list(rows)
    return [
        row if row.support in (None, "no") else replace(row, fit=found_fit(row.card, advisor)) for row in rows
    ]


def _first(repo: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Put a name in front; the oldest go."""
    return (repo, *(name for name in names if name != repo))[:MOST_REMEMBERED]
