"""Selecting in a conversation as a person does, in a window of its own: one text over blocks and messages."""

from collections.abc import Callable, Sequence
from typing import Literal

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, Qt
from PySide6.QtGui import QColor, QContextMenuEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QMenu, QMessageBox, QPlainTextEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.chat.markdown.block_text import text_of
from app.chat.markdown.text_selection import Part
from app.chat.store.records import StoredMessage
from app.ui.base.theme import Theme
from app.ui.chat.conversation.conversation_view import ConversationView
from app.ui.reply.block_frame import BlockFrame
from app.ui.reply.code_card import CodeCard
from app.ui.reply.formula_card import FormulaCard
from app.ui.reply.markdown_view import MarkdownView
from app.ui.reply.reply_view import ReplyView
from app.ui.reply.rich.rich_label import RichLabel
from app.ui.reply.rich.table_label import TableLabel
from tests.support.selecting import SHIFT, Hand, selected_pixels

CONTROL = Qt.KeyboardModifier.ControlModifier
WAIT_MS = 60_000
REPLY = r"""## The sum of squares

It *converges* for \(n \ge 2\), as `1/n` shows, and Euler named its **value** long ago.

\[ \sum_{n=1}^{\infty} \frac{1}{n^2} = \frac{\pi^2}{6} \]

| terms | sum |
|---:|---|
| 1,000 | 1.643935 |
| 9,000 | 1.644823 |

1. The first thing
2. The second one

> Said by Euler.

```python
total = sum(1 / n**2 for n in range(1, 1_000))
print(total)
```

The end of it."""
QUESTION = "And what # about *cubes*?\n    They are smaller."
NEXT = "Cubes converge, too.\n\nTheir sum is Apéry's constant."


Show = Callable[..., Hand]


@pytest.fixture
def show(qtbot: QtBot, theme: Theme) -> Show:
    def show(*contents: str, height: int = 1000, thinking: str = "") -> Hand:
        conversation = ConversationView(theme)
        qtbot.addWidget(conversation)
        conversation.resize(900, height)
        conversation.show()
        qtbot.waitExposed(conversation)
        conversation.activateWindow()
        conversation.show_branch(messages(contents, thinking), None, {})
        # What is seen is shown as a whole, in one of the next turns.
        qtbot.waitUntil(lambda: not conversation.is_filling, timeout=WAIT_MS)
        settle(qtbot, conversation)
        return Hand(conversation)

    return show


def messages(contents: Sequence[str], thinking: str = "") -> list[StoredMessage]:
    """Questions and replies in turn, which end with a reply."""
    roles = ["assistant", "user"] * len(contents)
    return [
        StoredMessage(
            number,
            1,
            None,
            role,
            content,
            thinking if role == "assistant" else "",
            "m",
            None,
            "stop",
            "",
            0.0,
        )
        for number, (content, role) in enumerate(
            zip(contents, reversed(roles[: len(contents)]), strict=True), 1
        )
    ]


def frames(conversation: QWidget) -> list[BlockFrame]:
    """The places of all blocks, which have widgets near to what is seen."""
    return [frame for view in conversation.findChildren(MarkdownView) for frame in view.frames]


def settle(qtbot: QtBot, conversation: QWidget) -> None:
    built = -1
    while built != (built := sum(frame.is_built for frame in frames(conversation))):
        qtbot.wait(50)
    cards = conversation.findChildren(FormulaCard)
    qtbot.waitUntil(lambda: all(card.is_drawn for card in cards), timeout=WAIT_MS)
    qtbot.wait(20)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def selection_colour(theme: Theme) -> QColor:
    return theme.colour("selection")


