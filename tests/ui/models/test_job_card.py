"""The card of a job: its words before it has got on."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QProgressBar, QWidget
from pytestqt.qtbot import QtBot

from app.acquire.jobs import JobState, JobView
from app.ui.base.theme import Theme
from app.ui.models.job_card import JobCard
from app.ui.widgets.notices import Notices
from models.system.disk_space import DiskFullError, disk_full
from models.system.progress import Progress
from tests.support.widgets import click, double_click, seen, seen_button, seen_words


def shown_card(qapp: QApplication, qtbot: QtBot, view: JobView) -> JobCard:
    host = QWidget()
    qtbot.addWidget(host)
    card = JobCard(Theme(qapp, "light"), Notices(host, lambda: ""), view)
    qtbot.addWidget(card)
    card.show()
    return card


@pytest.mark.parametrize(
    ("model", "said", "unsaid"),
    [("/home/me/checkpoint", "Starting", "server"), ("owner/name", "Asking the server", "Starting")],
)
def test_of_a_folder_on_this_computer_no_server_is_asked(
    qapp: QApplication, qtbot: QtBot, model: str, said: str, unsaid: str
) -> None:
    card = shown_card(qapp, qtbot, JobView("1", model, "it", ("Q4_K_M",), "running"))
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
    card = shown_card(qapp, qtbot, JobView("1", "owner/name", "it", ("Q4_K_M", "Q8_0"), state))
    assert title in seen_words(card)
    assert card.accessibleName() == title


@pytest.mark.parametrize("state", ["running", "waiting", "paused"])
def test_a_new_card_shows_where_a_job_stands(qapp: QApplication, qtbot: QtBot, state: JobState) -> None:
    reached = Progress("download", 3_000_000_000, 4_000_000_000, remaining_s=60.0)
    view = JobView("1", "owner/name", "it", ("Q4_K_M",), state, reached=reached)
    card = shown_card(qapp, qtbot, view)
    assert seen(card, QProgressBar).value() == 750
    assert "3.0 GB of 4.0 GB" in seen_words(card)
    # It is waited for, or was told before the last start.
    assert "left" not in seen_words(card)


@pytest.mark.parametrize(
    ("begins", "pressed", "told"), [("running", "Pause", "paused"), ("paused", "Resume", "running")]
)
def test_a_double_click_does_not_take_itself_back(
    qapp: QApplication, qtbot: QtBot, begins: JobState, pressed: str, told: JobState
) -> None:
    def view(state: JobState) -> JobView:
        return JobView("1", "owner/name", "it", ("Q4_K_M",), state)

    card = shown_card(qapp, qtbot, view(begins))
    states: list[JobState] = []
    for asked, state in ((card.pause_asked, "paused"), (card.resume_asked, "running")):
        asked.connect(lambda _, state=state: (states.append(state), card.show_view(view(state))))
    double_click(seen_button(card, pressed))
    assert states == [told]


def test_it_says_whether_the_disk_that_was_too_full_has_space(
    qapp: QApplication, qtbot: QtBot, tmp_path: Path
) -> None:
    full = disk_full(tmp_path, 1 << 60)
    assert full.need is not None
    card = shown_card(qapp, qtbot, JobView("1", "owner/name", "it", ("Q4_K_M",), "failed", error=full))
    assert card.disk_needs == {full.need}
    assert "is too full" in seen_words(card)
    card.show_space({full.need})
    assert "too full" not in seen_words(card)
    assert "The disk has space again." in seen_words(card)
    assert seen_button(card, "Resume")
    # Something else has taken it.
    card.show_space(set())
    assert "is too full" in seen_words(card)
    card.show_view(JobView("1", "owner/name", "it", ("Q4_K_M",), "waiting"))
    assert card.disk_needs == set()


def test_a_remedy_for_its_failure_is_offered_until_there_is_space(
    qapp: QApplication, qtbot: QtBot, tmp_path: Path
) -> None:
    host = QWidget()
    qtbot.addWidget(host)
    notices = Notices(host, lambda: "")
    opened: list[None] = []
    notices.offer(DiskFullError, "Make room…", lambda _: opened.append(None))
    full = disk_full(tmp_path, 1 << 60)
    assert full.need is not None
    view = JobView("1", "owner/name", "it", ("Q4_K_M",), "failed", error=full)
    card = JobCard(Theme(qapp, "light"), notices, view)
    qtbot.addWidget(card)
    card.show()
    click(seen_button(card, "Make room…"))
    assert opened == [None]
    assert notices.disk_needs == {full.need}
    notices.show_space({full.need})
    assert "Make room…" not in seen_words(card)


def test_a_card_says_what_its_job_waits_for(qapp: QApplication, qtbot: QtBot) -> None:
    card = shown_card(qapp, qtbot, JobView("1", "owner/name", "it", ("Q4_K_M",), "waiting", is_held=True))
    assert "Waits until the models are moved" in seen_words(card)
    card.show_view(JobView("1", "owner/name", "it", ("Q4_K_M",), "waiting"))
    assert "Waits for the job before it" in seen_words(card)
