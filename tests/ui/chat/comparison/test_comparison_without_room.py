"""Answers beside each other where memory holds one model only, on an engine that has no room for two."""

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.chat_desk import ENDLESS, Opened
from tests.support.engines import starter_path
from tests.support.pages.comparison_page import all_ended, closed, open_dialog, second_model, versions
from tests.support.waiting import until


@pytest.fixture(scope="module")
def model_file() -> Path:
    """The whole starter: its replies last until somebody stops them."""
    return Path(starter_path())


@pytest.fixture(scope="module")
def engine_command() -> Sequence[str]:
    return [sys.executable, "-m", "tests.support.tight_engine"]


def test_models_that_do_not_fit_together_answer_one_after_another(opened: Opened, tmp_path: Path) -> None:
    async def scenario() -> None:
        opened.tab.open_chat(None)
        opened.unlimited()
        opened.tab.composer.set_text(ENDLESS)
        page = await open_dialog(opened)
        page.start()
        first, second = page.columns
        await until(lambda: second.state.startswith("Waits for the answers beside it"), "what it waits for")
        await until(lambda: first.is_running and first.view.answer, "the first answer")
        assert not second.is_running
        page.stop(0)
        await until(lambda: second.is_running and second.view.answer, "the second answer")
        page.stop(1)
        await all_ended(page, 2)
        page.close()
        await closed(opened)
        assert len(opened.desk.session.models) == 1
        assert [reply.outcome for reply in versions(opened)] == ["cancelled", "cancelled"]

    with second_model(opened, tmp_path):
        opened.run(scenario())


def test_an_answer_that_waits_for_room_is_stopped_before_it_begins(opened: Opened, tmp_path: Path) -> None:
    async def scenario() -> None:
        opened.tab.open_chat(None)
        opened.unlimited()
        opened.tab.composer.set_text(ENDLESS)
        page = await open_dialog(opened)
        page.start()
        first, second = page.columns
        await until(lambda: second.state.startswith("Waits for the answers beside it"), "what it waits for")
        page.stop(1)
        await until(lambda: second.state == "Stopped before it began.", "its end")
        await until(lambda: first.is_running and first.view.answer, "the first answer")
        page.close()
        await closed(opened)
        [reply] = versions(opened)
        assert reply.outcome == "cancelled"
        await opened.idle()

    with second_model(opened, tmp_path):
        opened.run(scenario())
