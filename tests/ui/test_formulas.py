"""Formulas as pictures in a reply."""

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.ui.theme import Theme
from app.ui.widgets.formula_card import FormulaCard
from app.ui.widgets.markdown_view import MarkdownView
from app.ui.widgets.rich_label import RichLabel


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
    return sum(label.text().count("<img ") for label in view.findChildren(RichLabel))


def test_a_formula_becomes_a_picture_and_the_page_makes_room(qtbot: QtBot, view: MarkdownView) -> None:
    view.set_text("So \\(x^2\\) and \\(\\nosuchcommand\\).\n\n\\[\n\\frac{\\frac{a}{b}}{c}\n\\]\n\nEnd.")
    [card] = view.findChildren(FormulaCard)
    before = view.heightForWidth(view.width())
    qtbot.waitUntil(lambda: card.is_drawn and pictures(view) == 1, timeout=20_000)
    assert view.heightForWidth(view.width()) > before
    assert "\\nosuchcommand" in "".join(label.text() for label in view.findChildren(RichLabel))


def test_a_formula_that_is_still_coming_shows_its_source(qtbot: QtBot, view: MarkdownView) -> None:
    view.append("\\[ \\frac{1}")
    [card] = view.findChildren(FormulaCard)
    assert not card.is_drawn
    view.append("{2} \\]")
    qtbot.waitUntil(lambda: card.is_drawn, timeout=20_000)


def test_a_wide_formula_is_made_smaller_and_its_source_is_its_name(
    qtbot: QtBot, theme: Theme, view: MarkdownView
) -> None:
    latex = "+".join(f"x_{{{number}}}" for number in range(60))
    view.set_text(f"$$\n{latex}\n$$")
    [card] = view.findChildren(FormulaCard)
    qtbot.waitUntil(lambda: card.is_drawn, timeout=20_000)
    assert card.heightForWidth(300) < card.heightForWidth(3000)
    assert card.accessibleName() == latex


def test_another_theme_draws_them_anew(qtbot: QtBot, theme: Theme, view: MarkdownView) -> None:
    view.set_text("So \\(x^2\\).")
    qtbot.waitUntil(lambda: pictures(view) == 1, timeout=20_000)
    [label] = view.findChildren(RichLabel)
    light = label.text()
    theme.choose("dark")
    qtbot.waitUntil(lambda: pictures(view) == 1 and label.text() != light, timeout=20_000)
