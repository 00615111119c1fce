"""Every place where the keyboard can go has a name and a role for a screen reader, in both languages; Return
presses each button."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QComboBox, QDialog, QPushButton, QWidget

from app.ui.base import announce as announcing
from app.ui.chat.chat_tab import ChatTab
from app.ui.shell.application import WindowApplication
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
