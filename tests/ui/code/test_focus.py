"""Where the focus is after each action of the Code tab: where the user types next."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QToolTip, QWidget
from pytestqt.qtbot import QtBot

from app.ui.base.add_action import commands_of
from app.ui.code.code_tab import CodeTab
from tests.support.code_desk import SOURCE, Live, Room, answering, finished, offered, show, until

SLOW = "import time\ntime.sleep(60)\n"


def focus(tab: CodeTab) -> QWidget | None:
    return tab.window().focusWidget()


def click(qtbot: QtBot, made: QAbstractButton) -> None:
    qtbot.mouseClick(made, Qt.MouseButton.LeftButton)


def press(qtbot: QtBot, made: QAbstractButton) -> None:
    """As somebody without a mouse does."""
    made.setFocus()
    qtbot.keyClick(made, Qt.Key.Key_Space)


def test_after_a_question_and_its_stop_the_next_one_can_be_typed(
    tab: CodeTab, live: Live, qtbot: QtBot
) -> None:
    conversation = tab.conversation

    async def asked_and_stopped(ask: Callable[[], None], stop: Callable[[], None], there: QWidget) -> None:
        count = len(conversation.exchanges)
        ask()
        assert focus(tab) is there
        await until(lambda: len(conversation.exchanges) > count)
        await answering(tab)
        assert focus(tab) is there
        stop()
        await finished(tab)
        assert focus(tab) is there

    async def scene() -> None:
        show(tab, SOURCE)
        for do in (click, press):

            def by_button(do: Callable[[QtBot, QAbstractButton], None] = do) -> None:
                conversation.field.setPlainText("Say a very long story.")
                do(qtbot, conversation.ask_button)

            await asked_and_stopped(by_button, by_button, conversation.field)
        tab.editor.setFocus()
        await asked_and_stopped(
            lambda: click(qtbot, conversation.tasks["explain"]),
            lambda: click(qtbot, conversation.ask_button),
            tab.editor,
        )
        await asked_and_stopped(
            lambda: click(qtbot, conversation.tasks["explain"]),
            lambda: qtbot.keyClick(tab.editor, Qt.Key.Key_Escape),
            tab.editor,
        )
        conversation.start_over()
        assert focus(tab) is conversation.field

    live(scene())


def test_running_and_its_stop_keep_the_keyboard_where_it_was(tab: CodeTab, live: Live, qtbot: QtBot) -> None:
    card = tab.run_card

    async def scene() -> None:
        show(tab, SLOW)
        tab.editor.setFocus()
        click(qtbot, card.run_button)
        await until(lambda: tab.runner.running)
        assert focus(tab) is tab.editor
        click(qtbot, card.stop_button)
        await until(lambda: not tab.runner.running)
        assert focus(tab) is tab.editor

        press(qtbot, card.run_button)
        await until(lambda: tab.runner.running)
        assert focus(tab) is card.stop_button
        press(qtbot, card.stop_button)
        await until(lambda: not tab.runner.running)
        assert focus(tab) is card.run_button

        click(qtbot, card.test_button)
        await until(lambda: focus(tab) is card.tests)
        buttons = {made.text(): made for made in card.findChildren(QAbstractButton)}
        click(qtbot, buttons["Output"])
        assert focus(tab) is tab.editor
        click(qtbot, buttons["Input"])
        assert focus(tab) is card.input
        click(qtbot, buttons["Tests"])
        assert focus(tab) is card.tests

    live(scene())


def test_escape_ends_what_was_started_last_and_nothing_else(tab: CodeTab, live: Live, qtbot: QtBot) -> None:
    async def scene() -> None:
        show(tab, SLOW)
        click(qtbot, tab.run_card.run_button)
        await until(lambda: tab.runner.running)
        click(qtbot, tab.conversation.tasks["explain"])
        await answering(tab)
        bar = tab.card.find_bar
        bar.open_find()
        qtbot.keyClick(focus(tab), Qt.Key.Key_Escape)
        assert bar.isHidden()
        assert tab.conversation.running
        qtbot.keyClick(tab.editor, Qt.Key.Key_Escape)
        await finished(tab)
        assert tab.runner.running
        qtbot.keyClick(tab.editor, Qt.Key.Key_Escape)
        await until(lambda: not tab.runner.running)

    live(scene())


def test_after_fix_it_the_text_can_be_edited(tab: CodeTab, live: Live, qtbot: QtBot) -> None:
    async def scene() -> None:
        show(tab, "undefined_name\n")
        click(qtbot, tab.run_card.run_button)
        await until(lambda: bool(tab.run_card.problem))
        press(qtbot, tab.run_card.fix_button)
        await until(lambda: tab.fixer.running)
        assert focus(tab) is tab.editor
        qtbot.keyClick(tab.editor, Qt.Key.Key_Escape)
        await until(lambda: not tab.fixer.running)
        assert focus(tab) is tab.editor

    live(scene())


def test_searching_and_code_of_replies_keep_the_keyboard(
    room: Room, tab: CodeTab, live: Live, qtbot: QtBot
) -> None:
    async def scene() -> None:
        show(tab, SOURCE)
        bar = tab.card.find_bar
        bar.open_replace()
        field = focus(tab)
        for made in bar.findChildren(QAbstractButton):
            if made.isVisible() and "Close" not in made.accessibleName():
                click(qtbot, made)
                assert focus(tab) is field, made.accessibleName()
        bar.close_bar()
        assert focus(tab) is tab.editor

        exchange = await offered(room, qtbot, tab, "```python\nprint(1)\n```")
        exchange.setParent(tab)
        exchange.show()
        click(qtbot, exchange.rows[0].run)
        await until(lambda: bool(exchange.rows[0].outcome.text()))
        assert focus(tab) is tab.editor
        click(qtbot, exchange.rows[0].replace)
        await until(lambda: tab.card.proposing)
        assert focus(tab) is tab.card.proposal_view
        click(qtbot, tab.card.proposal_bar.reject)
        assert focus(tab) is tab.editor

    live(scene())


def test_a_key_that_has_nothing_to_do_says_why(tab: CodeTab, qtbot: QtBot) -> None:
    show(tab, SOURCE)
    refusals = {command.title: command.refusal for command in commands_of(tab)}
    for title, why in (
        ("Go to the error", "No error is known in this text"),
        ("Fix what failed", "Nothing has failed"),
        ("Insert the newest code", "No code was proposed yet"),
        ("Show the newest code as changes", "No code was proposed yet"),
        ("Show the newest changes of several files", "No changes of several files were proposed yet"),
        ("Run the newest code", "No code was proposed yet"),
    ):
        assert refusals[title] == why
    tab.editor.setFocus()
    qtbot.keyClick(tab.editor, Qt.Key.Key_F8)
    qtbot.waitUntil(lambda: QToolTip.text() == "No error is known in this text")
