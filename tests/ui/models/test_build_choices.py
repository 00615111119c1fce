"""The choices where a model is got are remembered, and asked of the job."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QCheckBox

from app.ui.models.models_tab import ModelsTab
from app.ui.shell.window_application import WindowApplication
from tests.support.waiting import until
from tests.support.widgets import all_seen, click, seen, seen_button
from tests.support.window import run_with_window

KEEP = "Keep the original weights for further types and for measuring (3.6 GB)"
WEIGH = "Read a text with the model first, which makes small types more accurate"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    return tmp_path


def test_originals_and_the_matrix_are_chosen_beside_the_types(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        settings = application.parts.settings
        settings.update(first_run_over=True)
        tab = application.window.show_page("models")
        assert isinstance(tab, ModelsTab)
        tab.select("r1-qwen-1.5b")
        await until(lambda: bool(all_seen(tab.detail, QCheckBox, "Get BF16")), "the types")
        assert not all_seen(tab.detail, QCheckBox, KEEP)
        seen(tab.detail, QCheckBox, "Get BF16").setChecked(True)
        assert not seen(tab.detail, QCheckBox, WEIGH).isEnabled()
        seen(tab.detail, QCheckBox, "Get Q4_0").setChecked(True)
        for name in (KEEP, WEIGH):
            seen(tab.detail, QCheckBox, name).setChecked(True)
        assert settings.values.keep_original_weights
        assert settings.values.weigh_builds
        click(seen_button(tab.detail, "Get Q4_0 + BF16 · 3.6 GB to download"))
        await until(lambda: bool(application.parts.jobs.jobs()), "the job")
        [job] = application.parts.jobs.jobs()
        assert set(job.types) == {"Q4_0", "BF16"}

    run_with_window(scene)
