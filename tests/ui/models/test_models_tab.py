"""The Models tab with a real store, real jobs and a real hub on loopback."""

import asyncio
import hashlib
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
import qasync
import shiboken6
from PySide6.QtCore import QCoreApplication, QModelIndex, QObject, QPoint, Qt, Signal
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QLabel,
    QMenu,
    QPushButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.acquire.acquirer import Acquirer
from app.acquire.importing import import_models
from app.acquire.jobs import JobBook
from app.acquire.kept_imatrix import MATRIX_NAME, kept_matrix, notes
from app.acquire.measurer import Measurer
from app.acquire.quality_build import Commands
from app.base.children import child_command
from app.base.errors import StillroomError
from app.engine.planning.load_history import LoadMemory
from app.engine.protocol import Device, LoadSettings, ModelInfo, Ready
from app.load_choices import LoadChoices
from app.machine.advisor import FileFacts
from app.machine.file_facts import FileFactsReader
from app.machine.measurements import Measurements
from app.machine.memory_speed import SpeedReading
from app.settings import LoadChoice, SettingsFile
from app.ui.base import slices
from app.ui.base.bridge import Bridge
from app.ui.base.theme import Theme
from app.ui.models.gguf.gguf_dialog import GgufDialog
from app.ui.models.list.models_table import HERE, MODEL, ON_DISK, SIZE
from app.ui.models.machine_advice import MachineAdvice
from app.ui.models.models_tab import AT_ONCE, ModelsTab
from app.ui.models.outlook_table import CACHE, LAYERS, SPEED, TYPE, WEIGHTS
from app.ui.models.outlook_table import HERE as HERE_ON_PC
from app.ui.models.quality import model_matrix
from app.ui.models.requantise_dialog import RequantiseDialog
from app.ui.widgets.inline_notices import InlineNotices
from app.ui.widgets.notices import Notices
from app.ui.widgets.plot_library import PlotLibrary
from app.ui.widgets.ui_context import UiContext
from converters.imatrix.imatrix import read_imatrix, write_imatrix
from models.hub.file_download import TransferOptions
from models.hub.hub_access import TokenError
from models.hub.hub_client import HubClient
from models.hub.retry import RetryPolicy
from models.quantisation.quantisation_types import QUANTISATIONS
from models.store.manifest import BuiltFile
from models.store.store import InstalledModel, ModelStore, StoreListing
from tests.support.event_loop import run_step
from tests.support.hub import LoopbackHub
from tests.support.late import Late
from tests.support.make_quality_reference import DATA
from tests.support.pages.models_page import ModelsPage
from tests.support.tiny_gguf import write_tiny_gguf
from tests.support.waiting import until
from tests.support.widgets import all_seen, click, seen_button, seen_words
from tests.support.window import settle

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
        self.choices = 0

    def choose(self) -> Callable[[], bool]:
        self.choices += 1
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
    def models(self) -> tuple[ModelInfo, ...]:
        return (self.info, *self.beside) if self.info is not None else self.beside

    async def unload(self, path: str = "") -> None:
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


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    monkeypatch.setenv("HF_TOKEN", "")
    folder = tmp_path / "repository"
    folder.mkdir()
    write_tiny_gguf(folder / FILE, 6 << 20)
    with LoopbackHub() as server:
        server.add(REPO, folder)
        yield server


Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture
def room(
    qtbot: QtBot,
    loop: qasync.QEventLoop,
    theme: Theme,
    hub: LoopbackHub,
    tmp_path: Path,
) -> Iterator[Room]:
    async def make() -> Room:
        before = asyncio.all_tasks()
        room = Room(qtbot, theme, hub, tmp_path)
        # What the tab looks up when it is made; one test destroys it.
        await asyncio.gather(*asyncio.all_tasks() - before)
        return room

    room = run_step(loop, make(), WAIT_S)
    yield room
    run_step(loop, room.bridge.finish(), WAIT_S)
    room.jobs.close()


@pytest.fixture
def run(loop: qasync.QEventLoop) -> Run:
    return lambda work: run_step(loop, work, WAIT_S)


def add_many(room: Room) -> None:
    """Put more models on the disk than are judged at once."""
    for number in range(AT_ONCE):
        path = room.root / f"{number}.gguf"
        write_tiny_gguf(path)
        room.store.add(f"Mine {number:02}", [BuiltFile("Q4_K_M", path, "ab", path.stat().st_size)])


@pytest.mark.parametrize("width", [700, 1200, 1800])
def test_the_list_keeps_its_place_as_the_advice_comes(room: Room, run: Run, width: int) -> None:
    is_quiet = threading.Event()

    def read(_: int) -> SpeedReading:
        return SpeedReading(9.6e9, is_quiet=is_quiet.is_set())

    shiboken6.delete(room.tab)
    room.advice = MachineAdvice(
        room.session,  # type: ignore[arg-type]  # the stand-in has what it listens to
        Measurements(room.root / "busy.json", read),
        room.files,
        room.bridge,
        room.host,
        waits_s=(0.01,),
    )
    room.make_tab()
    room.tab.resize(width, 900)

    async def top(said: str, unsaid: str) -> int:
        """Wait for what the advice says; return where the list is then."""
        card = room.tab.recommendation
        await until(lambda: said in seen_words(card) and unsaid not in seen_words(card), said)
        await settle(10)
        return room.page.view.mapTo(room.tab, QPoint(0, 0)).y()

    async def scenario() -> None:
        room.tab.show()
        before = await top("Looking at this computer", "Here it writes")
        room.session.become_ready(0)
        assert await top("Provisional:", "Looking") == before
        is_quiet.set()
        assert await top("Here it writes", "Provisional:") == before
        room.tab.hide()
        room.tab.show()
        assert await top("Here it writes", "Provisional:") < before, "the room is no more needed"

    run(scenario())


