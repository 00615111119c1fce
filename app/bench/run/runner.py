"""Measures a model with a suite, and makes and keeps the report."""

import hashlib
import importlib.metadata
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from app.bench.results.history import BenchmarkHistory
from app.bench.results.report import Report, Section
from app.bench.run.facts import model_sha256
from app.bench.run.measurement import Measurement
from app.bench.run.remote_benchmark import ElsewhereBenchmark
from app.bench.run.run_journal import RunJournal, Unfinished, discard_unfinished, unfinished_run
from app.bench.run.run_progress import BenchmarkProgress
from app.bench.run.run_report import ReportMaker
from app.bench.run.step_turn import BenchmarkEngine
from app.bench.run.suite import Suite
from app.engine.protocol import LoadSettings
from app.engine.protocol.reply_source import Answers
from app.machine.hardware import Machine, computer_identity
from app.telemetry.nvml_monitor import GpuMonitor


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
        ceilings_command: Sequence[str],
        sections: Callable[[str], list[Section]] = lambda sha256: [],
    ) -> None:
        """`sections` tells what else is known about a file, by its SHA-256."""
        self._engine = engine
        self._history = history
        self._look_at_machine = look_at_machine
        self._gpu = gpu
        self._ceilings_command = ceilings_command
        self._sections = sections

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

        A run of the same suite, file, settings, versions and computer that was ended within the last day goes
        on where it was. Raises `Cancelled` within 0.2 s of `cancel` (what was measured is kept for that),
        `EngineError` from the engine, and `StillroomError` for a file or a history that cannot be used.
        `on_progress` runs on this thread.
        """
        started_at, started_s = datetime.now(UTC), time.monotonic()
        sha256 = self._identify(path, suite, on_progress, cancel)
        # The present model's memory must not be counted; and an engine that has only just been started tells
        # its version once it has answered.
        self._engine.unload().result()
        version = importlib.metadata.version("stillroom")
        setting = setting_of(settings, version, self._engine.state.llama_cpp_version)
        journal = RunJournal.open(self._history, suite.name, sha256, setting)
        earlier = self._history.latest(suite.name, sha256)
        measurement = Measurement(
            self._engine, self._gpu, suite, journal, self._ceilings_command, on_progress, cancel, earlier
        )
        maker = ReportMaker(
            engine=self._engine,
            journal=journal,
            suite=suite.name,
            sha256=sha256,
            name=name,
            settings=settings,
            gpu=measurement.read_gpu(wait_s=2.0),
            look_at_machine=self._look_at_machine,
            sections=self._sections,
            began_at=started_at,
            began_s=started_s,
            before_s=sum(record.sample.duration_s for record in journal.records().values()),
        )
        measurement.run(path, settings, lambda: maker.make(measurement))
        report = maker.make(measurement)
        assert report is not None, "a model was loaded"
        self._history.add(report)
        return report

    def elsewhere(self, answers: Answers) -> ElsewhereBenchmark:
        """Make the benchmark for models of remote servers, with the same history."""
        return ElsewhereBenchmark(answers, self._history, self._look_at_machine)

    def unfinished(self, path: Path, suite: Suite, settings: LoadSettings) -> Unfinished | None:
        """Return the run that `run` would resume; None also where the file has not been measured before.

        An engine whose version is not known yet counts as the same one.
        """
        try:
            sha256 = self._history.known_sha256(path)
        except OSError:
            return None
        if sha256 is None:
            return None
        engine = self._engine.state.llama_cpp_version
        setting = setting_of(settings, importlib.metadata.version("stillroom"), engine) if engine else None
        return unfinished_run(self._history, suite.name, sha256, setting)

    def discard_unfinished(self, path: Path, suite: Suite) -> None:
        """Forget it, so that `run` begins anew."""
        sha256 = self._history.known_sha256(path)
        if sha256 is not None:
            discard_unfinished(self._history, suite.name, sha256)

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
            known = model_sha256(path, tell, cancel)
            self._history.note_sha256(path, known)
        return known


def setting_of(settings: LoadSettings, version: str, llama_cpp_version: str) -> str:
    """All that two parts of one run must have in common besides suite and file."""
    parts = (version, llama_cpp_version, computer_identity(), settings)
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()
