"""The dialogs of the window as a whole: how models are loaded, settings, filter, audit log, local API."""

import asyncio
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QEvent, QMargins, QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QDialog

from app.base.errors import StillroomError
from app.base.log import report
from app.engine.rpc.rpc_address import numeric_endpoint
from app.machine.freeable import Freeable, delete_for_good, find_freeable
from app.remote.remote_server import ElsewhereModel, ElsewhereServer
from app.settings import LoadChoice
from app.ui.base.add_action import add_action
from app.ui.base.engine_session import model_name
from app.ui.base.slices import NEXT_TURN, Slices
from app.ui.settings.cuda_session import CudaSession
from app.ui.settings.models_moving import ModelsMoving
from app.ui.settings.server_session import ServerSession
from app.ui.shell.main_window import MODIFIERS, MainWindow
from app.ui.shell.model_choice import measured_error, what_returns
from app.ui.shell.program_parts import ProgramParts
from app.ui.widgets.ui_context import UiContext
from models.hub.hub_access import HubAccount, TokenError
from models.system.disk_space import DiskFullError

if TYPE_CHECKING:
    # Imported when they are first shown, which is after the first painting.
    from app.ui.load_settings.load_settings_dialog import LoadSettingsDialog
    from app.ui.settings.audit_dialog import AuditDialog
    from app.ui.settings.filters_dialog import FiltersDialog
    from app.ui.settings.server_dialog import ServerDialog
    from app.ui.settings.settings_dialog import SettingsDialog, SettingsPage, SettingsPlace
    from app.ui.shell.make_room_dialog import MakeRoomDialog


Dialog = TypeVar("Dialog", bound=QDialog)
Making = Generator[None, None, QDialog]
"""The steps in which a dialog is made, and the dialog."""
EDGES = QMargins(8, 40, 8, 8)
"""The room that a desktop takes around a dialog, in pixels."""
_PRESSED = (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress)


