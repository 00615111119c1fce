"""Jobs that end while somebody is at another page than that of their cards."""

import shutil
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from app.ui.models.models_tab import ModelsTab
from app.ui.shell.window_application import WindowApplication
from app.ui.widgets.notices import Notices
from tests.support.hub import LoopbackHub
from tests.support.starter_variants import shallow_path
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


def test_a_model_that_is_ready_is_told_where_the_page_of_the_models_was_never_opened(
    qapp: QApplication, hub: LoopbackHub, tmp_path: Path
) -> None:
    folder = tmp_path / "hosted"
    folder.mkdir()
    shutil.copyfile(shallow_path(), folder / "tiny.Q4_1.gguf")
    hub.add("owner/tiny-GGUF", folder)

    async def scene(application: WindowApplication) -> None:
        window = application.window
        window.show_page("code")
        await settle(5)
        application.parts.jobs.add("owner/tiny-GGUF:tiny.Q4_1.gguf", [])
        await until(lambda: "owner/tiny-GGUF Q4_1 is ready." in told(application), "the notice")
        assert not window.findChildren(ModelsTab)
        [toasts] = window.findChildren(Notices)
        click(seen_button(toasts, "Load"))
        await until(lambda: "owner" in Path(_loaded(application)).parent.name, "its load")
        application.parts.jobs.add("owner/tiny-GGUF:tiny.Q4_1.gguf", [])
        await until(lambda: "owner/tiny-GGUF Q4_1 was there already." in told(application), "the other one")

    with hub:
        run_with_window(scene)


def _loaded(application: WindowApplication) -> str:
    info = application.session.info
    return "" if info is None else info.path
