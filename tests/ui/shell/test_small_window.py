"""Pages and dialogs in a window of 1000 by 700: none is wider than its place or higher than the screen."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from app.base.paths import app_paths
from app.settings import SettingsFile
from app.ui.benchmark.benchmark_tab import BenchmarkTab
from app.ui.benchmark.frame.measuring_page import MeasuringPage
from app.ui.shell.window_application import WindowApplication
from tests.support.waiting import until
from tests.support.window import run_with_window, settle


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_nothing_is_cut_off(
    language: str, qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    SettingsFile(app_paths().settings).update(language=language, first_run_over=True)

    async def scene(application: WindowApplication) -> None:
        application.window.resize(1000, 700)
        await until(lambda: application.session.info is not None, "the starter model")
        tab = application.window.show_page("benchmark")
        assert isinstance(tab, BenchmarkTab)
        for key in ("speed", "quality", "drift"):
            tab.show_page(key)
        await settle()
        pages = tab.findChildren(MeasuringPage)
        assert len(pages) == 3
        for page in pages:
            assert page.widget().minimumSizeHint().width() <= tab.width(), page.accessibleName()
        room = application.window.screen().availableSize()
        dialogs = application.dialogs
        for open_it in (
            dialogs.open_load_settings,
            dialogs.open_filters,
            dialogs.open_audit,
            dialogs.open_server,
        ):
            dialog = open_it()
            await settle(5)
            assert dialog.height() < room.height(), dialog.windowTitle()
            dialog.close()

    run_with_window(scene)