def test_dragging_goes_over_all_kinds_of_blocks_and_into_the_next_messages(show: Show) -> None:
    hand = show(REPLY, QUESTION, NEXT)
    hand.area.verticalScrollBar().setValue(0)
    hand.drag(hand.point(0, "sum of squares"), hand.point(2, "converge", after=True))
    assert hand.copied() == (
        "sum of squares\n\n"
        "It *converges* for \\(n \\ge 2\\), as `1/n` shows, and Euler named its **value** long ago.\n\n"
        "\\[ \\sum_{n=1}^{\\infty} \\frac{1}{n^2} = \\frac{\\pi^2}{6} \\]\n\n"
        "| terms | sum |\n| ---: | --- |\n| 1,000 | 1.643935 |\n| 9,000 | 1.644823 |\n\n"
        "1. The first thing\n2. The second one\n\n"
        "> Said by Euler.\n\n"
        "```python\ntotal = sum(1 / n**2 for n in range(1, 1_000))\nprint(total)\n```\n\n"
        "The end of it.\n\n"
        f"{QUESTION}\n\n"
        "Cubes converge"
    )
    html = hand.copied_html()
    for piece in ("<em>converges</em>", "<table>", "<td>1.643935</td>", "<ol>", "<pre><code", "<blockquote>"):
        assert piece in html
    assert "And what # about *cubes*?<br>" in html
    assert "\\[ \\sum_{n=1}^{\\infty}" in html


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_that_is_selected_is_drawn_so(
    qtbot: QtBot, theme: Theme, show: Show, scheme: Literal["light", "dark"]
) -> None:
    theme.choose(scheme)
    hand = show(REPLY, QUESTION, NEXT)
    colour = selection_colour(theme)
    hand.area.verticalScrollBar().setValue(0)
    assert not selected_pixels(hand.area.viewport(), colour)
    hand.drag(hand.point(0, "sum of squares"), hand.point(2, "converge", after=True))
    view = hand.text(0).widget
    assert isinstance(view, MarkdownView)
    for frame in view.frames:
        assert frame.content is not None
        assert selected_pixels(frame.content, colour), frame.block
        if frame.marker is not None:
            assert selected_pixels(frame.marker, colour), frame.block
    assert selected_pixels(hand.text(1).widget, colour)
    first, second = hand.text(2).widget.findChildren(RichLabel)
    assert 0 < first.selected[1] < len("Cubes converge, too.")
    assert selected_pixels(first, colour)
    assert not selected_pixels(second, colour)
    theme.choose(f"{scheme}-contrast")  # type: ignore[arg-type]  # two schemes that there are
    settle(qtbot, hand.area)
    assert not selected_pixels(hand.area.viewport(), colour)
    assert selected_pixels(first, selection_colour(theme))
    hand.click(hand.point(2, "constant"))
    assert not selected_pixels(hand.area.viewport(), selection_colour(theme))
    assert hand.copied() == ""


@pytest.mark.parametrize(
    ("first", "last", "markdown"),
    [
        ("verges", "for", "*verges* for"),
        ("he sum", "squares", "he sum of squares"),
        ("tal = sum", "(1 / n**2", "tal = sum(1 / n**2"),
        ("1,000", "1.6439", "| 1,000 | 1.6439 |"),
        ("643", "9,000", "|  |  |\n| ---: | --- |\n|  | 643935 |\n| 9,000 |  |"),
        ("64393", "5", "643935"),
        ("second", "one", "second one"),
        ("thing", "second", "thing\n2. The second"),
    ],
)
def test_a_part_gives_the_part(show: Show, first: str, last: str, markdown: str) -> None:
    hand = show(REPLY)
    hand.area.verticalScrollBar().setValue(0)
    start = hand.point(0, first)
    hand.drag(start, hand.point(0, last, after=True))
    expected = markdown
    if "|" in markdown and markdown.count("\n") == 0:
        expected = f"|  |  |\n| ---: | --- |\n{markdown}"
    assert hand.copied() == expected
    # Backwards is the same.
    hand.drag(hand.point(0, last, after=True), start)
    assert hand.copied() == expected


def test_a_double_click_takes_a_word_and_a_third_one_the_paragraph(show: Show) -> None:
    hand = show(REPLY, QUESTION, NEXT)
    hand.area.verticalScrollBar().setValue(0)
    place = hand.point(0, "converges") + QPoint(20, 0)
    hand.double_click(place)
    assert hand.copied() == "*converges*"
    hand.triple_click(place)
    assert hand.copied().startswith("It *converges* for \\(n")
    assert hand.copied().endswith("long ago.")
    code = hand.point(0, "range(1") + QPoint(10, 0)
    hand.triple_click(code)
    assert hand.copied() == "total = sum(1 / n**2 for n in range(1, 1_000))"
    hand.triple_click(hand.point(0, "1.643935") + QPoint(8, 0))
    assert hand.copied() == "1.643935"


