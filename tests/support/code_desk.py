"""A Code tab with the real engine and a model of few layers, for its tests."""

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import qasync
from PySide6.QtWidgets import QApplication, QLabel, QMainWindow, QMessageBox
from pytestqt.qtbot import QtBot

from app.base.children import child_command
from app.code.ask import Excerpt, compose
from app.code.kept_conversation import AskedQuestion
from app.code.languages import language_of_file
from app.code.sandbox.run import Sandbox
from app.engine.client.client import EngineClient
from app.engine.protocol import LoadSettings, Sampling
from app.settings import SettingsFile
from app.ui.base.bridge import Bridge
from app.ui.base.engine_session import EngineSession
from app.ui.base.theme import Theme
from app.ui.code.code_tab import CodeTab
from app.ui.code.conversation.code_exchange import CodeExchange
from app.ui.widgets.notices import Notices
from app.ui.widgets.plot_library import PlotLibrary
from app.ui.widgets.ui_context import UiContext
from tests.support.event_loop import close_loop, open_loop, run_step
from tests.support.starter_variants import shallow_path
from tests.support.templates import chat_templates
from tests.support.waiting import until

SCENE_S = 280.0
SOURCE = 'def add(a, b):\n    """The sum."""\n    return a + b\n\n\nprint(add(1, 2))\n'


class Room:
    """The engine with a model loaded, and one tab after the other."""

    def __init__(self, loop: qasync.QEventLoop, theme: Theme) -> None:
        self.loop = loop
        self.theme = theme
        self.sandbox = Sandbox()
        self.errors: list[BaseException] = []
        self.windows: list[QMainWindow] = []
        self.settings: SettingsFile
        """Of the newest tab."""
        self.answering = ""
        """The title of the chat whose reply is coming in, as the tab hears it."""
        self.bridge = Bridge(self.errors.append)
        self.client = EngineClient(child_command("engine"))
        self.session = EngineSession(self.client, self.bridge, chat_templates())
        self.client.start()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        run_step(self.loop, work, SCENE_S)

    def make_tab(self, qtbot: QtBot, folder: Path, session: EngineSession | None = None) -> CodeTab:
        """A tab in a window of its own, which keeps its things in `folder`."""
        window = QMainWindow()
        qtbot.addWidget(window)
        self.windows.append(window)
        settings = self.settings = SettingsFile(folder / "settings.json")
        settings.update(sampling=Sampling(temperature=0.0, seed=1))
        notices = Notices(window, lambda: "")
        ui = UiContext(
            session or self.session, settings, self.theme, self.bridge, notices, PlotLibrary(self.bridge)
        )
        tab = CodeTab(ui, folder, self.sandbox, lambda: self.answering)
        window.setCentralWidget(tab)
        window.resize(1112, 800)
        window.show()
        return tab


@pytest.fixture(scope="module")
def room(qapp: QApplication) -> Iterator[Room]:
    model = Path(shallow_path())
    room = Room(open_loop(qapp), Theme(qapp, "light"))
    settings = LoadSettings(context_tokens=1024, threads=1)
    room.run(room.session.load(model, settings))
    yield room
    room.run(room.bridge.finish())
    room.client.close()
    close_loop(room.loop)


@pytest.fixture
def tab(room: Room, qtbot: QtBot, tmp_path: Path) -> Iterator[CodeTab]:
    room.errors.clear()
    room.answering = ""
    made: list[CodeTab] = []

    async def make() -> None:
        made.append(room.make_tab(qtbot, tmp_path))
        await until(lambda: not made[0].editor.isReadOnly())

    room.run(make())
    yield made[0]
    made[0].close_tab()()
    room.windows.clear()


@pytest.fixture
def live(room: Room) -> Callable[[Coroutine[Any, Any, None]], None]:
    """Runs a scene in the window's event loop."""
    return room.run


Live = Callable[[Awaitable[None]], None]


def show(tab: CodeTab, text: str, name: str = "a.py") -> None:
    tab.editor.load_text(text, language_of_file(name))


def select(tab: CodeTab, part: str) -> None:
    start = tab.editor.text().index(part)
    tab.editor.setTextCursor(tab.editor.cursor_for(start, start + len(part)))


def texts(widget: CodeExchange) -> list[str]:
    return [made.text() for made in widget.findChildren(QLabel)]


async def answering(tab: CodeTab) -> CodeExchange:
    await until(lambda: bool(tab.conversation.exchanges and tab.conversation.exchanges[-1].reply.answer))
    return tab.conversation.exchanges[-1]


async def finished(tab: CodeTab) -> CodeExchange:
    await until(lambda: bool(tab.conversation.exchanges) and not tab.conversation.running)
    return tab.conversation.exchanges[-1]


def finished_exchange(room: Room, answer: str, thinking: str = "") -> CodeExchange:
    """An exchange as the engine would have left it: the starter model cannot be relied on to write code."""
    question = compose("ask", Excerpt("a.py", language_of_file("a.py"), SOURCE, 0, 0), 0, question="?")
    asked = AskedQuestion(
        title="?",
        question=question,
        tokens=10,
        model="model",
        file_name="a.py",
        language="python",
        text=SOURCE,
        start=0,
        end=0,
    )
    exchange = CodeExchange(room.theme, asked)
    exchange.reply.show_kept(answer, thinking, "stop", None)
    return exchange


async def answer_box(tab: CodeTab, text: str) -> None:
    await until(lambda: any(box.isVisible() for box in tab.findChildren(QMessageBox)))
    box = next(box for box in tab.findChildren(QMessageBox) if box.isVisible())
    next(made for made in box.buttons() if made.text() == text).click()


async def offered(room: Room, qtbot: QtBot, tab: CodeTab, answer: str, selected: str = "") -> CodeExchange:
    """An answer about what is selected in the tab, its code wired to it."""
    exchange = finished_exchange(room, answer)
    qtbot.addWidget(exchange)
    if selected:
        select(tab, selected)
    exchange.excerpt = tab.excerpt()
    exchange.code_used.connect(tab.conversation.code_used)
    await exchange.offer_code()
    return exchange
