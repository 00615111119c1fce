"""One item of a quality run, in the window's language."""

from collections.abc import Iterator
from typing import get_args

import pytest
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from app.bench.quality.result import ItemResult, TurnResult
from app.engine.protocol import FinishReason
from app.ui.benchmark.quality.quality_item_view import QualityItemView
from app.ui.shell.language import Languages


@pytest.fixture
def chinese(qapp: QApplication) -> Iterator[None]:
    languages = Languages(qapp)
    languages.choose("zh_CN")
    yield
    languages.choose("en")


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize("reason", get_args(FinishReason))
def test_why_a_reply_ended_is_said_in_chinese(qtbot: QtBot, reason: str) -> None:
    view = QualityItemView()
    qtbot.addWidget(view)
    turn = TurnResult(
        question="一",
        thinking="二",
        answer="三",
        expected="四",
        prompt_tokens=1,
        completion_tokens=2,
        thinking_tokens=1,
        seconds=0.5,
        finish_reason=reason,
        seed=7,
    )
    view.show_item(ItemResult(id="item", kind="maths", verdict="right", turns=[turn]))
    texts = [label.text() for label in view.findChildren(QLabel)]
    [figures] = [text for text in texts if "7" in text]
    assert not any(letter.isascii() and letter.isalpha() for letter in figures), figures


@pytest.mark.parametrize(
    ("answer", "shown"), [("\n\n  2\n3\n\n", "  2\n3"), (" \n ", "(nothing)"), ("", "(nothing)")]
)
def test_no_part_of_an_item_is_an_empty_strip(qtbot: QtBot, answer: str, shown: str) -> None:
    view = QualityItemView()
    qtbot.addWidget(view)
    turn = TurnResult(
        question="How many?\n",
        thinking="\n",
        answer=answer,
        expected="",
        prompt_tokens=1,
        completion_tokens=2,
        thinking_tokens=1,
        seconds=0.5,
        finish_reason="stop",
        seed=7,
    )
    view.show_item(ItemResult(id="item", kind="intent", verdict="wrong", turns=[turn]))
    texts = [made.text() for made in view.findChildren(QLabel)]
    assert texts[:-1] == ["VERDICT", "wrong", "PROMPT", "How many?", "ANSWER", shown, "FIGURES"]
