"""A reply of many blocks in a conversation: widgets only near to what is seen, and nobody sees it."""

from collections.abc import Sequence

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, Qt
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from app.chat.markdown.block_text import text_of
from app.chat.markdown.markdown_blocks import CodeBlock, TextBlock
from app.chat.markdown.text_selection import ALL, BlockPlace, BlockRange
from app.chat.store.records import StoredMessage
from app.code.check import SyntaxReport
from app.ui.base.theme import Theme
from app.ui.chat.conversation.conversation_view import ConversationView
from app.ui.reply.block_frame import BlockFrame
from app.ui.reply.code_card import CodeCard
from app.ui.reply.markdown_view import BUILT_AT_ONCE, MarkdownView
from app.ui.reply.reply_view import ReplyView
from app.ui.reply.rich.rich_label import RichLabel
from tests.support.pages.reply_page import blocks_in, is_settled, seen_zone
from tests.support.waiting import wait_until

SECTIONS = 60
SECTION = """## Section {n}

The terms fall quickly, so that the sum converges, and for a proof it is enough to compare it with one that is
known; the value itself needs more work, as Euler knew. This is paragraph number {n} of them all.

\\[ \\sum_{{k=1}}^{n} \\frac{{1}}{{k^2}} \\]

```python
{lines}print({n})
```

| n | sum |
|---|---|
| 1 | 1.0 |
| 2 | 1.25 |

- a first thing
- and a second, which takes a little longer to say than the first did and therefore may need two lines here

> Said in section {n}.

"""
TEXT = "".join(SECTION.format(n=n, lines="x = 1\n" * (n % 7)) for n in range(SECTIONS))


class Shown:
    """A conversation of short replies and a long one, in a window of 900 by 800."""

    def __init__(self, qtbot: QtBot, theme: Theme, *texts: str) -> None:
        self.qtbot = qtbot
        self.conversation = ConversationView(theme)
        qtbot.addWidget(self.conversation)
        self.conversation.resize(900, 800)
        self.conversation.show()
        self.conversation.show_branch([message(n, text) for n, text in enumerate(texts, 1)], None, {})
        self.settle()

    def settle(self) -> None:
        self.qtbot.wait(20)
        # A long text is made in later turns.
        wait_until(lambda: bool(self.views) and not self.conversation.is_filling)
        wait_until(lambda: all(is_settled(view, self.conversation) for view in self.views))
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)

    @property
    def views(self) -> list[MarkdownView]:
        return self.conversation.findChildren(MarkdownView)

    @property
    def view(self) -> MarkdownView:
        return max(self.views, key=lambda view: len(view.blocks))

    @property
    def frames(self) -> Sequence[BlockFrame]:
        return self.view.frames

    def in_sight(self) -> list[BlockFrame]:
        """The blocks of the long reply that can be seen."""
        return blocks_in(self.view, seen_zone(self.view, self.conversation))

    def y_of(self, frame: BlockFrame) -> int:
        return self.view.mapTo(self.conversation.viewport(), QPoint(0, frame.top)).y()

    def scroll_to(self, value: int) -> None:
        self.conversation.verticalScrollBar().setValue(value)

    def check(self) -> None:
        """See that all in sight has its widgets, in their places, and all blocks follow one another."""
        seen = self.in_sight()
        assert seen
        assert all(frame.is_built for frame in seen)
        for frame in self.frames:
            if frame.content is not None:
                assert frame.content.isVisible()
                assert frame.content.y() == frame.top + frame.gap
                assert frame.bottom == frame.top + frame.height_for(self.view.width())
                if frame.content.hasHeightForWidth():
                    assert frame.content.height() == frame.content.heightForWidth(frame.content.width())
        assert [frame.top for frame in self.frames[1:]] == [frame.bottom for frame in self.frames[:-1]]
        assert self.view.height() == self.frames[-1].bottom


def message(number: int, text: str) -> StoredMessage:
    return StoredMessage(number, 1, None, "assistant", text, "", "m", None, "stop", "", 0.0)


@pytest.fixture
def shown(qtbot: QtBot, theme: Theme) -> Shown:
    return Shown(qtbot, theme, "A short one.", TEXT)


