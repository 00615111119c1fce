"""Letters are laid out once in each font, in small steps."""

import pytest
from PySide6.QtGui import QFont
from pytestqt.qtbot import QtBot

from app.ui.base import letters as module
from app.ui.base.letters import LETTERS, Letters
from app.ui.base.slices import NEXT_TURN

FONT = "Inter"


@pytest.fixture
def laid_out(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that Qt was given to lay out, which it still does."""
    given: list[str] = []

    class Layout(module.QTextLayout):
        def __init__(self, text: str, font: QFont) -> None:
            super().__init__(text, font)
            given.append(text)

    monkeypatch.setattr(module, "QTextLayout", Layout)
    return given


def test_the_first_letter_of_a_script_has_a_turn_of_its_own(laid_out: list[str]) -> None:
    given = [(list(laid_out), step) for step in Letters().steps("नमस and ܐ and ܒ", QFont(FONT))]
    turns = [seen[-1] for seen, step in given if step is NEXT_TURN]
    assert len([each for each in turns if each in "नमस"]) == 1
    assert len([each for each in turns if each in "ܐܒ"]) == 1


def test_no_letter_is_laid_out_twice_in_a_font(laid_out: list[str]) -> None:
    known = Letters()
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 5 * LETTERS)))
    list(known.steps(text, QFont(FONT)))
    assert max(map(len, laid_out)) == LETTERS
    laid_out.clear()
    list(known.steps(text[::-1], QFont(FONT)))
    assert not laid_out
    list(known.steps("plain words", QFont(FONT)))
    assert not laid_out
    larger = QFont(FONT)
    larger.setPixelSize(31)
    list(known.steps(known.known_in(QFont(FONT)), larger))
    assert set("".join(laid_out)) == set(text)
