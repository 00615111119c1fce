"""Measures a model with a suite, and makes and keeps the report."""

import importlib.metadata
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from app.bench.facts import engine_facts, file_sha256, machine_facts, model_facts
from app.bench.history import BenchmarkHistory
from app.bench.measurement import Measurement
from app.bench.progress import BenchmarkProgress
from app.bench.report import Report
from app.bench.suite import Suite
from app.bench.turn import BenchmarkEngine
from app.engine.messages import LoadSettings
from app.machine import Machine
from app.telemetry.gpu_monitor import GpuMonitor


class BenchmarkRunner:
    """Measures one model at a time and adds the report to the history.

    `run` waits until the end, so it belongs on a worker thread. It loads the model anew and leaves it loaded.
    Whoever starts a run keeps chats away from the engine meanwhile. `gpu` may be the live panel's.
    """

    def __init__(
        self,
        engine: BenchmarkEngine,
        history: BenchmarkHistory,
        look_at_machine: Callable[[], Machine],
        gpu: GpuMonitor,
    ) -> None:
        self._engine = engine
        self._history = history
        self._look_at_machine = look_at_machine
        self._gpu = gpu

    def run(
        self,
        path: Path,
        settings: LoadSettings,
        suite: Suite,
        on_progress: Callable[[BenchmarkProgress], None],
        cancel: threading.Event | None = None,
        *,
        name: str = "",
    ) -> Report:
        """Load the model, measure, keep and give the report, under `name` or the one in the file.

        Raises `Cancelled` within 0.2 s of `cancel` (nothing is kept then), `EngineError` from the engine, and
        `StillroomError` for a file or a history that cannot be used. `on_progress` runs on this thread.
        """
        started_at, started_s = datetime.now(UTC), time.monotonic()
        sha256 = self._identify(path, suite, on_progress, cancel)
        earlier = self._history.latest(suite.name, sha256)
        measurement = Measurement(self._engine, self._gpu, suite, on_progress, cancel, earlier)
        machine = machine_facts(self._look_at_machine(), measurement.read_gpu(wait_s=2.0))
        info = measurement.run(path, settings)
        state = self._engine.state
        report = Report(
            id=str(uuid.uuid4()),
            started_at=started_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            duration_s=round(time.monotonic() - started_s, 2),
            stillroom_version=importlib.metadata.version("stillroom"),
            suite=suite.name,
            machine=machine,
            model=model_facts(info, sha256, name),
            engine=engine_facts(info, settings, state.llama_cpp_version, state.system_info),
            measures=measurement.measures(),
        )
        self._history.add(report)
        return report

    def _identify(
        self,
        path: Path,
        suite: Suite,
        on_progress: Callable[[BenchmarkProgress], None],
        cancel: threading.Event | None,
    ) -> str:
        """The file's SHA-256, read once for each state of the file."""
        try:
            known = self._history.known_sha256(path)
            size_bytes = max(1, path.stat().st_size)
        except OSError:
            known, size_bytes = None, 1  # hashing says what is wrong with the file

        def tell(done_bytes: int) -> None:
            on_progress(BenchmarkProgress("identify", 0, suite.repeats, done_bytes / size_bytes, None))

        if known is None:
            known = file_sha256(path, tell, cancel)
            self._history.note_sha256(path, known)
        return known
