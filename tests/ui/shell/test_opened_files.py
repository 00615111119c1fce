"""GGUF files that the desktop opens with Stillroom."""

import shutil
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from app.ui.shell.window_application import WindowApplication
from models.catalogue.starter import starter_file
from tests.support.waiting import until
from tests.support.window import run_with_window, told


def test_an_opened_file_is_kept_and_loaded(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path / "home"))
    starter = starter_file()
    assert starter is not None
    opened = tmp_path / "opened by double-click.gguf"
    shutil.copyfile(starter, opened)

    async def scene(application: WindowApplication) -> None:
        application.open_files([opened])
        await until(lambda: any(info.path == str(opened) for info in application.session.models), "the file")
        await until(
            lambda: opened in [model.path for model in application.parts.store.listing().models], "its record"
        )
        assert application.window.current_page == "models"

    run_with_window(scene)


def test_why_an_opened_file_is_no_model_can_be_seen(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path / "home"))
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF of another kind")

    async def scene(application: WindowApplication) -> None:
        application.window.resize(1280, 800)
        application.open_files([broken])
        # In a toast while the page is still being made, else on the page.
        await until(lambda: "broken.gguf" in told(application), "the reason")

    run_with_window(scene)