def test_dragging_after_a_double_click_goes_by_words_and_after_a_third_by_paragraphs(show: Show) -> None:
    hand = show(REPLY)
    hand.area.verticalScrollBar().setValue(0)
    start, end = hand.point(0, "named") + QPoint(12, 0), hand.point(0, "value") + QPoint(12, 0)
    hand.double_press(start)
    hand.go(start, end)
    hand.release(end)
    assert hand.copied() == "named its **value**"
    start, end = end, start
    hand.double_press(start)
    hand.go(start, end)
    hand.release(end)
    assert hand.copied() == "named its **value**"
    hand.double_click(hand.point(0, "first thing") + QPoint(5, 0))
    end = hand.point(0, "The second") + QPoint(5, 0)
    hand.press(hand.point(0, "first thing") + QPoint(5, 0))
    hand.go(start, end)
    hand.release(end)
    assert hand.copied() == "1. The first thing\n2. The second one"


def test_shift_and_a_click_go_on_from_the_click_before(show: Show) -> None:
    hand = show(REPLY, QUESTION, NEXT)
    hand.area.verticalScrollBar().setValue(0)
    hand.click(hand.point(0, "second one"))
    hand.click(hand.point(0, "Euler."), SHIFT)
    assert hand.copied() == "second one\n\n> Said by "
    hand.click(hand.point(2, "too"), SHIFT)
    assert hand.copied().startswith("second one\n\n> Said by Euler.\n\n```python")
    assert hand.copied().endswith("Cubes converge, ")
    hand.click(hand.point(0, "first"), SHIFT)
    assert hand.copied() == "first thing\n2. The "


def test_keys_with_shift_move_its_end_over_blocks(show: Show) -> None:
    hand = show(REPLY, QUESTION, NEXT)
    hand.area.verticalScrollBar().setValue(0)
    hand.click(hand.point(0, "second one"))
    for _ in range(3):
        hand.key(Qt.Key.Key_Right, SHIFT)
    assert hand.copied() == "sec"
    hand.key(Qt.Key.Key_Right, SHIFT | CONTROL)
    assert hand.copied() == "second"
    hand.key(Qt.Key.Key_End, SHIFT)
    assert hand.copied() == "second one"
    hand.key(Qt.Key.Key_Down, SHIFT)
    assert hand.copied().startswith("second one\n\n> Said by")
    for _ in range(2):
        hand.key(Qt.Key.Key_Down, SHIFT)
    assert "print" in hand.copied()
    assert "end of it" not in hand.copied()
    for _ in range(3):
        hand.key(Qt.Key.Key_Up, SHIFT)
    hand.key(Qt.Key.Key_Home, SHIFT)
    for _ in range(2):
        hand.key(Qt.Key.Key_Left, SHIFT)
    assert hand.copied() == "g\n2. The "
    hand.key(Qt.Key.Key_End, SHIFT | CONTROL)
    assert hand.copied().endswith("Their sum is Apéry's constant.")


def test_up_and_down_go_over_formulas_and_tables_and_scroll(show: Show) -> None:
    hand = show(REPLY, QUESTION, NEXT, height=400)
    bar = hand.area.verticalScrollBar()
    bar.setValue(0)
    hand.click(hand.point(0, "The sum"))
    heads = []
    for _ in range(40):
        hand.key(Qt.Key.Key_Down, SHIFT)
        heads.append(hand.area.selection.head)
    assert all(head is not None for head in heads)
    assert heads == sorted(heads)  # type: ignore[type-var]
    assert bar.value() > 200
    assert {head.block for head in heads if head and head.text.message == 0} == set(range(1, 9))
    for _ in range(40):
        hand.key(Qt.Key.Key_Up, SHIFT)
    assert hand.area.selection.is_empty
    assert bar.value() < 30


def test_control_a_takes_the_clicked_message_and_then_all_also_what_has_no_widgets(show: Show) -> None:
    contents = [
        f"Reply {number} has **words**." if number % 2 else f"Question {number}?" for number in range(40)
    ]
    hand = show(*contents, height=500)
    assert len(hand.area.shown_texts()) < len(contents)
    hand.area.setFocus()
    hand.click(hand.point(37, "words"))
    hand.key(Qt.Key.Key_A, CONTROL)
    assert hand.copied() == contents[37]
    hand.key(Qt.Key.Key_A, CONTROL)
    assert hand.copied() == "\n\n".join(contents)
    assert hand.copied_html().count("<strong>words</strong>") == 20
    hand.key(Qt.Key.Key_Escape)
    assert hand.copied() == ""
    hand.click(hand.point(38, "Question"))
    hand.key(Qt.Key.Key_A, CONTROL)
    assert hand.copied() == contents[38]


