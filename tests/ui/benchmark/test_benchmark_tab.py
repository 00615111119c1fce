"""The Benchmark tab with a real history, and one real run on the starter model."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QFileDialog, QLabel, QPushButton, QTableView, QWidget
from pytestqt.qtbot import QtBot

from app.base.children import child_command
from app.base.errors import EngineError
from app.bench.results.history import BenchmarkHistory
from app.bench.results.report import NotMeasured, Report, Sample
from app.bench.run.run_journal import RunJournal, TurnRecord
from app.bench.run.runner import BenchmarkRunner, setting_of
from app.bench.run.suite import SUITES, Step, Suite
from app.engine.client.client import EngineClient
from app.engine.protocol import Generate, LoadSettings, Part
from app.machine.hardware import look_at_machine
from app.settings import SettingsFile
from app.telemetry.nvml_monitor import GpuMonitor
from app.ui.base.bridge import Bridge
from app.ui.base.engine_session import EngineSession
from app.ui.base.lasting_job import LastingJob
from app.ui.base.theme import Theme
from app.ui.benchmark.benchmark_tab import BenchmarkTab
from app.ui.benchmark.frame.runs_model import MODEL, WHEN
from app.ui.benchmark.speed.benchmark_comparison import ComparisonCard
from app.ui.benchmark.speed.benchmark_plots import BenchmarkPlots
from app.ui.benchmark.speed.speed_runs_table import GENERATION
from app.ui.widgets import notices
from app.ui.widgets.notices import Notices
from app.ui.widgets.plot_library import PlotLibrary
from app.ui.widgets.ui_context import UiContext
from models.store.store import InstalledModel
from tests.support.bench_reports import make_report, run_on_processor, with_limits
from tests.support.event_loop import close_loop, open_loop, run_step
from tests.support.late_answers import Late
from tests.support.qualities import made_up_quality
from tests.support.starter_variants import shallow_path
from tests.support.templates import chat_templates
from tests.support.waiting import wait_until

WAIT_S = 60
SETTINGS = LoadSettings(context_tokens=1024, threads=1)
CLOSE = "Close the comparison"
SMALL = Suite(
    name="small",
    steps=(Step(key="pp64", kind="prompt", tokens=64), Step(key="tg8", kind="generation", tokens=8)),
    repeats=2,
)
STOPPABLE = Suite(
    name="stoppable",
    steps=(Step(key="pp64", kind="prompt", tokens=64), Step(key="tg200", kind="generation", tokens=200)),
    repeats=2,
)
"""Its first result is there a good while before its last."""
GROWING = Suite(
    name="growing",
    steps=(
        Step(key="pp64", kind="prompt", tokens=64),
        Step(key="pp512", kind="prompt", tokens=512),
        Step(key="tg300", kind="generation", tokens=300),
    ),
    repeats=2,
)
ENDLESS = Suite(name="endless", steps=GROWING.steps, repeats=50)
"""It is at its first round still when a window that is slow shows that round's results."""
LONG = Suite(name="long", steps=(Step(key="tg900", kind="generation", tokens=900),), repeats=20)


def kept(room: "Room") -> bool:
    """Tell whether the page says that a stopped run goes on."""
    return any("A run was stopped before its end" in text for text in room.texts())


class Desk:
    """The engine and the event loop, for all tests of this file."""

    def __init__(self, application: QApplication) -> None:
        self.loop = open_loop(application)
        application.setQuitOnLastWindowClosed(False)
        self.problems: list[BaseException] = []
        self.bridge = Bridge(self.problems.append)
        self.client = EngineClient(child_command("engine"))
        self.client.start()
        self.session = EngineSession(self.client, self.bridge, chat_templates())
        self.theme = Theme(application, "light")
        self.plots = PlotLibrary(self.bridge)
        self.gpu = GpuMonitor()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return run_step(self.loop, work, WAIT_S)

    def close(self) -> None:
        self.run(self.bridge.finish())
        self.client.close()
        self.gpu.close()
        close_loop(self.loop)


@pytest.fixture(scope="module")
def desk(qapp: QApplication) -> Iterator[Desk]:
    desk = Desk(qapp)
    yield desk
    desk.close()


@pytest.fixture
def history(tmp_path: Path) -> Iterator[BenchmarkHistory]:
    history = BenchmarkHistory(tmp_path / "benchmarks.sqlite3")
    yield history
    history.close()


