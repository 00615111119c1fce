"""The keyboard in the list of models and around it: what each key does, and where it goes on when something
is gone."""

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QMenu, QPushButton, QTableView, QToolTip, QWidget

from app.acquire.importing import import_models
from app.ui.models.job_card import JobCard
from app.ui.models.models_tab import ModelsTab
from app.ui.models.verify_card import VerifyCard
from app.ui.shell.window_application import WindowApplication
from app.ui.widgets.notices import Notices
from models.store.manifest import BuiltFile
from models.store.store import InstalledModel, TrashedModel
from tests.support.pages.models_page import ModelsPage
from tests.support.tiny_gguf import write_tiny_gguf
from tests.support.waiting import until
from tests.support.widgets import seen_button, seen_words
from tests.support.window import run_with_window, settle

KEY = "r1-qwen-1.5b"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path / "home"))
    # Nothing answers there: a job waits for the hub.
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    return tmp_path


class Desk:
    """The Models tab of a window that has the keyboard."""

    def __init__(self, application: WindowApplication) -> None:
        self.application = application
        self.window = application.window
        self.window.activateWindow()
        tab = self.window.show_page("models")
        assert isinstance(tab, ModelsTab)
        tab.complete()
        self.tab = tab
        self.page = ModelsPage(tab)

    @property
    def view(self) -> QTableView:
        return self.page.view

    @property
    def focus(self) -> QWidget | None:
        return self.window.focusWidget()

    def row_is_in_sight(self) -> bool:
        """Tell whether the row that the list is at is drawn."""
        place = self.view.visualRect(self.view.currentIndex()).center()
        return self.view.viewport().visibleRegion().contains(place)

    @property
    def row(self) -> str:
        """The key of the row that the list is at."""
        return self.tab.table.row(self.view.currentIndex().row()).key

    @property
    def notices(self) -> Notices:
        [found] = self.window.findChildren(Notices)
        return found

    def press(self, key: Qt.Key) -> None:
        """Press a key where the keyboard is."""
        assert self.focus is not None
        QTest.keyClick(self.focus, key)

    async def add(self, folder: Path, *names: str) -> None:
        """Put files on the list."""
        files = [folder / f"{name}.gguf" for name in names]
        for file in files:
            write_tiny_gguf(file)
        import_models(files, self.application.parts.store)
        self.tab.reload()
        await until(lambda: all(self.tab.table.number_of(f"disk:{name}") >= 0 for name in names), "them")

    def tick(self, kind: str) -> QCheckBox:
        [box] = [
            each
            for each in self.tab.detail.findChildren(QCheckBox)
            if each.text() == kind and each.isVisible()
        ]
        return box


def get_button(desk: Desk) -> QPushButton:
    return next(
        each
        for each in desk.tab.detail.findChildren(QPushButton)
        if each.text().startswith("Get ") and each.isVisible()
    )