def test_few_blocks_have_widgets_wherever_one_looks(shown: Shown) -> None:
    bar = shown.conversation.verticalScrollBar()
    assert bar.value() == bar.maximum()
    for share in (1.0, 0.0, 0.5, 0.9, 0.25):
        shown.scroll_to(round(share * bar.maximum()))
        shown.settle()
        shown.check()
        built = [frame for frame in shown.frames if frame.is_built]
        assert len(built) < len(shown.frames) / 3
        widgets = shown.view.findChildren(RichLabel) + shown.view.findChildren(CodeCard)
        assert len(widgets) <= len(built)


def test_a_jump_into_many_small_blocks_makes_their_widgets_in_several_turns(
    qtbot: QtBot, theme: Theme
) -> None:
    items = "".join(f"- item {n}\n" for n in range(1500))
    shown = Shown(qtbot, theme, items)
    before = {frame.index for frame in shown.frames if frame.is_built}
    shown.scroll_to(shown.conversation.verticalScrollBar().maximum() // 2)
    at_once = {frame.index for frame in shown.frames if frame.is_built} - before
    assert len(at_once) == BUILT_AT_ONCE < len(shown.in_sight())
    shown.settle()
    shown.check()


def test_of_a_long_list_only_the_items_that_are_near_have_frames(
    qtbot: QtBot, theme: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: set[int] = set()
    height_for = BlockFrame.height_for

    def counted(frame: BlockFrame, width: int) -> int:
        asked.add(frame.index)
        return height_for(frame, width)

    monkeypatch.setattr(BlockFrame, "height_for", counted)
    shown = Shown(qtbot, theme, "- item\n" * 4000)
    shown.conversation.resize(700, 800)
    theme.choose("dark", 125)
    shown.settle()
    shown.scroll_to(0)
    shown.settle()
    theme.choose("dark")
    assert 0 < len(asked) < 400
    shown.settle()
    shown.check()
    assert len(shown.view.blocks) == 4000


def test_a_very_long_reply_that_was_parsed_before_has_a_turn_of_its_own(qtbot: QtBot, theme: Theme) -> None:
    items = "- item\n" * 15_000
    shown = Shown(qtbot, theme, items)
    shown.conversation.show_branch([message(1, items)], None, {})
    assert not shown.conversation.messages()
    shown.settle()
    shown.check()


def test_what_is_seen_moves_by_the_wheel_and_by_nothing_else(shown: Shown) -> None:
    """Upwards through blocks whose heights were only estimated."""
    bar = shown.conversation.verticalScrollBar()
    for _ in range(120):
        # A formula that is drawn late may take more room than it was given.
        wait_until(lambda: is_settled(shown.view, shown.conversation))
        frame = shown.in_sight()[len(shown.in_sight()) // 2]
        before = shown.y_of(frame)
        shown.scroll_to(bar.value() - 60)
        assert abs(shown.y_of(frame) - before - 60) <= 1
        shown.qtbot.wait(2)
        assert abs(shown.y_of(frame) - before - 60) <= 1
    shown.settle()
    shown.check()


def test_another_width_keeps_all_in_order(shown: Shown) -> None:
    bar = shown.conversation.verticalScrollBar()
    shown.scroll_to(bar.maximum() // 2)
    for width in (700, 480, 1100):
        shown.conversation.resize(width, 800)
        shown.settle()
        shown.check()


def test_what_is_selected_stays(shown: Shown) -> None:
    bar = shown.conversation.verticalScrollBar()
    frame = next(frame for frame in shown.in_sight() if isinstance(frame.content, RichLabel))
    label = frame.content
    assert isinstance(label, RichLabel)
    shown.view.show_selection(BlockRange(BlockPlace(frame.index, 0), BlockPlace(frame.index, 4)))
    shown.scroll_to(0)
    shown.settle()
    assert frame.content is label
    shown.scroll_to(bar.maximum())
    shown.settle()
    assert label.selected == (0, 4)
    shown.view.show_selection(None)
    shown.scroll_to(0)
    shown.settle()
    assert not frame.is_built


def test_what_is_between_the_ends_of_a_selection_has_no_widgets_far_away(shown: Shown) -> None:
    shown.view.show_selection(ALL)
    for share in (1.0, 0.0, 0.5, 0.9):
        shown.scroll_to(round(share * shown.conversation.verticalScrollBar().maximum()))
        shown.settle()
        shown.check()
        built = [frame for frame in shown.frames if frame.is_built]
        assert len(built) < len(shown.frames) / 3
        assert all(frame.selected.start < frame.selected.end for frame in built)
        texts = [frame.content for frame in built if isinstance(frame.content, RichLabel)]
        assert all(text.selected == (0, len(text_of(TextBlock(text.html)))) for text in texts)


def test_a_verdict_on_code_far_away_is_there_when_it_is_seen(shown: Shown) -> None:
    first = next(block for block in shown.view.blocks if isinstance(block, CodeBlock))
    shown.view.show_report(first, SyntaxReport("ok", "Python"))
    assert not any(card.verdict for card in shown.view.findChildren(CodeCard))
    shown.scroll_to(0)
    shown.settle()
    assert shown.view.findChildren(CodeCard)
    [said] = [card for card in shown.view.findChildren(CodeCard) if card.code == first.code]
    assert said.verdict.startswith("✓ valid Python")


def test_text_that_comes_out_of_sight_gets_widgets_when_one_goes_there(qtbot: QtBot, theme: Theme) -> None:
    shown = Shown(qtbot, theme, TEXT)
    live = message(2, "")
    reply = shown.conversation.make_reply(live, None)
    shown.conversation.add_live_reply(live, reply)
    reply.begin()
    shown.scroll_to(0)
    for start in range(0, len(TEXT), 400):
        reply.add("answer", TEXT[start : start + 400], 100)
        qtbot.wait(2)
    reply.finish("stop", None)
    shown.settle()
    assert not reply.findChildren(CodeCard)
    assert shown.conversation.verticalScrollBar().value() == 0
    shown.conversation.go_to_end()
    shown.settle()
    view = reply.findChildren(MarkdownView)[-1]
    seen = blocks_in(view, seen_zone(view, shown.conversation))
    assert seen
    assert all(frame.is_built for frame in seen)
    bar = shown.conversation.verticalScrollBar()
    assert bar.value() == bar.maximum()


def test_a_hundred_code_blocks_without_a_scroll_area(qtbot: QtBot, theme: Theme) -> None:
    """Each with a line too long for it, so that it gets a scroll bar as it gets its width."""
    reply = ReplyView(theme)
    qtbot.addWidget(reply)
    reply.resize(500, 400)
    reply.show()
    reply.show_kept("```python\n" + "x" * 200 + "\n```\n\n" + TEXT, "", "stop", None)
    for width in (700, 500):
        reply.resize(width, 400)
        qtbot.wait(20)
    view = reply.findChildren(MarkdownView)[-1]
    assert all(frame.is_built for frame in view.frames)
    many = ReplyView(theme)
    qtbot.addWidget(many)
    many.resize(500, 400)
    many.show()
    with qtbot.captureExceptions() as raised:
        many.show_kept(("```python\n" + "x" * 200 + "\n```\n\nand\n\n") * 400, "", "stop", None)
        many.resize(450, 400)
        qtbot.wait(20)
    assert not raised


def test_thoughts_that_are_unfolded_in_a_conversation(qtbot: QtBot, theme: Theme) -> None:
    shown = Shown(qtbot, theme, "Short.")
    kept = StoredMessage(2, 1, None, "assistant", "Done.", TEXT, "m", None, "stop", "", 0.0)
    shown.conversation.show_branch([kept], None, {})
    shown.settle()
    [reply] = [view for view in shown.conversation.findChildren(ReplyView) if view.answer == "Done."]
    reply.thinking.set_open(True)
    shown.settle()
    shown.scroll_to(300)
    shown.settle()
    shown.check()
    assert sum(frame.is_built for frame in shown.frames) < len(shown.frames) / 3


def test_tab_goes_through_what_is_near_in_order(shown: Shown) -> None:
    shown.scroll_to(0)
    shown.settle()
    shown.scroll_to(shown.conversation.verticalScrollBar().maximum())
    shown.settle()
    cards = sorted((card for card in shown.view.findChildren(CodeCard)), key=lambda card: card.y())
    cards[0].findChildren(QPushButton)[0].setFocus(Qt.FocusReason.TabFocusReason)
    reached = []
    for _ in range(60):
        focused = QApplication.focusWidget()
        for card in cards:
            if focused is not None and card.isAncestorOf(focused) and card not in reached:
                reached.append(card)
        shown.conversation.focusNextChild()
    assert reached == sorted(reached, key=lambda card: card.y())