def test_escape_and_a_click_clear_it(show: Show, theme: Theme) -> None:
    hand = show(REPLY)
    colour = selection_colour(theme)
    for clear in (lambda: hand.key(Qt.Key.Key_Escape), lambda: hand.click(hand.point(0, "end of it"))):
        hand.drag(hand.point(0, "second"), hand.point(0, "Euler.", after=True))
        assert selected_pixels(hand.area.viewport(), colour)
        clear()
        assert not selected_pixels(hand.area.viewport(), colour)
        assert hand.copied() == ""


def menu_of(hand: Hand, qtbot: QtBot, point: QPoint) -> QMenu:
    viewport = hand.area.viewport()
    place = viewport.mapFrom(hand.area.window(), point)
    child = viewport.childAt(place)
    inside = child.mapFrom(viewport, place)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, inside, child.mapToGlobal(inside))
    QApplication.sendEvent(child, event)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    return menu


def choose(menu: QMenu, text: str) -> None:
    [action] = [action for action in menu.actions() if action.text() == text]
    action.trigger()
    menu.close()


def test_the_menu_copies_and_selects(qtbot: QtBot, show: Show) -> None:
    hand = show(REPLY, QUESTION, "A [link](https://example.org/x) here.")
    menu = menu_of(hand, qtbot, hand.point(0, "end of it"))
    assert [action.text() for action in menu.actions() if action.isEnabled() and action.text()] == [
        "Select message",
        "Select all",
    ]
    choose(menu, "Select message")
    choose(menu_of(hand, qtbot, hand.point(0, "end of it")), "Copy")
    assert QGuiApplication.clipboard().text().startswith("## The sum of squares\n\nIt *converges*")
    choose(menu_of(hand, qtbot, hand.point(0, "end of it")), "Select all")
    choose(menu_of(hand, qtbot, hand.point(0, "end of it")), "Copy")
    assert QGuiApplication.clipboard().text().endswith("here.")
    choose(menu_of(hand, qtbot, hand.point(2, "link") + QPoint(6, 0)), "Copy link address")
    assert QGuiApplication.clipboard().text() == "https://example.org/x"
    hand.area.verticalScrollBar().setValue(0)
    choose(menu_of(hand, qtbot, hand.point(0, "\ufffc", block=2)), "Copy LaTeX")
    assert QGuiApplication.clipboard().text() == r"\sum_{n=1}^{\infty} \frac{1}{n^2} = \frac{\pi^2}{6}"


def test_a_link_is_clicked_or_dragged_over(qtbot: QtBot, show: Show) -> None:
    hand = show("See [the page](https://example.org/x) and [other](https://example.org/y).")
    hand.drag(hand.point(0, "the page"), hand.point(0, "other", after=True))
    assert hand.copied() == "[the page](https://example.org/x) and [other](https://example.org/y)"
    assert not hand.area.findChildren(QMessageBox)
    hand.click(hand.point(0, "page") + QPoint(4, 0))
    [question] = hand.area.findChildren(QMessageBox)
    assert "https://example.org/x" in question.informativeText()
    question.close()


def test_links_are_reached_and_opened_by_keyboard(qtbot: QtBot, show: Show) -> None:
    hand = show("See [one](https://example.org/1) and [two **bold**](https://example.org/2).\n\nNo link.")
    first, second = hand.text(0).widget.findChildren(RichLabel)
    assert second.focusPolicy() == Qt.FocusPolicy.NoFocus
    first.setFocus(Qt.FocusReason.TabFocusReason)
    opened: list[str] = []
    first.linkActivated.disconnect()
    first.linkActivated.connect(opened.append)
    hand.key(Qt.Key.Key_Return)
    hand.key(Qt.Key.Key_Tab)
    hand.key(Qt.Key.Key_Return)
    hand.key(Qt.Key.Key_Backtab, SHIFT)
    hand.key(Qt.Key.Key_Return)
    hand.key(Qt.Key.Key_Tab)
    hand.key(Qt.Key.Key_Tab)
    assert opened == [f"https://example.org/{number}" for number in (1, 2, 1)]
    assert not first.hasFocus()


