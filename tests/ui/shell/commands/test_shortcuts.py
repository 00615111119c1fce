"""Keys of the window and of its tabs: where two things have one key, Qt does neither."""

import re
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget

from app.ui.shell.window_application import WindowApplication
from tests.support.window import run_with_window, settle

TRANSLATIONS = Path(__file__).parents[4] / "resources" / "translations" / "stillroom_zh_CN.ts"


def keys_of(widget: QWidget) -> dict[str, list[str]]:
    """The keys that a widget itself listens to, with what they do."""
    found: dict[str, list[str]] = defaultdict(list)
    for action in widget.actions():
        for keys in action.shortcuts():
            found[keys.toString()].append(action.text())
    for shortcut in widget.findChildren(QShortcut):
        if shortcut.parent() is widget:
            for keys in shortcut.keys():  # noqa: SIM118 - no dict
                found[keys.toString()].append(shortcut.objectName() or "a shortcut")
    return found


def test_no_key_of_a_tab_is_one_of_the_window(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))

    async def scene(application: WindowApplication) -> None:
        window = application.window
        of_window = keys_of(window)
        assert [names for names in of_window.values() if len(set(names)) > 1] == []
        for page in window.pages:
            content = window.show_page(page)
            await settle(5)
            for widget in (content, *content.findChildren(QWidget)):
                twice = {
                    keys: (names, of_window.get(keys))
                    for keys, names in keys_of(widget).items()
                    if keys in of_window or len(names) > 1
                }
                assert twice == {}, f"{page}: {widget}"

    run_with_window(scene)


def test_no_text_holds_keys_by_itself() -> None:
    """Texts are made with what the shortcut is made with. Enter and Shift+Enter are no shortcuts."""
    written = re.compile(r"\b(Ctrl|Alt|Meta)\+|\bShift\+(?!Enter)|\(F\d+\)|\(Esc\)|\bEsc (stops|takes|ends)")
    texts = ElementTree.parse(TRANSLATIONS).iterfind("context/message/source")
    assert [text.text for text in texts if written.search(text.text or "")] == []


def test_keys_in_tool_tips_are_keys_of_their_page(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    named = re.compile(r"\(([^()]*)\)$")

    async def scene(application: WindowApplication) -> None:
        window = application.window
        for page in window.pages:
            content = window.show_page(page)
            await settle(5)
            keys = {"Enter", "Shift+Enter"}.union(
                *(keys_of(widget) for widget in (window, content, *content.findChildren(QWidget)))
            )
            for button in window.findChildren(QAbstractButton):
                said = named.search(button.toolTip())
                if said is not None and button.isVisible():
                    shown = QKeySequence.fromString(said[1], QKeySequence.SequenceFormat.NativeText)
                    assert shown.toString() in keys, f"{page}: {button.toolTip()}"

    run_with_window(scene)
