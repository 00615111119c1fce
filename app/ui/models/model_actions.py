"""Actions on models on disk beside loading them: look inside, verify, make another type, add."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QPoint, Qt, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QMenu, QVBoxLayout, QWidget

from app.acquire.importing import import_models
from app.acquire.jobs import JobBook
from app.acquire.requantise import estimated_bytes, source_of
from app.base.errors import Cancelled, StillroomError
from app.ui.base import shortcuts
from app.ui.base.add_action import allow
from app.ui.base.show_in_folder import show_in_folder
from app.ui.models.gguf.gguf_dialog import GgufDialog
from app.ui.models.list.model_rows import ModelRow
from app.ui.models.requantise_dialog import RequantiseDialog
from app.ui.models.verify_card import VerifyCard
from app.ui.widgets.dropped import hold_folder
from app.ui.widgets.inline_notices import InlineNotices
from app.ui.widgets.ui_context import UiContext
from converters.gguf.gguf_reader import check_gguf, inspect
from models.catalogue.catalogue import find
from models.catalogue.reference import GgufReference
from models.quantisation.quantisation_types import QUANTISATIONS
from models.store.file_check import FileCheck, check_file
from models.store.store import InstalledModel, ModelStore
from models.system.progress import JobContext, Progress


class ModelActions(QObject):
    """Each begins at once and ends by itself; GUI thread. Cards of running ones go into `place`.

    `load_asked` and `delete_asked` pass on what was chosen in a menu, `imported` the models that are in the
    list now. `keyboard_left` says that what had the keyboard is about to go.
    """

    load_asked = Signal(object)
    delete_asked = Signal(object)
    imported = Signal(object)
    keyboard_left = Signal()

    def __init__(
        self,
        ui: UiContext,
        store: ModelStore,
        jobs: JobBook,
        place: QVBoxLayout,
        refused: Callable[[], InlineNotices],
        window: QWidget,
    ) -> None:
        """`refused` has the lines about what could not be added."""
        super().__init__(window)
        self._theme = ui.theme
        self._bridge = ui.bridge
        self._session = ui.session
        self._store = store
        self._jobs = jobs
        self._settings = ui.settings
        self._notices = ui.notices
        self._place = place
        self._refused = refused
        self._adding = ui.bridge.for_place(lambda: ui.notices.at(refused()))
        self._window = window
        self._opening = False
        """A dialog is about to open: its file is being read."""

    def menu(self, row: ModelRow, models: Sequence[InstalledModel] = ()) -> QMenu:
        """A menu for all files of a row, or some; of several each has its own. It deletes itself."""
        models = models or row.installed
        menu = QMenu(self._window)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for model in models:
            inner = menu if len(models) == 1 else menu.addMenu(model.type)
            self._fill(inner, model, row)
        return menu

    def inspect(self, model: InstalledModel) -> None:
        """Open the view of the file's metadata and tensors."""
        self._open_one(partial(self._inspect, model.path))

    def verify(self, model: InstalledModel) -> None:
        """Hash the file and compare."""
        self._bridge.start(self._verify(model))

    def requantise(self, model: InstalledModel) -> None:
        """Ask which type, then make it as a job."""
        self._open_one(partial(self._ask_type, model))

    def import_paths(self, paths: Sequence[Path], *, load_first: bool = False) -> None:
        """Take up files and folders where they lie; where that is wished, load the first of files alone."""
        self._adding.start(self._import(list(paths), load_first))

    def show_folder(self, model: InstalledModel) -> None:
        """Show the file in the folder that it lies in."""
        show_in_folder(model.path)

    def _open_one(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Begin to open a dialog, unless one is about to open: a key that is pressed twice asks for one."""
        if not self._opening:
            self._opening = True
            self._bridge.start(self._opened(work))

    async def _opened(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await work()
        finally:
            self._opening = False

    def _fill(self, menu: QMenu, model: InstalledModel, row: ModelRow) -> None:
        answers = model == row.answering
        text = self.tr("Use") if model in row.loaded and not answers else self.tr("Load")
        load = menu.addAction(text, lambda: self.load_asked.emit(model))
        allow(load, self.tr("It is loaded already") if answers else "")
        if model == row.loading:
            allow(load, self.tr("It is being loaded"))
        menu.addSeparator()
        inside = menu.addAction(self.tr("Look inside…"), lambda: self.inspect(model))
        inside.setShortcut(shortcuts.INSIDE_FILE)
        menu.addAction(self.tr("Verify"), lambda: self.verify(model))
        menu.addAction(self.tr("Make another size (quantisation)…"), lambda: self.requantise(model))
        menu.addAction(self.tr("Show in its folder"), lambda: self.show_folder(model))
        menu.addSeparator()
        text = self.tr("Take off the list") if model.imported else self.tr("Delete")
        delete = menu.addAction(text, lambda: self.delete_asked.emit(model))
        if _deletable(row) == [model]:
            delete.setShortcut(QKeySequence(shortcuts.DELETE))
        allow(delete, self.tr("The starter model comes with Stillroom") if model.bundled else "")

    async def _inspect(self, path: Path) -> None:
        summary = await asyncio.to_thread(inspect, path)
        dialog = GgufDialog(path, summary, self._window.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def cannot_delete(self, row: ModelRow) -> str:
        """Say why nothing of a row can be deleted; empty where something can."""
        if not row.installed:
            return self.tr("Nothing of this model is on this computer")
        return "" if _deletable(row) else self.tr("The starter model comes with Stillroom")

    def delete(self, row: ModelRow, place: QPoint) -> None:
        """Delete the file of a row; of several, ask which in a menu at `place`."""
        files = _deletable(row)
        if len(files) == 1:
            self.delete_asked.emit(files[0])
            return
        menu = QMenu(self._window)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for file in files:
            text = self.tr("Take {model} off the list") if file.imported else self.tr("Delete {model}")
            called = f"{row.title} {file.type}"
            menu.addAction(text.format(model=called), partial(self.delete_asked.emit, file))
        menu.popup(place)

    def take_away(self, card: QWidget) -> None:
        """Remove a card that is done with; the keyboard goes on in the list where the card had it."""
        here = card.window().focusWidget()
        if here is card or (here is not None and card.isAncestorOf(here)):
            self.keyboard_left.emit()
        self._place.removeWidget(card)
        card.hide()
        card.deleteLater()

    async def _verify(self, model: InstalledModel) -> None:
        called = f"{model.name} {model.type}"
        for before in self._window.findChildren(VerifyCard):
            if before.called == called and before.is_done:
                self.take_away(before)
        card = VerifyCard(called)
        cancel = threading.Event()
        card.cancel_asked.connect(cancel.set)
        card.closed.connect(lambda: self.take_away(card))
        self._place.addWidget(card)

        def on_progress(progress: Progress) -> None:
            # What was posted before the end must not reach a card that is gone.
            if not cancel.is_set():
                card.show_progress(progress)

        try:
            job = JobContext(self._bridge.wrap(on_progress), cancel)
            check = await asyncio.to_thread(_checked, model, job)
        except Cancelled:
            self.take_away(card)
        except StillroomError as error:
            card.show_problem(error)
        else:
            card.show_check(check)
        finally:
            # Also where the window ends meanwhile: the thread stops at its next block.
            cancel.set()

    async def _ask_type(self, model: InstalledModel) -> None:
        source = await asyncio.to_thread(source_of, model.path, self._store)
        summary = await asyncio.to_thread(inspect, model.path)
        sizes = {kind: estimated_bytes(summary, kind) for kind in QUANTISATIONS if kind != source.type}
        dialog = RequantiseDialog(
            model,
            source.type,
            sizes,
            loses_quality=source.is_quantised,
            parent=self._window.window(),
        )
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        known = find(model.key) if model.key else None
        title = known.name if known is not None else model.name
        values = self._settings.values

        def begin(kind: str) -> None:
            view = self._jobs.add(
                str(model.path),
                [kind],
                # A file that is quantised already tells nothing of what quantising the original costs.
                measure=values.measure_builds and not source.is_quantised,
                weigh=values.weigh_builds,
                title=title,
                reference=GgufReference(model.path),
            )
            # It may have been cancelled before.
            self._notices.withdraw(view.id)

        dialog.chosen.connect(begin)
        dialog.open()

    async def _import(self, paths: list[Path], load_first: bool) -> None:
        given_up = threading.Event()
        is_first = self._session.follow_choices()
        try:
            load_first = load_first and not await asyncio.to_thread(hold_folder, paths)
            is_wanted = self._session.choose() if load_first and is_first() else None
            ready = self._session.ready
            found = await asyncio.to_thread(
                import_models,
                paths,
                self._store,
                known=ready.architectures if ready is not None else (),
                cancel=given_up,
            )
        finally:
            given_up.set()
        if found.models:
            self.imported.emit(found.models)
            if is_wanted is not None and is_wanted():
                # Else the user has loaded another one while these were read.
                self.load_asked.emit(found.models[0])
        with self._notices.together():
            for error in found.refused[:MOST_ERRORS]:
                self._notices.error(error, self._notices.at(self._refused()))
            if found.models:
                self._notices.inform(self._added_words(found.models))

    def _added_words(self, models: Sequence[InstalledModel]) -> str:
        if len(models) > 1:
            text = self.tr("{count} models were added. Their files stay where they are.")
            return text.format(count=len(models))
        return self.tr("{model} was added. Its file stays where it is.").format(model=models[0].name)


def _deletable(row: ModelRow) -> list[InstalledModel]:
    return [file for file in row.installed if not file.bundled]


MOST_ERRORS = 3
"""Of a folder with many broken files as many are told as can be read."""


def _checked(model: InstalledModel, job: JobContext) -> FileCheck:
    check = check_file(model, job)
    if not check.is_recorded:
        check_gguf(model.path)
    return check
