"""A window's engine, bridge and stores, for tests of the pages Quality and Drift."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QApplication

from app.base.children import child_command
from app.bench.drift.checker import DriftChecker
from app.bench.drift.golden import Question
from app.bench.drift.store import DriftStore
from app.bench.quality.runner import QualityRunner
from app.bench.quality.store import QualityStore
from app.bench.results.history import BenchmarkHistory
from app.engine.client.client import EngineClient
from app.engine.protocol import LoadSettings
from app.machine.hardware import look_at_machine
from app.settings import SettingsFile
from app.suites.model_prompts import renderer
from app.telemetry.nvml_monitor import GpuMonitor
from app.ui.base.bridge import Bridge
from app.ui.base.engine_session import EngineSession
from app.ui.base.theme import Theme
from tests.support.event_loop import close_loop, open_loop, run_step
from tests.support.templates import chat_templates
from tests.support.waiting import wait_until

WAIT_S = 120
SETTINGS = LoadSettings(context_tokens=4096, threads=1)
QUESTIONS = [
    Question(id="planets", text="Name the planets of the solar system.", most_tokens=6),
    Question(id="sky", text="Why is the sky blue?", most_tokens=6),
]


class QualityDesk:
    """One engine and event loop; `room` gives fresh stores."""

    def __init__(self, application: QApplication) -> None:
        self.loop = open_loop(application)
        application.setQuitOnLastWindowClosed(False)
        self.problems: list[BaseException] = []
        self.bridge = Bridge(self.problems.append)
        self.client = EngineClient(child_command("engine"))
        self.client.start()
        self.session = EngineSession(self.client, self.bridge, chat_templates())
        self.theme = Theme(application, "light")
        self.gpu = GpuMonitor()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return run_step(self.loop, work, WAIT_S)

    def settle(self) -> None:
        """Wait for what a page has begun to read, before its stores are closed."""
        wait_until(lambda: not asyncio.all_tasks(self.loop), "the page")

    def load(self, path: str) -> None:
        self.run(self.session.load(Path(path), SETTINGS))

    def close(self) -> None:
        self.run(self.bridge.finish())
        self.client.close()
        self.gpu.close()
        close_loop(self.loop)


class Stores:
    """Fresh stores, and what works on them."""

    def __init__(self, desk: QualityDesk, root: Path) -> None:
        self.history = BenchmarkHistory(root / "benchmarks.sqlite3")
        self.quality_runs = QualityStore(root / "quality.sqlite3")
        self.drift_runs = DriftStore(root / "drift.sqlite3")
        self.settings = SettingsFile(root / "settings.json")
        self.settings.update(load=SETTINGS)
        self.quality = QualityRunner(
            desk.client,
            self.quality_runs,
            self.history,
            renderer(chat_templates()),
            lambda: look_at_machine(root, ()),
            desk.gpu,
            child_command("measure"),
        )
        self.drift = DriftChecker(
            desk.client,
            self.drift_runs,
            self.history,
            renderer(chat_templates()),
            lambda: look_at_machine(root, ()),
            desk.gpu,
            QUESTIONS,
        )

    def close(self) -> None:
        for store in (self.history, self.quality_runs, self.drift_runs):
            store.close()
