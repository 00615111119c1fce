"""The Models tab with a real store, real jobs and a real hub on loopback."""

import asyncio
import hashlib
import threading

import msgspec
import psutil
import pytest
import shiboken6
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from app.acquire.jobs import JobBook
from app.acquire.kept_imatrix import MATRIX_NAME, kept_matrix, notes
from app.base.errors import Cancelled, EngineError
from app.engine.protocol import LoadSettings
from app.load_choices import LoadChoices
from app.machine.advisor import FileFacts
from app.machine.measurements import Measurements
from app.machine.memory_speed import SpeedReading
from app.ui.base import slices
from app.ui.base.theme import Theme
from app.ui.models import models_tab
from app.ui.models.gguf.gguf_dialog import GgufDialog
from app.ui.models.list.models_table import HERE, MODEL, ON_DISK, SIZE
from app.ui.models.machine_advice import MachineAdvice
from app.ui.models.models_tab import AT_ONCE, ModelsTab
from app.ui.models.outlook_table import CACHE, LAYERS, SPEED, TYPE, WEIGHTS
from app.ui.models.outlook_table import HERE as HERE_ON_PC
from app.ui.models.quality import model_matrix
from app.ui.models.requantise_dialog import RequantiseDialog
from app.ui.models.search.search_card import SearchCard
from converters.imatrix.imatrix_file import read_imatrix, write_imatrix
from models.quantisation.quantisation_types import QUANTISATIONS
from models.store.manifest import BuiltFile
from models.store.store import StoreListing
from tests.support.late_answers import Late
from tests.support.make_quality_reference import DATA
from tests.support.models_room import KEY, LOADED, NAME, TITLE, WAIT_S, Room, Run, add_many, settled
from tests.support.tiny_gguf import write_tiny_gguf
from tests.support.waiting import until
from tests.support.widgets import all_seen, click, seen_button, seen_words
from tests.support.window import settle


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
        assert turns > AT_ONCE // 2

    run(scenario())


