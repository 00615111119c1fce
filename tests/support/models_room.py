"""The Models tab with a real store, real jobs and a hub on loopback; the engine is a stand-in."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import shiboken6
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.acquire.acquirer import Acquirer
from app.acquire.jobs import JobBook
from app.acquire.measurer import Measurer
from app.acquire.quality_build import Commands
from app.base.children import child_command
from app.engine.planning.load_history import LoadMemory
from app.engine.protocol import Device, ModelInfo, Ready
from app.load_choices import LoadChoices
from app.machine.file_facts import FileFactsReader
from app.machine.measurements import Measurements
from app.settings import SettingsFile
from app.ui.base.bridge import Bridge
from app.ui.base.theme import Theme
from app.ui.models.job_news import JobNews
from app.ui.models.machine_advice import MachineAdvice
from app.ui.models.models_tab import AT_ONCE, ModelsTab
from app.ui.widgets.inline_notices import InlineNotices
from app.ui.widgets.notices import Notices
from app.ui.widgets.plot_library import PlotLibrary
from app.ui.widgets.ui_context import UiContext
from models.hub.file_download import TransferOptions
from models.hub.hub_client import HubClient
from models.hub.retry import RetryPolicy
from models.store.manifest import BuiltFile
from models.store.store import InstalledModel, ModelStore
from tests.support.hub import LoopbackHub
from tests.support.pages.models_page import ModelsPage
from tests.support.tiny_gguf import write_tiny_gguf

WAIT_S = 100.0
REPO = "owner/tiny-GGUF"
FILE = "tiny.Q8_0.gguf"
KEY = "r1-qwen-1.5b"
TITLE = "R1 Qwen 1.5B"
NAME = "DeepSeek-R1-Distill-Qwen-1.5B"
LOADED = ModelInfo(
    path="",
    name=NAME,
    architecture="qwen2",
    quantisation="Q8_0",
    parameters=1,
    size_bytes=1,
    layers=28,
    gpu_layers=0,
    context_tokens=4096,
    context_limit=131072,
    vocabulary=10,
    threads=2,
    batch_tokens=512,
    kv_type="f16",
    backend="CPU",
    chat_template="",
    bos_text="",
    eos_text="",
    adds_bos=False,
    load_s=0.1,
    buffers={},
)
RETRY = RetryPolicy(attempts=2, first_wait_s=0.01)


class StandInSession(QObject):
    """Stands in for the engine, which these tests do not need: the machine and its model are set by hand."""

    engine_ready = Signal(object)
    loading = Signal(str, float)
    loaded = Signal(object)
    load_failed = Signal(object)
    unloaded = Signal()
    models_changed = Signal()
    rested = Signal(object)
    engine_died = Signal(object)
    remote_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.ready: Ready | None = None
        self.info: ModelInfo | None = None
        self.beside: tuple[ModelInfo, ...] = ()
        self.loading_path = ""
        self.remote: list[Device] = []
        self.reserved_for = ""
        self.client = SimpleNamespace(is_replying=False)
        self.choices = 0

    def choose(self) -> Callable[[], bool]:
        self.choices += 1
        return self.follow_choices()

    def follow_choices(self) -> Callable[[], bool]:
        number = self.choices
        return lambda: number == self.choices

    def become_ready(self, vram_gib: float) -> None:
        gpu = Device(
            name="CUDA0",
            description="NVIDIA RTX 3060",
            backend="CUDA",
            kind="gpu",
            memory_total_bytes=12 << 30,
            memory_free_bytes=int(vram_gib * (1 << 30)),
        )
        devices = [gpu] if vram_gib else []
        self.ready = Ready(llama_cpp_version="0", system_info="", devices=devices, pid=1)
        self.engine_ready.emit(self.ready)

    @property
    def coming_path(self) -> str:
        return self.loading_path

    @property
    def models(self) -> tuple[ModelInfo, ...]:
        return (self.info, *self.beside) if self.info is not None else self.beside

    async def let_go(self, path: str) -> None:
        if self.info is not None and self.info.path == path:
            self.info = None
            self.unloaded.emit()


class Room:
    """A tab and everything around it."""

    def __init__(self, qtbot: QtBot, theme: Theme, hub: LoopbackHub, root: Path) -> None:
        self.hub = hub
        self.root = root
        self.unplaced: list[BaseException] = []
        self.bridge = Bridge(self.unplaced.append)
        self.session = StandInSession()
        self.store = ModelStore(root / "models")
        client = HubClient(hub.endpoint, retry=RETRY)
        options = TransferOptions(segment_bytes=1 << 20, retry=RETRY)
        commands = Commands(["unused"], ["unused"])
        acquirer = Acquirer(client, self.store, root / "checkpoints", commands, options)
        self.jobs = JobBook(root / "jobs", lambda: acquirer)
        self.settings = SettingsFile(root / "settings.json")
        self.measurer = Measurer(self.store, lambda: acquirer, child_command("measure"))
        self.host = QWidget()
        self.host.resize(1200, 900)
        qtbot.addWidget(self.host)
        self.notices = Notices(self.host, lambda: "")
        self.measurements = Measurements(root / "measured.json")
        choices = LoadChoices(self.settings)
        self.files = FileFactsReader(
            lambda path: choices.of(path).load, lambda: choices.default.load, LoadMemory(root / "loads.json")
        )
        self.advice = MachineAdvice(
            self.session,  # type: ignore[arg-type]  # the stand-in has what it listens to
            self.measurements,
            self.files,
            self.bridge,
        )
        self.ui = UiContext(
            self.session,  # type: ignore[arg-type]  # the stand-in has what the tab uses
            self.settings,
            theme,
            self.bridge,
            self.notices,
            PlotLibrary(self.bridge),
        )
        self.loads: list[InstalledModel] = []
        self.make_tab()
        JobNews(self.ui, self.jobs, self.host, lambda: True, lambda: None, self.loads.append)
        self.host.show()

    def make_tab(self, selected: str = "") -> None:
        self.tab = ModelsTab(self.ui, self.store, self.jobs, self.advice, self.measurer, self.host)
        if selected:
            self.tab.select(selected)
        self.tab.complete()
        self.page = ModelsPage(self.tab)
        self.tab.load_asked.connect(self.loads.append)
        self.tab.resize(1200, 900)

    def add(self, *kinds: str, sha256: str = "ab") -> None:
        files = []
        for kind in kinds:
            path = self.root / f"{kind}.gguf"
            write_tiny_gguf(path)
            files.append(BuiltFile(kind, path, sha256, path.stat().st_size))
        self.store.add(NAME, files, key=KEY, repo=f"deepseek-ai/{NAME}")

    @property
    def errors(self) -> list[str]:
        """Give what went wrong, wherever it is told."""
        told = [str(error) for error in self.unplaced]
        if shiboken6.isValid(self.tab):
            told += [text for lines in self.tab.findChildren(InlineNotices) for text in lines.texts]
        return told

    def cell(self, key: str, column: int) -> str:
        index = self.tab.table.index(self.tab.table.number_of(key), column)
        return str(self.tab.table.data(index))


Run = Callable[[Coroutine[Any, Any, None]], None]


def add_many(room: Room) -> None:
    """Put more models on the disk than are judged at once."""
    for number in range(AT_ONCE):
        path = room.root / f"{number}.gguf"
        write_tiny_gguf(path)
        room.store.add(f"Mine {number:02}", [BuiltFile("Q4_K_M", path, "ab", path.stat().st_size)])


async def settled() -> None:
    """Let what has answered come to the window."""
    for _ in range(20):
        await asyncio.sleep(0.005)
