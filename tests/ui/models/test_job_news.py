"""Jobs that stop by themselves while somebody is at another page than that of their cards."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from app.ui.models.models_tab import ModelsTab
from app.ui.shell.window_application import WindowApplication
from app.ui.widgets.notices import Notices
from tests.support.hub import LoopbackHub
from tests.support.waiting import until
from tests.support.widgets import click, seen_button, seen_words
from tests.support.window import run_with_window, settle, told

REPO = "owner/gone"


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LoopbackHub:
    """A hub that has nothing, and is reached by the window."""
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    made = LoopbackHub()
    monkeypatch.setenv("HF_ENDPOINT", made.endpoint)
    return made


@pytest.mark.parametrize("is_seen", [False, True])
def test_a_job_that_has_failed_is_told_where_its_card_is_not_seen(
    qapp: QApplication, hub: LoopbackHub, is_seen: bool
) -> None:
    async def scene(application: WindowApplication) -> None:
        window, jobs = application.window, application.parts.jobs
        window.show_page("models" if is_seen else "code")
        await settle(5)
        view = jobs.add(REPO, ["Q4_K_M"])
        await until(lambda: [job.state for job in jobs.jobs()] == ["failed"], "the failure")
        if is_seen:
            await settle(20)
            assert REPO not in told(application)
            return
        await until(lambda: f"Getting {view.title} has stopped." in told(application), "the notice")
        [toasts] = window.findChildren(Notices)
        click(seen_button(toasts, "Models"))
        models = window.current_content
        assert isinstance(models, ModelsTab)
        await until(lambda: "Stopped: " in seen_words(models), "its card")

    with hub:
        run_with_window(scene)