def test_many_models_are_judged_one_by_one_between_two_events(
    room: Room, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "SLICE_S", 0.0)
    add_many(room)

    async def scenario() -> None:
        room.tab.reload()
        await until(lambda: room.tab.table.rowCount() > AT_ONCE)
        room.session.become_ready(11.3)
        assert room.cell("r1-qwen-7b", HERE) == ""
        turns = 0
        while not room.cell("r1-qwen-7b", HERE):
            turns += 1
            await asyncio.sleep(0)
            QCoreApplication.processEvents()
        assert turns > AT_ONCE // 2

    run(scenario())


def test_steps_of_an_older_refresh_select_nothing(
    room: Room, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "SLICE_S", 0.0)
    add_many(room)

    async def scenario() -> None:
        room.tab.reload()
        await until(lambda: room.tab.table.rowCount() > AT_ONCE)
        room.tab.complete()
        before = room.tab.selected_key
        # Each import comes in another step of the refresh that goes on.
        for turns in range(0, 3 * AT_ONCE, 9):
            room.tab.select(before)
            room.session.become_ready(turns)
            for _ in range(turns):
                QCoreApplication.processEvents()
            file = room.root / f"Come {turns}.Q8_0.gguf"
            write_tiny_gguf(file)
            room.tab.add_card.paths_chosen.emit([file])
            key = f"disk:Come {turns}.Q8_0"
            await until(lambda key=key: room.page.row == key, "its row")  # type: ignore[misc] # the default binds the key
            await until(lambda file=file: str(file) in seen_words(room.tab.detail), "what there is to it")  # type: ignore[misc] # the default binds the file

    run(scenario())


def test_who_goes_to_another_row_while_a_refresh_is_under_way_stays_there(
    room: Room, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "SLICE_S", 0.0)
    add_many(room)

    async def scenario() -> None:
        room.tab.reload()
        await until(lambda: room.tab.table.rowCount() > AT_ONCE)
        room.tab.complete()
        for turns in range(0, 3 * AT_ONCE, 9):
            room.tab.select(KEY)
            room.session.become_ready(turns)
            for _ in range(turns):
                QCoreApplication.processEvents()
            room.page.press(Qt.Key.Key_Down)
            there = room.page.row
            assert there != KEY
            room.tab.complete()
            assert (room.page.row, room.tab.selected_key) == (there, there)
            assert "DeepSeek-R1-Distill-Qwen-7B" in seen_words(room.tab.detail)

    run(scenario())