def test_after_get_and_cancel_the_keyboard_is_in_the_list(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        desk = Desk(application)
        desk.tab.select(KEY)
        await settle(5)
        desk.tick("Q4_K_M").setChecked(True)
        get = get_button(desk)
        get.setFocus()
        desk.press(Qt.Key.Key_Space)
        await until(lambda: isinstance(desk.focus, JobCard), "the job")
        cancel = seen_button(desk.page.jobs[0], "Cancel")
        cancel.setFocus()
        desk.press(Qt.Key.Key_Space)
        await until(lambda: not desk.tab.findChildren(JobCard), "its end")
        assert desk.focus is desk.view
        # What is taken back by the mouse leaves it there.
        undo = seen_button(desk.notices, "Undo")
        QTest.mouseClick(undo, Qt.MouseButton.LeftButton)
        await until(lambda: bool(desk.tab.findChildren(JobCard)), "the job again")
        assert desk.focus is desk.view

    run_with_window(scene)


def test_a_row_that_comes_back_has_the_keyboard(qapp: QApplication, home: Path) -> None:
    async def scene(application: WindowApplication) -> None:
        desk = Desk(application)
        await desk.add(home, "first", "second", "third")
        desk.tab.select("disk:second")
        desk.view.setFocus()
        await settle(3)
        desk.press(Qt.Key.Key_Delete)
        # The row is gone before that is told where another reading of the disk came to it first.
        await until(lambda: "is off the list" in seen_words(desk.notices), "its end")
        assert desk.tab.table.number_of("disk:second") < 0
        assert (home / "second.gguf").exists()
        # The one that stands there now, as in a list of files.
        assert (desk.focus, desk.row) == (desk.view, "disk:third")
        undo = seen_button(desk.notices, "Undo")
        desk.press(Qt.Key.Key_F6)
        if desk.focus is not undo:
            # It was told since that a file without a model cannot be loaded.
            desk.press(Qt.Key.Key_F6)
        assert desk.focus is undo
        desk.press(Qt.Key.Key_Space)
        # The list may be read between its return and its choice.
        await until(lambda: desk.row == "disk:second", "its return")
        assert desk.focus == desk.view

    run_with_window(scene)


def test_delete_that_is_pressed_twice_takes_one_model(
    qapp: QApplication, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(application: WindowApplication) -> None:
        store, taken = application.parts.store, []
        delete = store.delete

        def noted(model: InstalledModel) -> TrashedModel:
            taken.append(model.name)
            return delete(model)

        monkeypatch.setattr(store, "delete", noted)
        desk = Desk(application)
        await desk.add(home, "first", "second", "third")
        desk.tab.select("disk:second")
        desk.view.setFocus()
        await settle(3)
        desk.press(Qt.Key.Key_Delete)
        desk.press(Qt.Key.Key_Delete)
        await until(lambda: desk.tab.table.number_of("disk:second") < 0, "its end")
        await settle(20)
        assert taken == ["second"]
        assert all(desk.tab.table.number_of(f"disk:{name}") >= 0 for name in ("first", "third"))

    run_with_window(scene)


def test_nothing_is_deleted_while_a_model_is_measured(qapp: QApplication, home: Path) -> None:
    async def scene(application: WindowApplication) -> None:
        desk = Desk(application)
        await desk.add(home, "first")
        desk.tab.select("disk:first")
        desk.view.setFocus()
        await settle(3)
        application.session.reserve("benchmark")
        desk.press(Qt.Key.Key_Delete)
        await until(lambda: "A model is being measured." in seen_words(desk.notices), "the refusal")
        await settle(20)
        assert desk.tab.table.number_of("disk:first") >= 0
        application.session.reserve("")
        desk.press(Qt.Key.Key_Delete)
        await until(lambda: desk.tab.table.number_of("disk:first") < 0, "its end")

    run_with_window(scene)


def test_a_key_that_is_held_deletes_one_model(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        desk = Desk(application)
        [delete] = [
            action
            for action in desk.view.actions()
            if action.shortcut() == QKeySequence(QKeySequence.StandardKey.Delete)
        ]
        assert not delete.autoRepeat()

    run_with_window(scene)


def test_keys_before_the_list_has_its_rows_do_nothing(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        application.window.activateWindow()
        tab = application.window.show_page("models")
        assert isinstance(tab, ModelsTab)
        view = ModelsPage(tab).view
        assert tab.table.rowCount() == 0
        assert application.window.focusWidget() is view
        for key in (Qt.Key.Key_Delete, Qt.Key.Key_Return, Qt.Key.Key_Menu):
            QTest.keyClick(view, key)
        QTest.keyClick(view, Qt.Key.Key_I, Qt.KeyboardModifier.ControlModifier)
        view.customContextMenuRequested.emit(QPoint(5, 5))
        assert QApplication.activePopupWidget() is None
        await until(lambda: tab.table.rowCount() > 0, "the rows")
        [notices] = application.window.findChildren(Notices)
        assert not seen_words(notices).strip()

    run_with_window(scene)


def test_delete_says_why_it_does_nothing_and_asks_which_of_several(qapp: QApplication, home: Path) -> None:
    async def scene(application: WindowApplication) -> None:
        desk = Desk(application)
        files = []
        for kind in ("Q4_K_M", "Q8_0"):
            write_tiny_gguf(home / f"{kind}.gguf")
            files.append(BuiltFile(kind, home / f"{kind}.gguf", "ab", (home / f"{kind}.gguf").stat().st_size))
        application.parts.store.add("Twice", files)
        desk.tab.reload()
        await until(lambda: desk.tab.table.number_of("disk:Twice") >= 0, "them")
        rows = [desk.tab.table.row(number) for number in range(desk.tab.table.rowCount())]
        [starter] = [row.key for row in rows if any(file.bundled for file in row.installed)]
        desk.view.setFocus()
        for key, refusal in (
            (starter, "The starter model comes with Stillroom"),
            (KEY, "Nothing of this model is on this computer"),
        ):
            desk.tab.select(key)
            desk.press(Qt.Key.Key_Delete)
            await until(lambda refusal=refusal: QToolTip.text() == refusal, refusal)
        desk.tab.select("disk:Twice")
        desk.press(Qt.Key.Key_Delete)
        menu = QApplication.activePopupWidget()
        assert isinstance(menu, QMenu)
        assert [action.text() for action in menu.actions()] == ["Delete Twice Q4_K_M", "Delete Twice Q8_0"]
        menu.actions()[1].trigger()
        menu.close()
        await until(lambda: "Twice Q8_0 was deleted." in seen_words(desk.notices), "the notice")
        assert (desk.focus, desk.row) == (desk.view, "disk:Twice")

    run_with_window(scene)


def test_enter_leads_to_what_can_be_done_with_a_model_that_is_not_there(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        desk = Desk(application)
        desk.window.resize(1000, 700)
        desk.tab.select(KEY)
        desk.view.setFocus()
        await settle(5)
        desk.press(Qt.Key.Key_Return)
        assert desk.focus is desk.tick("Q4_K_M")
        assert desk.focus.visibleRegion().boundingRect().height() == desk.focus.height()

    run_with_window(scene)


def test_the_rows_that_the_arrows_come_to_are_in_sight(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        desk = Desk(application)
        desk.window.resize(1000, 520)
        await settle(10)
        desk.view.setFocus()
        for _ in range(desk.tab.table.rowCount()):
            desk.press(Qt.Key.Key_Down)
            await until(desk.row_is_in_sight, "the row in sight")

    run_with_window(scene)


def test_the_keyboard_stays_on_what_is_drawn_anew(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        desk = Desk(application)
        desk.tab.select(KEY)
        await settle(5)
        before = desk.tick("Q6_K")
        before.setFocus()
        application.parts.jobs.add(KEY, ["Q4_K_M"])
        await until(lambda: "On its way" in seen_words(desk.tab.detail), "the other type")
        assert desk.focus is desk.tick("Q6_K") is not before
        application.parts.jobs.add(KEY, ["Q6_K"])
        # It cannot be ticked any more.
        await until(lambda: desk.focus is desk.view, "the list")

    run_with_window(scene)


def test_a_check_of_a_file_that_is_closed_gives_the_keyboard_back(qapp: QApplication, home: Path) -> None:
    async def scene(application: WindowApplication) -> None:
        desk = Desk(application)
        await desk.add(home, "first")
        desk.tab.select("disk:first")
        await settle(3)
        desk.page.choose("first F32", "Verify")
        await until(lambda: any(card.is_done for card in desk.page.checks), "the check")
        close = seen_button(desk.page.checks[0], "Close")
        close.setFocus()
        desk.press(Qt.Key.Key_Space)
        await until(lambda: not desk.tab.findChildren(VerifyCard), "its end")
        assert desk.focus is desk.view

    run_with_window(scene)
