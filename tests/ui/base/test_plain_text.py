"""Names from files, hubs and servers are text in the window: nothing is markup, nothing hidden."""

import ast
import asyncio
from pathlib import Path

import pytest
import qasync
from PySide6.QtCore import QEvent, QMargins, QRect, Qt
from PySide6.QtGui import QImage, QPainter, QTextLayout
from PySide6.QtGui import Qt as GuiQt
from PySide6.QtWidgets import QApplication, QLabel, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from app.base.errors import StillroomError
from app.engine.protocol import LoadNotice
from app.ui.base.plain_text import LONGEST_TIP, PlainLabel, draw_line, plain_tip
from app.ui.base.theme import Theme
from app.ui.code.files.code_dialogs import CodeDialogs
from app.ui.models.gguf.gguf_metadata_table import GgufMetadataTable
from app.ui.widgets.card import button, label
from app.ui.widgets.elided_button import ElidedButton
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.notices import notice_text, translated
from converters.gguf.gguf_reader import GgufSummary
from tests.support.event_loop import run_step
from tests.support.waiting import WAIT_S, until
from tests.support.widgets import all_seen, click, seen, seen_button

UI = Path(__file__).parents[3] / "app" / "ui"
HOSTILE = {
    "picture": "<img src='file:///etc/hostname'>",
    "link": "<a href='http://elsewhere/'>Free</a>",
    "direction": "model\u202efugg.exe",
    "escape": "\x1b]0;owned\x07\x9b2J",
    "long": "<b>" + "k" * 1_000_000,
}
HIDDEN = set("\x1b\x07\x9b\u202e")


def is_plain(text: str) -> bool:
    """Tell whether Qt shows this very text: what is no plain text has no markup but line ends."""
    if HIDDEN & set(text):
        return False
    inside = text.removeprefix("<span>").removesuffix("</span>").replace("<br>", "")
    return not GuiQt.mightBeRichText(text) or (text.startswith("<span>") and "<" not in inside)


def test_labels_buttons_and_tips_show_it_as_text(qtbot: QtBot) -> None:
    for text in HOSTILE.values():
        elided = ElidedLabel()
        elided.setText(text)
        words = ElidedButton(text)
        shown = label(text)
        for made in (elided, words, shown):
            qtbot.addWidget(made)
        elided.resize(30, 20)
        elided.grab()
        for one in (elided, shown):
            assert one.textFormat() is Qt.TextFormat.PlainText
            assert not HIDDEN & set(one.text())
            assert len(one.text()) <= 20_000
        for tip in (elided.toolTip(), words.toolTip(), button(tip=text).toolTip(), plain_tip(text)):
            assert is_plain(tip)
            assert len(tip) < LONGEST_TIP + 100


def test_an_ordinary_tip_stays_as_it_is() -> None:
    assert plain_tip("1 < 2, “蒸馏”\nCtrl+M") == "1 < 2, “蒸馏”\nCtrl+M"


def test_metadata_of_a_file_is_text() -> None:
    for text in HOSTILE.values():
        table = GgufMetadataTable(
            GgufSummary(version=3, bytes=100, metadata={text: text}, tensors=[], data_offset=0)
        )
        for column in (0, 1):
            cell = table.index(0, column)
            assert not HIDDEN & set(cell.data())
            assert len(cell.data()) <= 1000
            assert is_plain(cell.data(Qt.ItemDataRole.ToolTipRole) or "")
            # What is copied is exact.
            assert cell.data(Qt.ItemDataRole.EditRole) == text


def test_errors_and_notices_are_one_clean_sentence() -> None:
    for text in HOSTILE.values():
        error = StillroomError("The server said: {reason}.", "Ask {host} again.", reason=text, host=text)
        for said in (*translated(error), notice_text(LoadNotice("Found {name}.", {"name": text}))):
            assert not HIDDEN & set(said)
            assert len(said) < 500


def test_a_question_about_a_file_shows_its_name_as_text(qtbot: QtBot, loop: qasync.QEventLoop) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    parent.show()

    async def scene() -> None:
        dialogs = CodeDialogs(parent)
        asked = asyncio.ensure_future(dialogs.ask_about_conflict(HOSTILE["picture"], can_reload=False))
        await until(lambda: all_seen(parent, QMessageBox), "the question")
        box = seen(parent, QMessageBox)
        labels = {made.objectName(): made for made in box.findChildren(QLabel) if made.text()}
        assert {"qt_msgbox_label", "qt_msgbox_informativelabel"} <= labels.keys()
        assert {made.textFormat() for made in labels.values()} == {Qt.TextFormat.PlainText}
        assert HOSTILE["picture"] in labels["qt_msgbox_label"].text()
        click(seen_button(box, "Cancel"))
        assert await asked == "cancel"

    run_step(loop, scene(), WAIT_S)


