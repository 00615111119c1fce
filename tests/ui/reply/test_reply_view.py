"""Replies as widgets, fed by hand: a deterministic stream in place of the engine."""

import time
from typing import Any, Literal
from unittest.mock import Mock

import msgspec
import pytest
from markdown_it import MarkdownIt
from PySide6.QtCore import QDateTime, QLocale, QPoint, QRect, Qt
from PySide6.QtGui import QGuiApplication, QImage, QRegion
from PySide6.QtWidgets import QApplication, QLabel, QMessageBox, QPlainTextEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.chat.markdown.markdown_blocks import CodeBlock, TextBlock, parse_blocks
from app.engine.protocol import GenerationStats
from app.ui.base.theme import Theme
from app.ui.reply import link_question
from app.ui.reply.code_card import CodeCard
from app.ui.reply.markdown_view import MarkdownView
from app.ui.reply.reply_notice import ReplyNotice
from app.ui.reply.reply_view import ReplyView
from app.ui.reply.rich.rich_label import RichLabel
from app.ui.reply.thinking_line import ThinkingLine
from tests.support.pages.reply_page import code_of, head_of
from tests.support.waiting import wait_until
from tests.support.widgets import all_seen, seen_button

STATS = GenerationStats(
    prompt_tokens=40,
    completion_tokens=1104,
    thinking_tokens=812,
    ttft_s=0.31,
    prompt_s=0.2,
    decode_s=19.0,
    thinking_s=14.2,
    prompt_tok_per_s=200.0,
    decode_tok_per_s=58.1,
    context_tokens_used=1144,
    seed=7,
)


@pytest.fixture
def view(qtbot: QtBot, theme: Theme) -> ReplyView:
    view = ReplyView(theme)
    qtbot.addWidget(view)
    view.resize(700, 500)
    view.show()
    return view


def labels(widget: QWidget) -> list[RichLabel]:
    return [label for label in widget.findChildren(RichLabel) if not label.isHidden()]


def test_finished_blocks_keep_their_widgets_and_their_text(qtbot: QtBot, theme: Theme) -> None:
    view = MarkdownView(theme)
    qtbot.addWidget(view)
    view.append("First paragraph.\n\nSecond")
    view.append(" paragraph.\n\nThird\n\nFourth\n\nFif")
    first, second, third, fourth, fifth = labels(view)
    assert [label.html for label in (fourth, fifth)] == ["Fourth", "Fif"]
    texts = [label.document.toPlainText() for label in (first, second)]
    changed = Mock()
    for label in (first, second):
        label.set_html = changed  # type: ignore[method-assign]  # a probe
    for _ in range(50):
        view.append(" more")
    view.append("\n\n```python\nx = 1\n")
    for number in range(50):
        view.append(f"y = {number}\n")
    view.finish()
    assert labels(view) == [first, second, third, fourth, fifth]
    assert fifth.html == "Fif" + " more" * 50
    assert [label.document.toPlainText() for label in (first, second)] == texts
    changed.assert_not_called()
    [card] = view.findChildren(CodeCard)
    assert card.code.splitlines()[-1] == "y = 49"


def test_a_burst_is_painted_in_few_frames(qtbot: QtBot, view: ReplyView) -> None:
    frames: list[str] = []
    view.painted.connect(lambda: frames.append(view.answer))
    view.begin()
    for _ in range(3000):
        view.add("answer", "word ", 1)
    wait_until(lambda: bool(frames) and frames[-1] == "word " * 3000)
    assert len(frames) <= 2


def test_thinking_is_one_line_until_it_is_opened(qtbot: QtBot, view: ReplyView) -> None:
    view.begin()
    view.add("thinking", "First I look.\n\nThen I **compare** it", 9)
    wait_until(lambda: not view.thinking.isHidden())
    assert "9 tokens" in view.thinking.summary
    assert not view.thinking.is_open
    assert view.thinking.findChildren(MarkdownView) == []
    view.add("answer", "\n\nSo **4**.", 4)
    view.finish("stop", STATS)
    assert view.thinking.summary == "Thought for 14 s · 812 tokens"
    assert view.answer == "So **4**."
    assert view.stats_text == "1,104 tokens · 58.1 tok/s · first token 0.31 s"
    assert view.notice_text == ""


