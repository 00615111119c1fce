"""The passages below a reply."""

from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.chat.documents.retrieval import Passage
from app.chat.store.records import Attachment
from app.ui.reply.sources_line import FOLDED, SourcesLine
from tests.support.waiting import wait_until

DOCUMENT = Attachment(1, "handbook.md", "The limit of this section is ten euros a day. " * 40)


def line_with(qtbot: QtBot, count: int) -> SourcesLine:
    line = SourcesLine()
    qtbot.addWidget(line)
    line.show_passages([DOCUMENT], [Passage(0, start * 10, start * 10 + 300) for start in range(count)])
    return line


def test_a_passage_names_its_page_and_its_heading(qtbot: QtBot) -> None:
    text = "# Travel\n\nTrains.\f## Lisbon\n\nA hotel may cost 140 euros.\fMore."
    document = Attachment(1, "handbook.pdf", text)
    line = SourcesLine()
    qtbot.addWidget(line)
    hotel, over = text.index("## Lisbon"), text.index("euros")
    line.show_passages([document], [Passage(0, hotel, over), Passage(0, over, len(text)), Passage(0, 0, 17)])
    assert line.texts == [
        "handbook.pdf · page 2 · Lisbon: A hotel may cost 140…",
        "handbook.pdf · pages 2 to 3 · Lisbon: euros. More.…",
        "handbook.pdf · page 1 · Travel: Trains.…",
    ]


def offered(line: SourcesLine) -> list[QPushButton]:
    return [made for made in line.findChildren(QPushButton) if made.isVisibleTo(line)]


def test_many_passages_are_folded_until_they_are_asked_for(qtbot: QtBot) -> None:
    line = line_with(qtbot, 14)
    wait_until(lambda: len(offered(line)) == FOLDED + 1)
    others = offered(line)[-1]
    assert others.text() == "Show all 14 passages"
    others.click()
    assert len(offered(line)) == len(line.texts) == 14


def test_no_passage_makes_its_column_wider(qtbot: QtBot) -> None:
    line = line_with(qtbot, 3)
    assert len(offered(line)) == 3
    assert line.minimumSizeHint().width() < 100