def test_every_text_that_is_not_our_own_takes_the_plain_way() -> None:
    """`setToolTip` with anything but one of the window's own sentences, and labels that may take markup."""
    found = []
    for path in sorted(UI.rglob("*.py")):
        # One gives back what `set_tip` has set.
        if path.name in ("plain_text.py", "add_action.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name == "setToolTip" and not _is_our_own(node.args[0]):
                found.append(f"{path.name}:{node.lineno}: set_tip")
            if name == "QLabel" and node.args:
                found.append(f"{path.name}:{node.lineno}: PlainLabel")
    assert found == []


def _is_our_own(text: ast.expr) -> bool:
    if isinstance(text, ast.IfExp):
        return _is_our_own(text.body) and _is_our_own(text.orelse)
    if isinstance(text, ast.Call):
        return isinstance(text.func, ast.Attribute) and text.func.attr == "tr"
    return isinstance(text, ast.Constant)


FIGURES = ("It takes 4.7 GB", "up to 25.0 MB/s", "at 9.6 tok/s", "for 3 min 20 s", "最多 10 秒")


@pytest.mark.parametrize("words", FIGURES)
def test_no_line_ends_between_a_figure_and_its_unit(qtbot: QtBot, words: str) -> None:
    made = label(words, wrap=True)
    qtbot.addWidget(made)
    figure = words.rsplit(" ", 1)[0]
    room_px = made.fontMetrics().horizontalAdvance(figure) + 2
    alone = QTextLayout(QLabel.text(made), made.font())
    alone.beginLayout()
    line = alone.createLine()
    line.setLineWidth(room_px)
    alone.endLayout()
    assert line.textLength() < len(figure), "the figure goes to the next line with its unit"
    assert made.text() == words


def test_no_line_begins_with_the_dot_between_two_parts(qtbot: QtBot) -> None:
    made = label("On disk · 3.1 GB · Runs on the processor", wrap=True)
    qtbot.addWidget(made)
    assert " ·" not in QLabel.text(made)
    assert QLabel.text(made).count("· ") == 2


def test_other_words_behind_a_figure_may_go_to_the_next_line(qtbot: QtBot) -> None:
    made = label("4 Bytes of 12 Windows", wrap=True)
    qtbot.addWidget(made)
    assert QLabel.text(made) == made.text()


def test_a_label_that_is_cleared_says_nothing(qtbot: QtBot) -> None:
    said = PlainLabel("12 GB")
    qtbot.addWidget(said)
    said.clear()
    assert (said.text(), QLabel.text(said)) == ("", "")


def test_a_line_has_the_same_baseline_with_and_without_chinese(qapp: QApplication) -> None:
    Theme(qapp, "light")
    seen_at = set()
    for text in ("H", "H 你好", "H\n你好"):
        picture = QImage(200, 31, QImage.Format.Format_RGB32)
        picture.fill(Qt.GlobalColor.white)
        painter = QPainter(picture)
        painter.setFont(qapp.font())
        draw_line(painter, QRect(0, 0, 200, 31), text)
        width_px = painter.fontMetrics().horizontalAdvance("H")
        painter.end()
        dark = [
            row for row in range(31) if any(picture.pixelColor(x, row).black() > 100 for x in range(width_px))
        ]
        seen_at.add((dark[0], dark[-1]))
    assert len(seen_at) == 1
    [(top, bottom)] = seen_at
    assert abs(top - (30 - bottom)) <= 2


def test_a_label_keeps_its_margins_as_the_style_changes_while_it_is_small(qtbot: QtBot) -> None:
    """The foot of a card stood at its very edge once the theme had changed on another page."""
    for made in (label("Words", "small", wrap=True), ElidedLabel("small")):
        qtbot.addWidget(made)
        made.setContentsMargins(16, 2, 16, 8)
        made.resize(200, 0)
        QApplication.sendEvent(made, QEvent(QEvent.Type.StyleChange))
        assert made.contentsMargins() == QMargins(16, 2, 16, 8)