def test_thinking_opens_by_keyboard_and_by_click_also_while_it_comes(qtbot: QtBot, view: ReplyView) -> None:
    view.begin()
    view.add("thinking", "First step.", 3)
    wait_until(lambda: not view.thinking.isHidden())
    line: ThinkingLine = view.thinking
    head = head_of(line)
    head.setFocus()
    qtbot.keyClick(head, Qt.Key.Key_Return)
    assert line.is_open
    view.add("thinking", " Second half.", 3)
    wait_until(lambda: "Second half" in "".join(text.html for text in labels(line)))
    qtbot.mouseClick(head, Qt.MouseButton.LeftButton)
    assert not line.is_open
    qtbot.keyClick(head, Qt.Key.Key_Space)
    assert line.is_open
    assert head.accessibleName() == line.summary


def test_thinking_is_copied_only_where_it_is_asked_for(view: ReplyView) -> None:
    view.show_kept("Four.", "Two and two\n\nis four.", "stop", None)
    view.copy()
    assert QGuiApplication.clipboard().text() == "Four."
    view.copy(with_thinking=True)
    assert QGuiApplication.clipboard().text() == "> Two and two\n>\n> is four.\n\nFour."


def test_an_answer_is_asked_for_once_and_only_while_the_model_thinks(view: ReplyView) -> None:
    asked: list[bool] = []
    view.answer_now_requested.connect(lambda: asked.append(True))
    view.thinking.ask_for_answer()
    view.begin()
    view.add("thinking", "Let me see.", 3)
    wait_until(lambda: view.thinking.isVisible())
    view.thinking.ask_for_answer()
    view.thinking.ask_for_answer()
    assert asked == [True]


@pytest.mark.parametrize(
    ("outcome", "error", "sentence", "retry"),
    [
        ("failed", "The engine stopped: out of memory.", "out of memory", True),
        ("interrupted", "", "closed before", True),
        ("length", "", "most tokens", False),
        ("context", "", "context is full", False),
        ("cancelled", "", "Stopped.", False),
        ("stop", "", "", False),
        ("edited", "", "", False),
    ],
)
def test_a_reply_says_why_it_ended_early(
    view: ReplyView, outcome: str, error: str, sentence: str, retry: bool
) -> None:
    view.show_kept("Half an ans", "", outcome, None, error)  # type: ignore[arg-type]  # an outcome
    assert sentence in view.notice_text
    assert bool(view.notice_text) == bool(sentence)
    assert any(b.text() == "Retry" and b.isVisible() for b in view.findChildren(QPushButton)) == retry
    assert view.answer == "Half an ans"


