"""The selected model is made in steps, and shown with the last one."""

from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QCheckBox, QWidget
from pytestqt.qtbot import QtBot

from app.machine.advisor import AS_LOADED
from app.settings import SettingsFile
from app.ui.base.theme import Theme
from app.ui.models.list.model_rows import ModelRow, model_rows
from app.ui.models.model_detail import ModelDetail
from models.catalogue.catalogue import catalogue
from tests.support.widgets import seen_words

MOST_IN_A_STEP = 0.5
"""Of what is made for a model."""


@pytest.fixture
def detail(qtbot: QtBot, theme: Theme, tmp_path: Path) -> ModelDetail:
    made = ModelDetail(theme, SettingsFile(tmp_path / "settings.json"))
    qtbot.addWidget(made)
    made.show()
    return made


def two_rows() -> tuple[ModelRow, ModelRow]:
    """Two models of the catalogue, nothing of which is on the disk."""
    thinking = [model for model in catalogue() if model.thinks]
    first, other, *_ = model_rows(thinking, (), None, (), frozenset(), "", frozenset(), AS_LOADED)
    return first, other


def name_of(row: ModelRow) -> str:
    assert row.model is not None
    return row.model.name


def offered(detail: ModelDetail) -> list[str]:
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    return [each.text() for each in detail.findChildren(QCheckBox) if each.accessibleName()]


def test_no_step_makes_most_of_a_model(detail: ModelDetail) -> None:
    first, other = two_rows()
    detail.show_row(other, None, AS_LOADED)
    counts = [len(detail.findChildren(QWidget))]
    for _ in detail.showing(first, None, AS_LOADED):
        counts.append(len(detail.findChildren(QWidget)))
        assert name_of(other) in seen_words(detail), "until all of it is there"
    steps = [after - before for before, after in pairwise(counts)]
    assert max(steps) < MOST_IN_A_STEP * sum(steps), steps
    assert name_of(first) in seen_words(detail)


def test_a_model_that_is_chosen_meanwhile_is_the_one_that_is_shown(detail: ModelDetail) -> None:
    first, other = two_rows()
    left = detail.showing(first, None, AS_LOADED)
    for _ in range(5):
        next(left)
    detail.show_row(other, None, AS_LOADED)
    assert list(left) == []
    assert name_of(other) in seen_words(detail)
    types = offered(detail)
    assert len(types) == len(set(types)) > 5, "nothing is left of the first one"


def test_the_theme_may_change_while_a_model_is_made(detail: ModelDetail, theme: Theme) -> None:
    first, other = two_rows()
    detail.show_row(other, None, AS_LOADED)
    left = detail.showing(first, None, AS_LOADED)
    next(left)
    theme.choose("dark")
    list(left)
    assert name_of(first) in seen_words(detail)
