"""A model whose chat template never ends, in the whole window."""

import time
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from app.engine.protocol import LoadSettings
from app.ui.shell.window_application import WindowApplication
from tests.support.starter_variants import write_templated_model
from tests.support.waiting import until
from tests.support.window import ask, run_with_window, told

LOOPS = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"


def test_the_window_lives_on_says_it_once_and_the_model_answers(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path / "home"))
    model = write_templated_model(tmp_path / "hostile.gguf", LOOPS)

    async def scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the starter model")
        await application.session.load(model, LoadSettings(context_tokens=512))
        beats: list[float] = []
        timer = QTimer()
        timer.timeout.connect(lambda: beats.append(time.monotonic()))
        timer.start(10)
        tab = await ask(application, "Say yes.")
        timer.stop()
        assert len(beats) > 20
        (reply,) = [kept for kept in tab.conversation.branch if kept.role == "assistant"]
        assert reply.content
        assert told(application).count("takes too long") == 1

    run_with_window(scene)