class WindowDialogs(QObject):
    """Opens them, and does what is decided in them. GUI thread.

    What begins with `ask` opens a dialog in later turns of the event loop, as to make and to show one takes
    too long at once; what begins with `open` does it now, for whoever goes on in it.
    """

    models_deleted = Signal()
    """Files of models are gone for good."""
    models_moved = Signal()

    def __init__(
        self,
        ui: UiContext,
        window: MainWindow,
        parts: ProgramParts,
        server: ServerSession,
        cuda: CudaSession,
        moving: ModelsMoving,
    ) -> None:
        super().__init__(window)
        self._window = window
        self._parts = parts
        self._session = ui.session
        self._server = server
        self._cuda = cuda
        self._theme = ui.theme
        self._bridge = ui.bridge
        self._notices = ui.notices
        self.moving = moving
        self.moving.moved.connect(self._on_moved)
        self.moving.failed.connect(self._on_move_failed)
        self._opening = Slices(self)
        self._keeping = asyncio.Lock()
        self._being_made: QDialog | None = None
        """By `_opening`."""
        window.load_settings_asked.connect(self._ask_load_settings)
        window.settings_asked.connect(lambda: self.ask_settings("general"))
        add_action(window, self.tr("Input filter"), "", self.ask_filters)
        add_action(window, self.tr("Audit log"), "", self._ask_audit)
        add_action(window, self.tr("Local API"), "", self._ask_server)
        ui.notices.offer(DiskFullError, self.tr("Make room…"), self._on_make_room)
        ui.notices.offer(TokenError, self.tr("Open settings"), lambda _: self.ask_hub_settings())
        cuda.offered.connect(self._on_cuda_offered)

    @property
    def load_subject(self) -> str:
        """The file of the model that the load settings are for now; empty for new models."""
        if self._session.here is not None:
            return self._session.here.path
        return self._session.loading_path

    def open_load_settings(self) -> "LoadSettingsDialog":
        """Open the load settings of the model that answers, with the memory that they take, or of the one
        that is being loaded; those of new models where there is none of this computer."""
        return _opened(self.make_load_settings())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Take keys for the dialog that was asked for and is still made: Escape, which would stop a reply in
        the window, takes that back."""
        if not self._opening.under_way:
            watched.removeEventFilter(self)
        elif isinstance(event, QKeyEvent) and event.type() in _PRESSED and event.key() not in MODIFIERS:
            if event.key() != Qt.Key.Key_Escape:
                self._opening.finish()
            elif event.type() == QEvent.Type.KeyPress:
                self._opening.stop()
                if self._being_made is not None:
                    self._being_made.deleteLater()
            # Else it would be looked for among the shortcuts of the window.
            event.accept()
            return True
        return super().eventFilter(watched, event)

    def _ask_load_settings(self) -> None:
        def making() -> Making:
            dialog = self._being_made = self.make_load_settings(in_steps=True)
            yield from dialog.making()
            return dialog

        self._open_later(making())

    def _open_later(self, making: Making) -> None:
        """Make a dialog in steps, and show it in a turn of its own. Keys that come before go to it."""

        def steps() -> Iterator[object]:
            dialog = self._being_made = yield from making
            yield NEXT_TURN
            # Somebody may have closed the window meanwhile.
            if self._window.isVisible():
                _opened(dialog)

        if not self._opening.under_way:
            self._being_made = None
            self._opening.begin(steps())
            handle = self._window.windowHandle()
            if handle is not None:
                handle.installEventFilter(self)

    def make_load_settings(self, *, planned: bool = True, in_steps: bool = False) -> "LoadSettingsDialog":
        """Make the load settings; not `planned`, they ask nothing of the engine. `in_steps` as in the
        dialog."""
        from app.ui.load_settings.load_settings_dialog import LoadSettingsDialog, LoadSubject, drafts_for

        info, parts, loading = self._session.here, self._parts, self._session.loading_path
        path = Path(info.path) if info is not None else Path(loading) if loading else None
        subject = None
        if path is not None:
            subject = LoadSubject(
                model_name(info) if info is not None else self._session.title(str(path)),
                parts.memory.known(str(path)),
                partial(self._session.plan, str(path)) if planned else None,
                drafts_for(str(path), parts.store.present.models),
            )
        choices = parts.load_choices
        dialog = LoadSettingsDialog(
            subject,
            choices.default if path is None else choices.known(path),
            choices.built_in if path is None else choices.default,
            parts.settings.values.idle_unload_minutes,
            self._bridge,
            self._window,
            in_steps=in_steps,
        )
        dialog.applied.connect(partial(self._on_load_settings, path))
        dialog.default_chosen.connect(lambda choice: self._bridge.start(self._make_default(choice)))
        dialog.tune_asked.connect(self.open_tuning)
        dialog.table_asked.connect(self.open_tuning_table)
        dialog.forget_asked.connect(self._on_forget)
        return dialog

    def _on_load_settings(self, path: Path | None, choice: LoadChoice, idle_minutes: int) -> None:
        self._parts.settings.change(idle_unload_minutes=idle_minutes)
        if path is None:
            self._bridge.start(self._make_default(choice))
            return
        self._bridge.start(self._load_again(path, partial(self._parts.load_choices.choose, path, choice)))

    async def _make_default(self, choice: LoadChoice) -> None:
        # One after the other: the last one holds.
        async with self._keeping:
            listing = await asyncio.to_thread(self._parts.store.listing)
            present = [model.path for model in listing.models]
            await asyncio.to_thread(self._parts.load_choices.make_default, choice, present)

    def _on_forget(self) -> None:
        if self._session.here is not None:
            path = Path(self._session.here.path)
            self._bridge.start(
                self._load_again(path, partial(self._parts.memory.forget, str(path), "lowered"))
            )

    def open_tuning(self) -> None:
        """Find the fastest settings of the loaded model."""
        from app.ui.load_settings.tuning_session import open_tuning

        if self._session.here is None:
            return
        if self._session.reserved_for:
            self._notices.inform(self.tr("The model is being measured. Try again when that is done."))
            return
        if self._session.client.is_replying:
            if not self._session.make_quiet(self.open_tuning):
                self._notices.inform(
                    self.tr("A reply is being written. Stop it or wait for it, then try again.")
                )
            return
        parts = self._parts
        open_tuning(
            self._session,
            parts.tuner,
            parts.load_choices,
            parts.memory,
            self._bridge,
            self._window,
            self._load_again,
        )

    def open_tuning_table(self) -> None:
        """Show what the last tuning of the loaded model measured."""
        from app.tuning.report import kept_report
        from app.ui.load_settings.tuning_session import show_tuning_table

        info = self._session.here
        report = kept_report(self._parts.memory.known(info.path)) if info is not None else None
        if info is not None and report is not None:
            show_tuning_table(info.name, report, self._bridge, self._window)

    def _on_cuda_offered(self) -> None:
        offer = self._cuda.offer
        assert offer is not None
        self._notices.inform(
            self.tr("{card} can be used through CUDA, with NVIDIA's libraries.").format(card=offer.card),
            self.tr("Show"),
            self._show_computer,
        )

    def _show_computer(self) -> None:
        self.ask_settings("this computer")

    def open_filters(self) -> "FiltersDialog":
        """Show the rules of the input filter."""
        return _opened(self.make_filters())

    def ask_filters(self) -> None:
        """Show them in later turns."""

        def making() -> Making:
            dialog = self._being_made = self.make_filters(in_steps=True)
            yield
            yield from dialog.making()
            return dialog

        self._open_later(making())

    def make_filters(self, *, in_steps: bool = False) -> "FiltersDialog":
        """Make that dialog, and do not show it; `in_steps` as in the dialog."""
        from app.ui.settings.filters_dialog import FiltersDialog

        return FiltersDialog(
            self._parts.gate.filters, self._theme, self._bridge, self._window, in_steps=in_steps
        )

    def open_audit(self) -> "AuditDialog":
        """Show the audit log."""
        return _opened(self.make_audit())

    def _ask_audit(self) -> None:
        self._open_later(_at_once(self.make_audit))

    def make_audit(self) -> "AuditDialog":
        """Make that dialog, and do not show it."""
        from app.ui.settings.audit_dialog import AuditDialog

        return AuditDialog(self._parts.gate, self._parts.settings, self._bridge, self._window)

    def open_server(self) -> "ServerDialog":
        """Show the local API: on and off, key, who uses it."""
        return _opened(self.make_server())

    def _ask_server(self) -> None:
        self._open_later(_at_once(self.make_server))

    def make_server(self) -> "ServerDialog":
        """Make that dialog, and do not show it."""
        from app.ui.settings.server_dialog import ServerDialog

        return ServerDialog(self._server, self._parts.settings, self._theme, self._window)

    def ask_hub_settings(self) -> None:
        """Show where the hub's token, mirror and proxy are entered, in later turns."""
        self.ask_settings("hugging face")

    def open_settings_page(self, page: "SettingsPage") -> "SettingsDialog":
        """Open the settings at a page."""
        dialog = self.make_settings()
        dialog.show_page(page)
        return _opened(dialog)

    def ask_settings(self, page: "SettingsPage") -> None:
        """Open them there in later turns."""

        def making() -> Making:
            dialog = self._being_made = self.make_settings()
            yield
            dialog.show_page(page)
            return dialog

        self._open_later(making())

    def open_settings_place(self, place: "SettingsPlace") -> None:
        """Open the settings where somebody was in them."""
        dialog = self.open_settings_page(place.page)
        if place.control is not None:
            dialog.go_to(place.control)

    @property
    def settings_place(self) -> "SettingsPlace | None":
        """The place of the keyboard in the settings that are open; None while they are not."""
        from app.ui.settings.settings_dialog import SettingsDialog

        dialog = self._window.findChild(SettingsDialog)
        return dialog.place if dialog is not None and dialog.isVisible() else None

    def copy_report(self) -> None:
        """Put the report about this program on the clipboard once the log is read, on another thread."""
        self._bridge.start(self._copy_report())

    async def _copy_report(self) -> None:
        QGuiApplication.clipboard().setText(await asyncio.to_thread(report, self._parts.paths.logs))

    def make_settings(self) -> "SettingsDialog":
        """Make that dialog without its pages, and do not show it."""
        from app.ui.settings.chat_states_card import ChatStatesCard
        from app.ui.settings.doctor_page import DoctorPage
        from app.ui.settings.hugging_face_page import HuggingFacePage
        from app.ui.settings.models_folder_card import ModelsFolderCard
        from app.ui.settings.other_computers_page import OtherComputersPage
        from app.ui.settings.remote_servers_page import ServersElsewherePage
        from app.ui.settings.settings_dialog import SettingsDialog, SettingsMakers

        parts, theme, bridge = self._parts, self._theme, self._bridge
        makers = SettingsMakers(
            states=lambda place: ChatStatesCard(parts.settings, parts.paths.chat_states, bridge, place),
            doctor=lambda place: DoctorPage(
                theme,
                bridge,
                partial(asyncio.to_thread, parts.examine),
                self.copy_report,
                self._cuda,
                place,
            ),
            folder=lambda place: ModelsFolderCard(self.moving, bridge, place),
            hub=lambda place: HuggingFacePage(
                parts.settings, parts.hub_choices, bridge, self._check_hub_access, place
            ),
            others=lambda place: OtherComputersPage(
                parts.settings,
                theme,
                bridge,
                self._session.list_devices,
                lambda server: asyncio.to_thread(numeric_endpoint, server),
                place,
            ),
            elsewhere=lambda place: ServersElsewherePage(
                parts.settings, parts.server_keys, theme, bridge, _fetch_models, place
            ),
        )
        dialog = SettingsDialog(parts.settings, parts.paths, makers, self._window)
        for asked, opened in (
            (dialog.filters_asked, self.ask_filters),
            (dialog.audit_asked, self._ask_audit),
            (dialog.api_asked, self._ask_server),
        ):
            # One dialog at a time: all are for the window as a whole.
            asked.connect(dialog.accept)
            asked.connect(opened)
        return dialog

    def _on_make_room(self, error: StillroomError) -> None:
        need = error.need if isinstance(error, DiskFullError) else None
        self.open_make_room(None if need is None else need.folder)

    def open_make_room(self, folder: Path | None = None) -> "MakeRoomDialog":
        """Offer what of Stillroom's own can be deleted from the disk of `folder`, or from that of the user's
        data without one."""
        from app.ui.shell.make_room_dialog import MakeRoomDialog

        parts = self._parts
        folder = parts.paths.data if folder is None else folder
        return _opened(
            MakeRoomDialog(
                folder,
                partial(find_freeable, parts.paths, parts.store, folder),
                self._free,
                self._bridge,
                self._window,
            )
        )

    async def _free(self, what: Freeable) -> None:
        if what.model is not None:
            await self._session.let_go(str(what.model.path))
        await asyncio.to_thread(delete_for_good, what, self._parts.store)
        self.models_deleted.emit()

    def _on_moved(self) -> None:
        self.models_moved.emit()
        self._notices.inform(
            self.tr("The models are in {folder} now.").format(folder=str(self._parts.store.root))
        )

    def _on_move_failed(self, error: StillroomError) -> None:
        # Loaded by whoever began the move.
        from app.ui.settings.models_folder_card import ModelsFolderCard

        if not any(card.isVisible() for card in self._window.findChildren(ModelsFolderCard)):
            reason = self._notices.told(error).text
            text = self.tr("The models were not moved. {reason}").format(reason=reason)
            self._notices.warn(text, self.tr("Open settings"), self._ask_models_folder)

    def tell_of_interrupted_move(self) -> None:
        """Say that a move of the models did not come to its end before the program did, if so."""
        target = self.moving.place.unfinished
        if target is not None and not self.moving.is_running:
            text = self.tr("The move of the models to {folder} was interrupted. They are all here still.")
            self._notices.warn(
                text.format(folder=str(target)), self.tr("Open settings"), self._ask_models_folder
            )

    def _ask_models_folder(self) -> None:
        self.ask_settings("models folder")

    def _check_hub_access(self) -> HubAccount:
        # The hub's library takes longer to load than a dialog may take to open.
        from models.hub.hub_account import check_access
        from models.hub.hub_client import HubClient

        return check_access(HubClient(access=self._parts.hub_choices.access))

    async def _load_again(self, path: Path, keep: Callable[[], None] | None = None) -> None:
        """Load a model as is chosen for it, after `keep` has changed that on the disk."""
        is_wanted = self._session.choose()
        if keep is not None:
            # One after the other: the last one holds.
            async with self._keeping:
                await asyncio.to_thread(keep)
        if self._session.reserved_for:
            # What was chosen is kept for the next load.
            self._notices.toast(measured_error())
            return
        chosen = await asyncio.to_thread(self._parts.load_choices.of, path)
        if not is_wanted():
            # The user has gone on to another model.
            return
        try:
            await self._session.load(path, chosen.load)
        except StillroomError as error:
            # The model's row keeps the trace.
            self._notices.toast(error, what_returns(self._session))


def _fetch_models(server: ElsewhereServer, key: str) -> tuple[ElsewhereModel, ...]:
    """Ask a server for its models, on a thread, which has the time for the library that does it."""
    from app.remote.model_directory import fetch_models

    return fetch_models(server, key)


def _at_once(make: Callable[[], QDialog]) -> Making:
    """Make a dialog in one step."""
    yield
    return make()


def _opened(dialog: Dialog) -> Dialog:
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    # Its buttons stay above the edge of a small screen, below a title bar.
    dialog.resize(dialog.size().boundedTo(dialog.screen().availableSize().shrunkBy(EDGES)))
    dialog.open()
    return dialog