class Room:
    """A tab on a history of its own."""

    def __init__(
        self,
        desk: Desk,
        history: BenchmarkHistory,
        root: Path,
        suites: Sequence[Suite],
        models: Sequence[InstalledModel] = (),
        job: LastingJob | None = None,
    ) -> None:
        self.looks = 0
        """For models at hand."""

        def installed() -> Sequence[InstalledModel]:
            self.looks += 1
            return models

        self.desk = desk
        self.history = history
        self.host = QWidget()
        self.host.resize(1128, 900)
        self.notices = Notices(self.host, lambda: "")
        settings = SettingsFile(root / "settings.json")
        settings.update(load=SETTINGS)
        self.runner = BenchmarkRunner(
            desk.client, history, lambda: look_at_machine(root, ()), desk.gpu, child_command("ceilings")
        )
        ui = UiContext(desk.session, settings, desk.theme, desk.bridge, self.notices, desk.plots)
        self.tab = BenchmarkTab(ui, self.runner, history, self.host, suites=suites, models=installed, job=job)
        self.tab.resize(1128, 900)
        self.host.show()
        table = self.tab.findChild(QTableView)
        assert table is not None
        self.table = table

    def texts(self) -> list[str]:
        self.tab.speed.complete()
        return [
            label.text() for label in self.host.findChildren(QLabel) if label.isVisible() and label.text()
        ]

    def button(self, text: str) -> QPushButton:
        self.tab.speed.complete()
        found = [each for each in self.host.findChildren(QPushButton) if each.text().startswith(text)]
        assert len(found) == 1, [each.text() for each in self.host.findChildren(QPushButton)]
        return found[0]

    def column(self, column: int) -> list[str]:
        self.tab.speed.complete()
        model = self.table.model()
        return [model.index(row, column).data() for row in range(model.rowCount())]

    def select(self, *rows: int) -> None:
        self.tab.speed.complete()
        self.table.clearSelection()
        self.table.setSelectionMode(QTableView.SelectionMode.MultiSelection)
        for row in rows:
            self.table.selectRow(row)


Opener = Callable[..., Room]


@pytest.fixture
def open_room(qtbot: QtBot, desk: Desk, history: BenchmarkHistory, tmp_path: Path) -> Iterator[Opener]:
    rooms: list[Room] = []

    def open_one(
        *reports: Report,
        suite: Suite = SMALL,
        suites: Sequence[Suite] = (),
        models: Sequence[InstalledModel] = (),
        job: LastingJob | None = None,
    ) -> Room:
        for report in reports:
            history.add(report)
        room = Room(desk, history, tmp_path, suites or (suite,), models, job)
        rooms.append(room)
        qtbot.addWidget(room.host)
        return room

    yield open_one
    problems, desk.problems[:] = list(desk.problems), []
    assert problems == []


def three_runs() -> tuple[Report, Report, Report]:
    return (
        make_report("a", generation=[58.0, 58.4, 58.8], started_at="2026-11-01T10:00:00Z"),
        make_report("b", generation=[50.0, 50.4, 50.8], started_at="2026-11-02T10:00:00Z", marks=["busy"]),
        make_report(
            "c",
            generation=[36.0, 36.2, 36.4],
            started_at="2026-11-03T10:00:00Z",
            quantisation="Q8_0",
            sha256="cd" * 32,
        ),
    )


