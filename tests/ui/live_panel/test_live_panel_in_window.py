"""The live panel of the whole window: it counts everything that the window has started."""

import subprocess
from pathlib import Path

import psutil
import pytest
from PySide6.QtWidgets import QApplication, QLabel

from app.base.children import child_command
from app.ui.live_panel.live_panel import LivePanel
from app.ui.shell.application import WindowApplication
from models.system.units import gigabytes
from tests.support.waiting import until
from tests.support.window import run_with_window


def test_the_measuring_process_is_counted_and_named(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))

    async def scene(application: WindowApplication) -> None:
        application.window.resize(1280, 800)  # a narrow one folds the panel
        panel = application.window.findChild(LivePanel)
        assert isinstance(panel, LivePanel)

        def shown() -> list[str]:
            return [label.text() for label in panel.findChildren(QLabel) if label.isVisible()]

        with subprocess.Popen(
            child_command("measure"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as child:
            await until(lambda: "Measuring a model" in shown(), "its row")
            size = gigabytes(psutil.Process(child.pid).memory_info().rss)
            await until(lambda: any(text.startswith(f"{size} GB · ") for text in shown()), "its memory")
            child.kill()
        await until(lambda: "Measuring a model" not in shown(), "its end")

    run_with_window(scene)
