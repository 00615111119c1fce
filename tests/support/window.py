"""A real Stillroom window in this process, driven step by step, for screenshots and end-to-end tests."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import qasync
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from app.bootstrap import build_core
from app.ui.chat.chat_tab import ChatTab
from app.ui.shell.window_application import WindowApplication
from app.ui.widgets.inline_notices import InlineNotices
from app.ui.widgets.notices import Notices
from app.window_bootstrap import program_parts
from models.system.notices import NoticeInbox
from tests.support.waiting import TURN_S, until

SETTLE_S = 0.02


def run_with_window(scene: Callable[[WindowApplication], Awaitable[None]]) -> None:
    """Open the window on the data of `STILLROOM_HOME`, run `scene` in its event loop, and close it."""
    qt = QApplication.instance() or QApplication(["stillroom"])
    assert isinstance(qt, QApplication)
    qt.setQuitOnLastWindowClosed(False)
    loop = qasync.QEventLoop(qt)
    asyncio.set_event_loop(loop)

    async def live() -> None:
        told = NoticeInbox()
        application = WindowApplication(qt, program_parts(build_core(), told))
        application.show()
        try:
            await scene(application)
        finally:
            application.window.close()
            await application.wait_until_closed()

    with loop:
        loop.run_until_complete(live())


async def ask(application: WindowApplication, prompt: str, turn_s: float = TURN_S) -> ChatTab:
    """Send a message in the Chat tab and wait for the end of its reply; `turn_s` as in `until`."""
    tab = application.window.show_page("chat")
    assert isinstance(tab, ChatTab)
    await until(lambda: application.session.info is not None, "the model")
    tab.send(prompt)
    await until(lambda: tab.running_view is not None, "the reply's start")
    await until(lambda: tab.running_view is None, "the reply's end", turn_s=turn_s)
    return tab


async def settle(rounds: int = 25) -> None:
    """Give layouts, plots and animations a moment before a picture is taken."""
    for _ in range(rounds):
        await asyncio.sleep(SETTLE_S)


def told(application: WindowApplication) -> str:
    """Give what the window tells now: its toast, and the lines about failures that can be seen."""
    window = application.window
    places: list[QWidget] = [*window.findChildren(Notices), *window.findChildren(InlineNotices)]
    return "\n".join(
        label.text() for place in places for label in place.findChildren(QLabel) if label.isVisible()
    )


def grab(widget: QWidget, path: Path) -> Path:
    """Save what the widget shows as a PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not widget.grab().save(str(path)):
        raise OSError(f"could not write {path}")
    return path
