"""Every place where the keyboard can go has a name and a role for a screen reader, in both languages; Return
presses each button."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QApplication,
    QCheckBox,
    QComboBox,
    QDialog,
    QPushButton,
    QTableView,
    QWidget,
)

from app.base.paths import app_paths
from app.settings import SettingsFile
from app.ui.base import announce as announcing
from app.ui.benchmark.benchmark_tab import BenchmarkTab
from app.ui.chat.chat_tab import ChatTab
from app.ui.models.models_tab import ModelsTab
from app.ui.shell.window_application import WindowApplication
from tests.support.waiting import until
from tests.support.window import ask, run_with_window, settle

ROLES_OF_NOTHING = (QAccessible.Role.NoRole, QAccessible.Role.Border, QAccessible.Role.Client)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    return tmp_path


def focusable(root: QWidget) -> Iterator[QWidget]:
    """Give all that the keyboard can go to now."""
    for widget in (root, *root.findChildren(QWidget)):
        if widget.isVisible() and widget.focusPolicy() != Qt.FocusPolicy.NoFocus and not widget.focusProxy():
            yield widget


def faults(root: QWidget) -> list[tuple[str, str, str]]:
    """Kind, name and role of what a screen reader cannot tell, and of buttons that Return does not press."""
    found = []
    for widget in focusable(root):
        seen = QAccessible.queryAccessibleInterface(widget)
        name, role = seen.text(QAccessible.Text.Name), seen.role()
        unknown = role in ROLES_OF_NOTHING and not (name and isinstance(widget, QAbstractScrollArea))
        # On Linux the value of a combo box is its name.
        unsaid = isinstance(widget, QComboBox) and not seen.text(QAccessible.Text.Description)
        deaf = isinstance(widget, QPushButton) and not widget.autoDefault()
        if not name.strip() or unknown or unsaid or deaf:
            found.append((type(widget).__name__, name, str(role)))
    return found


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_all_that_has_the_focus_has_a_name_and_a_role(qapp: QApplication, language: str) -> None:
    async def scene(application: WindowApplication) -> None:
        before = application.window
        application.parts.settings.update(language=language)
        await until(lambda: application.window is not before, "the window in this language")
        await ask(application, "Say hi.")
        window, dialogs = application.window, application.dialogs
        found, counted = [], 0
        for page in ("chat", "code", "benchmark", "models"):
            content = window.show_page(page)
            if isinstance(content, ChatTab):
                content.composer.settings.setChecked(True)
            await settle(10)
            found += faults(window)
            counted += len(list(focusable(window)))
        settings = dialogs.make_settings()
        opened: list[QDialog] = [
            settings,
            dialogs.make_load_settings(),
            dialogs.make_filters(),
            dialogs.make_audit(),
            dialogs.make_server(),
        ]
        for dialog in opened:
            dialog.show()
            for key in settings.titles if dialog is settings else [None]:
                if key is not None:
                    settings.show_page(key)
                await settle(5)
                found += faults(dialog)
                counted += len(list(focusable(dialog)))
            dialog.done(0)
            dialog.deleteLater()
        palette = application.commands.open_palette()
        await until(lambda: palette.complete, "all commands")
        found += faults(palette)
        palette.close()
        assert found == []
        assert counted > 150

    run_with_window(scene)


def passed_over(window: QWidget) -> list[str]:
    """Press Tab until it is round, and give what it did not come to."""
    here, reached = QApplication.focusWidget(), []
    while here is not None and here not in reached:
        reached.append(here)
        QTest.keyClick(here, Qt.Key.Key_Tab)
        here = QApplication.focusWidget()
    wanted = [
        each
        for each in focusable(window)
        if each.window() is window
        and each.isEnabled()
        and each.focusPolicy() & Qt.FocusPolicy.TabFocus
        # Of several of which one is chosen, the arrow keys go to the others.
        and not (isinstance(each, QAbstractButton) and each.group() is not None)
    ]
    assert len(wanted) > 4
    return [each.accessibleName() or type(each).__name__ for each in wanted if each not in reached]


def test_the_tab_key_comes_to_every_control(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        window = application.window
        window.activateWindow()
        await until(lambda: application.session.info is not None, "the model")
        for page in ("chat", "models", "benchmark"):
            content = window.show_page(page)
            await settle(10)
            assert passed_over(window) == []
            if isinstance(content, BenchmarkTab):
                for inner in ("quality", "drift"):
                    content.show_page(inner)
                    await settle(10)
                    assert passed_over(window) == []

    run_with_window(scene)


def test_the_tab_key_brings_what_it_comes_to_into_sight(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        window = application.window
        window.activateWindow()
        window.resize(1000, 600)
        await until(lambda: application.session.info is not None, "the model")
        for page in ("chat", "code", "models", "benchmark"):
            content = window.show_page(page)
            await settle(20)
            for keys in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier):
                # Round, and once more into what was scrolled meanwhile.
                for _ in range(2 * len(window.findChildren(QAbstractButton))):
                    here = QApplication.focusWidget()
                    assert here is not None, page
                    assert not here.visibleRegion().isEmpty(), (page, here)
                    QTest.keyClick(here, Qt.Key.Key_Tab, keys)
            if isinstance(content, ModelsTab):
                assert content.verticalScrollBar().maximum() > 0

    run_with_window(scene)


def test_the_tab_key_ends_nothing_that_the_window_holds(qapp: QApplication) -> None:
    """PySide takes what a widget tells of its focus for a part of it: a table's header for one of the place
    where the table draws, of which it may only know for a moment."""

    async def scene(application: WindowApplication) -> None:
        window = application.window
        window.activateWindow()
        window.show_page("benchmark")
        window.show_page("models")
        await settle(10)
        held = [header for view in window.findChildren(QTableView) if (header := view.horizontalHeader())]
        assert held
        window.setFocus()
        for _ in range(30):
            QTest.keyClick(window.focusWidget() or window, Qt.Key.Key_Tab)
            gc.collect()
        assert [header for header in held if not shiboken6.isValid(header)] == []
        for header in held:
            # Still a part of what it stands in, which does not end before it.
            around = [at := header.parentWidget()]
            while at := at.parentWidget():
                around.append(at)
            (owner,) = [line for line in shiboken6.dump(header).splitlines() if line.startswith("parent")]
            assert any(f"{id(each):#x}" in owner for each in around), owner

    run_with_window(scene)


def test_the_tab_key_enters_the_row_of_tabs_at_the_one_in_front(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        window = application.window
        window.activateWindow()
        tabs = [each for each in window.findChildren(QPushButton) if each.property("kind") == "tab"]
        tabs = [each for each in tabs if each.window() is window and each.group() is tabs[0].group()]
        assert len(tabs) == 4
        for page in ("benchmark", "models", "chat"):
            window.show_page(page)
            await settle(5)
            (front,) = [each for each in tabs if each.isChecked()]
            assert [each for each in tabs if each.focusPolicy() & Qt.FocusPolicy.TabFocus] == [front]
        front.setFocus()
        QTest.keyClick(front, Qt.Key.Key_Right)
        assert window.focusWidget() is tabs[1]
        assert tabs[1].isChecked()

    run_with_window(scene)


def test_types_to_be_got_come_behind_the_list_of_models(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        window = application.window
        window.activateWindow()
        tab = window.show_page("models")
        assert isinstance(tab, ModelsTab)
        await until(lambda: tab.table.rowCount() > 0, "the models")
        tab.select("r1-qwen-1.5b")
        await settle()
        tab.setFocus()
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        chosen = QApplication.focusWidget()
        assert isinstance(chosen, QCheckBox)
        assert chosen.text() == "Q4_K_M"

    run_with_window(scene)


def test_the_button_that_measures_has_the_keyboard_once_there_is_a_model(qapp: QApplication) -> None:
    SettingsFile(app_paths().settings).update(last_page="benchmark")

    async def scene(application: WindowApplication) -> None:
        application.window.activateWindow()
        await until(lambda: application.session.info is not None, "the model")
        await settle(10)
        here = QApplication.focusWidget()
        assert isinstance(here, QPushButton)
        assert here.text() == "Run the benchmark"

    run_with_window(scene)


def test_the_begin_and_the_end_of_a_reply_are_announced(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The offscreen platform has no screen reader: what would be said to one is taken down."""
    said: list[str] = []

    class Listener:
        @staticmethod
        def isActive() -> bool:  # noqa: N802 - Qt's name
            return True

        @staticmethod
        def updateAccessibility(event: object) -> None:  # noqa: N802 - Qt's name
            said.append(event.message())  # type: ignore[attr-defined]

    monkeypatch.setattr(announcing, "QAccessible", Listener)

    async def scene(application: WindowApplication) -> None:
        await ask(application, "Say hi.")
        await settle(5)
        assert said == ["The model is answering.", "The reply is complete."]

    run_with_window(scene)
