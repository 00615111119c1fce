"""The window's composition root: `bootstrap`'s parts and those that only a window needs."""

import importlib.metadata
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from app.acquire.arrived import Arrivals
from app.acquire.jobs import JobBook
from app.audit.gate import Gate
from app.base.children import child_command
from app.base.errors import StillroomError
from app.base.log import log_behind
from app.base.paths import require_data_folder
from app.bench.drift.checker import DriftChecker
from app.bench.drift.store import DriftStore
from app.bench.export.report_sections import FurtherSections
from app.bench.quality.runner import QualityRunner
from app.bench.quality.store import QualityStore
from app.bench.results.history import BenchmarkHistory
from app.bench.run.runner import BenchmarkRunner
from app.bootstrap import StillroomCore, build_core
from app.chat.library.library import ChatLibrary
from app.chat.prompting.prompt import ChatTemplates
from app.chat.prompting.template_process import TemplateProcess
from app.chat.store.store import ChatStore
from app.cuda.cuda_folder import CudaPlace
from app.cuda.cuda_install import CudaGetter
from app.engine.client.client import EngineClient
from app.engine.client.idle_unload import IdleUnload
from app.engine.kv_states.saved_states import StatesPlace
from app.engine.protocol import DevicesListed
from app.machine.doctor import examine
from app.machine.hardware import Machine, look_at_machine
from app.remote.remote_replies import ElsewhereAnswers
from app.server.server import LocalServer
from app.settings import SettingsFile
from app.suites.model_prompts import renderer
from app.suites.quality_suites import QualitySuites
from app.telemetry.host import HostReader
from app.telemetry.nvml_monitor import GpuMonitor
from app.telemetry.other_gpus import CardMonitor
from app.telemetry.process_tree import ProcessTree
from app.telemetry.rates import RateMeter
from app.telemetry.sampler import TelemetrySampler
from app.tuning.tuner import Tuner
from app.ui.shell.program_parts import ProgramParts
from models.system.notices import NoticeInbox
from models.system.units import GIGABYTE

log = logging.getLogger(__name__)


def run_window(files: Sequence[Path] = ()) -> int:
    """Make the parts of the window, open it, and stay until it is closed; returns the exit code."""
    # First: damage to the settings is told too.
    told = NoticeInbox()
    core = build_core()
    log_behind()
    try:
        # After all else: Qt's hook reads the source of each module that is imported later.
        from app.ui.shell.program import run_window as run
    except ImportError as error:
        # Qt without a library of the system; the bundle brings most of them, not all.
        log.exception("the window's parts cannot be loaded")
        print(  # noqa: T201 - there is no window to say it in
            f"The window cannot open: {error}. `stillroom doctor` says what to install.", file=sys.stderr
        )
        return 1
    return run(lambda: program_parts(core, told), core.paths.data, files)


def program_parts(core: StillroomCore, told: NoticeInbox) -> ProgramParts:
    """Everything the window works with; threads start once it is painted. `told` is older than `core`.
    Raises `StillroomError` where the folder of the data is away."""
    require_data_folder(core.paths)
    memory = core.load_memory()
    files = core.file_facts()
    states = StatesPlace(core.paths.chat_states, lambda: int(core.settings.values.chat_states_gb * GIGABYTE))
    client = EngineClient(child_command("engine"), memory, states)
    gpu, cards, meter = GpuMonitor(), CardMonitor(client.read_cards), RateMeter()
    client.observe(cards.on_state)
    client.observe_events(cards.on_event)
    client.observe_events(lambda event: meter.on_event(event, time.monotonic()))
    client.observe_asked(lambda request: meter.on_asked(request, time.monotonic()))
    client.observe_events(core.measurements.on_event)
    client.observe(lambda state: meter.forget() if state.phase == "dead" else None)
    benchmarks = BenchmarkHistory(core.paths.benchmarks)
    quality_runs, drift_runs = QualityStore(core.paths.quality), DriftStore(core.paths.drift)
    suites = QualitySuites(core.paths.data_sets, core.hub_choices.access)

    def look() -> Machine:
        return look_at_machine(core.store.root, ())

    templates = ChatTemplates(TemplateProcess(child_command("templates")))
    render = renderer(templates)
    gate = Gate(core.filters(), core.audit())
    tree = ProcessTree()
    host = HostReader(tree.pids, part_of=tree.part_of)
    return ProgramParts(
        paths=core.paths,
        settings=core.settings,
        store=core.store,
        client=client,
        templates=templates,
        jobs=JobBook(core.paths.jobs, core.acquirer, Arrivals(core.store, core.paths.checkpoints).of),
        measurer=core.measurer(),
        chats=ChatStore(core.paths.chats),
        library=ChatLibrary.in_folder(core.paths.data),
        benchmarks=benchmarks,
        quality=QualityRunner(
            client,
            quality_runs,
            benchmarks,
            render,
            look,
            gpu,
            child_command("measure"),
            suites.code.judge,
        ),
        quality_suites=suites,
        quality_runs=quality_runs,
        drift=DriftChecker(client, drift_runs, benchmarks, render, look, gpu),
        drift_runs=drift_runs,
        benchmark_runner=BenchmarkRunner(
            client,
            benchmarks,
            look,
            gpu,
            child_command("ceilings"),
            FurtherSections(quality_runs, drift_runs),
        ),
        gpu=gpu,
        load_choices=core.load_choices(),
        memory=memory,
        tuner=Tuner(client, memory),
        idle=IdleUnload(client, 60 * core.settings.values.idle_unload_minutes),
        make_sampler=lambda on_snapshot: TelemetrySampler(
            host, gpu, cards, meter, on_snapshot, core.settings.values.telemetry_hz
        ),
        examine=lambda: examine(
            core.paths, core.store, _listed(client, core.settings), gpu, core.measurements, files
        ),
        measurements=core.measurements,
        files=files,
        gate=gate,
        elsewhere=ElsewhereAnswers(
            lambda: core.settings.values.elsewhere,
            core.keys.of,
            lambda event: meter.on_event(event, time.monotonic()),
        ),
        server_keys=core.keys,
        hub_choices=core.hub_choices,
        server=LocalServer(
            client,
            templates,
            core.store,
            core.settings,
            gate,
            core.paths,
            importlib.metadata.version("stillroom"),
        ),
        cuda=CudaGetter(CudaPlace(core.paths.cuda), child_command("kernel_check")),
        told=told,
    )


def _listed(client: EngineClient, settings: SettingsFile) -> DevicesListed | StillroomError:
    """The devices, other computers' too; waits for them."""
    try:
        return client.list_devices(settings.values.load.rpc_servers).result()
    except StillroomError as error:
        return error
