"""Programs that the Code tab runs, tests and mends."""

import asyncio
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.code.ask import Excerpt
from app.code.languages import language_of_file
from app.ui.code.code_tab import CodeTab
from app.ui.code.conversation.code_exchange import CodeExchange
from tests.support.code_desk import Live, Room, answering, finished_exchange, offered, show, texts
from tests.support.waiting import until


def test_a_click_runs_the_program_and_its_output_comes_into_the_panel(tab: CodeTab, live: Live) -> None:
    async def scene() -> None:
        show(tab, "import sys\nprint('to the panel')\nprint('an error', file=sys.stderr)\nsys.exit(3)\n")
        tab.run_card.run_button.click()
        await until(lambda: "an error" in tab.run_card.output.toPlainText())
        await until(lambda: not tab.runner.running)

        assert "to the panel" in tab.run_card.output.toPlainText()
        assert "Exit code 3" in tab.run_card.verdict.text()

        show(tab, "x = 1\nx / 0\n")
        tab.run_card.run_button.click()
        await until(lambda: "Exit code 1" in tab.run_card.verdict.text())
        tab.card.go_to_error()
        assert tab.editor.textCursor().blockNumber() == 1

    live(scene())


def test_an_empty_output_says_why_it_is_empty(tab: CodeTab, live: Live, qtbot: QtBot) -> None:
    async def scene() -> None:
        card = tab.run_card
        assert "Nothing has been run yet" in card.output.placeholderText()
        show(tab, "import time\ntime.sleep(60)\n")
        card.run_button.click()
        await until(lambda: tab.runner.running)
        assert card.verdict.text() == "Running…"
        assert card.output.placeholderText() == ""
        qtbot.keyClick(tab.editor, Qt.Key.Key_Escape)
        await until(lambda: "Stopped" in card.verdict.text())
        show(tab, "x = 1\n")
        card.run_button.click()
        await until(lambda: "Done" in card.verdict.text())
        assert card.output.toPlainText() == ""
        assert card.output.placeholderText() == "The program has written nothing."

    live(scene())


def test_a_program_that_lacks_input_says_where_to_write_it(tab: CodeTab, live: Live) -> None:
    async def scene() -> None:
        card = tab.run_card
        show(tab, "name = input('Who? ')\nprint('Hello', name)\n")
        card.run_button.click()
        await until(lambda: "Exit code 1" in card.verdict.text())
        assert card.output.toPlainText().rstrip().endswith("write it on the page Input.")
        card.input.setPlainText("Ann")
        card.run_button.click()
        await until(lambda: "Done" in card.verdict.text())
        assert card.output.toPlainText().strip() == "Who? Hello Ann"

    live(scene())


def test_esc_stops_a_program(tab: CodeTab, live: Live, qtbot: QtBot) -> None:
    async def scene() -> None:
        show(tab, "import time\nprint('waiting')\ntime.sleep(60)\n")
        tab.run_card.run_button.click()
        await until(lambda: "waiting" in tab.run_card.output.toPlainText())
        qtbot.keyClick(tab.editor, Qt.Key.Key_Escape)
        await until(lambda: not tab.runner.running)

        assert "Stopped after" in tab.run_card.verdict.text()
        assert tab.run_card.fix_button.isHidden()

    live(scene())


ADD = "def add(a, b):\n    return a + b\n"
TESTS = "assert add(1, 2) == 3\nassert add(2, 2) == 4\n"


def test_tests_of_the_user_are_run_on_the_program(tab: CodeTab, live: Live) -> None:
    async def scene() -> None:
        show(tab, ADD.replace("+", "*"))
        tab.run_card.test_button.click()
        await until(lambda: tab.run_card.tests.isVisible())
        tab.run_card.tests.load_text(TESTS, language_of_file("a.py"))
        tab.run_card.test_button.click()
        await until(lambda: "tests passed" in tab.run_card.verdict.text())

        assert tab.run_card.verdict.text() == "1 of 2 tests passed"
        assert "it gives 2, not 3" in tab.run_card.output.toPlainText()
        assert "it gives 2, not 3" in tab.run_card.problem
        assert not tab.run_card.fix_button.isHidden()

    live(scene())


def test_code_of_a_reply_is_run_with_the_tests_and_measured_against_the_shortest(
    room: Room, qtbot: QtBot, tab: CodeTab, live: Live
) -> None:
    longer = ADD.replace("return", "total = a + b\n    return total #")

    async def scene() -> None:
        show(tab, ADD)
        tab.run_card.tests.load_text(TESTS, language_of_file("a.py"))
        exchange = await offered(
            room, qtbot, tab, f"```python\n{ADD}```\n```python\n{longer}```\n```python\nadd = max\n```\n"
        )
        for row in exchange.rows:
            row.run.click()
            await until(lambda row=row: not tab.runner.running and bool(row.outcome.text()))

        assert exchange.rows[0].outcome.text() == "✓ 2 of 2 tests passed, the shortest answer so far"
        assert "times as long as the shortest" in exchange.rows[1].outcome.text()
        assert exchange.rows[2].outcome.text().startswith("✗ 0 of 2 tests passed")

    live(scene())


