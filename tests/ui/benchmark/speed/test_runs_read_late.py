"""The page Speed while the disk takes its time over the runs of before."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QLabel

from app.ui.benchmark.speed.benchmark_speed_page import BenchmarkSpeedPage
from app.ui.shell.window_application import WindowApplication
from tests.support.late_answers import Late
from tests.support.waiting import until
from tests.support.window import run_with_window

EMPTY = "Nothing measured yet"


def test_the_page_is_shown_before_its_runs_are_read(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))

    async def scene(application: WindowApplication) -> None:
        reading = Late(application.parts.benchmarks.reports)
        monkeypatch.setattr(application.parts.benchmarks, "reports", reading)
        application.window.show_page("benchmark")
        await until(lambda: application.window.findChildren(BenchmarkSpeedPage), "the page")
        [page] = application.window.findChildren(BenchmarkSpeedPage)
        await until(lambda: reading.waiting == 1, "the reading")
        assert not seen(page)
        await until(page.viewport().updatesEnabled, "what stands without runs")
        reading.let_all()
        await until(lambda: seen(page), "that there are none")

    def seen(page: BenchmarkSpeedPage) -> bool:
        return any(label.isVisibleTo(page) for label in page.findChildren(QLabel) if label.text() == EMPTY)

    run_with_window(scene)
