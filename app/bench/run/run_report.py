"""The report of a run, of what is measured at any moment of it."""

import importlib.metadata
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from app.bench.results.report import MachineFacts, Report, Section
from app.bench.results.roofline import limits_of
from app.bench.run.facts import engine_facts, machine_facts, model_facts
from app.bench.run.measurement import Measurement
from app.bench.run.run_journal import RunJournal
from app.bench.run.step_turn import BenchmarkEngine
from app.engine.protocol import LoadSettings
from app.machine.hardware import Machine
from app.telemetry.nvml import GpuReading


@dataclass(slots=True, kw_only=True)
class ReportMaker:
    """The words beside a report's figures. One thread. `began_at` and `began_s` are the start of this part
    of the run, as a date and on the monotonic clock; `before_s` is what earlier parts took."""

    engine: BenchmarkEngine
    journal: RunJournal
    suite: str
    sha256: str
    name: str
    settings: LoadSettings
    gpu: GpuReading
    look_at_machine: Callable[[], Machine]
    sections: Callable[[str], list[Section]]
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    began_s: float = field(default_factory=time.monotonic)
    before_s: float = 0.0
    _machine: MachineFacts | None = None

    def make(self, measurement: Measurement) -> Report | None:
        """The report of what is measured now; None before a model was loaded."""
        info, state, ceilings = measurement.info, self.engine.state, measurement.ceilings
        if info is None:
            return None
        if self._machine is None:
            self._machine = machine_facts(self.look_at_machine(), self.gpu, state.system_info, state.devices)
        measures = measurement.measures()
        model = model_facts(info, self.sha256, self.name, measurement.work)
        engine = engine_facts(info, self.settings, state.llama_cpp_version, state.system_info)
        limits = [] if ceilings is None else limits_of(measures, model, engine, ceilings, self._machine.gpus)
        return Report(
            id=self.journal.run_id,
            started_at=self.began_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            duration_s=round(self.before_s + time.monotonic() - self.began_s, 2),
            stillroom_version=importlib.metadata.version("stillroom"),
            suite=self.suite,
            machine=self._machine,
            model=model,
            engine=engine,
            measures=measures,
            ceilings=ceilings,
            limits=limits,
            not_measured=measurement.not_measured(),
            sections=self.sections(self.sha256),
            interruptions=self.journal.interruptions,
        )
