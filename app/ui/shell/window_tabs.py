"""The tabs of one window: each is made when it is first shown, and closed before its widgets are deleted."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject, Signal
from PySide6.QtWidgets import QWidget

from app.bench.drift.comparison import DriftReport
from app.chat.library.library import ChatLibrary
from app.ui.base.lasting_job import LastingJobs
from app.ui.chat.chat_tab import ChatTab
from app.ui.chat.list.chat_files import ChatReading
from app.ui.live_panel.live_panel import OpenChat
from app.ui.models.job_news import JobNews
from app.ui.models.machine_advice import MachineAdvice
from app.ui.shell.main_window import MainWindow, Page
from app.ui.shell.program_parts import ProgramParts
from app.ui.widgets.inline_notices import InlineNotices
from app.ui.widgets.notices import BroughtBack
from app.ui.widgets.scrolled_page import ScrollPlace
from app.ui.widgets.ui_context import UiContext

if TYPE_CHECKING:
    # Imported when they are first shown, which is after the first painting.
    from app.ui.benchmark.benchmark_tab import BenchmarkTab
    from app.ui.benchmark.drift.drift_page import DriftPage
    from app.ui.benchmark.frame.benchmark_state import BenchmarkState
    from app.ui.code.code_tab import CodeTab
    from app.ui.models.first_run import FirstRun
    from app.ui.models.models_tab import ModelsTab


log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TabsState:
    """The state of the tabs, None or "" in one that was never seen. Drafts and files are on
    the disk."""

    benchmark: "BenchmarkState | None" = None
    model: str = ""
    answered_chats: tuple[int, ...] = ()
    """The chats whose replies go on in the other window."""
    chat: int = 0
    """The chat that an Undo has brought back before there was a tab to show it; 0 is none."""
    is_new_chat: bool = False
    """A new chat is open, of which nothing is kept."""
    asked_models: tuple[str, str] = ("", "")
    """The words that were typed on the page of the models: `ModelsTab.typed`."""
    searched_chats: str = ""
    """The words that the chats are searched for."""
    models_place: ScrollPlace = ScrollPlace()  # noqa: RUF009 - frozen
    """The place to which the page of the models is scrolled."""
    read_chats: tuple[ChatReading, ...] = ()
    """The files of chats that are being read."""
    shown_code: bool = False
    """The texts of the Code page have been there: that they are back is no news."""


def tab_pages(tabs: "Callable[[], WindowTabs]") -> tuple[Page, ...]:
    """List the tabs in their order, for the window that `tabs` need. They are asked for where one is first
    shown."""
    translate = QCoreApplication.translate
    chat, code = translate("WindowTabs", "Chat"), translate("WindowTabs", "Code")
    benchmark, models = translate("WindowTabs", "Benchmark"), translate("WindowTabs", "Models")
    return (
        Page("chat", chat, "chat-text", lambda place: tabs().make_chat(place)),
        Page("code", code, "brackets-curly", lambda place: tabs().make_code(place)),
        Page("benchmark", benchmark, "gauge", lambda place: tabs().make_benchmark(place)),
        Page("models", models, "cube", lambda place: tabs().make_models(place)),
    )


class WindowTabs(QObject):
    """Makes the tabs and leads from one to another. GUI thread."""

    model_chosen = Signal(object)
    """An `InstalledModel` is to answer."""
    filters_requested = Signal()
    chat_opened = Signal(int)
    """As in `ChatTab`."""
    reply_ended = Signal(int, str, float)
    """As in `ChatTab`."""

    def __init__(
        self,
        ui: UiContext,
        window: MainWindow,
        parts: ProgramParts,
        advice: Callable[[], MachineAdvice],
        jobs: LastingJobs,
        library: Callable[[], ChatLibrary],
        *,
        welcomes: bool,
    ) -> None:
        """`advice` and `library` are asked for when they are first needed; `jobs` go on without this window;
        `welcomes` as `welcome` sets it."""
        super().__init__(window)
        self._window = window
        self._parts = parts
        self._ui = ui
        self._advice = advice
        self._jobs = jobs
        self._library = library
        self._welcomes = welcomes
        self._state = TabsState()
        self._benchmark: BenchmarkTab | None = None
        self._drift: DriftPage | None = None
        self._models: ModelsTab | None = None
        self._chat: ChatTab | None = None
        self._code: CodeTab | None = None
        self._first_run: FirstRun | None = None
        JobNews(
            ui,
            parts.jobs,
            window,
            self._shows_jobs,
            lambda: window.show_page("models"),
            self.model_chosen.emit,
            lambda view: self._first_run is not None and self._first_run.answers_with(view),
        )

    def make_chat(self, place: QWidget) -> ChatTab:
        """Make the tab of the conversations, in the widget that it is for, in steps."""
        tab = ChatTab(self._ui, self._parts.chats, self._library(), place, in_steps=True)
        tab.made.connect(lambda: self._receive_chat(tab))
        return tab

    def _receive_chat(self, tab: ChatTab) -> None:
        parts = self._parts
        tab.comparison.offer_models(
            lambda: parts.store.present.models if parts.store.is_listed else None, parts.store.listing
        )
        tab.to_code_requested.connect(self._on_to_code)
        tab.models_requested.connect(lambda: self._window.show_page("models"))
        tab.models_dropped.connect(self.add_models)
        tab.filters_requested.connect(self.filters_requested)
        tab.load_settings_requested.connect(self._window.load_settings_asked)
        tab.chat_opened.connect(self.chat_opened)
        tab.reply_ended.connect(self.reply_ended)
        self._chat = tab
        tab.go_on(self._state.answered_chats)
        before, self._state = (
            self._state,
            replace(self._state, chat=0, is_new_chat=False, searched_chats="", read_chats=()),
        )
        if before.is_new_chat:
            tab.open_chat(None)
        if before.chat:
            tab.open_if_there(before.chat)
        if before.searched_chats:
            tab.chats.search.setText(before.searched_chats)
        for reading in before.read_chats:
            tab.start(tab.list_actions.follow(reading))
        if self._welcomes:
            self._offer_first_model()

    def make_code(self, place: QWidget) -> "CodeTab":
        """Make the tab of the editor and its conversation, in steps."""
        from app.code.sandbox.run import Sandbox
        from app.ui.code.code_tab import CodeTab

        notices, lines = self._ui.notices, InlineNotices(self._ui.theme)
        ui = replace(self._ui, bridge=self._ui.bridge.for_place(lambda: notices.at(lines)))
        folder = self._parts.paths.data
        self._code = CodeTab(
            ui,
            folder,
            Sandbox(),
            self._answering,
            place,
            lines=lines,
            tells_of_texts=not self._state.shown_code,
            in_steps=True,
        )
        return self._code

    def make_benchmark(self, place: QWidget) -> "BenchmarkTab":
        """Make the tab of speed, quality and drift, in steps."""
        from app.ui.benchmark.benchmark_tab import BenchmarkTab
        from app.ui.benchmark.drift.drift_page import DriftPage
        from app.ui.benchmark.quality.quality_page import QualityPage

        parts = self._parts
        lines = InlineNotices(self._ui.theme)
        ui = replace(self._ui, bridge=self._ui.bridge.for_place(lambda: self._ui.notices.at(lines)))
        tab = BenchmarkTab(
            ui,
            parts.benchmark_runner,
            parts.benchmarks,
            place,
            models=lambda: parts.store.listing().models,
            job=self._jobs.speed,
            in_steps=True,
        )

        def quality(page: QWidget) -> QualityPage:
            return QualityPage(
                ui,
                parts.quality,
                parts.quality_runs,
                parts.quality_suites,
                page,
                job=self._jobs.quality,
                in_steps=True,
            )

        tab.add_page("quality", self.tr("Quality"), quality)

        def drift(page: QWidget) -> DriftPage:
            self._drift = DriftPage(ui, parts.drift, page, job=self._jobs.drift)
            return self._drift

        tab.add_page("drift", self.tr("Drift"), drift)
        for key, job in (("quality", self._jobs.quality), ("drift", self._jobs.drift)):
            if job.running:
                # It tells in the window's head what the job is at.
                tab.make_page(key)
        tab.add_above(lines)
        tab.show_asked.connect(lambda: self._window.show_page("benchmark"))
        if self._state.benchmark is not None:
            tab.restore(self._state.benchmark)
        self._benchmark = tab
        return tab

    def make_models(self, place: QWidget) -> "ModelsTab":
        """Make the tab of the models, those on the disk and those to download."""
        from app.ui.models.models_tab import ModelsTab

        parts = self._parts
        tab = ModelsTab(
            self._ui,
            parts.store,
            parts.jobs,
            self._advice(),
            parts.measurer,
            place,
            job=self._jobs.closeness,
        )
        tab.load_asked.connect(self.model_chosen)
        if self._state.model:
            tab.select(self._state.model)
        tab.type_again(self._state.asked_models)
        tab.scroll_again(self._state.models_place)
        self._models = tab
        return tab

    def state(self) -> TabsState:
        """Give the state of each tab, for the tabs of another window."""
        return TabsState(
            self._state.benchmark if self._benchmark is None else self._benchmark.state,
            self._state.model if self._models is None else self._models.selected_key,
            () if self._chat is None else self._chat.answered_chats,
            self._state.chat,
            self._state.is_new_chat if self._chat is None else self._chat.is_blank,
            self._state.asked_models if self._models is None else self._models.typed,
            self._state.searched_chats if self._chat is None else self._chat.chats.search.text(),
            self._state.models_place if self._models is None else self._models.place,
            self._state.read_chats if self._chat is None else self._chat.list_actions.give_readings(),
            self._state.shown_code or self._code is not None,
        )

    def restore(self, state: TabsState) -> Iterator[None]:
        """Show that again in tabs as they are made; that of the chats is made where a reply goes on, that of
        the benchmark where a job does, of which it tells in the window's head, in steps."""
        self._state = state
        if state.answered_chats:
            yield from self._window.making("chat")
            self._window.show_page("chat")
        elif state.read_chats:
            yield from self._window.making("chat")
        if any(job.running for job in (self._jobs.speed, self._jobs.quality, self._jobs.drift)):
            yield from self._window.making("benchmark")

    def welcome(self) -> None:
        """From now on, which is after the first painting, an empty chat offers the model for this computer,
        as long as there is none that thinks."""
        self._welcomes = True
        self._offer_first_model()

    def show_chat(self, conversation_id: int) -> None:
        """Bring a chat to the front."""
        self._window.show_page("chat")
        assert self._chat is not None
        self._chat.open_chat(conversation_id)

    def chat_context(self) -> OpenChat | None:
        """The open chat and its last reply's context; None as long as there was no Chat tab."""
        return None if self._chat is None else OpenChat(*self._chat.context, self._chat.isVisible())

    def reread_chats(self) -> None:
        """Show the chats as they are on the disk now."""
        if self._chat is not None:
            self._chat.show_chats()

    def reread(self, back: BroughtBack | None = None) -> None:
        """Show everything as it is on the disk now, and what an Undo has brought `back`."""
        if back is not None and back.page == "models":
            self._state = replace(self._state, model=str(back.key))
            if self._models is not None:
                self._models.reload(str(back.key))
        else:
            self.reread_models()
        if self._benchmark is not None:
            self._benchmark.refresh()
        if self._chat is not None:
            self._chat.reread()
        if back is not None and back.page == "chat":
            if self._chat is not None:
                self._chat.open_if_there(int(back.key))
            else:
                self._state = replace(self._state, chat=int(back.key))

    def keep_again(self) -> None:
        """Keep what the disk refused before, and show what is there."""
        if self._chat is not None:
            self._chat.drafts.keep()
        self.reread_chats()

    def reread_models(self) -> None:
        """Show the models as they are on the disk now."""
        if self._models is not None:
            self._models.reload()

    def add_models(self, paths: Sequence[Path]) -> None:
        """Keep GGUF files and folders of models where they lie, and load the first."""
        from app.ui.models.models_tab import ModelsTab

        tab = self._window.show_page("models")
        assert isinstance(tab, ModelsTab)
        tab.add_models(list(paths))

    def tell_of_drift(self, report: DriftReport) -> None:
        """Show a check that was made by itself. Where its page is not seen, say what has changed in the
        answers since they were kept, if anything has."""
        from app.ui.benchmark.drift.drift_words import DRIFT, DriftWords

        if self._drift is not None and self._drift.show_checked():
            return
        sentence = DriftWords().notice(report)
        if sentence:
            self._ui.notices.warn(sentence, self.tr("Show"), self._show_drift, about=DRIFT)

    def close_down(self) -> list[Callable[[], None]]:
        """Stop what the tabs do, before their widgets are deleted. The returned functions wait on other
        threads until drafts, the running reply and unsaved code are on the disk."""
        chat, code = self._chat, self._code
        self._chat = self._code = self._models = self._benchmark = self._drift = None
        closers = [chat.close_down] if chat is not None else []
        if code is not None:
            closers.append(code.close_tab)
        left = []
        for close in closers:
            try:
                left.append(close())
            except Exception:
                # What one cannot keep must not keep the other from it, nor the window from closing.
                log.exception("a tab was not closed as it should be")
        return left

    def _answering(self) -> str:
        return self._chat.answering if self._chat is not None else ""

    def _show_drift(self) -> None:
        from app.ui.benchmark.benchmark_tab import BenchmarkTab

        tab = self._window.show_page("benchmark")
        assert isinstance(tab, BenchmarkTab)
        tab.show_page("drift")

    def _offer_first_model(self) -> None:
        from app.ui.models.first_run import FirstRun

        parts = self._parts
        if self._chat is None or not FirstRun.is_wanted(parts.settings, parts.store):
            return
        first_run = FirstRun(self._ui, self._advice(), parts.store, parts.jobs, self._chat)
        first_run.load_asked.connect(self.model_chosen)
        first_run.keyboard_left.connect(self._chat.setFocus)
        self._chat.conversation.welcome(first_run.page)
        self._first_run = first_run

    def _shows_jobs(self) -> bool:
        is_offered = self._first_run is not None and self._first_run.page.isVisible()
        return is_offered or (self._models is not None and self._models.isVisible())

    def _on_to_code(self, code: str, language: str) -> None:
        self._window.show_page("code")
        assert self._code is not None
        self._code.take_code(code, language)
