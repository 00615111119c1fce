"""The code of a reply, and the text that it changes."""

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.code.changes.placing import Place, Places
from app.ui.code.changes.code_placement import Offer, PlacementLine
from app.ui.code.code_tab import CodeTab
from tests.support.code_desk import SOURCE, Live, Room, finished_exchange, offered, select, show
from tests.support.selecting import Hand
from tests.support.waiting import until


def test_each_code_block_gets_its_verdict(room: Room, qtbot: QtBot, live: Live) -> None:
    answer = "```python\nx = 1\n```\n```json\n{,}\n```\n```rust\nfn f() {}\n```\n```\nreturn\n```\n"

    async def scene() -> None:
        exchange = finished_exchange(room, answer, thinking="```python\ndraft\n```")
        qtbot.addWidget(exchange)
        await exchange.offer_code()

        verdicts = [row.verdict.text() for row in exchange.rows]
        assert len(verdicts) == 4  # the thinking's block is not offered
        assert verdicts[0].startswith("Code 1 · ✓ valid Python")
        assert verdicts[1].startswith("Code 2 · ✗ line 1, column 2: ")
        assert "✓ valid Rust" in verdicts[2]
        assert "✓ valid Python" in verdicts[3]  # no language named: the file's

    live(scene())


def test_replies_are_selected_as_one_text(room: Room, qtbot: QtBot, tab: CodeTab, live: Live) -> None:
    async def scene() -> None:
        history = tab.conversation.history
        for answer in ("So **it** is:\n\n```python\nx = 1\n```", "And *that* is all."):
            history.add(finished_exchange(room, answer))
        tab.activateWindow()
        hand = Hand(history)
        await until(lambda: hand.point(1, "that").y() > hand.point(0, "x = 1").y() + 100)
        hand.drag(hand.point(0, "it"), hand.point(1, "that", after=True))
        assert hand.copied() == "**it** is:\n\n```python\nx = 1\n```\n\nAnd *that*"
        hand.click(hand.point(1, "all"))
        hand.key(Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        assert hand.copied() == "And *that* is all."

    live(scene())


def test_code_comes_as_changes_that_are_accepted_one_by_one(
    room: Room, qtbot: QtBot, tab: CodeTab, live: Live
) -> None:
    changed = SOURCE.replace("a + b", "b + a").replace("add(1, 2)", "add(3, 4)").rstrip("\n")

    async def scene() -> None:
        show(tab, SOURCE)
        exchange = await offered(room, qtbot, tab, f"```python\n{changed}\n```")
        exchange.rows[0].replace.click()
        await until(lambda: tab.card.proposing)
        view = tab.card.proposal_view
        assert "return a + b" in view.text()
        assert "return b + a" in view.text()
        assert tab.card.proposal_bar.count.text() == "Change 1 of 2"

        qtbot.keyClick(view, Qt.Key.Key_A)
        qtbot.keyClick(view, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert tab.card.proposal_bar.count.text() == "Change 1 of 2"
        tab.card.proposal_bar.accept.click()
        assert tab.card.proposal_bar.count.text() == "Change 2 of 2"
        tab.card.proposal_bar.reject.click()

        assert not tab.card.proposing
        assert tab.editor.text() == SOURCE.replace("a + b", "b + a")
        tab.editor.undo()
        assert tab.editor.text() == SOURCE

    live(scene())


def test_code_takes_the_place_of_the_selection_that_it_answers(
    room: Room, qtbot: QtBot, tab: CodeTab, live: Live
) -> None:
    async def scene() -> None:
        show(tab, SOURCE)
        exchange = await offered(room, qtbot, tab, "```python\nreturn b + a\n```", "    return a + b")
        # Another place is selected, and lines above were added, when it is used.
        tab.editor.change_text("# new\n" + SOURCE)
        select(tab, "print")
        exchange.rows[0].replace.click()
        await until(lambda: tab.card.proposing)
        tab.card.proposal_view.accept_all()
        assert tab.editor.text() == "# new\n" + SOURCE.replace("a + b", "b + a")

    live(scene())


def test_an_insertion_is_a_change_too_and_esc_leaves_it(
    room: Room, qtbot: QtBot, tab: CodeTab, live: Live
) -> None:
    async def scene() -> None:
        show(tab, SOURCE)
        exchange = await offered(room, qtbot, tab, "```python\nc = 1\n```", '"""The sum."""')
        exchange.rows[0].insert.click()
        await until(lambda: tab.card.proposing)
        assert '    """The sum."""\n    c = 1\n' in tab.card.proposal_view.text()
        qtbot.keyClick(tab.card.proposal_view, Qt.Key.Key_Escape)
        assert not tab.card.proposing
        assert tab.editor.text() == SOURCE

    live(scene())


TWO = 'def parse(text):\n    return int(text)\n\n\ndef main():\n    print(parse("1"))\n\n\nmain()\n'


def test_a_whole_file_for_some_lines_doubles_nothing_and_the_choice_is_said(
    room: Room, qtbot: QtBot, tab: CodeTab, live: Live
) -> None:
    whole = TWO.replace("int(text)", "float(text)").rstrip("\n")

    async def scene() -> None:
        show(tab, TWO)
        exchange = await offered(room, qtbot, tab, f"```python\n{whole}\n```", "    return int(text)")
        tab.conversation.answered.emit(exchange, "refactor")
        line = tab.card.placement
        assert "lines 1 to 9" in line.words.text()
        assert "parse would be there twice" in line.words.text()
        tab.card.proposal_view.accept_all()
        assert tab.editor.text() == TWO.replace("int(text)", "float(text)")
        assert line.isHidden()

        # Whoever wants it there all the same is told what that means.
        show(tab, TWO)
        tab.conversation.answered.emit(exchange, "refactor")
        assert line.other.text() == "In place of the selection"
        line.other.click()
        assert "Accepting this defines parse twice" in line.words.text()
        assert line.other.text() == "In place of lines 1 to 9"
        tab.card.proposal_view.accept_all()
        assert tab.editor.text().count("def main") == 2

    live(scene())


def test_an_insertion_that_would_double_a_definition_says_so(
    room: Room, qtbot: QtBot, tab: CodeTab, live: Live
) -> None:
    async def scene() -> None:
        show(tab, TWO)
        exchange = await offered(room, qtbot, tab, "```python\ndef main():\n    pass\n```", "main()\n")
        exchange.rows[0].insert.click()
        await until(lambda: tab.card.proposing)
        assert tab.card.placement.words.text() == "Accepting this defines main twice."
        tab.card.placement.other.click()
        assert "at the cursor, main would be there twice" in tab.card.placement.words.text()
        tab.card.proposal_view.accept_all()
        assert tab.editor.text() == TWO.replace('print(parse("1"))', "pass")

    live(scene())


def test_a_proposal_goes_when_another_text_comes(room: Room, qtbot: QtBot, tab: CodeTab, live: Live) -> None:
    async def scene() -> None:
        show(tab, SOURCE)
        assert tab.card.propose(SOURCE + "x = 1\n")
        tab.document.new()
        assert not tab.card.proposing
        assert not tab.card.propose("")

    live(scene())


@pytest.mark.parametrize(("last", "said"), [(9, "of lines 4 to 9,"), (4, "of line 4,"), (3, "of line 4,")])
def test_one_line_is_no_range(qtbot: QtBot, last: int, said: str) -> None:
    line = PlacementLine()
    qtbot.addWidget(line)
    line.show_offer(Offer(Places(Place("asked", 1, 9), Place("fitting", 4, last)), "text"))
    assert said in line.words.text()