def test_what_is_under_way_goes_on_however_often_the_machine_is_said_to_have_changed(
    room: Room, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_free_ram(monkeypatch, 12.0)
    add_many(room)

    async def scenario() -> None:
        room.tab.reload()
        await until(lambda: room.tab.table.rowCount() > AT_ONCE)
        room.tab.complete()
        monkeypatch.setattr(slices, "SLICE_S", 0.0)
        room.session.become_ready(11.3)
        for _ in range(20 * AT_ONCE):
            room.advice.changed.emit()
            await asyncio.sleep(0)
        assert room.cell("r1-qwen-7b", HERE)

    run(scenario())


def test_a_page_that_takes_long_shows_the_models_before_they_are_judged(
    room: Room, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "SLICE_S", 0.0)
    monkeypatch.setattr(models_tab, "PATIENCE_MS", 0)
    room.add("Q8_0")

    async def scenario() -> None:
        await asyncio.to_thread(room.store.listing)
        room.session.become_ready(11.3)
        shiboken6.delete(room.tab)
        tab = ModelsTab(room.ui, room.store, room.jobs, room.advice, room.measurer, room.host)
        room.tab = tab
        tab.show()
        while not tab.viewport().updatesEnabled():
            await asyncio.sleep(0)
        assert room.cell(KEY, ON_DISK) == "Q8_0"
        assert room.cell(KEY, HERE) == ""
        assert not tab.findChildren(SearchCard)
        await until(lambda: bool(room.cell(KEY, HERE)), "the judging")
        tab.complete()
        assert NAME in seen_words(tab.detail)

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


def test_a_recommended_model_on_disk_is_loaded_instead(room: Room, run: Run) -> None:
    async def scenario() -> None:
        room.add("Q8_0")
        room.session.become_ready(3.6)
        room.tab.reload()
        await until(lambda: room.cell(KEY, ON_DISK) == "Q8_0")
        seen_button(room.tab.recommendation, "Load").click()
        assert [model.reference for model in room.loads] == [f"{NAME}/Q8_0"]

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


def test_every_control_has_an_accessible_name(room: Room) -> None:
    for kind in (QPushButton, QCheckBox):
        for control in room.tab.findChildren(kind):
            assert control.accessibleName() or control.text(), control
    assert room.page.view.accessibleName()
    assert room.tab.add_card.field.accessibleName()


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

        assert (cell(TYPE), cell(WEIGHTS), cell(LAYERS)) == ("Q4_K_M", "4.4 GB", "29 / 29")
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
        assert here.split(" · ")[2] == "Q4_K_M"
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


def test_a_busy_computer_is_measured_again_until_it_is_quiet(
    room: Room, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = [SpeedReading(9.6e9, is_quiet=False), SpeedReading(15e9, is_quiet=False)]
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
        assert seen == [(9.6, True, "Q4_K_M"), (15.0, True, "Q4_K_M"), (31.0, False, "Q8_0")]

    run(scenario())


def test_nothing_is_recommended_before_the_speed_is_measured_for_the_first_time(room: Room, run: Run) -> None:
    measured = threading.Event()

    def read(_: int) -> SpeedReading:
        measured.wait(WAIT_S)
        return SpeedReading(12e9, is_quiet=False)

    measurements = Measurements(room.root / "busy.json", read)

    def advice() -> MachineAdvice:
        return MachineAdvice(
            room.session,  # type: ignore[arg-type]  # the stand-in has what it listens to
            measurements,
            room.files,
            room.bridge,
            room.host,
            waits_s=(3600.0,),
        )

    def said() -> str:
        return seen_words(room.tab.recommendation)

    shiboken6.delete(room.tab)

    async def scenario() -> None:
        room.session.become_ready(0)
        room.advice = advice()
        room.make_tab()
        room.tab.show()
        await until(lambda: "How fast it computes is being measured." in said(), "the word on it")
        assert room.tab.table.rowCount() > 0
        await settle(10)
        # Without a speed that would be Q8_0.
        assert "Get" not in said()
        measured.set()
        await until(lambda: "R1 Qwen 1.5B · Q4_K_M" in said(), "the recommendation")
        assert "Provisional:" in said()
        # After a restart that is known at once.
        measured.clear()
        again = advice()
        again.learn_memory_speed()
        advisor = again.advisor(())
        assert advisor is not None
        assert advisor.memory.speed_is_provisional
        found = advisor.recommendation()
        assert found is not None
        assert (found.fit.quantisation, again.waits_with(found)) == ("Q4_K_M", False)
        measured.set()

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


def test_memory_is_not_measured_again_while_a_reply_is_written(room: Room, run: Run) -> None:
    readings: list[int] = []

    def read(_: int) -> SpeedReading:
        readings.append(1)
        return SpeedReading(31e9, is_quiet=len(readings) > 1)

    advice = MachineAdvice(
        room.session,  # type: ignore[arg-type]  # the stand-in has what it listens to
        Measurements(room.root / "busy.json", read),
        room.files,
        room.bridge,
        room.host,
        waits_s=(0.0,),
    )

    async def scenario() -> None:
        room.session.client.is_replying = True
        advice.learn_memory_speed()
        await until(lambda: readings, "the first measurement, which somebody waits for")
        for _ in range(10):
            await asyncio.sleep(0.01)
        assert len(readings) == 1
        room.session.client.is_replying = False
        await until(lambda: len(readings) == 2, "the measurement after the reply")

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


@pytest.mark.parametrize(
    ("there", "named"),
    [((), "Q8_0"), (("Q4_K_M",), "Q4_K_M"), (("Q4_K_M", "Q8_0"), "Q8_0")],
)
def test_a_row_names_the_type_of_its_figures_which_is_the_recommended_one_where_it_can_be(
    room: Room, run: Run, there: tuple[str, ...], named: str
) -> None:
    if there:
        room.add(*there)

    async def scenario() -> None:
        room.tab.reload()
        await until(lambda: room.cell(KEY, ON_DISK) == ", ".join(there))
        room.session.become_ready(3.6)
        assert room.cell(KEY, HERE).split(" · ")[1] == named
        assert f"{TITLE} · Q8_0" in seen_words(room.tab.recommendation)

    run(scenario())


@pytest.mark.parametrize("end", [EngineError("It is damaged.", ""), Cancelled(), None])
def test_a_model_that_is_being_loaded_is_called_so_until_the_end_of_that(
    room: Room, run: Run, end: BaseException | None
) -> None:
    room.add("Q4_K_M", "Q8_0")

    async def scenario() -> None:
        session, card, detail = room.session, room.tab.recommendation, room.tab.detail
        session.become_ready(3.6)
        room.tab.reload()
        await until(lambda: f"{TITLE} · Q8_0" in seen_words(card) and bool(room.cell(KEY, ON_DISK)))
        file = next(each for each in room.store.listing().models if each.type == "Q8_0")
        before = room.cell(KEY, HERE)
        room.tab.select(KEY)
        await until(lambda: seen_button(detail, f"Load {TITLE} Q8_0").isEnabled())
        seen_button(card, "Load").click()
        assert room.loads == [file]
        session.loading_path = str(file.path)
        session.loading.emit(session.loading_path, 0.0)
        assert room.cell(KEY, HERE) == "Loading…"
        assert "Loading…" in seen_words(card)
        assert not [each for each in all_seen(card, QPushButton) if each.text() == "Load"]
        await until(lambda: "Loading…" in seen_words(detail))
        load = seen_button(detail, f"Load {TITLE} Q8_0")
        assert (load.isEnabled(), load.toolTip()) == (False, "It is being loaded")
        assert seen_button(detail, f"Load {TITLE} Q4_K_M").isEnabled()
        room.page.view.activated.emit(room.tab.table.index(room.tab.table.number_of(KEY), 0))
        assert room.loads == [file], "nobody asks for it once more"
        session.loading_path = ""
        if end is not None:
            session.load_failed.emit(end)
        else:
            session.info = msgspec.structs.replace(LOADED, path=str(file.path))
            session.loaded.emit(session.info)
        after = {Cancelled: before, EngineError: "Could not be loaded: the reason is below"}
        assert room.cell(KEY, HERE) == after.get(type(end), "Loaded")
        assert "Loading…" not in seen_words(card)
        await until(lambda: "Loading…" not in seen_words(detail))
        assert seen_button(detail, f"Load {TITLE} Q8_0").isEnabled() == (end is not None)

    run(scenario())


def test_a_tab_that_has_gone_is_told_of_nothing(room: Room, run: Run, qtbot: QtBot) -> None:
    async def scenario() -> None:
        room.tab.complete()
        shiboken6.delete(room.tab)
        with qtbot.captureExceptions() as raised:
            room.session.load_failed.emit(Cancelled())
            room.session.rested.emit(LOADED)
            room.session.models_changed.emit()
        assert not raised

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