def test_the_folded_thinking_is_a_button_and_the_open_one_is_text(show: Show) -> None:
    hand = show(QUESTION, "So four.", thinking="Two and two.\n\nThat is four.", height=600)
    [reply] = hand.area.findChildren(ReplyView)
    head = reply.thinking.findChildren(QPushButton)[0]
    middle = head.mapTo(hand.area.window(), head.rect().center())
    hand.drag(hand.point(0, "about"), hand.point(1, "four", after=True))
    assert hand.copied() == f"{QUESTION[QUESTION.index('about') :]}\n\nSo four"
    hand.click(middle)
    assert reply.thinking.is_open
    assert (
        hand.copied()
        == f"{QUESTION[QUESTION.index('about') :]}\n\n> Two and two.\n>\n> That is four.\n\nSo four"
    )
    hand.drag(hand.point(1, "two", part=Part.THINKING), hand.point(1, "is four", part=Part.THINKING))
    assert hand.copied() == "two.\n\nThat "
    hand.key(Qt.Key.Key_A, CONTROL)
    assert hand.copied() == "> Two and two.\n>\n> That is four.\n\nSo four."
    hand.click(middle)
    assert not reply.thinking.is_open
    assert hand.copied() == "So four."


def text_field(card: CodeCard) -> QPlainTextEdit:
    """The code itself."""
    found = card.findChild(QPlainTextEdit)
    assert isinstance(found, QPlainTextEdit)
    return found


def stream(hand: Hand, text: str, qtbot: QtBot) -> ReplyView:
    """A reply that is coming in at the end."""
    area = hand.area
    assert isinstance(area, ConversationView)
    live = messages(["", ""])[1]
    reply = area.make_reply(live, area.branch[-1])
    area.add_live_reply(live, reply)
    reply.begin()
    with qtbot.waitSignal(reply.painted):
        reply.add("answer", text, 5)
    qtbot.wait(20)
    return reply


def test_it_stays_while_a_reply_streams_and_can_be_made_in_it(qtbot: QtBot, show: Show) -> None:
    hand = show(REPLY, QUESTION, NEXT)
    hand.drag(hand.point(2, "converge"), hand.point(2, "Their", after=True))
    reply = stream(hand, "# A heading\n\nIt **begins** so and", qtbot)
    assert hand.copied() == "converge, too.\n\nTheir"
    hand.drag(hand.point(3, "heading"), hand.point(3, "egins", after=True))
    assert hand.copied() == "heading\n\nIt **begins**"
    for _ in range(40):
        reply.add("answer", " goes on and on", 5)
        qtbot.wait(1)
    reply.add("answer", "\n\n- one\n- two\n\nAnd the end.", 5)
    qtbot.wait(50)
    assert hand.copied() == "heading\n\nIt **begins**"
    label = hand.text(3).widget.findChildren(RichLabel)[1]
    assert label.selected == (0, len("It begins"))
    reply.finish("stop", None)
    assert hand.copied() == "heading\n\nIt **begins**"
    assert label.selected == (0, len("It begins"))


def test_what_streams_does_not_move_what_the_mouse_is_selecting(qtbot: QtBot, show: Show) -> None:
    hand = show(REPLY, QUESTION, NEXT, height=400)
    reply = stream(hand, "It begins so", qtbot)
    bar = hand.area.verticalScrollBar()
    start, end = hand.point(2, "Their"), hand.point(3, "begins")
    hand.press(start)
    hand.go(start, end)
    before = bar.value()
    for _ in range(30):
        reply.add("answer", " and goes on\n\n", 5)
        qtbot.wait(1)
    qtbot.wait(50)
    assert bar.value() == before
    hand.release(end)
    assert hand.copied() == "Their sum is Apéry's constant.\n\nIt "
    area = hand.area
    assert isinstance(area, ConversationView)
    assert not area.follows
    area.go_to_end()
    assert area.follows


