"""The parts of the program that the window works with."""

from collections.abc import Callable
from dataclasses import dataclass

from app.acquire.jobs import JobBook
from app.acquire.measurer import Measurer
from app.audit.gate import Gate
from app.base.paths import AppPaths
from app.bench.drift.checker import DriftChecker
from app.bench.drift.store import DriftStore
from app.bench.quality.runner import QualityRunner
from app.bench.quality.store import QualityStore
from app.bench.results.history import BenchmarkHistory
from app.bench.run.runner import BenchmarkRunner
from app.chat.library.library import ChatLibrary
from app.chat.prompting.prompt import ChatTemplates
from app.chat.store.store import ChatStore
from app.cuda.cuda_install import CudaGetter
from app.engine.client.client import EngineClient
from app.engine.client.idle_unload import IdleUnload
from app.engine.planning.load_history import LoadMemory
from app.hub_choices import HubChoices
from app.load_choices import LoadChoices
from app.machine.doctor import Diagnosis
from app.machine.file_facts import FileFactsReader
from app.machine.measurements import Measurements
from app.remote.remote_replies import ElsewhereAnswers
from app.remote.server_keys import ServerKeys
from app.server.server import LocalServer
from app.settings import SettingsFile
from app.suites.quality_suites import QualitySuites
from app.telemetry.nvml_monitor import GpuMonitor
from app.telemetry.sampler import TelemetrySampler, TelemetrySnapshot
from app.tuning.tuner import Tuner
from models.store.store import ModelStore
from models.system.notices import NoticeInbox

OnSnapshot = Callable[[TelemetrySnapshot], None]


@dataclass(frozen=True, slots=True)
class ProgramParts:
    """The parts of the window, made by `app.window_bootstrap`; the window closes them when it ends."""

    paths: AppPaths
    settings: SettingsFile
    store: ModelStore
    client: EngineClient
    templates: ChatTemplates
    jobs: JobBook
    measurer: Measurer
    chats: ChatStore
    library: ChatLibrary
    benchmarks: BenchmarkHistory
    benchmark_runner: BenchmarkRunner
    quality: QualityRunner
    quality_runs: QualityStore
    quality_suites: QualitySuites
    drift: DriftChecker
    drift_runs: DriftStore
    gpu: GpuMonitor
    idle: IdleUnload
    load_choices: LoadChoices
    memory: LoadMemory
    tuner: Tuner
    make_sampler: Callable[[OnSnapshot], TelemetrySampler]
    examine: Callable[[], Diagnosis]
    measurements: Measurements
    files: FileFactsReader
    gate: Gate
    elsewhere: ElsewhereAnswers
    server_keys: ServerKeys
    hub_choices: HubChoices
    server: LocalServer
    cuda: CudaGetter
    told: NoticeInbox
