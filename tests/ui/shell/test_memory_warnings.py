"""The window when another program takes the memory; the card and the full RAM are figures, made up."""

from pathlib import Path

import msgspec
import pytest
from PySide6.QtWidgets import QApplication, QLabel

from app.telemetry.host import HostSample
from app.telemetry.nvml import GpuReading, GpuSample
from app.telemetry.rates import Rates
from app.telemetry.sampler import History, TelemetrySnapshot
from app.ui.shell.window_application import WindowApplication
from app.ui.widgets.notices import Notices
from tests.support.waiting import until
from tests.support.widgets import click, seen_button
from tests.support.window import run_with_window

GIB = 1 << 30


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    return tmp_path


def snapshot(*, vram_used: float = 4.0, ram_used: float = 8.0) -> TelemetrySnapshot:
    card = GpuSample(0, "A card", int(vram_used * GIB), 8 * GIB, None, None, None, None)
    host = HostSample(int(ram_used * GIB), 16 * GIB, GIB, 0.0, 0.0)
    history = History((0.0,), (0.0,), ((card.vram_used_bytes,),))
    return TelemetrySnapshot(0.0, host, GpuReading("ok", (card,), "580"), None, Rates(), history)


def shown(application: WindowApplication) -> str:
    notices = application.window.findChild(Notices)
    assert isinstance(notices, Notices)
    return "" if notices.isHidden() else "\n".join(label.text() for label in notices.findChildren(QLabel))


def test_a_game_that_fills_the_card_is_warned_of_before_a_reply_fails(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the starter model")
        info = application.session.info
        assert info is not None
        full = snapshot(vram_used=7.95)
        application.memory_warnings.look_at(full)
        assert shown(application) == "", "nothing of this model is on the card"
        application.session.info = msgspec.structs.replace(info, gpu_layers=10)
        application.memory_warnings.look_at(snapshot())
        assert shown(application) == ""
        application.memory_warnings.look_at(full)
        assert "Another program takes memory of the graphics card (A card)" in shown(application)
        notices = application.window.findChild(Notices)
        click(seen_button(notices, "Unload"))
        await until(lambda: application.session.info is None, "the memory back")

    run_with_window(scene)


def test_ram_that_is_nearly_full_is_said_once(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the starter model")
        application.memory_warnings.look_at(snapshot(ram_used=15.9))
        assert "memory is nearly full" in shown(application)
        notices = application.window.findChild(Notices)
        click(seen_button(notices, "Close"))
        application.memory_warnings.look_at(snapshot(ram_used=15.9))
        assert shown(application) == ""

    run_with_window(scene)
