"""The drawer of a chat's settings."""

from collections.abc import Iterator

import msgspec
import pytest
from PySide6.QtWidgets import QApplication, QCheckBox, QPlainTextEdit, QSpinBox
from pytestqt.qtbot import QtBot

from app.chat.library.reply_choices import ReplyChoices
from app.engine.protocol import Sampling, ThinkingLimits
from app.ui.base.theme import Theme
from app.ui.chat.behaviour.reply_settings import ReplySettings


@pytest.fixture
def drawer(qtbot: QtBot, qapp: QApplication) -> Iterator[ReplySettings]:
    theme = Theme(qapp, "light")
    drawer = ReplySettings(theme)
    qtbot.addWidget(drawer)
    drawer.show_choices(ReplyChoices(), Sampling())
    drawer.show()
    yield drawer
    theme.deleteLater()


def field(drawer: ReplySettings, name: str) -> QSpinBox:
    (found,) = [spin for spin in drawer.findChildren(QSpinBox) if spin.accessibleName() == name]
    return found


@pytest.mark.parametrize(
    "limits",
    [
        ThinkingLimits(),
        ThinkingLimits(tokens=0),
        ThinkingLimits(tokens=2000),
        ThinkingLimits(seconds=30.0),
        ThinkingLimits(tokens=500, seconds=9.0),
    ],
)
def test_the_limits_of_thinking_come_back_as_they_were_shown(
    drawer: ReplySettings, limits: ThinkingLimits
) -> None:
    drawer.show_choices(ReplyChoices(thinking=limits), Sampling())
    assert drawer.choices.thinking == limits


def test_a_budget_is_told_and_leaves_the_sampling_to_the_recommendation(
    qtbot: QtBot, drawer: ReplySettings
) -> None:
    with qtbot.waitSignal(drawer.changed) as told:
        field(drawer, "Most thinking in tokens").setValue(800)
    assert told.args == [ReplyChoices(thinking=ThinkingLimits(tokens=800))]


def test_without_thinking_there_is_no_budget(qtbot: QtBot, drawer: ReplySettings) -> None:
    (thinks,) = drawer.findChildren(QCheckBox)
    with qtbot.waitSignal(drawer.changed):
        thinks.setChecked(False)
    assert drawer.choices.thinking == ThinkingLimits(tokens=0)
    assert not field(drawer, "Most thinking in seconds").isEnabled()


def test_stop_texts_and_the_repeat_penalty_come_back_as_they_were_shown(
    qtbot: QtBot, drawer: ReplySettings
) -> None:
    choices = ReplyChoices(stop=("END", "a, b"), sampling=Sampling(repeat_penalty=1.1))
    drawer.show_choices(choices, Sampling())
    assert drawer.choices == choices
    (stops,) = [text for text in drawer.findChildren(QPlainTextEdit) if text.accessibleName() == "Stop texts"]
    with qtbot.waitSignal(drawer.changed) as told:
        stops.setPlainText("END\n\n###\n")
    assert told.args == [msgspec.structs.replace(choices, stop=("END", "###"))]
