"""The window's life: made from its parts, shown, filled after its first painting, and ended in order."""

import asyncio
import gc
import importlib
import logging
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from PySide6.QtCore import QLocale, QObject, Qt, Signal
from PySide6.QtWidgets import QApplication, QBoxLayout

from app.base.disk_reserve import use_reserve
from app.base.errors import Cancelled, StillroomError
from app.base.shutdown import Ending, close_together
from app.base.threads import start_thread
from app.chat.library.library import ChatLibrary
from app.engine.protocol import ModelInfo, RpcServer
from app.models_folder import ModelsPlace
from app.remote.remote_server import is_elsewhere
from app.settings import Settings
from app.telemetry.sampler import TelemetrySnapshot
from app.ui.base.bridge import Bridge, is_of_closed, off_this_thread
from app.ui.base.engine_session import EngineSession
from app.ui.base.lasting_job import LastingJobs
from app.ui.base.slices import Slices
from app.ui.base.theme import Theme
from app.ui.benchmark.drift.drift_watch import DriftWatch
from app.ui.live_panel.live_panel import LivePanel
from app.ui.models.machine_advice import MachineAdvice
from app.ui.settings.cuda_session import CudaSession
from app.ui.settings.models_in_use import ModelsInUse
from app.ui.settings.models_moving import ModelsMoving
from app.ui.settings.server_session import ServerSession
from app.ui.shell.commands.settings_commands import SettingsCommands
from app.ui.shell.commands.window_commands import WindowCommands
from app.ui.shell.database_health import DatabaseHealth
from app.ui.shell.deferred_imports import deferred_imports
from app.ui.shell.disk_watch import DiskWatch
from app.ui.shell.garbage import GuiThreadGarbage
from app.ui.shell.language import Languages
from app.ui.shell.long_replies import LongReplies
from app.ui.shell.main_window import MainWindow
from app.ui.shell.memory_warnings import MemoryWarnings
from app.ui.shell.model_choice import ModelChoice, what_returns
from app.ui.shell.model_picker import ModelPicker
from app.ui.shell.program_parts import ProgramParts
from app.ui.shell.remote_model_choice import ElsewhereChoice
from app.ui.shell.window_dialogs import WindowDialogs
from app.ui.shell.window_place import WindowPlace
from app.ui.shell.window_tabs import TabsState, WindowTabs, tab_pages
from app.ui.shell.window_zoom import WindowZoom
from app.ui.widgets.inline_notices import InlineNotices
from app.ui.widgets.notices import FULL_DISK, BroughtBack, HasToastPlace, Notices, Undo
from app.ui.widgets.plot_library import PlotLibrary
from app.ui.widgets.ui_context import UiContext

log = logging.getLogger(__name__)

PATIENT_S = 30.0
LAST_S = 0.5
"""Of the time for the end, what the log and the databases have for themselves."""


