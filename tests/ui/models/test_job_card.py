"""The card of a job: its words before it has got on."""

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.acquire.jobs import JobState, JobView
from app.ui.base.theme import Theme
from app.ui.models.job_card import JobCard
from tests.support.widgets import seen_words


@pytest.mark.parametrize(
    ("model", "said", "unsaid"),
    [("/home/me/checkpoint", "Starting", "server"), ("owner/name", "Asking the server", "Starting")],
)
def test_of_a_folder_on_this_computer_no_server_is_asked(
    qapp: QApplication, qtbot: QtBot, model: str, said: str, unsaid: str
) -> None:
    card = JobCard(Theme(qapp, "light"), JobView("1", model, "it", ("Q4_K_M",), "running"))
    qtbot.addWidget(card)
    card.show()
    words = seen_words(card)
    assert said in words
    assert unsaid not in words


@pytest.mark.parametrize(
    ("state", "title"),
    [
        ("running", "Getting it → Q4_K_M + Q8_0"),
        ("waiting", "Getting it → Q4_K_M + Q8_0"),
        ("paused", "Paused: it → Q4_K_M + Q8_0"),
        ("failed", "Stopped: it → Q4_K_M + Q8_0"),
    ],
)
def test_the_title_says_whether_it_goes_on(
    qapp: QApplication, qtbot: QtBot, state: JobState, title: str
) -> None:
    card = JobCard(Theme(qapp, "light"), JobView("1", "owner/name", "it", ("Q4_K_M", "Q8_0"), state))
    qtbot.addWidget(card)
    card.show()
    assert title in seen_words(card)
    assert card.accessibleName() == title
