"""A tab's first show: made where it stands, as Qt works out the style of all that is moved anew."""

from pathlib import Path

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication, QScrollArea, QWidget

from app.ui.benchmark.benchmark_tab import BenchmarkTab
from app.ui.benchmark.quality.quality_page import QualityPage
from app.ui.benchmark.speed.benchmark_speed_page import BenchmarkSpeedPage
from app.ui.code.code_tab import CodeTab
from app.ui.models.models_tab import ModelsTab
from app.ui.shell.application import WindowApplication
from tests.support.pages.benchmark_page import open_page
from tests.support.window import run_with_window, settle

CONTENTS: tuple[type[QWidget], ...] = (CodeTab, BenchmarkTab, BenchmarkSpeedPage, QualityPage, ModelsTab)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))


def test_no_page_is_moved_once_it_is_made(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[str] = []

    def on_change(widget: QWidget, event: QEvent) -> None:
        if event.type() == QEvent.Type.ParentChange:
            moved.append(type(widget).__name__)

    for content in CONTENTS:
        monkeypatch.setattr(content, "changeEvent", on_change)

    async def scene(application: WindowApplication) -> None:
        for key in ("code", "benchmark", "models"):
            application.window.show_page(key)
            await settle(5)
        tab = application.window.show_page("benchmark")
        assert isinstance(tab, BenchmarkTab)
        open_page(tab, "quality", QualityPage)
        made = [each for content in CONTENTS for each in application.window.findChildren(content)]
        assert {type(each) for each in made} == set(CONTENTS)
        # The event would be heard.
        other = QScrollArea()
        made[0].setParent(other)
        assert moved == ["CodeTab"]
        made[0].setParent(application.window)
        other.deleteLater()

    run_with_window(scene)
