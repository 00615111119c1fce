"""The first minutes in the whole window: what is offered, and that it goes."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from app.acquire.acquirer import Acquirer
from app.acquire.jobs import JobView
from app.acquire.quality_build import Acquired
from app.ui.chat.chat_tab import ChatTab
from app.ui.models.first_run import FirstRun
from app.ui.models.job_card import JobCard
from app.ui.models.outlook_card import OutlookCard
from app.ui.models.recommendation_card import RecommendationCard
from app.ui.shell.window_application import WindowApplication
from app.ui.widgets.notices import Notices
from models.store.store import InstalledModel
from tests.support.waiting import until
from tests.support.widgets import seen_button, seen_words
from tests.support.window import run_with_window, settle


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    return tmp_path


def offered(application: WindowApplication) -> RecommendationCard | None:
    tab = application.window.show_page("chat")
    assert isinstance(tab, ChatTab)
    cards = tab.conversation.findChildren(RecommendationCard)
    return next((card for card in cards if card.isVisible()), None)


def texts(card: RecommendationCard) -> str:
    return " ".join(button.text() for button in card.findChildren(QPushButton))


def test_the_empty_chat_offers_the_model_for_this_computer(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        await until(lambda: offered(application) is not None, "the offer")
        card = offered(application)
        assert card is not None
        await until(lambda: "Get" in texts(card), "the model for this computer")
        [later] = [
            button
            for button in application.window.findChildren(QPushButton)
            if button.text() == "Not now" and button.isVisible()
        ]
        later.click()
        assert offered(application) is None
        await until(lambda: application.parts.settings.values.first_run_over, "the settings")

    async def next_scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the starter model")
        await settle(10)
        assert offered(application) is None

    run_with_window(scene)
    run_with_window(next_scene)


def test_after_get_the_keyboard_is_at_the_job_and_not_at_its_refusal(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing answers there: the job waits for the hub.
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")

    async def scene(application: WindowApplication) -> None:
        def gets() -> list[QPushButton]:
            card = offered(application)
            buttons = [] if card is None else card.findChildren(QPushButton)
            return [each for each in buttons if each.text().startswith("Get") and each.isVisible()]

        await until(lambda: len(gets()) == 1, "the offer")
        [get] = gets()
        get.setFocus()
        get.click()
        focus = application.window.focusWidget()
        assert isinstance(focus, JobCard)
        QTest.keyClick(focus, Qt.Key.Key_Return)
        [job] = application.parts.jobs.jobs()
        assert not job.stopped
        QTest.keyClick(focus, Qt.Key.Key_Tab)
        focus = application.window.focusWidget()
        assert isinstance(focus, QPushButton)
        assert focus.text() == "Pause"
        application.parts.jobs.cancel(job.id)
        await until(lambda: not application.parts.jobs.jobs(), "its end")

    run_with_window(scene)


def test_another_model_that_was_made_meanwhile_does_not_answer_by_itself(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(application: WindowApplication) -> None:
        await until(lambda: offered(application) is not None, "the offer")
        tab = application.window.show_page("chat")
        [job] = application.window.findChildren(FirstRun)
        loads: list[object] = []
        job.load_asked.connect(loads.append)
        starter = application.parts.store.listing().models[0]
        job.take_job(JobView("1", "/models/mine", "mine", ("Q4_K_M",), "done", installed=(starter,)))
        assert loads == []
        job.take_job(JobView("2", "r1-qwen-1.5b", "R1 Qwen 1.5B", ("Q4_K_M",), "done", installed=(starter,)))
        assert loads == [starter]
        assert tab.isVisible()

    run_with_window(scene)


@pytest.mark.parametrize("meanwhile", ["nothing", "declined", "measured"])
def test_a_model_that_answers_by_itself_is_not_offered_to_be_loaded(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    made: list[InstalledModel] = []
    monkeypatch.setattr(Acquirer, "get", lambda *_: Acquired(tuple(made), 0.0))
    offers: list[str] = []
    inform = Notices.inform

    def noted(
        notices: Notices, text: str, action_text: str = "", action: Callable[[], object] | None = None
    ) -> None:
        if "is ready." in text:
            offers.append(action_text)
        inform(notices, text, action_text, action)

    monkeypatch.setattr(Notices, "inform", noted)

    async def scene(application: WindowApplication) -> None:
        window, parts = application.window, application.parts
        await until(lambda: offered(application) is not None, "the offer")
        if meanwhile == "declined":
            seen_button(window, "Not now").click()
        if meanwhile == "measured":
            # The load would be refused, and the refusal told in place of the news.
            await until(lambda: application.session.info is not None, "the starter model")
            application.session.reserve("benchmark")
        window.show_page("models")
        await until(lambda: bool(window.findChildren(OutlookCard)), "the page")
        made.extend(parts.store.listing().models)
        [first_run] = window.findChildren(FirstRun)
        loads: list[object] = []
        first_run.load_asked.connect(loads.append)
        parts.jobs.add("r1-qwen-1.5b", ["Q8_0"])
        await until(lambda: bool(offers), "its end")
        await until(lambda: not parts.jobs.jobs(), "the end of its card")
        assert loads == (made if meanwhile == "nothing" else [])
        assert offers == ([""] if meanwhile == "nothing" else ["Load"])
        application.session.reserve("")

    run_with_window(scene)


def test_the_starter_is_promised_only_where_it_is(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def with_starter(application: WindowApplication) -> None:
        await until(lambda: offered(application) is not None, "the offer")
        assert "starter model" in seen_words(application.window)

    async def without(application: WindowApplication) -> None:
        await until(lambda: offered(application) is not None, "the offer")
        assert "makes a smaller one of it" in seen_words(application.window)
        assert "starter model" not in seen_words(application.window)

    run_with_window(with_starter)
    monkeypatch.setattr("app.bootstrap.starter_file", lambda: None)
    run_with_window(without)


def test_a_chat_that_is_opened_later_offers_it_too(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        application.window.show_page("code")
        application.parts.settings.update(language="en")
        await settle(10)
        application.window.show_page("chat")
        await until(lambda: offered(application) is not None, "the offer")

    run_with_window(scene)


def test_a_model_that_was_declined_can_still_be_got(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the starter model")
        page = application.window.show_page("models")
        card = page.findChild(RecommendationCard)
        assert isinstance(card, RecommendationCard)
        await until(lambda: "Get" in texts(card), "the recommendation")

    run_with_window(scene)
