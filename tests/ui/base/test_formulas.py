"""Formulas as pictures in a reply."""

from collections.abc import Iterator

import psutil
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.ui.base.theme import Theme
from app.ui.reply.formula_card import FormulaCard
from app.ui.reply.markdown_view import MarkdownView
from app.ui.reply.rich.rich_label import LINE_PX, RichLabel
from tests.support.waiting import wait_until


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    theme = Theme(qapp, "light")
    yield theme
    theme.formulas.close()
    theme.deleteLater()


@pytest.fixture
def view(qtbot: QtBot, theme: Theme) -> MarkdownView:
    view = MarkdownView(theme)
    qtbot.addWidget(view)
    view.resize(600, 400)
    view.show()
    return view


def pictures(view: MarkdownView) -> int:
    return sum(label.shown_html.count("<img ") for label in view.findChildren(RichLabel))


def test_a_formula_becomes_a_picture_and_the_page_makes_room(qtbot: QtBot, view: MarkdownView) -> None:
    view.set_text("So \\(x^2\\) and \\(\\nosuchcommand\\).\n\n\\[\n\\frac{\\frac{a}{b}}{c}\n\\]\n\nEnd.")
    [card] = view.findChildren(FormulaCard)
    before = view.heightForWidth(view.width())
    wait_until(lambda: card.is_drawn and pictures(view) == 1)
    assert view.heightForWidth(view.width()) > before
    assert "\\nosuchcommand" in "".join(label.shown_html for label in view.findChildren(RichLabel))


def test_one_process_draws_all_formulas(qtbot: QtBot, theme: Theme, view: MarkdownView) -> None:
    """It takes half a second to start, so not for each formula of a reply that comes."""
    drawing: list[set[int]] = []
    for number in range(3):
        view.set_text(f"So \\(x_{number}\\).")
        wait_until(lambda: pictures(view) == 1 and not theme.formulas.waiting)
        qtbot.wait(50)
        children = psutil.Process().children()
        drawing.append({one.pid for one in children if "formula" in " ".join(one.cmdline())})
    assert drawing[0] == drawing[1] == drawing[2] != set()


@pytest.mark.parametrize("zoom_percent", [100, 150])
def test_lines_with_ordinary_formulas_are_as_high_as_others(
    qtbot: QtBot, theme: Theme, view: MarkdownView, zoom_percent: int
) -> None:
    def height(text: str) -> int:
        view.set_text(text)
        wait_until(lambda: not theme.formulas.waiting and pictures(view) == text.count("\\("))
        return view.heightForWidth(600)

    theme.choose("light", zoom_percent)
    lines = height("One  \ntwo  \nthree  \nfour")
    assert lines == 4 * theme.pixels(LINE_PX)
    ordinary = height("One \\(x\\)  \n\\(f(x) = a_i^2\\)  \n\\(\\sqrt{x}\\) three  \n中文 \\(2^n\\)")
    assert lines <= ordinary <= lines + theme.pixels(1)
    fractions = height("One  \n\\(\\frac{a}{b}\\)  \nthree  \n\\(\\frac{n(n+1)}{2}\\)")
    assert lines < fractions < lines + theme.pixels(5), "the last one reaches out of its line"
    assert height("One  \n\\(\\int_0^1 x\\,dx\\)  \nthree  \nfour") > lines + theme.pixels(15)


def test_a_formula_stands_on_the_line_of_the_text(qtbot: QtBot, theme: Theme) -> None:
    for text in ("E<span class='math'>E</span>", "E中<span class='math'>E</span>"):
        label = RichLabel(theme)
        qtbot.addWidget(label)
        label.set_html(text.replace("'", '"').replace(">E<", ">\\(\\mathrm{E}\\)<"))
        wait_until(lambda: not theme.formulas.waiting)
        label.show_again()
        label.resize(200, label.heightForWidth(200))
        image = QImage(label.size(), QImage.Format.Format_RGB32)
        image.fill(Qt.GlobalColor.white)
        label.render(image)
        dark = [
            [image.pixelColor(x, y).lightness() < 128 for x in range(image.width())]
            for y in range(image.height())
        ]
        width = label.fontMetrics().horizontalAdvance("E")
        start = label.fontMetrics().horizontalAdvance(text[: text.index("<")])
        letter = max(y for y, row in enumerate(dark) if any(row[:width]))
        formula = max(y for y, row in enumerate(dark) if any(row[start:]))
        assert abs(letter - formula) <= 1, text


def test_a_formula_that_is_still_coming_shows_its_source(qtbot: QtBot, view: MarkdownView) -> None:
    view.append("\\[ \\frac{1}")
    [card] = view.findChildren(FormulaCard)
    assert not card.is_drawn
    view.append("{2} \\]")
    wait_until(lambda: card.is_drawn)


def test_a_wide_formula_is_made_smaller_and_its_source_is_its_name(
    qtbot: QtBot, theme: Theme, view: MarkdownView
) -> None:
    latex = "+".join(f"x_{{{number}}}" for number in range(60))
    view.set_text(f"$$\n{latex}\n$$")
    [card] = view.findChildren(FormulaCard)
    wait_until(lambda: card.is_drawn)
    assert card.heightForWidth(300) < card.heightForWidth(3000)
    assert card.accessibleName() == latex


def test_another_theme_draws_them_anew(qtbot: QtBot, theme: Theme, view: MarkdownView) -> None:
    view.set_text("So \\(x^2\\).")
    wait_until(lambda: pictures(view) == 1)
    [label] = view.findChildren(RichLabel)
    light = label.shown_html
    theme.choose("dark")
    wait_until(lambda: pictures(view) == 1 and label.shown_html != light)
