"""The live panel of the whole window: it counts everything that the window has started."""

import subprocess
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QObject
from PySide6.QtWidgets import QApplication, QLabel

from app.base.children import child_command
from app.ui.chat.chat_tab import ChatTab
from app.ui.live_panel.context_section import ContextSection
from app.ui.live_panel.live_panel import LivePanel
from app.ui.shell.window_application import WindowApplication
from models.system.units import gigabytes
from tests.support.waiting import until
from tests.support.widgets import seen_words
from tests.support.window import ask, run_with_window


def test_the_measuring_process_is_counted_and_named(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))

    async def scene(application: WindowApplication) -> None:
        application.window.resize(1280, 800)  # a narrow one folds the panel
        panel = application.window.findChild(LivePanel)
        assert isinstance(panel, LivePanel)

        def shown() -> list[str]:
            return [label.text() for label in panel.findChildren(QLabel) if label.isVisible()]

        with subprocess.Popen(
            child_command("measure"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as child:
            await until(lambda: "Measuring a model" in shown(), "its row")
            size = gigabytes(psutil.Process(child.pid).memory_info().rss)
            await until(lambda: any(text.startswith(f"{size} GB · ") for text in shown()), "its memory")
            child.kill()
        await until(lambda: "Measuring a model" not in shown(), "its end")

    run_with_window(scene)


class FirstPaintings(QObject):
    """Notes what each live panel says when it is painted for the first time."""

    def __init__(self, qapp: QApplication) -> None:
        super().__init__()
        self.seen: dict[LivePanel, list[str]] = {}
        qapp.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if isinstance(watched, LivePanel) and event.type() == QEvent.Type.Paint and watched not in self.seen:
            self.seen[watched] = [label.text() for label in watched.findChildren(QLabel) if label.isVisible()]
        return False


def test_another_language_begins_with_the_figures_of_before(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the engine works, the next figures come late."""
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))

    async def scene(application: WindowApplication) -> None:
        application.window.resize(1280, 800)
        await until(lambda: application.session.info is not None, "the model")
        before = application.window

        def asking() -> str:
            return QCoreApplication.translate("GpuSections", "Asking NVIDIA's driver …")

        panel = before.findChild(LivePanel)
        assert isinstance(panel, LivePanel)
        await until(lambda: asking() not in [label.text() for label in panel.findChildren(QLabel)], "figures")
        paintings = FirstPaintings(qapp)
        application.parts.settings.update(language="zh_CN")
        await until(lambda: any(shown is not panel for shown in paintings.seen), "the Chinese panel")
        qapp.removeEventFilter(paintings)
        [texts] = [seen for shown, seen in paintings.seen.items() if shown is not panel]
        assert "显存" in texts
        assert asking() not in texts

    run_with_window(scene)


def test_after_a_restart_each_page_has_the_context_of_the_chat(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    seen: list[list[str]] = []

    async def context(application: WindowApplication) -> None:
        """Note what each page has beside it, once the figures of the loaded model are there."""
        [section] = application.window.findChildren(ContextSection)
        for page in ("models", "chat", "code"):
            application.window.show_page(page)
            await until(lambda: "last reply" in seen_words(section), f"the context beside {page}")
            seen.append(seen_words(section).splitlines())

    async def first(application: WindowApplication) -> None:
        application.window.resize(1280, 800)
        await ask(application, "Say hello.")
        await context(application)

    async def second(application: WindowApplication) -> None:
        application.window.resize(1280, 800)
        await until(lambda: application.session.info is not None, "the model")
        tab = application.window.show_page("chat")
        assert isinstance(tab, ChatTab)
        [chat] = application.parts.chats.conversations()
        tab.open_chat(chat.id)
        await context(application)

    run_with_window(first)
    run_with_window(second)
    assert len(seen) == 6
    assert all(each == seen[0] for each in seen), seen