def test_code_can_be_copied_and_sent_to_the_code_tab(qtbot: QtBot, view: ReplyView) -> None:
    view.show_kept("Look:\n\n```py\nx = '<b>'\n```", "", "stop", STATS)
    [card] = view.findChildren(CodeCard)
    copy, to_code = card.findChildren(QPushButton)
    qtbot.mouseClick(copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "x = '<b>'"
    with qtbot.waitSignal(view.to_code_requested) as sent:
        qtbot.mouseClick(to_code, Qt.MouseButton.LeftButton)
    assert sent.args == ["x = '<b>'", "py"]
    view.copy()
    assert QGuiApplication.clipboard().text() == "Look:\n\n```py\nx = '<b>'\n```"


def test_code_is_as_tall_as_its_lines(qtbot: QtBot, view: ReplyView) -> None:
    view.begin()
    view.add("answer", "```python\n", 3)
    for number in range(40):
        view.add("answer", f"line_{number} = {number}\n", 5)
    view.add("answer", "```", 1)
    view.finish("stop", STATS)
    QApplication.processEvents()
    text = code_of(view.findChildren(CodeCard)[0])
    last = text.blockBoundingGeometry(text.document().lastBlock()).translated(text.contentOffset())
    assert text.document().blockCount() == 40
    assert last.bottom() <= text.viewport().height() + 1


def click_link(qtbot: QtBot, label: RichLabel, words: str) -> None:
    """Click in the middle of the words of a link."""
    start = label.document.toPlainText().index(words)
    place = label.caret_rect(start + len(words) // 2).center()
    qtbot.mouseClick(label, Qt.MouseButton.LeftButton, pos=place)


def test_a_link_is_opened_only_after_the_real_address_was_shown(
    qtbot: QtBot, view: ReplyView, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(
        link_question.QDesktopServices, "openUrl", lambda url: bool(opened.append(url.toString())) or True
    )
    view.show_kept("[your bank](https://evil.example/x) and [c](ftp://a.example)", "", "stop", STATS)
    click_link(qtbot, labels(view)[0], "bank")
    [question] = view.findChildren(QMessageBox)
    assert "https://evil.example/x" in question.informativeText()
    assert opened == []
    question.button(QMessageBox.StandardButton.Open).click()
    assert opened == ["https://evil.example/x"]
    labels(view)[0].linkActivated.emit("file:///etc/passwd")
    refused = view.findChildren(QMessageBox)[-1]
    assert refused.standardButtons() == QMessageBox.StandardButton.Close
    refused.close()
    assert opened == ["https://evil.example/x"]


def test_nothing_in_a_reply_becomes_markup(view: ReplyView) -> None:
    view.show_kept("<img src='file:///etc/passwd'> ![x](file:///etc/hostname) <b>b</b>", "", "stop", STATS)
    assert "<img" not in "".join(label.shown_html for label in labels(view))


def test_a_new_theme_recolours_what_is_shown(view: ReplyView, theme: Theme) -> None:
    view.show_kept("Text with `code`.\n\n```python\nx = 1\n```", "", "stop", STATS)
    before = labels(view)[0].shown_html
    theme.choose("dark")
    assert labels(view)[0].shown_html != before
    assert theme.colours.text in labels(view)[0].shown_html


def test_a_very_long_reply_stays_quick_to_add_to(view: ReplyView, monkeypatch: pytest.MonkeyPatch) -> None:
    paragraph = "Some **words** about `code` and more words that make a paragraph of usual length.\n\n"
    view.begin()
    view.add("answer", paragraph * 200, 4000)
    wait_until(lambda: len(labels(view)) >= 198)
    parse, parsed = MarkdownIt.parse, [""]

    def parse_and_note(parser: MarkdownIt, text: str, *environment: Any) -> Any:
        parsed.append(text)
        return parse(parser, text, *environment)

    monkeypatch.setattr(MarkdownIt, "parse", parse_and_note)
    view.add("answer", "And more.", 2)
    wait_until(lambda: "And more." in parsed[-1])
    assert sum(map(len, parsed)) < 3 * len(paragraph)
    view.finish("stop", STATS)


def picture(widget: QWidget, width: int, height: int) -> QImage:
    widget.resize(width, height)
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.white)
    widget.render(image, QPoint(), QRegion(), QWidget.RenderFlag.DrawChildren)
    return image


@pytest.mark.parametrize("muted", [False, True])
def test_a_growing_paragraph_looks_like_the_finished_one(qtbot: QtBot, theme: Theme, *, muted: bool) -> None:
    source = "Some **bold words**, `code` and plain ones "
    pieces = [
        "that ",
        "go on &amp; ",
        "on, *for* ",
        "longer than one line, ",
        "and once more, ",
        "to the end",
    ]
    text = source
    grown = RichLabel(theme, muted=muted)
    qtbot.addWidget(grown)
    for piece in pieces:
        text += piece
        [block] = parse_blocks(text)
        assert isinstance(block, TextBlock)
        grown.set_html(block.html)
        whole = RichLabel(theme, muted=muted)
        qtbot.addWidget(whole)
        whole.set_html(block.html)
        height = whole.heightForWidth(260)
        assert grown.heightForWidth(260) == height
        assert picture(grown, 260, height) == picture(whole, 260, height)


def test_the_answer_can_be_asked_for_while_the_model_thinks(qtbot: QtBot, view: ReplyView) -> None:
    view.begin()
    view.add("thinking", "A long thought.", 4)
    wait_until(lambda: view.thinking.isVisible())
    now = seen_button(view.thinking, "Answer now")
    with qtbot.waitSignal(view.answer_now_requested):
        qtbot.mouseClick(now, Qt.MouseButton.LeftButton)
    assert not now.isEnabled()
    assert not view.thinking.is_open
    view.add("answer", "Yes.", 2)
    wait_until(lambda: not now.isVisible())
    view.finish("stop", STATS)


def test_thoughts_that_were_cut_are_said_below_the_reply(view: ReplyView) -> None:
    stats = msgspec.structs.replace(STATS, thinking_closed="loop")
    view.show_kept("Yes.", "again and again", "stop", stats)
    assert "812 tokens" in view.remark_text
    assert view.notice_text == ""


def test_an_answer_that_was_ended_for_its_repetition_says_so(view: ReplyView) -> None:
    view.show_kept("again and again", "", "loop", STATS)
    assert view.notice_text == "The answer only repeated itself, so it was ended here."


@pytest.mark.parametrize("zoom_percent", [50, 100, 150, 250])
def test_the_numbers_of_a_list_are_whole(qtbot: QtBot, theme: Theme, zoom_percent: int) -> None:
    theme.choose("light", zoom_percent)
    view = MarkdownView(theme)
    qtbot.addWidget(view)
    view.set_text(
        "8. Eight\n9. Nine\n\n* Bullet\n\n88. As many\n    * In it\n\n      888. And more\n\n"
        "> 1. Said\n\n888888888. Most"
    )
    view.resize(600, view.heightForWidth(600))
    view.show()
    marked = [frame.marker for frame in view.frames if frame.marker is not None]
    assert [marker.text() for marker in marked if marker.text()] == [
        "8.", "9.", "•", "88.", "•", "888.", "1.", "888888888."
    ]  # fmt: skip
    for marker in marked:
        assert marker.fontMetrics().horizontalAdvance(marker.text()) <= marker.width(), marker.text()
    # Nothing moves when the tenth item comes.
    eight, nine, _, many = [frame.caret_rect(0).x() for frame in view.frames][:4]
    assert eight == nine == many


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("zoom_percent", [100, 150])
def test_the_icons_below_a_reply_begin_where_its_text_does(
    theme: Theme, view: ReplyView, scheme: Literal["light", "dark"], zoom_percent: int
) -> None:
    theme.choose(scheme, zoom_percent)
    view.show_kept("Hello there.", "", "stop", None)
    [text] = labels(view)
    for copy in view.findChildren(QPushButton):
        if copy.accessibleName() == "Copy the reply":
            break
    image = copy.grab().toImage()
    ground = image.pixelColor(image.width() - 1, 0)
    drawn = [
        x
        for x in range(image.width())
        if any(image.pixelColor(x, y) != ground for y in range(image.height()))
    ]
    # A larger icon has a larger edge of its own.
    edge_px = zoom_percent // 150
    assert copy.mapTo(view, QPoint(drawn[0], 0)).x() == text.mapTo(view, QPoint(0, 0)).x() + edge_px


def parts(stats: GenerationStats, **values: object) -> GenerationStats:
    return msgspec.structs.replace(stats, **values)


@pytest.mark.parametrize(
    "outcome", ["length", "context", "cancelled", "failed", "interrupted", "stop", "loop"]
)
def test_what_was_cut_off_offers_to_go_on(view: ReplyView, outcome: str) -> None:
    view.show_kept("Half an ans", "", outcome, STATS)  # type: ignore[arg-type]  # an outcome
    shown = {button.text() for button in view.findChildren(QPushButton) if button.isVisible()}
    assert ("Continue" in shown) == (outcome not in ("stop", "loop"))
    assert ("Larger context" in shown) == (outcome == "context")
    view.offer_ways_on(False)
    assert not {"Continue", "Retry"} & {b.text() for b in view.findChildren(QPushButton) if b.isVisible()}


@pytest.mark.parametrize("thinking", ["", "Only a thought."])
def test_a_reply_without_an_answer_offers_another(view: ReplyView, thinking: str) -> None:
    view.show_kept("", thinking, "stop", STATS)
    assert view.notice_text == "The model gave no answer."
    assert seen_button(view, "Retry").isEnabled()
    view.show_kept("An answer.", thinking, "stop", STATS)
    assert not [button for button in all_seen(view, QPushButton) if button.text() == "Retry"]


def test_nothing_goes_on_where_nothing_came(view: ReplyView) -> None:
    view.show_kept("", "", "cancelled", None)
    assert view.notice_text == "Stopped."
    assert "Continue" not in {b.text() for b in view.findChildren(QPushButton) if b.isVisible()}


def test_want_of_room_and_a_limit_are_said_in_the_same_notice(view: ReplyView) -> None:
    view.show_kept("Yes", "Hm.", "length", parts(STATS, thinking_closed="room"))
    assert "leave room" in view.remark_text
    assert "most tokens" in view.notice_text
    [notice] = view.findChildren(ReplyNotice)
    assert notice.isVisible()
    assert {"Continue", "Larger context"} <= {
        b.text() for b in notice.findChildren(QPushButton) if b.isVisible()
    }
    view.show_kept("Yes", "Hm.", "stop", parts(STATS, thinking_closed="budget"))
    assert view.remark_text == "The thoughts were ended after 812 tokens, at this chat's limit."


def test_a_cut_document_is_not_said_to_break_its_schema(view: ReplyView) -> None:
    view.follow_schema('{"type": "object"}')
    view.show_kept('{"a": ', "", "cancelled", STATS)
    assert view.verdict == ""
    view.show_kept('{"a": ', "", "stop", STATS)
    assert view.verdict.startswith("Not as the schema says")


@pytest.mark.parametrize("kept", [True, False])
def test_a_reply_goes_on_in_the_widgets_that_it_has(
    qtbot: QtBot, theme: Theme, view: ReplyView, kept: bool
) -> None:
    begun = "First words.\n\nSecond\n\n```python\nx = 1\ny ="
    if kept:
        view.show_kept(begun, "", "length", STATS)
    else:
        view.begin()
        view.add("answer", begun, 9)
        view.finish("length", STATS)
    first, second = labels(view)
    [card] = view.findChildren(CodeCard)
    height = view.height()
    view.go_on()
    assert view.running
    assert view.minimumHeight() == height
    assert view.notice_text == ""
    with qtbot.waitSignal(view.painted):
        view.add("answer", " 2\nz = 3\n```\n\nAnd the end", 9)
    assert labels(view)[0] is first
    assert view.findChildren(CodeCard) == [card]
    assert card.code == "x = 1\ny = 2\nz = 3"
    view.finish("stop", parts(STATS, completion_tokens=2000))
    assert [label.html for label in labels(view)[:2]] == [first.html, second.html]
    assert view.answer == begun + " 2\nz = 3\n```\n\nAnd the end"
    assert "2,000 tokens" in view.stats_text
    assert view.minimumHeight() == 0


def test_the_words_of_a_paragraph_go_on_in_it(qtbot: QtBot, view: ReplyView) -> None:
    view.show_kept("One.\n\nTwo and", "", "length", STATS)
    view.go_on()
    assert [text.html for text in labels(view)] == ["One.", "Two and"]
    with qtbot.waitSignal(view.painted):
        view.add("answer", " three", 1)
    assert [text.html for text in labels(view)] == ["One.", "Two and three"]
    view.finish("stop", STATS)
    assert [label.html.count("Two and three") for label in labels(view)][-1] == 1


@pytest.mark.parametrize("open_first", [True, False])
def test_thinking_goes_on_in_its_line(qtbot: QtBot, view: ReplyView, open_first: bool) -> None:
    view.show_kept("", "First step.", "cancelled", STATS)
    view.thinking.set_open(open_first)
    view.go_on()
    with qtbot.waitSignal(view.painted):
        view.add("thinking", " Second half.", 3)
    assert view.thinking.text == "First step. Second half."
    assert "Thinking… 14 s · 815 tokens" in view.thinking.summary
    if open_first:
        assert "".join(text.html for text in labels(view.thinking)) == "First step. Second half."
    with qtbot.waitSignal(view.painted):
        view.add("answer", "\n\nYes.", 1)
    view.finish("stop", parts(STATS, thinking_s=15.0, thinking_tokens=815))
    assert view.thinking.summary == "Thought for 15 s · 815 tokens"
    assert view.answer == "Yes."


def answer_of(view: ReplyView) -> MarkdownView:
    """The text of the answer."""
    [found] = [text for text in view.findChildren(MarkdownView) if not view.thinking.isAncestorOf(text)]
    return found


def test_what_stands_keeps_its_place_when_the_reply_goes_on(qtbot: QtBot, view: ReplyView) -> None:
    view.show_kept("An answer.", "A thought.", "cancelled", STATS)
    QApplication.processEvents()

    def places() -> list[QRect]:
        return [view.thinking.geometry(), answer_of(view).geometry()]

    before = places()
    view.go_on()
    QApplication.processEvents()
    assert places() == before


def test_code_in_which_a_reply_was_cut_is_not_whole(view: ReplyView) -> None:
    view.follow_schema('{"type": "object"}')
    for outcome in ("length", "stop"):
        view.show_kept('{"a": 1', "", outcome, STATS)  # type: ignore[arg-type]  # an outcome
        [block] = answer_of(view).blocks
        assert isinstance(block, CodeBlock)
        assert block.closed == (outcome == "stop")


def test_a_part_that_nobody_measured_is_not_told_of(view: ReplyView) -> None:
    stats = parts(STATS, is_partly=True)
    view.show_kept("Yes.", "Hm.", "stop", stats)
    assert view.thinking.summary == "Thought"
    assert view.stats_text == "1,104 tokens · 58.1 tok/s"
    view.show_kept("Yes.", "Hm.", "interrupted", stats)
    assert view.stats_text == ""


def test_one_token_has_no_speed(view: ReplyView) -> None:
    view.show_kept("Yes.", "", "cancelled", parts(STATS, completion_tokens=1, decode_tok_per_s=0.0))
    assert view.stats_text.startswith("1 token · first token ")


def test_in_a_narrow_column_the_words_stand_below_the_buttons(view: ReplyView) -> None:
    view.show_origin("DeepSeek-R1-Distill-Qwen-7B · Q4_K_M", time.time(), tuple)
    view.show_kept("Yes.", "", "stop", STATS)
    view.show_versions([1, 2], 2)
    words = next(label for label in view.foot.findChildren(QLabel) if "Q4_K_M" in label.text())
    buttons = seen_button(view.foot, "Copy the reply")
    view.resize(800, 400)
    view.show()

    def is_below() -> bool:
        return words.geometry().top() >= buttons.mapTo(view.foot, buttons.rect().bottomLeft()).y()

    wait_until(lambda: words.width() > 300 and not is_below())
    view.resize(390, 400)
    wait_until(lambda: words.width() > 300 and is_below())


def test_the_foot_says_who_wrote_the_reply_and_when(view: ReplyView) -> None:
    now = time.time()
    view.show_origin("R1 · Q4_K_M", now, lambda: [("/a", "R1 · Q4_K_M"), ("/b", "Other & more")])
    view.show_kept("Yes.", "", "stop", STATS)
    today = QLocale().toString(QDateTime.fromSecsSinceEpoch(int(now)).time(), QLocale.FormatType.ShortFormat)
    assert view.foot.origin == f"R1 · Q4_K_M · {today}"
    assert view.stats_text.startswith("1,104 tokens")
    chosen: list[str] = []
    view.foot.again_with_requested.connect(chosen.append)
    entries = [entry for entry in view.foot.menu().actions() if entry.text()]
    assert [entry.text() for entry in entries] == [
        "Answer again with Other && more",
        "Compare with other answers…",
        "Go on from here in a new chat",
    ]
    entries[0].trigger()
    assert chosen == ["/b"]
    view.show_kept("Yes.", "", "edited", None)
    assert view.stats_text == "Edited by you"


def test_what_blocks_sending_blocks_the_ways_on(view: ReplyView) -> None:
    view.show_kept("Yes", "", "failed", None, "It broke.")
    view.offer("Wait.", "", can_edit=False)
    blocked = {
        b.text() or b.accessibleName()
        for b in view.findChildren(QPushButton)
        if b.isVisible() and not b.isEnabled()
    }
    assert blocked == {"Retry", "Continue", "Regenerate the reply", "Other ways to go on", "Edit the reply"}
    view.offer("", "Not this one.", can_edit=True)
    blocked = {b.text() for b in view.findChildren(QPushButton) if b.isVisible() and not b.isEnabled()}
    assert blocked == {"Continue"}


def test_an_answer_is_changed_in_its_place(qtbot: QtBot, view: ReplyView) -> None:
    view.show_kept("**Yes**\n", "", "stop", STATS)
    saved: list[str] = []
    view.edited.connect(saved.append)
    [edit] = [b for b in view.findChildren(QPushButton) if b.accessibleName() == "Edit the reply"]
    # A chat of many replies opens without a field for each.
    assert view.editor.findChild(QPlainTextEdit) is None
    edit.click()
    field = view.editor.findChild(QPlainTextEdit)
    assert field.toPlainText() == "**Yes**"
    assert not answer_of(view).isVisible()
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert view.editor.is_open
    field.setPlainText("**No**")
    qtbot.keyClick(field, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert saved == ["**No**"]
    assert answer_of(view).isVisible()
    edit.click()
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert not view.editor.is_open