def test_nothing_is_done_for_a_selection_while_there_is_none(
    qtbot: QtBot, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = show(NEXT)
    reply = stream(hand, "It begins so", qtbot)

    def refuse(*_: object) -> None:
        raise AssertionError("nothing is selected")

    monkeypatch.setattr(BlockFrame, "show_selected", refuse)
    monkeypatch.setattr(ConversationView, "shown_texts", refuse)
    with qtbot.captureExceptions() as raised:
        for _ in range(20):
            reply.add("answer", " and **goes** on\n\n- and on", 5)
            qtbot.wait(2)
        reply.finish("stop", None)
        hand.area.verticalScrollBar().setValue(0)
        qtbot.wait(50)
    assert not raised
    monkeypatch.undo()


LONG = "\n\n".join(f"## Section {number}\n\nThis is **paragraph** {number} of them." for number in range(300))


def test_below_the_view_it_scrolls_on_and_takes_what_has_no_widgets(qtbot: QtBot, show: Show) -> None:
    hand = show(LONG, height=500)
    bar = hand.area.verticalScrollBar()
    bar.setValue(0)
    settle(qtbot, hand.area)
    start = hand.point(0, "Section 0")
    hand.press(start)
    hand.move(start + QPoint(0, 60))
    outside = hand.area.rect().bottomLeft() + QPoint(600, 300)
    hand.move(outside)
    qtbot.waitUntil(lambda: bar.value() == bar.maximum(), timeout=WAIT_MS)
    qtbot.wait(100)
    hand.release(outside)
    settle(qtbot, hand.area)
    assert hand.copied() == LONG
    view = hand.text(0).widget
    assert isinstance(view, MarkdownView)
    assert sum(frame.is_built for frame in view.frames) < len(view.frames) / 3
    bar.setValue(bar.maximum() // 2)
    settle(qtbot, hand.area)
    shown = [label for label in view.findChildren(RichLabel) if label.isVisible()]
    assert shown
    assert all(label.selected[0] < label.selected[1] for label in shown)
    hand.press(QPoint(400, 250))
    hand.move(QPoint(10, 200))
    hand.move(QPoint(10, -200))
    qtbot.waitUntil(lambda: bar.value() == 0, timeout=WAIT_MS)
    hand.release(QPoint(10, -200))
    assert hand.copied().startswith("## Section 0\n\nThis is **paragraph** 0 of them.\n\n## Section 1")


def test_code_that_is_too_wide_is_scrolled_after_the_pointer(qtbot: QtBot, show: Show) -> None:
    line = "value = " + " + ".join(f"term_{number}" for number in range(60))
    hand = show(f"```python\n{line}\nx = 1\n```")
    [card] = hand.area.findChildren(CodeCard)
    bar = text_field(card).horizontalScrollBar()
    start = hand.point(0, "value")
    hand.press(start)
    right = card.mapTo(hand.area.window(), card.rect().topRight()) + QPoint(20, 0)
    right.setY(start.y())
    hand.go(start, right)
    qtbot.waitUntil(lambda: bar.value() == bar.maximum(), timeout=WAIT_MS)
    hand.release(right)
    assert hand.copied() == line


def test_code_that_is_selected_by_keyboard_is_what_is_selected(show: Show) -> None:
    hand = show(REPLY)
    hand.drag(hand.point(0, "second"), hand.point(0, "one", after=True))
    [card] = hand.area.findChildren(CodeCard)
    text_field(card).setFocus(Qt.FocusReason.TabFocusReason)
    hand.key(Qt.Key.Key_Down)
    hand.key(Qt.Key.Key_Home)
    hand.key(Qt.Key.Key_Right, SHIFT | CONTROL)
    assert hand.copied() == "print"
    selection = hand.area.selection
    assert selection.start is not None
    assert text_of(hand.text(0).text.blocks[selection.start.block]).startswith("total")
    assert hand.text(0).widget.findChildren(TableLabel)[0].selected == (0, 0)
    hand.key(Qt.Key.Key_Escape)
    assert selection.is_empty
    assert not text_field(card).textCursor().hasSelection()


def test_a_formula_that_is_drawn_later_moves_nothing(qtbot: QtBot, show: Show, theme: Theme) -> None:
    hand = show("Short.")
    area = hand.area
    assert isinstance(area, ConversationView)
    source = r"Let \(q_{17} = \frac{81}{29}\) be so and \(\beta_{5}\) also, then."
    area.show_branch(messages([source]), None, {})
    [label] = area.findChildren(RichLabel)[-1:]
    hand.drag(hand.point(0, "be so"), hand.point(0, "also", after=True))
    assert hand.copied() == r"be so and \(\beta_{5}\) also"
    qtbot.waitUntil(lambda: not theme.formulas.waiting, timeout=WAIT_MS)
    settle(qtbot, area)
    assert "\ufffc" in label.document.toPlainText()
    assert hand.copied() == r"be so and \(\beta_{5}\) also"
    hand.drag(hand.point(0, "be so"), hand.point(0, "also", after=True))
    assert hand.copied() == r"be so and \(\beta_{5}\) also"


def test_another_chat_has_no_selection(show: Show) -> None:
    hand = show(REPLY)
    hand.drag(hand.point(0, "second"), hand.point(0, "one", after=True))
    area = hand.area
    assert isinstance(area, ConversationView)
    area.show_branch(messages([NEXT]), None, {})
    assert area.selection.is_empty
    assert hand.copied() == ""
