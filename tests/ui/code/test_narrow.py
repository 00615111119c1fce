"""The Code tab in the smallest room that it gets: a window of 1000 by 700 beside the live panel."""

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.settings import Language
from app.ui.code.code_tab import CodeTab
from app.ui.shell.language import Languages
from tests.support.code_desk import SOURCE, Live, Room, offered, select, show, until

ROOM = (708, 640)


@pytest.fixture(params=["en", "zh_CN"])
def language(qapp: QApplication, request: pytest.FixtureRequest) -> Iterator[Language]:
    languages = Languages(qapp)
    languages.choose(request.param)
    yield request.param
    languages.choose("en")


def cut(tab: QWidget) -> list[str]:
    """The visible buttons that have less room than they need, or lie beyond what is seen of them."""
    return [
        made.text() or made.accessibleName()
        for made in tab.findChildren(QAbstractButton)
        if made.isVisible()
        and (
            made.width() < made.sizeHint().width()
            or made.height() < made.minimumSizeHint().height()
            or made.visibleRegion().boundingRect().width() < made.width()
        )
    ]


def test_no_button_is_cut_in_a_narrow_window(
    language: Language, room: Room, qtbot: QtBot, tab: CodeTab, live: Live
) -> None:
    async def scene() -> None:
        tab.window().resize(*ROOM)
        show(tab, SOURCE)
        await until(lambda: cut(tab) == [])
        tab.card.find_bar.open_replace()
        await until(lambda: cut(tab) == [])
        tab.card.find_bar.close_bar()
        select(tab, "a + b")
        exchange = await offered(room, qtbot, tab, f"```python\n{SOURCE.replace('a + b', 'b + a')}\n```")
        tab.conversation.answered.emit(exchange, "refactor")
        assert tab.card.proposing
        await until(lambda: cut(tab) == [])
        changed = SOURCE.replace("a + b", "b + a").replace("add(1, 2)", "add(3, 4)").replace("sum", "SUM")
        assert tab.card.propose(changed)
        tab.card.proposal_view.accept()
        await until(lambda: cut(tab) == [])
        tab.card.proposal_view.left.emit()
        show(tab, "import time\nprint(1)\ntime.sleep(60)\n")
        tab.run_card.run_button.click()
        await until(lambda: tab.runner.running)
        await until(lambda: cut(tab) == [])
        tab.runner.stop()
        await until(lambda: not tab.runner.running)
        show(tab, "fail\n")
        tab.run_card.run_button.click()
        await until(lambda: bool(tab.run_card.problem))
        await until(lambda: cut(tab) == [])

    live(scene())