def test_nothing_is_a_window_while_the_tab_is_made(open_room: Opener, qapp: QApplication) -> None:
    shown: list[str] = []

    class Watch(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
            if event.type() == QEvent.Type.Show and isinstance(watched, QComboBox) and watched.isWindow():
                shown.append(watched.accessibleName())
            return False

    watch = Watch()
    qapp.installEventFilter(watch)
    open_room(suites=(SMALL, GROWING))
    qapp.removeEventFilter(watch)
    assert shown == []


def test_an_empty_history_says_what_to_do(open_room: Opener) -> None:
    room = open_room()
    assert "Nothing measured yet" in room.texts()
    assert not room.button("Run").isEnabled()
    assert room.button("Run").toolTip() == "Load a model first"
    # What the text says to do, the control says too.
    assert "and run the benchmark. Stillroom measures" in "\n".join(room.texts())
    assert room.button("Run").text() == "Run the benchmark"
    assert not room.table.isVisible()


def test_a_page_says_that_another_one_has_the_engine(open_room: Opener, desk: Desk) -> None:
    room = open_room()
    desk.session.reserve("quality")
    try:
        # The model may be out of memory for that.
        assert room.button("Run").toolTip() == "The model is being measured. Wait until that is done."
    finally:
        desk.session.reserve("")
    assert room.button("Run").toolTip() == "Load a model first"


def test_what_was_not_measured_is_listed_by_name(open_room: Opener) -> None:
    missing = [NotMeasured(key=key, reason="It runs elsewhere.") for key in ("peak_vram", "reply128")]
    room = open_room(msgspec.structs.replace(make_report(), not_measured=missing))
    texts = "\n".join(room.texts())
    assert "Not measured: VRAM; A reply of 128 tokens. " in texts


def test_the_page_that_is_shown_is_made_then_and_gets_the_focus(open_room: Opener) -> None:
    tab = open_room().tab
    other, made = QWidget(), list[str]()

    def make(_: QWidget) -> QWidget:
        made.append("other")
        return other

    tab.add_page("other", "Other", make)
    assert tab.focusProxy() is tab.speed
    assert made == []
    tab.show_page("other")
    assert made == ["other"]
    assert other.isVisible()
    assert tab.focusProxy() is other
    tab.show_page("speed")
    assert tab.focusProxy() is tab.speed
    tab.show_page("other")
    assert made == ["other"]


def test_the_newest_run_is_shown_and_another_by_selecting_it(open_room: Opener) -> None:
    room = open_room(*three_runs())
    assert "36.2" in room.texts()
    room.select(1)
    texts = room.texts()
    for text in ("50.4", "± 0.4 tok/s", "1,243", "± 9 tok/s", "310", "1.1", "GB", "loads in 2.00 s"):
        assert text in texts, text
    assert "Other programs used the processor meanwhile." in texts
    assert "128 tokens" in texts


def test_the_table_sorts_by_value(open_room: Opener) -> None:
    room = open_room(
        make_report("a", generation=[9.0, 9.0], started_at="2026-11-01T10:00:00Z"),
        make_report("b", generation=[110.0, 110.0], started_at="2026-11-02T10:00:00Z"),
        make_report("c", generation=[25.0, 25.0], started_at="2026-11-03T10:00:00Z"),
    )
    assert [text.split()[0] for text in room.column(GENERATION)] == ["25.0", "110", "9.00"]
    room.table.sortByColumn(GENERATION, Qt.SortOrder.AscendingOrder)
    assert [text.split()[0] for text in room.column(GENERATION)] == ["9.00", "25.0", "110"]
    room.table.sortByColumn(WHEN, Qt.SortOrder.AscendingOrder)
    assert [text.split()[0] for text in room.column(GENERATION)] == ["9.00", "110", "25.0"]


def test_two_selected_runs_are_compared_older_first(open_room: Opener) -> None:
    room = open_room(*three_runs())
    assert not room.button("Compare").isEnabled()
    room.select(1)
    assert not room.button("Compare").isEnabled()
    room.select(1, 2)
    room.button("Compare").click()
    texts = room.texts()
    assert "−13.7%" in texts
    assert "worse" in texts
    assert "within noise" in texts
    menu = room.button("Save or copy").menu()
    next(action for action in menu.actions() if action.text() == "Copy as Markdown").trigger()
    assert (
        "| Generation, 128 tokens | 3 | 58.4 ± 0.4 tok/s | 50.4 ± 0.4 tok/s | -13.7% worse |"
        in QGuiApplication.clipboard().text()
    )
    close = next(each for each in room.host.findChildren(QPushButton) if each.accessibleName() == CLOSE)
    close.click()
    assert "worse" not in room.texts()


def test_more_than_two_runs_stand_against_the_oldest(open_room: Opener) -> None:
    room = open_room(*three_runs())
    room.select(0, 1, 2)
    room.button("Compare").click()
    card = room.tab.findChild(ComparisonCard)
    assert card is not None
    assert [(pair.before.id, pair.after.id) for pair in card.comparisons] == [("a", "b"), ("a", "c")]
    texts = room.texts()
    for text in ("−13.7%", "−38.0%"):
        assert text in texts, text
    assert texts.count("slower") == 2
    assert any(text.startswith("R1-Qwen-7B Q8_0") and "Also different" in text for text in room.texts())


def test_the_shown_run_is_compared_with_the_one_before_it(open_room: Opener) -> None:
    room = open_room(*three_runs())
    assert not room.button("Against").isVisible()
    room.select(1)
    room.button("Against").click()
    assert "−13.7%" in room.texts()


def test_a_run_with_limits_shows_how_near_they_are(open_room: Opener) -> None:
    room = open_room(with_limits(run_on_processor()))
    texts = room.texts()
    assert texts.count("80% of what this memory allows") == 3  # the card and two rows
    assert "70% of measured compute" in texts
    plots = room.tab.findChild(BenchmarkPlots)
    assert plots is not None
    assert plots.roof.isVisible()
    labels = [label for label in plots.roof.lines[-1].labels if label]
    assert labels == ["Prompt, 512 tokens", "Generation, 128 tokens", "8 replies at once, 64 tokens each"]
    assert [point.x for point in plots.by_depth.lines[-1].points] == [0, 2048]
    assert [point.x for point in plots.streams.lines[0].points] == [1, 8]
    assert any("3.5 times as fast" in text for text in texts)


def test_runs_of_llama_bench_are_imported(open_room: Opener, desk: Desk, tmp_path: Path) -> None:
    room = open_room(make_report("a"))
    file = tmp_path / "llama-bench.json"
    tests = [
        {
            "model_filename": "/x/R1-Q8_0.gguf",
            "n_prompt": 512,
            "n_gen": 0,
            "avg_ts": 9.0,
            "samples_ts": [9.0, 9.1],
        },
        {
            "model_filename": "/x/R1-Q8_0.gguf",
            "n_prompt": 0,
            "n_gen": 128,
            "avg_ts": 3.0,
            "samples_ts": [3.0, 3.1],
        },
    ]
    file.write_text(json.dumps(tests))
    room.button("Import").click()
    dialog = room.tab.findChild(QFileDialog)
    assert dialog is not None
    dialog.fileSelected.emit(str(file))
    wait_until(lambda: "Imported benchmark runs: 1." in room.texts())
    assert len(room.column(MODEL)) == 2
    assert "R1 Q8_0" in room.column(MODEL)
    dialog.reject()


def test_what_each_quantisation_costs_is_shown_where_it_was_measured(
    open_room: Opener, desk: Desk, tmp_path: Path
) -> None:
    models = [
        InstalledModel(
            "R1-Qwen-7B", kind, tmp_path / f"R1-Qwen-7B-{kind}.gguf", size, quality=made_up_quality(loss)
        )
        for kind, size, loss in (("Q8_0", 8_100_000_000, 0.2), ("Q4_K_M", 4_700_000_000, 1.4))
    ]
    room = open_room(*three_runs(), models=models)
    plots = room.tab.findChild(BenchmarkPlots)
    assert plots is not None
    wait_until(lambda: plots.cost.lines and plots.cost.lines[0].points)
    (line,) = plots.cost.lines
    assert [round(point.x, 1) for point in line.points] == [4.7, 8.1]
    assert [round(point.y, 2) for point in line.points] == [1.4, 0.2]
    assert line.labels[0] == "Q4_K_M · 50.4 tok/s"


def test_a_comparison_of_different_models_says_what_differs(open_room: Opener) -> None:
    room = open_room(*three_runs())
    room.select(0, 2)
    room.button("Compare").click()
    assert any("quantisation Q4_K_M → Q8_0" in text for text in room.texts())


def test_deleted_runs_come_back(open_room: Opener, desk: Desk) -> None:
    room = open_room(*three_runs())
    room.select(0, 2)
    room.button("Delete").click()
    wait_until(lambda: len(room.column(MODEL)) == 1)
    assert "Deleted: 2 benchmark runs." in room.texts()
    assert "50.4" in room.texts()
    room.button("Undo").click()
    wait_until(lambda: len(room.column(MODEL)) == 3)
    assert [report.id for report in room.history.reports()] == ["c", "b", "a"]


def test_the_last_run_deleted_leaves_the_empty_state(open_room: Opener, desk: Desk) -> None:
    room = open_room(make_report("a"))
    room.select(0)
    room.button("Delete").click()
    wait_until(lambda: "Nothing measured yet" in room.texts())
    room.button("Undo").click()
    wait_until(lambda: "58.4" in room.texts())


@pytest.mark.parametrize(
    ("entry", "suffix"),
    [
        ("Save as JSON…", ".json"),
        ("Save as Markdown…", ".md"),
        ("Save as a web page…", ".html"),
        ("Save as a picture…", ".png"),
    ],
)
def test_a_report_is_saved_where_the_user_says(
    open_room: Opener,
    desk: Desk,
    tmp_path: Path,
    entry: str,
    suffix: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[Path] = []
    monkeypatch.setattr(notices, "show_in_folder", shown.append)
    room = open_room(make_report("a"))
    menu = room.button("Export").menu()
    next(action for action in menu.actions() if action.text() == entry).trigger()
    dialog = room.tab.findChild(QFileDialog)
    assert dialog is not None
    assert Path(dialog.selectedFiles()[0]).name == f"benchmark-R1-Qwen-7B-Q4_K_M-2026-11-23{suffix}"
    target = tmp_path / f"report{suffix}"
    dialog.fileSelected.emit(str(target))
    wait_until(target.exists)
    wait_until(lambda: f"Saved as report{suffix}." in room.texts())
    [button] = [b for b in room.notices.findChildren(QPushButton) if b.text() == "Show in folder"]
    button.click()
    assert shown == [target]
    begins = {
        ".json": b"{",
        ".md": b"# Benchmark of R1-Qwen-7B",
        ".html": b"<!doctype html>",
        ".png": b"\x89PNG",
    }
    data = target.read_bytes()
    assert data.startswith(begins[suffix])
    if suffix == ".json":
        assert json.loads(data)["schema"] == "stillroom.benchmark"
    dialog.reject()


def test_plots_show_the_runs_and_the_models(open_room: Opener, desk: Desk) -> None:
    room = open_room(*three_runs())
    room.select(1)
    plots = room.tab.findChild(BenchmarkPlots)
    assert plots is not None
    wait_until(lambda: plots.trend.plot.plot is not None)
    assert [round(point.y, 1) for point in plots.trend.plot.lines[0].points] == [58.4, 50.4]
    assert sorted(round(point.y, 1) for point in plots.sizes.lines[0].points) == [36.2, 50.4]
    assert not plots.by_depth.isVisible()
    assert not plots.roof.isVisible()


@pytest.fixture
def starter() -> Path:
    return Path(shallow_path())


def test_one_click_measures_the_loaded_model(open_room: Opener, desk: Desk, starter: Path) -> None:
    room = open_room()
    desk.run(desk.session.load(starter, SETTINGS))
    wait_until(lambda: room.button("Run").isEnabled())
    assert room.button("Run").text() == "Run the benchmark"
    room.button("Run").click()
    wait_until(lambda: desk.session.reserved_for == "benchmark")
    assert not room.button("Run").isEnabled()
    assert any("Chats wait" in text for text in room.texts())
    wait_until(lambda: not desk.session.reserved_for)
    assert len(room.history.reports()) == 1
    wait_until(room.table.isVisible)
    assert not any("Chats wait" in text for text in room.texts())
    wait_until(lambda: desk.session.info is not None and room.button("Run").isEnabled())
    assert room.button("Run").text().startswith("Run again · about ")


def test_what_is_heard_of_a_run_that_ends_is_that_it_ends(
    open_room: Opener, desk: Desk, starter: Path
) -> None:
    room = open_room(make_report("old"))
    desk.run(desk.session.load(starter, SETTINGS))
    drawn: list[bool] = []

    def note(job: str) -> None:
        if not job:
            drawn.append(room.tab.speed.measuring)

    desk.session.reservation_changed.connect(note)
    room.button("Run").click()
    wait_until(lambda: len(room.history.reports()) == 2 and not desk.session.reserved_for)
    desk.session.reservation_changed.disconnect(note)
    assert drawn == [True]
    assert not room.tab.speed.measuring
    wait_until(lambda: room.button("Run").isEnabled())


def test_a_cancelled_run_is_not_in_the_history_and_can_go_on(
    open_room: Opener, desk: Desk, starter: Path
) -> None:
    room = open_room(suite=LONG)
    desk.run(desk.session.load(starter, SETTINGS))
    wait_until(lambda: room.button("Run").isEnabled())
    room.button("Run").click()
    wait_until(lambda: any(text.startswith("Measuring the generation speed") for text in room.texts()))
    room.button("Cancel").click()
    wait_until(lambda: not desk.session.reserved_for)
    assert room.history.reports() == []
    wait_until(lambda: desk.session.info is not None and (room.button("Run").isEnabled() or kept(room)))


def test_what_a_stopped_run_has_measured_is_there_again_in_another_language(
    open_room: Opener, desk: Desk, starter: Path
) -> None:
    old = make_report("old", started_at="2026-11-22T21:40:00Z")
    room = open_room(old, suite=STOPPABLE)
    desk.run(desk.session.load(starter, SETTINGS))
    wait_until(lambda: room.button("Run").isEnabled())
    room.button("Run").click()
    wait_until(lambda: "Prompt, 64 tokens" in room.texts())
    room.button("Cancel").click()
    wait_until(lambda: not desk.session.reserved_for and desk.session.info is not None)
    assert room.tab.speed.state.shown == ""
    later = open_room(suite=STOPPABLE)
    later.tab.restore(room.tab.state)
    assert later.tab.speed.state == room.tab.speed.state
    wait_until(lambda: "Prompt, 64 tokens" in later.texts())
    # The model is loaded again meanwhile.
    wait_until(lambda: kept(later))
    later.select(0)
    assert later.tab.speed.state.shown == "old"


def test_a_run_that_was_ended_goes_on_or_begins_anew(open_room: Opener, desk: Desk, starter: Path) -> None:
    room = open_room(suite=STOPPABLE)
    desk.run(desk.session.load(starter, SETTINGS))
    wait_until(lambda: room.button("Run").isEnabled())
    room.button("Run").click()
    # Which is measured first is drawn.
    wait_until(lambda: "Prompt, 64 tokens" in room.texts())
    room.button("Cancel").click()
    wait_until(lambda: not desk.session.reserved_for)
    wait_until(lambda: desk.session.info is not None)
    # What is measured stays, here and in a window that is opened later, and is no whole run.
    wait_until(lambda: kept(room))
    assert room.button("Go on").isEnabled()
    assert room.button("Start anew").isVisible()
    assert "Nothing measured yet" not in room.texts()
    wait_until(lambda: "Prompt, 64 tokens" in room.texts())
    assert not room.button("Export").isVisible()
    later = open_room(suite=STOPPABLE)
    wait_until(lambda: kept(later))
    wait_until(lambda: "Prompt, 64 tokens" in later.texts())
    # It is looked for again where the model's facts have changed meanwhile.
    wait_until(lambda: kept(room))
    room.button("Go on").click()
    wait_until(lambda: len(room.history.reports()) == 1 and not desk.session.reserved_for)
    assert room.history.reports()[0].interruptions == 1
    wait_until(lambda: room.button("Run").isEnabled())
    assert room.button("Run").text().startswith("Run again")
    assert not room.button("Start anew").isVisible()
    assert any("interrupted and went on: 1" in text for text in room.texts())
    assert not kept(room)
    assert room.button("Export").isVisible()


def test_figures_and_plots_grow_while_it_runs(open_room: Opener, desk: Desk, starter: Path) -> None:
    room = open_room(suite=ENDLESS)
    desk.run(desk.session.load(starter, SETTINGS))
    wait_until(lambda: room.button("Run").isEnabled())
    room.button("Run").click()
    [plots] = room.tab.findChildren(BenchmarkPlots)

    def points() -> int:
        return sum(len(line.points) for line in plots.prompt.lines if line.look == "main")

    # The job does not wait for a window that is slower than a turn.
    wait_until(lambda: points() >= 1)
    assert desk.session.reserved_for == "benchmark"
    wait_until(plots.prompt.isVisible)
    wait_until(lambda: "Prompt, 64 tokens" in room.texts())
    wait_until(lambda: points() == 2)
    assert desk.session.reserved_for == "benchmark"
    wait_until(lambda: "Prompt, 512 tokens" in room.texts())
    room.button("Cancel").click()
    wait_until(lambda: not desk.session.reserved_for)


def test_the_disk_is_not_read_for_each_turn_or_while_a_model_loads(
    open_room: Opener, desk: Desk, starter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Path] = []
    unfinished = BenchmarkRunner.unfinished

    def counted(runner: BenchmarkRunner, path: Path, *rest: Any) -> Any:
        looked.append(path)
        return unfinished(runner, path, *rest)

    monkeypatch.setattr(BenchmarkRunner, "unfinished", counted)
    room = open_room(suite=GROWING)
    desk.run(desk.session.load(starter, SETTINGS))
    wait_until(lambda: room.button("Run").isEnabled())
    wait_until(lambda: looked)
    before = len(looked)
    for part in range(10):
        desk.session.loading.emit(str(starter), part / 10)
    assert len(looked) == before
    looks = room.looks
    room.button("Run").click()
    wait_until(lambda: desk.session.reserved_for == "benchmark")
    during = len(looked)
    wait_until(lambda: "Prompt, 512 tokens" in room.texts())
    assert (room.looks, len(looked)) == (looks, during)
    room.button("Cancel").click()
    wait_until(lambda: not desk.session.reserved_for)
    wait_until(lambda: kept(room))


def test_a_run_that_is_found_late_is_not_shown_for_another_suite(
    open_room: Opener, desk: Desk, starter: Path, history: BenchmarkHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking = Late(BenchmarkRunner.unfinished)
    monkeypatch.setattr(BenchmarkRunner, "unfinished", lambda *asked: looking(*asked))
    desk.run(desk.session.load(starter, SETTINGS))
    history.note_sha256(starter, "ab" * 32)
    setting = setting_of(SETTINGS, version("stillroom"), desk.client.state.llama_cpp_version)
    for suite in (STOPPABLE, GROWING):
        journal = RunJournal.open(history, suite.name, "ab" * 32, setting)
        for repeat in range(2 if suite is STOPPABLE else 1):
            journal.add("pp64", repeat, TurnRecord(sample=Sample(value=1.0)))
    room = open_room(suites=(STOPPABLE, GROWING))
    room.button("Run")
    wait_until(lambda: looking.waiting == 1, "a look that does not hold the window")
    assert not kept(room)
    [choice] = [each for each in room.host.findChildren(QComboBox) if each.count() == 2]
    choice.setCurrentIndex(1)
    wait_until(lambda: looking.waiting == 2, "a look for the other suite")
    looking.let(1)
    wait_until(lambda: "Results of it that are kept: 1." in " ".join(room.texts()))
    looking.let(0)
    for _ in range(5):
        desk.run(asyncio.to_thread(int))
    assert "Results of it that are kept: 1." in " ".join(room.texts())
    looking.let_all()


def test_the_run_that_is_read_is_there_again_in_another_language_while_one_is_measured(
    open_room: Opener, desk: Desk, starter: Path, history: BenchmarkHistory
) -> None:
    older = make_report("older", started_at="2026-11-22T21:40:00Z", generation=[36.0, 36.2, 36.4])
    job = LastingJob(desk.session, desk.bridge)
    first = open_room(make_report("old"), older, suite=GROWING, job=job)
    desk.run(desk.session.load(starter, SETTINGS))
    wait_until(lambda: first.button("Run").isEnabled())
    first.button("Run").click()
    wait_until(lambda: "Prompt, 64 tokens" in first.texts())
    follows = first.tab.state
    first.select(1)
    assert first.tab.speed.state.shown == "older"
    second = open_room(suite=GROWING, job=job)
    second.tab.restore(first.tab.state)
    assert second.tab.speed.state == first.tab.speed.state
    done = second.runner.unfinished(starter, GROWING, SETTINGS).done
    wait_until(lambda: second.runner.unfinished(starter, GROWING, SETTINGS).done > done)
    assert second.tab.speed.state.shown == "older"
    third = open_room(suite=GROWING, job=job)
    third.tab.restore(follows)
    wait_until(lambda: "Prompt, 64 tokens" in third.texts())
    job.cancel()
    wait_until(lambda: not desk.session.reserved_for)


def room_with_keyboard(open_room: Opener, desk: Desk, starter: Path, qtbot: QtBot) -> Room:
    """Open the tab in the window that the keyboard is in, with a model that can be measured."""
    room = open_room(make_report("old"), suite=GROWING)
    desk.run(desk.session.load(starter, SETTINGS))
    wait_until(lambda: room.button("Run").isEnabled())
    room.host.activateWindow()
    qtbot.waitUntil(room.host.isActiveWindow)
    return room


def test_the_key_that_starts_a_run_presses_nothing_else(
    open_room: Opener, desk: Desk, starter: Path, qtbot: QtBot
) -> None:
    room = room_with_keyboard(open_room, desk, starter, qtbot)
    run = room.button("Run")
    run.setFocus()
    qtbot.keyClick(run, Qt.Key.Key_Space)
    wait_until(lambda: "Prompt, 64 tokens" in room.texts())
    assert QApplication.focusWidget() is room.tab.speed.widget()
    cancel = room.button("Cancel")
    cancel.setFocus()
    qtbot.keyClick(cancel, Qt.Key.Key_Space)
    wait_until(lambda: not desk.session.reserved_for)
    wait_until(run.isEnabled)
    wait_until(lambda: QApplication.focusWidget() is run)


def test_the_keyboard_goes_from_a_button_that_is_gone_to_the_one_that_runs(
    open_room: Opener, desk: Desk, starter: Path, qtbot: QtBot
) -> None:
    room = room_with_keyboard(open_room, desk, starter, qtbot)
    room.button("Run").click()
    wait_until(lambda: room.button("Cancel").isVisible())
    room.button("Cancel").setFocus()
    wait_until(lambda: len(room.history.reports()) == 2 and not desk.session.reserved_for)
    wait_until(lambda: QApplication.focusWidget() is room.button("Run"))


def test_the_tab_key_goes_along_the_buttons_as_they_stand(
    open_room: Opener, desk: Desk, starter: Path
) -> None:
    room = open_room(suites=(SMALL, SUITES["quick"]))
    desk.run(desk.session.load(starter, SETTINGS))
    wait_until(lambda: room.button("Run").isEnabled())
    room.host.activateWindow()
    wait_until(room.host.isActiveWindow)
    room.button("Run").setFocus()
    for name in ("What is measured", "Import…"):
        QTest.keyClick(room.host.focusWidget(), Qt.Key.Key_Tab)
        focused = room.host.focusWidget()
        assert isinstance(focused, QComboBox | QPushButton)
        assert name in (focused.accessibleName(), focused.property("text"))


def test_the_model_of_the_run_that_is_shown_is_named_beside_it(open_room: Opener) -> None:
    before, _, after = three_runs()
    room = open_room(before, after)
    wait_until(lambda: any(text.startswith(f"{after.model.name} ") for text in room.texts()))


def test_an_earlier_run_that_is_looked_at_meanwhile_stays(
    open_room: Opener, desk: Desk, starter: Path
) -> None:
    older = make_report("older", started_at="2026-11-22T21:40:00Z")
    room = open_room(make_report("old"), older, suite=GROWING)
    desk.run(desk.session.load(starter, SETTINGS))
    wait_until(lambda: room.button("Run").isEnabled())
    room.button("Run").click()
    wait_until(lambda: "Prompt, 64 tokens" in room.texts())
    room.select(1)
    wait_until(lambda: "Prompt, 64 tokens" not in room.texts())
    done = room.runner.unfinished(starter, GROWING, SETTINGS).done
    wait_until(lambda: room.runner.unfinished(starter, GROWING, SETTINGS).done > done)
    assert "Prompt, 64 tokens" not in room.texts()
    room.button("Cancel").click()
    wait_until(lambda: not desk.session.reserved_for)


def test_the_suite_is_chosen_beside_the_button(open_room: Opener, desk: Desk, starter: Path) -> None:
    room = open_room(suites=(SMALL, SUITES["quick"]))
    boxes = room.host.findChildren(QComboBox)
    [choice] = [box for box in boxes if box.accessibleName() == "What is measured"]
    assert choice.isVisible()
    assert [choice.itemText(index) for index in range(choice.count())] == ["small", "Quick, two figures"]
    choice.setCurrentIndex(1)
    assert "512 tokens" in choice.toolTip()
    desk.run(desk.session.load(starter, SETTINGS))
    wait_until(lambda: room.button("Run").isEnabled())
    room.button("Run").click()
    wait_until(lambda: not choice.isEnabled())
    wait_until(lambda: len(room.history.reports()) == 1 and not desk.session.reserved_for)
    assert room.history.reports()[0].suite == "quick"
    assert choice.isEnabled()


def test_a_reply_that_is_being_written_is_not_disturbed(open_room: Opener, desk: Desk, starter: Path) -> None:
    room = open_room()
    desk.run(desk.session.load(starter, SETTINGS))
    events: list[object] = []
    request = Generate(request_id=0, parts=[Part("Count to a thousand.")], ignore_eog=True)
    reply = desk.session.generate(request, events.append)
    wait_until(lambda: events)
    room.button("Run").click()
    assert "A reply is being written. Stop it or wait for it, then run." in room.texts()
    assert not desk.session.reserved_for
    reply.cancel()
    desk.run(reply.finished())


def test_a_tab_that_goes_away_ends_its_run(
    qtbot: QtBot, desk: Desk, history: BenchmarkHistory, starter: Path, tmp_path: Path
) -> None:
    room = Room(desk, history, tmp_path, (LONG,))
    desk.run(desk.session.load(starter, SETTINGS))
    wait_until(lambda: room.button("Run").isEnabled())
    room.button("Run").click()
    wait_until(lambda: desk.session.reserved_for == "benchmark")
    room.host.deleteLater()
    wait_until(lambda: not desk.session.reserved_for)
    assert history.reports() == []
    problems, desk.problems[:] = list(desk.problems), []
    assert problems == []


def test_a_crash_of_the_engine_is_told_and_the_tab_goes_on(
    open_room: Opener, desk: Desk, starter: Path
) -> None:
    room = open_room(suite=LONG)
    desk.run(desk.session.load(starter, SETTINGS))
    wait_until(lambda: room.button("Run").isEnabled())
    room.button("Run").click()
    wait_until(lambda: any(text.startswith("Measuring the generation speed") for text in room.texts()))
    pid = desk.client.state.pid
    assert pid is not None
    psutil.Process(pid).kill()
    wait_until(lambda: not desk.session.reserved_for)
    wait_until(lambda: desk.problems)
    errors, desk.problems[:] = list(desk.problems), []
    assert [type(error) for error in errors] == [EngineError]
    assert room.history.reports() == []