def test_nothing_is_run_without_a_click(room: Room, qtbot: QtBot, tab: CodeTab, live: Live) -> None:
    started = []

    async def scene() -> None:
        tab.runner.running_changed.connect(started.append)
        show(tab, ADD)
        exchange = await offered(room, qtbot, tab, "```python\nprint(1)\n```")
        exchange.rows[0].replace.click()
        tab.card.proposal_view.accept_all()
        exchange.rows[0].as_tests.click()
        tab.take_code("print(2)", "python")
        await asyncio.sleep(0)
        assert started == []

    live(scene())


def test_fix_it_runs_each_answer_until_one_works(
    room: Room, qtbot: QtBot, tab: CodeTab, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Written answers: the starter model cannot be relied on to correct anything.
    answers = ["```python\nprint(still_undefined)\n```", "```python\nprint('works')\n```"]
    asked: list[tuple[str, str, str]] = []
    shown: list[CodeExchange] = []

    async def repair(excerpt: Excerpt, problem: str, title: str) -> CodeExchange:
        asked.append((excerpt.text, problem, title))
        exchange = finished_exchange(room, answers[len(shown)])
        qtbot.addWidget(exchange)
        exchange.ended = "stop"
        await exchange.offer_code()
        shown.append(exchange)
        return exchange

    monkeypatch.setattr(tab.conversation, "repair", repair)

    async def scene() -> None:
        show(tab, "print(undefined_name)\n")
        tab.run_card.run_button.click()
        await until(lambda: not tab.run_card.fix_button.isHidden())
        tab.run_card.fix_button.click()
        await until(lambda: tab.card.proposing)

        assert [title for _, _, title in asked] == ["Fix it, round 1 of 3", "Fix it, round 2 of 3"]
        assert "NameError: name 'undefined_name'" in asked[0][1]
        assert asked[1][0] == "print(still_undefined)"
        assert "still_undefined" in asked[1][1]
        assert shown[0].rows[0].outcome.text().startswith("✗ Exit code 1")
        assert shown[1].rows[0].outcome.text().startswith("✓ Done in")
        tab.card.proposal_view.accept_all()
        assert tab.editor.text() == "print('works')\n"

    live(scene())


def test_esc_ends_the_rounds_of_fix_it(tab: CodeTab, live: Live, qtbot: QtBot) -> None:
    async def scene() -> None:
        show(tab, "print(undefined_name)\n")
        tab.run_card.run_button.click()
        await until(lambda: not tab.run_card.fix_button.isHidden())
        tab.run_card.fix_button.click()
        exchange = await answering(tab)
        assert not tab.run_card.fix_button.isEnabled()
        qtbot.keyClick(tab.editor, Qt.Key.Key_Escape)
        await until(lambda: not tab.fixer.running)
        assert tab.run_card.fix_button.isEnabled()
        assert len(tab.conversation.exchanges) == 1
        assert "Fix it, round 1 of 3" in texts(exchange)
        assert "NameError" in exchange.sent.text.toPlainText()

    live(scene())


def test_tests_are_kept_for_the_next_run(
    room: Room, qtbot: QtBot, tab: CodeTab, tmp_path: Path, live: Live
) -> None:
    async def scene() -> None:
        await until(lambda: not tab.run_card.tests.isReadOnly())
        tab.run_card.take_tests("assert True", "python")
        tab.close_tab()()
        again = room.make_tab(qtbot, tmp_path)
        await until(lambda: again.run_card.tests.text() == "assert True\n")
        again.close_tab()()

    live(scene())


def test_a_very_long_line_of_output_is_cut(tab: CodeTab, live: Live) -> None:
    async def scene() -> None:
        show(tab, "print('x' * 500_000)\nprint('after')\n")
        tab.run_card.run_button.click()
        await until(lambda: "Done" in tab.run_card.verdict.text())
        long, after = tab.run_card.output.toPlainText().split("\n")[:2]
        assert long == "x" * 4000 + "…"
        assert after == "after"

    live(scene())


def test_typed_code_gets_its_language_and_runs(tab: CodeTab, live: Live, qtbot: QtBot) -> None:
    async def scene() -> None:
        qtbot.keyClicks(tab.editor, "print(6 * 7)")
        await until(lambda: tab.editor.language.key == "python")
        qtbot.keyClick(tab.editor, Qt.Key.Key_F5)
        await until(lambda: "42" in tab.run_card.output.toPlainText())

    live(scene())


def test_text_of_no_known_language_says_what_to_do(tab: CodeTab, live: Live) -> None:
    async def scene() -> None:
        show(tab, "Dear Anna,", "letter.txt")
        tab.run_card.run_button.click()
        await until(lambda: "not known" in tab.run_card.verdict.text())
        assert "Choose it below the editor" in tab.run_card.output.toPlainText()
        assert tab.run_card.fix_button.isHidden()

    live(scene())