def test_a_reading_of_the_disk_that_ends_after_a_newer_one_is_not_shown(
    room: Room, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, readings = threading.Event(), list[StoreListing]()
    listing = room.store.listing

    def read() -> StoreListing:
        found = listing()
        readings.append(found)
        if len(readings) == 1:
            held.wait(WAIT_S)
        return found

    async def scenario() -> None:
        monkeypatch.setattr(room.store, "listing", read)
        before = asyncio.all_tasks()
        room.tab.reload()
        older = asyncio.all_tasks() - before
        await until(lambda: bool(readings), "the first reading")
        room.add("Q4_K_M")
        room.tab.reload()
        await until(lambda: room.cell(KEY, ON_DISK) == "Q4_K_M")
        held.set()
        await asyncio.gather(*older)
        room.tab.complete()
        assert room.cell(KEY, ON_DISK) == "Q4_K_M"

    run(scenario())


def test_a_row_that_is_asked_for_before_the_disk_is_read_is_selected(room: Room, run: Run) -> None:
    path = room.root / "mine.gguf"
    write_tiny_gguf(path)
    room.store.add("Mine", [BuiltFile("Q4_K_M", path, "ab", path.stat().st_size)])

    async def scenario() -> None:
        room.tab.deleteLater()
        room.make_tab("disk:Mine")
        await until(lambda: room.tab.table.number_of("disk:Mine") >= 0, "it")
        room.tab.complete()
        assert (room.page.row, room.tab.selected_key) == ("disk:Mine", "disk:Mine")

    run(scenario())


def test_the_list_shows_the_catalogue_and_what_is_on_disk(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.add("Q4_K_M", "Q8_0")
        room.tab.reload()
        await until(lambda: room.cell(KEY, ON_DISK) == "Q4_K_M, Q8_0")
        assert room.cell(KEY, MODEL) == "R1 Qwen 1.5B"
        assert room.cell("r1-qwen-7b", SIZE) == "15.2 GB to get"
        assert room.cell("r1-qwen-7b", HERE) == ""
        room.session.become_ready(11.3)
        assert room.cell("r1-qwen-7b", HERE).endswith(" · Fits on the GPU")

    run(scenario())


def test_the_last_row_is_whole_in_a_larger_text(room: Room, run: Run, theme: Theme) -> None:
    async def scenario() -> None:
        room.tab.reload()
        await until(lambda: room.cell(KEY, MODEL) == TITLE)
        view = ModelsPage(room.tab).view
        last = view.model().index(view.model().rowCount() - 1, 0)
        for zoom_percent in (100, 150):
            theme.choose("light", zoom_percent)
            await until(lambda: view.visualRect(last).bottom() <= view.viewport().height())

    run(scenario())


def test_the_recommendation_names_its_reasons_and_gets_the_model(room: Room, run: Run) -> None:
    async def scenario() -> None:
        card = room.tab.recommendation
        assert "Looking at this computer" in seen_words(card)
        room.session.become_ready(11.3)
        text = seen_words(card)
        assert "R1 0528 Qwen3 8B · Q4_K_M" in text
        assert "Strong at mathematics" in text
        assert "Getting it downloads 16.4 GB: about 22 min at 100 Mbit/s." in text
        assert "Fits entirely" not in text
        seen_button(card, "Why this one").click()
        assert "Fits entirely on the NVIDIA RTX 3060" in seen_words(card)
        seen_button(card, "Get · 16.4 GB").click()
        [job] = room.jobs.jobs()
        assert (job.model, job.types) == ("r1-0528-qwen3-8b", ("Q4_K_M",))
        await until(lambda: "On its way" in seen_words(card))
        room.jobs.pause(job.id)
        await until(lambda: "Stopped" in seen_words(card))
        assert "On its way" not in seen_words(card)
        await until(lambda: room.cell("r1-0528-qwen3-8b", ON_DISK) == "stopped")
        room.tab.select("r1-0528-qwen3-8b")
        await until(lambda: "Stopped" in seen_words(room.tab.detail))
        room.jobs.resume(job.id)
        await until(lambda: "On its way" in seen_words(card))

    run(scenario())


def test_a_model_that_could_not_be_loaded_says_so_in_its_row_and_its_card(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.add("Q8_0")
        room.tab.reload()
        await until(lambda: room.cell(KEY, ON_DISK) == "Q8_0")
        [model] = room.store.listing().models
        path = str(model.path)
        room.session.loading.emit(path, 0.0)
        room.session.load_failed.emit(StillroomError("There is too little memory.", "Close something."))
        assert room.cell(KEY, HERE) == "Could not be loaded: the reason is below"
        room.tab.select("r1-qwen-7b")
        assert "too little memory" not in seen_words(room.tab.detail)
        room.tab.select(KEY)
        assert "There is too little memory.\nClose something." in seen_words(room.tab.detail)
        room.session.loading.emit(path, 0.0)
        room.session.loaded.emit(msgspec.structs.replace(LOADED, path=path))
        assert "too little memory" not in seen_words(room.tab.detail)
        assert "Could not" not in room.cell(KEY, HERE)

    run(scenario())


def test_what_cannot_be_added_is_told_where_it_was_asked_for(room: Room, run: Run, tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"no model")

    async def scenario() -> None:
        card = room.tab.add_card
        card.paths_chosen.emit([tmp_path / "broken.gguf"])
        await until(lambda: "broken.gguf is not a GGUF file" in seen_words(card))
        assert len(card.failures.texts) == 1

    run(scenario())


def test_a_gated_repository_leads_to_the_settings_of_the_hub(room: Room, run: Run) -> None:
    room.hub.repos[REPO].gated = True
    opened: list[None] = []
    room.notices.offer(TokenError, "Open settings", lambda _: opened.append(None))

    async def scenario() -> None:
        room.jobs.start()
        room.jobs.add(REPO, [])
        await until(lambda: "accept its terms" in seen_words(room.tab), "the refusal")
        click(seen_button(room.page.jobs[0], "Open settings"))
        assert opened == [None]

    run(scenario())


def test_a_recommended_model_on_disk_is_loaded_instead(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.add("Q8_0")
        room.session.become_ready(3.6)
        room.tab.reload()
        await until(lambda: room.cell(KEY, ON_DISK) == "Q8_0")
        seen_button(room.tab.recommendation, "Load").click()
        assert [model.reference for model in room.loads] == [f"{NAME}/Q8_0"]

    run(scenario())


def test_two_ticked_types_become_one_job(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.tab.select("r1-qwen-7b")
        for box in room.tab.detail.findChildren(QCheckBox):
            if box.text() in ("Q4_K_M", "Q6_K"):
                box.setChecked(True)
        seen_button(room.tab.detail, "Get Q4_K_M + Q6_K · 15.2 GB to download").click()
        [job] = room.jobs.jobs()
        assert (job.model, job.types) == ("r1-qwen-7b", ("Q4_K_M", "Q6_K"))
        await until(lambda: room.cell("r1-qwen-7b", ON_DISK) == "getting…")
        await until(lambda: "On its way" in seen_words(room.tab.detail))

    run(scenario())


def test_what_was_stopped_before_a_restart_is_there_again(room: Room, run: Run) -> None:
    before = JobBook(room.root / "jobs", lambda: pytest.fail("nothing is to be built"))
    job = before.add("r1-qwen-7b", ["Q6_K"])
    before.pause(job.id)
    before.close()

    async def scenario() -> None:
        assert not room.page.jobs
        room.jobs.start()
        await until(lambda: room.cell("r1-qwen-7b", ON_DISK) == "stopped")
        [card] = room.page.jobs
        assert "DeepSeek-R1-Distill-Qwen-7B" in seen_words(card)
        room.host.activateWindow()
        resume = seen_button(card, "Resume")
        resume.setFocus()
        await until(resume.hasFocus)
        room.hub.fail("metadata", headers={"Retry-After": "60"})
        resume.click()
        await until(lambda: room.cell("r1-qwen-7b", ON_DISK) == "getting…")
        # A second press on the keyboard must not cancel it.
        assert seen_button(card, "Pause").hasFocus()

    run(scenario())


def test_a_hub_id_is_downloaded_with_progress_pause_resume_and_then_offered(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.hub.bytes_per_s = 4e6
        room.jobs.start()
        room.tab.add_card.field.setText(REPO)
        seen_button(room.tab.add_card, "Get").click()
        await until(lambda: room.page.jobs and "of 6.3 MB" in seen_words(room.page.jobs[0]))
        [card] = room.page.jobs
        assert "Downloading" in seen_words(card)
        assert "tiny.Q8_0.gguf" in seen_words(card)
        seen_button(card, "Pause").click()
        await until(lambda: "Paused" in seen_words(card))
        assert "Getting" not in seen_words(card)
        room.hub.bytes_per_s = 0
        seen_button(card, "Resume").click()
        await until(lambda: not room.page.jobs and room.cell(f"disk:{REPO}", ON_DISK) == "Q8_0")
        assert "is ready" in seen_words(room.notices)
        seen_button(room.notices, "Load").click()
        assert [model.name for model in room.loads] == [REPO]
        assert room.tab.add_card.field.text() == ""

    run(scenario())
    assert room.errors == []


def test_a_job_that_ended_before_the_tab_was_made_leaves_no_card(room: Room, run: Run) -> None:
    async def scenario() -> None:
        gone: list[bool] = []
        room.tab.destroyed.connect(lambda: gone.append(True))
        room.tab.deleteLater()
        await until(lambda: gone)
        room.jobs.start()
        room.jobs.add(REPO, ["Q8_0"])
        await until(lambda: [view.state for view in room.jobs.jobs()] == ["done"])
        room.make_tab()
        await until(lambda: room.cell(f"disk:{REPO}", ON_DISK) == "Q8_0")
        assert not room.page.jobs
        assert not room.jobs.jobs()

    run(scenario())
    assert room.errors == []


def test_a_failed_job_says_why_and_can_be_cancelled(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.jobs.start()
        room.jobs.add("owner/missing", ["Q4_K_M"])
        await until(lambda: room.page.jobs and "has no model owner/missing" in seen_words(room.page.jobs[0]))
        [card] = room.page.jobs
        assert "Check the spelling" in seen_words(card)
        seen_button(card, "Cancel").click()
        await until(lambda: not room.page.jobs)
        assert "owner/missing is not fetched any more." in seen_words(room.notices)
        seen_button(room.notices, "Undo").click()
        await until(lambda: bool(room.page.jobs))

    run(scenario())


def test_what_cannot_be_added_is_said(room: Room, run: Run) -> None:
    async def scenario() -> None:
        for text in ("r1-qwen7b", "owner/missing"):
            room.tab.add_card.field.setText(text)
            room.tab.add_card.field.returnPressed.emit()
            await until(lambda text=text: any(text in told for told in room.errors))
        assert len(room.errors) == 1, "the one before is of no use any more"
        assert room.tab.add_card.field.text() == "owner/missing"

    run(scenario())


def test_several_gguf_files_are_offered_in_a_menu(room: Room, run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        write_tiny_gguf(tmp_path / "repository" / "tiny.Q4_0.gguf")
        room.tab.add_card.field.setText(REPO)
        seen_button(room.tab.add_card, "Get").click()
        await until(lambda: room.tab.findChildren(QMenu))
        [menu] = room.tab.findChildren(QMenu)
        menu.actions()[0].trigger()
        menu.close()
        assert [job.model for job in room.jobs.jobs()] == [f"{REPO}:tiny.Q4_0.gguf"]

    run(scenario())


def test_a_finished_file_of_a_repository_is_taken_where_builds_are_measured(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.settings.update(measure_builds=True, weigh_builds=True)
        room.jobs.start()
        room.tab.add_card.field.setText(f"{REPO}:{FILE}")
        seen_button(room.tab.add_card, "Get").click()
        await until(lambda: room.cell(f"disk:{REPO}", ON_DISK) == "Q8_0")

    run(scenario())
    assert room.errors == []


def test_delete_can_be_undone_and_unloads_first(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.add("Q4_K_M")
        room.tab.reload()
        await until(lambda: room.cell(KEY, ON_DISK) == "Q4_K_M")
        room.tab.select(KEY)
        delete = seen_button(room.tab.detail, "Delete R1 Qwen 1.5B Q4_K_M")
        delete.setFocus()
        delete.click()
        await until(lambda: room.cell(KEY, ON_DISK) == "")
        await until(lambda: "was deleted" in seen_words(room.notices), "the notice")
        assert room.tab.window().focusWidget() is ModelsPage(room.tab).view
        seen_button(room.notices, "Undo").click()
        await until(lambda: room.cell(KEY, ON_DISK) == "Q4_K_M")

    run(scenario())
    assert room.errors == []


def test_how_a_model_is_loaded_goes_with_it_and_comes_back(room: Room, run: Run) -> None:
    chosen = LoadChoice(load=LoadSettings(context_tokens=2048), speculation="off")

    async def scenario() -> None:
        room.add("Q4_K_M")
        room.tab.reload()
        await until(lambda: room.cell(KEY, ON_DISK) == "Q4_K_M")
        [model] = room.store.listing().models
        choices = LoadChoices(room.settings)
        choices.choose(model.path, chosen)
        room.tab.select(KEY)
        seen_button(room.tab.detail, "Delete R1 Qwen 1.5B Q4_K_M").click()
        await until(lambda: room.cell(KEY, ON_DISK) == "")
        assert room.settings.values.model_loads == {}
        seen_button(room.notices, "Undo").click()
        await until(lambda: room.cell(KEY, ON_DISK) == "Q4_K_M")
        assert choices.of(model.path) == chosen

    run(scenario())
    assert room.errors == []


def test_a_gguf_file_is_added_where_it_lies(room: Room, run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        file = tmp_path / "Mine.Q5_K_M.gguf"
        write_tiny_gguf(file)
        room.tab.add_card.paths_chosen.emit([file])
        await until(lambda: room.tab.table.number_of("disk:Mine.Q5_K_M") >= 0)
        await until(lambda: f"Stays where it is: {file}" in seen_words(room.tab.detail))
        assert "Its file stays where it is" in seen_words(room.notices)
        file.with_name("broken.gguf").write_bytes(b"GGUF")
        room.tab.add_card.paths_chosen.emit([file.with_name("broken.gguf")])
        await until(lambda: room.errors)

    run(scenario())


def test_the_list_is_worked_by_keyboard(room: Room, run: Run, qtbot: QtBot) -> None:
    async def scenario() -> None:
        room.add("Q4_K_M")
        room.tab.reload()
        await until(lambda: room.cell(KEY, ON_DISK) == "Q4_K_M")
        room.tab.select(KEY)
        room.page.press(Qt.Key.Key_Return)
        assert [model.type for model in room.loads] == ["Q4_K_M"]
        room.page.press(Qt.Key.Key_Down)
        assert "DeepSeek-R1-Distill-Qwen-7B" in seen_words(room.tab.detail)

    run(scenario())


def test_every_control_has_an_accessible_name(room: Room) -> None:
    for kind in (QPushButton, QCheckBox):
        for control in room.tab.findChildren(kind):
            assert control.accessibleName() or control.text(), control
    assert room.page.view.accessibleName()
    assert room.tab.add_card.field.accessibleName()


def test_a_destroyed_tab_hears_of_no_job(room: Room, run: Run) -> None:
    async def scenario() -> None:
        destroyed: list[bool] = []
        room.tab.destroyed.connect(lambda: destroyed.append(True))
        room.tab.deleteLater()
        await until(lambda: destroyed)
        room.jobs.add(REPO, [])
        seen: list[object] = []
        room.bridge.post(seen.append, None)
        await until(lambda: seen)

    run(scenario())
    assert room.errors == []


def test_other_colours_leave_the_columns_of_the_list_alone(room: Room, run: Run, theme: Theme) -> None:
    async def scenario() -> None:
        await settle(5)
        told: list[list[int]] = []
        room.tab.table.dataChanged.connect(lambda _first, _last, roles: told.append(list(roles)))
        theme.choose("dark" if not theme.colours.dark else "light")
        await until(lambda: bool(told), "the colours")
        assert told == [[Qt.ItemDataRole.ForegroundRole]]

    run(scenario())


def test_a_long_list_is_measured_without_qt(room: Room, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    add_many(room)

    async def scenario() -> None:
        room.tab.reload()
        await until(lambda: room.tab.table.rowCount() > AT_ONCE)
        await settle(5)
        asked: list[int] = []
        data = room.tab.table.data

        def counted(index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
            asked.append(index.row())
            return data(index, role)

        room.host.setUpdatesEnabled(False)
        monkeypatch.setattr(room.tab.table, "data", counted)
        room.tab.table.show_rows([room.tab.table.row(number) for number in range(room.tab.table.rowCount())])
        # The widest cell of each column, and the first one of those that are shortened.
        assert len(set(asked)) <= 7

    run(scenario())


def test_it_follows_the_theme(room: Room, theme: Theme) -> None:
    index = room.tab.table.index(0, MODEL)
    before = room.tab.table.data(index, Qt.ItemDataRole.ForegroundRole)
    theme.choose("dark")
    assert room.tab.table.data(index, Qt.ItemDataRole.ForegroundRole) != before
    theme.choose("light")


def test_the_table_of_quantisations_follows_model_and_demand(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.session.become_ready(11.3)
        room.tab.select("r1-qwen-7b")
        table = room.tab.outlooks.table
        row = QUANTISATIONS.index("Q4_K_M")

        def cell(column: int) -> str:
            return str(table.data(table.index(row, column)))

        assert (cell(TYPE), cell(WEIGHTS), cell(LAYERS)) == ("Q4_K_M", "4.7 GB", "29 / 29")
        assert (cell(CACHE), cell(SPEED)) == ("3.8 GB", "–"), "for four replies"
        assert "Fits entirely" in seen_words(room.tab.outlooks)
        assert "Not known until a first reply" in seen_words(room.tab.outlooks)
        context, cache = room.tab.outlooks.findChildren(QComboBox)
        context.setCurrentIndex(context.findData(4096))
        cache.setCurrentText("q8_0")
        room.tab.complete()
        assert cell(CACHE) == "499 MB", "for four replies"
        room.tab.select("r1-llama-70b")
        assert cell(HERE_ON_PC).startswith("Too large")

    run(scenario())


def test_the_speed_of_memory_tells_the_speed_of_models(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.session.become_ready(0)
        here = room.cell("r1-qwen-7b", HERE)
        assert here.endswith(" · Runs on the processor")
        assert here.startswith("up to 11 tok/s · ")
        seen_button(room.tab.recommendation, "Why this one").click()
        assert "Expected: up to" in seen_words(room.tab.recommendation)

    run(scenario())


def test_a_file_is_verified_and_the_result_stays_until_it_is_closed(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.add("Q4_K_M")
        room.tab.reload()
        await until(lambda: room.cell(KEY, ON_DISK) == "Q4_K_M")
        room.tab.select(KEY)
        room.page.choose(f"{TITLE} Q4_K_M", "Verify")
        await until(lambda: "is not what was recorded" in seen_words(room.tab))
        [card] = room.page.checks
        assert "get the model again" in seen_words(card)
        seen_button(card, "Close").click()
        await until(lambda: not room.page.checks)
        [model] = room.store.listing().models
        room.add("Q8_0", sha256=hashlib.sha256(model.path.read_bytes()).hexdigest())
        room.tab.reload()
        await until(lambda: room.cell(KEY, ON_DISK) == "Q4_K_M, Q8_0")
        room.page.choose(f"{TITLE} Q8_0", "Verify")
        await until(lambda: "is unchanged since it was made" in seen_words(room.tab))

    run(scenario())
    assert room.errors == []


def test_the_importance_matrix_of_a_model_is_told_and_can_be_deleted(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.add("Q4_K_M")
        file = room.store.folder_of(NAME) / MATRIX_NAME
        write_imatrix(read_imatrix(DATA / "imatrix.gguf"), file, notes("weights", "text", "Q8_0"))
        room.tab.reload()
        card = room.page.matrix
        await until(lambda: not card.isHidden())
        assert "pieces of" in seen_words(card)
        assert "with Q8_0" in seen_words(card)
        room.tab.select("r1-qwen-7b")
        assert card.isHidden()
        room.tab.select(KEY)
        await until(lambda: not card.isHidden())
        seen_button(card, "Delete").click()
        await until(lambda: room.notices.isVisible() and card.isHidden())
        assert not file.exists()
        seen_button(room.notices, "Undo").click()
        await until(lambda: not card.isHidden())
        assert file.exists()

    run(scenario())
    assert room.errors == []


def test_the_menu_opens_the_file_and_asks_for_another_type(room: Room, run: Run, qtbot: QtBot) -> None:
    async def scenario() -> None:
        room.add("Q4_K_M")
        room.tab.reload()
        await until(lambda: room.cell(KEY, ON_DISK) == "Q4_K_M")
        room.tab.select(KEY)
        room.page.press(Qt.Key.Key_I, Qt.KeyboardModifier.ControlModifier)
        await until(lambda: room.host.findChildren(GgufDialog))
        [dialog] = room.host.findChildren(GgufDialog)
        assert dialog.tensors.proxy.rowCount() == 1
        dialog.close()
        menu = room.page.menu_of(f"{TITLE} Q4_K_M")
        assert [action.text() for action in menu.actions() if action.text()] == [
            "Load",
            "Look inside…",
            "Verify",
            "Make another size (quantisation)…",
            "Show in its folder",
            "Delete",
        ]
        next(action for action in menu.actions() if action.text().startswith("Make")).trigger()
        menu.close()
        await until(lambda: room.host.findChildren(RequantiseDialog))
        [asked] = room.host.findChildren(RequantiseDialog)
        assert "The file has full precision (F32)" in seen_words(asked)
        asked.findChildren(QComboBox)[0].setCurrentText("Q5_K_M")
        seen_button(asked, "Make it").click()
        [job] = room.jobs.jobs()
        assert (job.title, job.types) == (NAME, ("Q5_K_M",))
        await until(lambda: room.cell(KEY, ON_DISK) == "Q4_K_M, getting…")

    run(scenario())
    assert room.errors == []


def test_files_and_folders_are_added_where_they_lie(room: Room, run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        folder = tmp_path / "publisher" / "repository"
        folder.mkdir(parents=True)
        for name in ("one", "two"):
            write_tiny_gguf(folder / f"{name}.gguf")
        (folder / "broken.gguf").write_bytes(b"GGUF")
        # The card that tells of the broken one is in sight: else a toast would take the other's place.
        room.host.resize(1200, 1200)
        room.tab.resize(1200, 1200)
        room.tab.add_models([folder.parent])
        await until(lambda: room.tab.table.number_of("disk:two") >= 0)
        assert room.tab.table.number_of("disk:one") >= 0
        assert "2 models were added" in seen_words(room.notices)

    run(scenario())
    assert len(room.errors) == 1
    assert "broken.gguf" in room.errors[0]


def test_a_busy_computer_is_measured_again_until_it_is_quiet(
    room: Room, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = [SpeedReading(9.6e9, is_quiet=False), SpeedReading(12e9, is_quiet=False)]
    quiet = SpeedReading(31e9, is_quiet=True)
    room.session.become_ready(0)
    measurements = Measurements(room.root / "busy.json", lambda _: readings.pop(0) if readings else quiet)
    advice = MachineAdvice(
        room.session,  # type: ignore[arg-type]  # the stand-in has what it listens to
        measurements,
        room.files,
        room.bridge,
        room.host,
        waits_s=(0.0,),
    )
    seen: list[tuple[float, bool, str]] = []

    def note() -> None:
        advisor = advice.advisor(())
        assert advisor is not None
        found = advisor.recommendation()
        assert found is not None
        memory = advisor.memory
        seen.append((memory.ram_bytes_per_s / 1e9, memory.speed_is_provisional, found.fit.quantisation))

    async def scenario() -> None:
        advice.changed.connect(note)
        advice.learn_memory_speed()
        await until(lambda: seen[-1:] == [(31.0, False, "Q8_0")])
        assert seen == [(9.6, True, "Q4_K_M"), (12.0, True, "Q4_K_M"), (31.0, False, "Q8_0")]

    run(scenario())


def test_memory_is_not_measured_while_a_benchmark_has_the_engine(room: Room, run: Run) -> None:
    readings: list[int] = []

    def read(_: int) -> SpeedReading:
        readings.append(1)
        return SpeedReading(31e9, is_quiet=True)

    advice = MachineAdvice(
        room.session,  # type: ignore[arg-type]  # the stand-in has what it listens to
        Measurements(room.root / "busy.json", read),
        room.files,
        room.bridge,
        room.host,
        waits_s=(0.0,),
    )

    async def scenario() -> None:
        room.session.reserved_for = "benchmark"
        advice.learn_memory_speed()
        for _ in range(10):
            await asyncio.sleep(0.01)
        assert readings == []
        room.session.reserved_for = ""
        await until(lambda: readings, "the measurement")

    run(scenario())


def test_an_older_reading_of_the_files_that_ends_later_tells_nothing(room: Room, run: Run) -> None:
    class Files:
        """A stand-in whose first reading ends last."""

        def __init__(self) -> None:
            self.first = threading.Event()
            self.readings = 0

        def read(self, _: object) -> dict[str, FileFacts]:
            self.readings += 1
            if self.readings == 1:
                self.first.wait(WAIT_S)
                return {"old": FileFacts(LoadSettings())}
            return {"new": FileFacts(LoadSettings())}

    files = Files()
    advice = MachineAdvice(
        room.session,  # type: ignore[arg-type]  # the stand-in has what it listens to
        Measurements(room.root / "files.json"),
        files,  # type: ignore[arg-type]  # what it is read by
        room.bridge,
        room.host,
    )

    async def scenario() -> None:
        older = asyncio.ensure_future(advice.learn_files(()))
        await until(lambda: files.readings == 1, "the first reading")
        await advice.learn_files(())
        told: list[int] = []
        advice.changed.connect(lambda: told.append(1))
        files.first.set()
        await older
        assert told == []

    run(scenario())


def test_a_provisional_recommendation_says_so(room: Room, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = SpeedReading(31e9, is_quiet=False)
    monkeypatch.setattr("app.machine.measurements.read_memory_speed", lambda threads: busy)
    advice = MachineAdvice(
        room.session,  # type: ignore[arg-type]  # the stand-in has what it listens to
        Measurements(room.root / "busy.json"),
        room.files,
        room.bridge,
        room.host,
        waits_s=(3600.0,),
    )

    async def scenario() -> None:
        room.session.become_ready(0)
        advice.learn_memory_speed()
        advisor = None
        await until(
            lambda: (advisor := advice.advisor(())) is not None and advisor.memory.ram_bytes_per_s > 0
        )
        advisor = advice.advisor(())
        assert advisor is not None
        found = advisor.recommendation()
        assert found is not None
        outlook = advisor.outlook(found.model, found.fit.quantisation)
        room.tab.recommendation.show_recommendation(
            found, outlook, None, getting=False, stopped=False, loaded=False, answers=False
        )
        assert "Provisional: other programs kept this PC busy" in seen_words(room.tab.recommendation)

    run(scenario())


def test_each_model_in_memory_is_called_loaded_and_can_be_used(room: Room, run: Run) -> None:
    room.add("Q4_K_M", "Q8_0")
    mine = room.root / "mine.gguf"
    write_tiny_gguf(mine)
    room.store.add("Mine", [BuiltFile("Q4_K_M", mine, "ab", mine.stat().st_size)])

    def loaded_words() -> list[str]:
        return [words.text() for words in all_seen(room.tab.detail, QLabel) if "Loaded" in words.text()]

    async def scenario() -> None:
        room.tab.reload()
        await until(lambda: room.tab.table.rowCount() > 0 and room.tab.table.number_of("disk:Mine") > 0)
        files = {file.type: file for file in room.tab.table.row(room.tab.table.number_of(KEY)).installed}
        mine = room.tab.table.row(room.tab.table.number_of("disk:Mine")).installed[0]
        assert room.cell(KEY, HERE) == "", "nothing is loaded yet"
        current = msgspec.structs.replace(LOADED, path=str(mine.path))
        other = msgspec.structs.replace(LOADED, path=str(files["Q8_0"].path))
        room.session.info, room.session.beside = current, (other,)
        room.session.models_changed.emit()
        assert (room.cell(KEY, HERE), room.cell("disk:Mine", HERE)) == ("Loaded", "Loaded")
        room.tab.select(KEY)
        await until(lambda: len(loaded_words()) == 1)
        click(seen_button(room.tab.detail, f"Use {TITLE} Q8_0"))
        assert room.loads == [files["Q8_0"]]
        room.page.view.activated.emit(room.tab.table.index(room.tab.table.number_of(KEY), 0))
        assert room.loads == [files["Q8_0"], files["Q8_0"]], (
            "not the first of the files, which is on disk only"
        )
        room.session.beside = ()
        room.session.rested.emit(current)
        assert room.cell(KEY, HERE) == ""
        await until(lambda: not loaded_words())

    run(scenario())


def test_a_model_that_is_loaded_anew_is_not_called_loaded_meanwhile(room: Room, run: Run) -> None:
    room.add("Q8_0")

    async def scenario() -> None:
        room.tab.reload()
        await until(lambda: room.cell(KEY, ON_DISK) == "Q8_0")
        [file] = room.tab.table.row(room.tab.table.number_of(KEY)).installed
        session = room.session
        session.info = msgspec.structs.replace(LOADED, path=str(file.path))
        session.loaded.emit(session.info)
        await until(lambda: room.cell(KEY, HERE) == "Loaded")
        session.loading_path = str(file.path)
        session.loading.emit(session.loading_path, 0.0)
        assert room.cell(KEY, HERE) != "Loaded"
        session.loading_path = ""
        session.loaded.emit(session.info)
        await until(lambda: room.cell(KEY, HERE) == "Loaded")

    run(scenario())


def with_free_ram(monkeypatch: pytest.MonkeyPatch, gib: float) -> None:
    """Let so much RAM be free, which this computer need not have."""
    free = psutil.virtual_memory()._replace(available=int(gib * (1 << 30)))
    monkeypatch.setattr("app.ui.models.machine_advice.psutil.virtual_memory", lambda: free)


def test_a_model_that_is_too_large_is_loaded_anyway_or_with_less_context(
    room: Room, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        with_free_ram(monkeypatch, 3.0)
        room.settings.update(load=LoadSettings(context_tokens=16384, sequences=4))
        room.add("Q4_K_M")
        room.tab.reload()
        await until(lambda: room.cell(KEY, ON_DISK) == "Q4_K_M")
        room.session.become_ready(0)
        room.tab.select(KEY)
        detail = room.tab.detail
        await until(lambda: "Too large: 3.1 GB, room for 1.6 GB" in seen_words(detail))
        words = seen_words(detail)
        assert "1.6 GB of them are left to the system and other programs" in words
        assert "a reply can take minutes" in words
        seen_button(detail, f"Load {TITLE} Q4_K_M anyway").click()
        assert [model.type for model in room.loads] == ["Q4_K_M"]
        seen_button(detail, "Load with 8,192 tokens of context").click()
        await until(lambda: len(room.loads) == 2)
        [file] = room.store.listing().models
        chosen = LoadChoices(room.settings).of(file.path).load
        assert (chosen.context_tokens, chosen.sequences) == (8192, 1)

    run(scenario())


def test_nothing_of_the_page_is_cut_off_in_a_narrow_window(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.session.become_ready(0)
        room.tab.select("r1-qwen-7b")
        room.tab.resize(700, 600)
        page = room.tab.widget()
        await until(lambda: page.width() <= room.tab.viewport().width())
        assert page.minimumSizeHint().width() <= room.tab.viewport().width()
        card = room.tab.recommendation
        get = (
            seen_button(card, "Get · 16.4 GB") if "16.4" in seen_words(card) else card.findChild(QPushButton)
        )
        assert isinstance(get, QPushButton)
        title = next(label for label in card.findChildren(QLabel) if label.property("look") == "title")
        assert title.geometry().right() < get.geometry().left()
        assert title.sizeHint().height() <= title.height()

    run(scenario())


def test_what_is_got_below_shows_its_card_above(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.session.become_ready(0)
        room.hub.bytes_per_s = 1e5
        room.jobs.start()
        room.tab.resize(1000, 400)
        room.tab.ensureWidgetVisible(room.tab.add_card)
        await until(lambda: room.tab.verticalScrollBar().value() > 0)
        room.tab.add_card.field.setText(REPO)
        seen_button(room.tab.add_card, "Get").click()
        await until(lambda: bool(room.page.jobs))
        [card] = room.page.jobs
        await until(lambda: not card.visibleRegion().isEmpty(), "the job's card in view")

    run(scenario())


def test_a_key_that_is_pressed_twice_gets_a_model_and_does_not_pause_it(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.session.become_ready(0)
        room.hub.bytes_per_s = 1e5
        room.jobs.start()
        room.host.activateWindow()
        await until(room.host.isActiveWindow, "the keyboard")
        room.tab.add_card.field.setText(REPO)
        room.tab.add_card.field.setFocus()
        QTest.keyClick(room.tab.add_card.field, Qt.Key.Key_Return)
        await until(lambda: bool(room.page.jobs), "the job")
        for _ in range(3):
            focused = QApplication.focusWidget()
            assert focused is not None
            QTest.keyClick(focused, Qt.Key.Key_Return)
        [job] = room.jobs.jobs()
        assert job.state in ("waiting", "running")
        [card] = room.page.jobs
        assert card.hasFocus()
        QTest.keyClick(card, Qt.Key.Key_Tab)
        pause = QApplication.focusWidget()
        assert isinstance(pause, QPushButton)
        assert pause.text() == "Pause"

    run(scenario())


def test_a_model_is_looked_into_once_though_its_key_is_pressed_twice(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.add("Q8_0")
        room.tab.reload()
        await until(lambda: room.tab.table.number_of(KEY) >= 0 and bool(room.cell(KEY, 1)), "the model")
        room.tab.select(KEY)
        [look] = [each for each in room.tab.actions() if each.text() == "Look inside the selected model"]
        look.trigger()
        look.trigger()
        await until(lambda: bool(room.host.findChildren(GgufDialog)), "what is inside")
        await settle()
        [dialog] = room.host.findChildren(GgufDialog)
        dialog.close()

    run(scenario())


def test_a_server_that_does_not_answer_is_told_while_it_is_asked(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.hub.fail("metadata", status=503, headers={"Retry-After": "1"})
        room.tab.add_card.field.setText(REPO)
        seen_button(room.tab.add_card, "Get").click()
        await until(lambda: "does not answer (attempt 1 of 2)" in seen_words(room.tab.add_card))
        await until(lambda: bool(room.jobs.jobs()))
        assert "does not answer" not in seen_words(room.tab.add_card)

    run(scenario())


def test_a_question_to_the_server_can_be_stopped(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.hub.fail("metadata", status=503, headers={"Retry-After": "60"})
        card = room.tab.add_card
        card.field.setText(REPO)
        seen_button(card, "Get").click()
        await until(lambda: "does not answer (attempt 1 of 2)" in seen_words(card))
        seen_button(card, "Stop").click()
        await until(lambda: bool(all_seen(card, QPushButton, "Get")), "the end of the question")
        # It can be mended, or asked again.
        assert card.field.text() == REPO
        assert not card.field.isReadOnly()
        assert "does not answer" not in seen_words(card)
        seen_button(card, "Get").click()
        await until(lambda: bool(room.jobs.jobs()))

    run(scenario())
    assert room.errors == []


def test_an_imported_model_leaves_the_list_and_its_file_stays(room: Room, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "own.gguf"
    write_tiny_gguf(file)

    async def scenario() -> None:
        [model] = import_models([file], room.store).models
        key = f"disk:{model.name}"
        room.tab.reload()
        await until(lambda: room.tab.table.number_of(key) >= 0)
        room.tab.select(key)
        gone = "Take own F32 off the list"
        await until(lambda: bool(all_seen(room.tab.detail, QPushButton, gone)))
        seen_button(room.tab.detail, gone).click()
        await until(lambda: room.tab.table.number_of(key) < 0)
        assert "is off the list. Its file stays where it lies." in seen_words(room.notices)
        assert "was deleted" not in seen_words(room.notices)

    run(scenario())
    assert file.exists()
    assert room.errors == []


async def settled() -> None:
    """Let what has answered come to the window."""
    for _ in range(20):
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_model_that_comes_back_late_is_not_gone_to_over_the_one_that_was_chosen_since(
    room: Room, run: Run, monkeypatch: pytest.MonkeyPatch, goes_on: bool
) -> None:
    restoring = Late(ModelStore.restore)
    monkeypatch.setattr(ModelStore, "restore", lambda *asked: restoring(*asked))

    async def scenario() -> None:
        room.add("Q4_K_M")
        room.tab.reload()
        await until(lambda: room.cell(KEY, ON_DISK) == "Q4_K_M")
        room.tab.select(KEY)
        room.page.press(Qt.Key.Key_Delete)
        await until(lambda: room.cell(KEY, ON_DISK) != "Q4_K_M")
        room.tab.select("r1-qwen-7b")
        seen_button(room.notices, "Undo").click()
        await until(lambda: restoring.waiting == 1)
        if goes_on:
            room.tab.select("r1-llama-8b")
        restoring.let_all()
        await until(lambda: room.cell(KEY, ON_DISK) == "Q4_K_M")
        await settled()
        assert room.tab.selected_key == ("r1-llama-8b" if goes_on else KEY)

    run(scenario())
    assert room.errors == []


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_smaller_context_is_not_loaded_over_a_model_that_was_chosen_since(
    room: Room, run: Run, monkeypatch: pytest.MonkeyPatch, goes_on: bool
) -> None:
    reading = Late(LoadChoices.of)
    monkeypatch.setattr(LoadChoices, "of", lambda *asked: reading(*asked))

    async def scenario() -> None:
        room.add("Q4_K_M")
        [model] = room.store.listing().models
        room.tab.detail.smaller_asked.emit(model, 2048)
        await until(lambda: reading.waiting >= 1)
        if goes_on:
            room.session.choose()
        reading.let_all()
        await until(lambda: bool(room.settings.values.model_loads))
        await settled()
        assert room.loads == ([] if goes_on else [model])

    run(scenario())
    assert room.errors == []


def test_a_matrix_that_was_deleted_is_not_shown_by_an_earlier_look(
    room: Room, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking = Late(kept_matrix)

    async def scenario() -> None:
        room.add("Q4_K_M")
        file = room.store.folder_of(NAME) / MATRIX_NAME
        write_imatrix(read_imatrix(DATA / "imatrix.gguf"), file, notes("weights", "text", "Q8_0"))
        room.tab.reload()
        card = room.page.matrix
        await until(lambda: not card.isHidden())
        monkeypatch.setattr(model_matrix, "kept_matrix", looking)
        room.tab.select("r1-qwen-7b")
        room.tab.select(KEY)
        await until(lambda: looking.waiting >= 1)
        earlier = looking.waiting
        card.delete.click()
        # A second press has nothing to delete.
        card.delete.click()
        await until(lambda: looking.waiting > earlier)
        looking.let(looking.waiting - 1)
        await until(lambda: not file.exists())
        looking.let_all()
        await settled()
        assert card.isHidden()

    run(scenario())
    assert room.errors == []