class WindowApplication(QObject):
    """Owns the window and everything that lives as long as it does. GUI thread."""

    closing = Signal()
    """The window is gone, or is about to be."""

    def __init__(
        self,
        qt: QApplication,
        parts: ProgramParts,
        files: Sequence[Path] = (),
        ending: Ending | None = None,
    ) -> None:
        """`ending` is the deadline for all that is closed; it begins with the end at the latest. Without one
        nothing is ended by force."""
        super().__init__(qt)
        self._ending = ending or Ending(PATIENT_S)
        self._left: list[Callable[[], None]] = []
        self.parts = parts
        self._files = files
        self._ended = asyncio.Event()
        self._values = parts.settings.values
        self._painted = False
        self._languages = Languages(qt)
        self._languages.choose(self._values.language)
        self._theme = Theme(qt, self._values.theme, self._values.zoom_percent)
        self._bridge = Bridge(self._on_error, self)
        self._session = EngineSession(
            parts.client, self._bridge, parts.templates, self, parts.gate, parts.elsewhere
        )
        self.server = ServerSession(parts.server, parts.settings, self._bridge, self)
        self.cuda = CudaSession(parts.cuda, parts.client, parts.gpu, parts.settings, self._bridge, self)
        self._session.reservation_changed.connect(self.server.reserve)
        parts.gate.trail.observe_problems(self._bridge.wrap(self._on_error))
        parts.templates.observe(self._bridge.wrap(self._on_error))
        self._session.engine_ready.connect(self._on_engine_ready)
        self._session.loaded.connect(self._on_loaded)
        self._replacing: asyncio.Task[None] | None = None
        self._listing: asyncio.Task[object] | None = None
        self._coming_back: BroughtBack | None = None
        """Named by the Undo that is being pressed, for the page to show."""
        self._machine_advice: MachineAdvice | None = None
        self._plots = PlotLibrary(self._bridge)
        self._notices: Notices
        self._tabs: WindowTabs
        self._health: DatabaseHealth | None = None
        self._disk: DiskWatch | None = None
        self._later = Slices(self)
        self._drift_watch = DriftWatch(parts.drift, self._session, self._bridge, self)
        self._drift_watch.checked.connect(lambda report: self._tabs.tell_of_drift(report))
        self.memory_warnings = MemoryWarnings(self._session, self)
        self.memory_warnings.warned.connect(self._on_memory_warning)
        self._jobs = LastingJobs.make(self._session, self._bridge, self)
        in_use = ModelsInUse(self._session, parts.store, parts.jobs, self._jobs, self._bridge)
        self._moving = ModelsMoving(
            ModelsPlace(parts.settings, parts.store), parts.jobs, self._bridge, in_use, self
        )
        self._models = ModelChoice(
            self._session, parts.store, parts.settings, parts.load_choices, self._moving, self._bridge
        )
        self._models.failed.connect(lambda error: self._notices.toast(error, what_returns(self._session)))
        self._snapshot: TelemetrySnapshot | None = None
        self._sampler = parts.make_sampler(self._bridge.wrap(self._on_snapshot))
        self._window = self._make_window(self._make_panel())
        parts.settings.observe(self._bridge.wrap(self._on_settings))
        self._previous_hook = sys.excepthook
        sys.excepthook = self._on_uncaught

    @property
    def window(self) -> MainWindow:
        """The window; another one after the language was changed."""
        return self._window

    @property
    def session(self) -> EngineSession:
        """The engine as the window sees it."""
        return self._session

    def show(self) -> None:
        """Show the window; everything slow begins after its first painting."""
        self._window.first_painted.connect(self._on_first_painted)
        # Of files that were opened, none may be a model.
        self._session.expect_model(not self._files)
        self._window.show_page(self._values.last_page)
        self._window.show()

    def raise_window(self) -> None:
        """Bring the window to the front."""
        self._window.setWindowState(self._window.windowState() & ~Qt.WindowState.WindowMinimized)
        self._window.raise_()
        self._window.activateWindow()

    def open_files(self, files: Sequence[Path]) -> None:
        """Show the window; of GGUF files that were opened with Stillroom, keep all and load the first."""
        self.raise_window()
        if files:
            self._tabs.add_models(files)

    async def wait_until_closed(self) -> None:
        """Return when the user has closed the window and everything is ended."""
        await self._ended.wait()
        self._drift_watch.stop()
        self._later.stop()
        if self._health is not None:
            self._health.stop()
        if self._disk is not None:
            self._disk.stop()
        self.cuda.cancel()
        await asyncio.gather(self._tabs_bridge.finish(), self._bridge.finish())
        await off_this_thread(self._close_parts)
        self.parts.told.close()
        gc.enable()
        sys.excepthook = self._previous_hook
        self._languages.choose("en")
        self._theme.formulas.close()
        # They belong to the QApplication, whose every new style sheet goes through all widgets that are left.
        for left in (self._window, self._theme, self):
            left.deleteLater()

    def _close_parts(self) -> None:
        """All at once, as each may wait for something that is stuck. On a thread of its own."""
        parts = self.parts
        use_reserve(parts.paths.data)
        parts.gpu.close()
        all_done = close_together(
            [
                *self._left,
                self._place.keep_last,
                self._sampler.stop,
                parts.jobs.close,
                parts.settings.close,
                parts.library.close,
                parts.gate.filters.close,
                parts.idle.close,
                parts.server.close,
                parts.server.key_file.close,
                parts.templates.close,
                parts.client.close,
                parts.elsewhere.close,
            ],
            self._ending.left_s() - LAST_S,
        )
        # What was stopped or stuck holds nobody any more.
        self._ending.end_children()
        # The log after what answers, of whose replies it notes the end. A file that is still written to is
        # left to the system, which keeps all that was committed.
        stores = (parts.chats, parts.benchmarks, parts.quality_runs, parts.drift_runs)
        close_together(
            [parts.gate.trail.close, *(store.close for store in stores if all_done)], self._ending.left_s()
        )

    def _make_panel(self) -> LivePanel:
        return LivePanel(self._theme, self._session, self._plots)

    def _make_window(self, panel: LivePanel) -> MainWindow:
        parts = self.parts
        # The tabs' own: what they have begun ends with their window, when another language makes another one.
        self._tabs_bridge = Bridge(self._on_error, self)
        picker = ModelPicker(
            self._session,
            self._theme,
            lambda: parts.store.present.models,
            servers=lambda: parts.settings.values.elsewhere,
        )
        self._panel = panel
        self._panel.set_collapsed(not parts.settings.values.live_panel_open)
        self._panel.collapsed_changed.connect(
            lambda collapsed: parts.settings.change(live_panel_open=not collapsed)
        )
        self._panel.watched_changed.connect(self._sampler.set_visible)
        if self._snapshot is not None:
            # Of the window before it. The next one comes late while the engine works.
            self._panel.show_snapshot(self._snapshot)
        tabs: WindowTabs
        window = MainWindow(self._theme, picker, tab_pages(lambda: tabs), self._panel)
        place = self._place = WindowPlace(window, parts.settings)
        WindowZoom(window, parts.settings)
        long_replies = LongReplies(window, parts.settings)
        long_replies.chosen.connect(self._on_long_reply_chosen)
        lines = self._lines = InlineNotices(self._theme)
        window.add_below_bar(lines)
        notices = self._notices = Notices(
            window,
            lambda: self.dialogs.copy_report(),
            lines,
            parts.paths.data,
        )
        window.toast = notices
        window.page_shown.connect(lambda _: notices.move_to(_toast_place(window)))
        notices.keyboard_left.connect(lambda: window.current_content.setFocus())
        ui = UiContext(self._session, parts.settings, self._theme, self._bridge, self._notices, self._plots)
        self.dialogs = WindowDialogs(ui, window, parts, self.server, self.cuda, self._moving)
        tabs = self._tabs = WindowTabs(
            replace(ui, bridge=self._tabs_bridge),
            window,
            parts,
            self._advice,
            self._jobs,
            self._chat_library,
            welcomes=self._painted,
        )
        self.dialogs.models_deleted.connect(tabs.reread_models)
        tabs.model_chosen.connect(self._models.choose)
        tabs.filters_requested.connect(self.dialogs.ask_filters)
        self.dialogs.models_moved.connect(tabs.reread_models)
        tabs.chat_opened.connect(place.chat_opened)
        self._panel.follow(tabs.chat_context)
        tabs.reply_ended.connect(long_replies.reply_ended)
        window.models_dropped.connect(tabs.add_models)
        picker.chosen.connect(self._models.choose)
        picker.unload_asked.connect(self._models.unload)
        picker.more_asked.connect(lambda: window.show_page("models"))
        choice = ElsewhereChoice(parts.settings, self._session)
        picker.elsewhere_chosen.connect(lambda server, model: choice.choose(server, model, window))
        picker.servers_asked.connect(lambda: self.dialogs.ask_settings("servers elsewhere"))
        settings = SettingsCommands(self.dialogs, parts.settings, window)
        self.commands = WindowCommands(
            window,
            self._theme,
            self._panel,
            parts.chats.conversations,
            tabs.show_chat,
            settings.parts,
            self._languages.english_of,
        )
        window.came_to_front.connect(self._on_front)
        window.closing.connect(self._on_closing)
        if self._disk is not None and self._disk.problem is not None:
            self._on_disk_full(self._disk.problem)
        return window

    def _advice(self) -> MachineAdvice:
        """Made when it is first needed: it measures the memory's speed."""
        if self._machine_advice is None:
            self._machine_advice = MachineAdvice(
                self._session, self.parts.measurements, self.parts.files, self._bridge, self
            )
        return self._machine_advice

    def _chat_library(self) -> ChatLibrary:
        """One for all windows: an Undo may come from the one before."""
        is_chinese = QLocale().language() == QLocale.Language.Chinese
        return self.parts.library.in_language("zh" if is_chinese else "en")

    def _on_first_painted(self) -> None:
        self._painted = True
        GuiThreadGarbage(self)
        self.parts.client.start()
        self._bridge.start(asyncio.to_thread(self.parts.jobs.start))
        self.server.start()
        # The first text has it at once then.
        self._bridge.start(asyncio.to_thread(importlib.import_module, "app.chat.markdown.markdown_parser"))
        parts = self.parts
        stores = (parts.chats, parts.benchmarks, parts.quality_runs, parts.drift_runs)
        self._health = DatabaseHealth(
            stores,
            lambda notice: self._notices.error(notice),
            self._bridge.start,
            lambda: self._tabs.reread_chats(),
            self,
        )
        self._disk = DiskWatch(
            parts.paths.data, stores, self._bridge.start, self, lambda: self._notices.disk_needs
        )
        self._disk.ran_out.connect(self._on_disk_full)
        self._disk.has_room.connect(self._on_disk_room)
        self._disk.measured.connect(lambda there: self._notices.show_space(there))
        self._sampler.start()
        # Most of what the first show of a tab would take otherwise.
        self._later.begin(deferred_imports())
        self.parts.told.observe(self._bridge.wrap(self._on_told))
        if self._files:
            self.open_files(self._files)
            is_wanted = None
        else:
            is_wanted = self._session.choose()
        self._bridge.start(self._begin_with_models(is_wanted))

    async def _begin_with_models(self, is_wanted: Callable[[], bool] | None) -> None:
        """Offer and load what is there as soon as the disk has said it, unless the user was quicker; nothing
        where files were opened."""
        try:
            await asyncio.to_thread(self.parts.store.listing)
        except OSError as error:
            self._on_error(error)
        if is_wanted is not None:
            self._tabs.welcome()
            if is_wanted():
                self._models.choose_first()
            else:
                self._session.expect_model(False)
        # Afterwards, so that nobody who asks for the models waits for the end of this.
        await asyncio.to_thread(self._tidy_models)
        self.dialogs.tell_of_interrupted_move()

    def _on_told(self, notice: StillroomError) -> None:
        self._notices.error(notice)

    def _on_disk_full(self, problem: StillroomError) -> None:
        # It goes once all is kept again.
        self._lines.add(replace(self._notices.told(problem), disk=None), FULL_DISK)

    def _on_disk_room(self) -> None:
        self._lines.mend(FULL_DISK)
        self._tabs.keep_again()
        self._notices.inform(self.tr("The disk has space again: everything is kept."))

    def _on_long_reply_chosen(self, conversation_id: int) -> None:
        self.raise_window()
        self._tabs.show_chat(conversation_id)

    def _on_snapshot(self, snapshot: TelemetrySnapshot) -> None:
        self._snapshot = snapshot
        self._panel.show_snapshot(snapshot)
        self.memory_warnings.look_at(snapshot)

    def _on_memory_warning(self, text: str) -> None:
        self._notices.warn(text, self.tr("Unload"), self._models.unload)

    def _on_settings(self, values: Settings) -> None:
        before, self._values = self._values, values
        self._theme.choose(values.theme, values.zoom_percent, in_steps=True)
        self._sampler.set_rate_hz(values.telemetry_hz)
        self.parts.idle.set_idle_s(60 * values.idle_unload_minutes)
        if values.language != before.language:
            self._languages.choose(values.language)
            if self._replacing is None or self._replacing.done():
                self._replacing = self._bridge.start(self._follow_language())

    async def _follow_language(self) -> None:
        """Texts are made with their widgets, so another language needs another window."""
        spoken = None
        # Another one may be chosen while the window of this one is made.
        while spoken != self._values.language and not self._ended.is_set():
            spoken = self._values.language
            await self._replace_window()

    async def _replace_window(self) -> None:
        old = self._window
        state, settings_place = self._tabs.state(), self.dialogs.settings_place
        undos, tabs_bridge = self._notices.give_undos(), self._tabs_bridge
        old.setEnabled(False)
        # What is told meanwhile would be in the new language, in between the old one's.
        old.setUpdatesEnabled(False)
        # The new window opens with what the settings say.
        left = [*self._tabs.close_down(), self._place.close_down()]
        tabs_bridge.close()
        page = old.current_page
        kept = self._keep(left)
        await off_this_thread(kept)
        if self._ended.is_set():
            return
        self._left.remove(kept)
        # Half of what a window's frame takes to be made, and so in a turn of its own.
        panel = self._make_panel()
        await asyncio.sleep(0)
        if self._ended.is_set():
            panel.deleteLater()
            return
        new = self._make_window(panel)
        try:
            for _ in self._fill_window(new, page, state):
                await asyncio.sleep(0)
                if self._ended.is_set():
                    # One of them was closed meanwhile.
                    return
            old.closing.disconnect(self._on_closing)
            old.close()
            self._window = new
            tabs_bridge.hand_on(self._start_late)
            self._notices.take_undos(undos, self._take_back)
            if settings_place is not None:
                self.dialogs.open_settings_place(settings_place)
            for _ in old.delete_pages():
                await asyncio.sleep(0)
        finally:
            (old if self._window is new else new).deleteLater()

    def _take_back(self, undo: Undo) -> None:
        """Undo what was done in the window before this one."""
        self._coming_back = undo.back
        try:
            undo.action()
        except RuntimeError as error:
            # It has come to what showed that.
            if not is_of_closed(error):
                raise
        finally:
            self._coming_back = None
        self._tabs.reread()

    def _start_late(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Do what the window before this one has left to be done, and show here what has changed."""
        back = self._coming_back

        def on_done(task: asyncio.Task[Any]) -> None:
            if not task.cancelled():
                self._tabs.reread(back)

        # The work itself: one in another one is never begun where that ends before its first step.
        task = self._bridge.start(work)
        task.add_done_callback(on_done)
        return task

    def _fill_window(self, window: MainWindow, page: str, state: TabsState) -> Iterator[None]:
        """Make what is seen of a window first, in steps: all of it takes too long at once."""
        yield
        yield from self._tabs.restore(state)
        yield from window.making(page)
        yield
        window.show_page(page)
        yield
        window.setGeometry(self._window.geometry())
        window.show()
        yield

    def _tidy_models(self) -> None:
        """Delete what an earlier move and earlier deletions have left. Blocks."""
        self._moving.place.finish()
        if self.parts.store.is_there:
            self.parts.store.empty_trash()

    def _on_front(self) -> None:
        """Look for the models that another program, such as a command, has got or deleted meanwhile."""
        if self._listing is None or self._listing.done():
            self._listing = self._bridge.start(asyncio.to_thread(self.parts.store.listing))

    def _on_closing(self) -> None:
        self._ending.begin()
        try:
            self.closing.emit()
            self._jobs.cancel()
            # At once, before anything is waited for: of all that ends it is what must not be late.
            self._keep(self._tabs.close_down())
        finally:
            # Whatever fails on the way: a process without a window ends.
            self._ended.set()

    def _keep(self, left: list[Callable[[], None]]) -> Callable[[], None]:
        """Begin to keep what tabs have left; the returned function waits for that, as the end does."""
        kept = start_thread(partial(close_together, left, self._ending.left_s()), "last-words")

        def wait() -> None:
            kept.wait()

        self._left.append(wait)
        return wait

    def _on_loaded(self, info: ModelInfo) -> None:
        """Look up what is chosen for a model, which a program may have loaded, before the window asks."""
        if not is_elsewhere(info.path):
            self._bridge.start(asyncio.to_thread(self.parts.load_choices.of, info.path))

    def _on_engine_ready(self) -> None:
        self.cuda.look_once()
        servers = self.parts.settings.values.load.rpc_servers
        if servers:
            self._bridge.start(self._ask_other_computers(servers))

    async def _ask_other_computers(self, servers: Sequence[RpcServer]) -> None:
        await self._session.list_devices(servers)

    def _on_error(self, error: BaseException) -> None:
        if not isinstance(error, StillroomError):
            log.error("unexpected in the window", exc_info=error)
        self._notices.error(error)

    def _on_uncaught(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        self._previous_hook(kind, error, trace)
        if issubclass(kind, Exception) and not isinstance(error, Cancelled):
            self._notices.error(error)


def _toast_place(window: MainWindow) -> QBoxLayout:
    """The row for toasts of the page in front, or that of the window."""
    page = window.current_content
    return page.toast_place if isinstance(page, HasToastPlace) else window.toast_place
