"""The page Quality: a real small run, browsed, cancelled and gone on with."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QApplication, QComboBox, QFileDialog, QLabel, QPushButton, QTableView, QWidget

from app.bench.export.save import quality_forms
from app.bench.quality.built_in import intent_question
from app.bench.quality.figures import quality_report
from app.bench.quality.item import Collection, Item
from app.bench.quality.progress import QualityProgress
from app.bench.quality.result import ItemResult, QualityRun, TurnResult
from app.bench.quality.store import QualityStore
from app.suites.quality_suites import QualitySuites
from app.ui.base.lasting_job import LastingJob
from app.ui.benchmark.frame.trend_card import TrendCard
from app.ui.benchmark.quality import quality_page
from app.ui.benchmark.quality.quality_comparison import QualityComparisonCard
from app.ui.benchmark.quality.quality_item_view import QualityItemView
from app.ui.benchmark.quality.quality_page import QualityPage
from app.ui.benchmark.quality.quality_picture import quality_to_png
from app.ui.shell.callback_watch import CallbackWatch
from app.ui.widgets.notices import Notices
from app.ui.widgets.plot_library import PlotLibrary
from app.ui.widgets.ui_context import UiContext
from models.system.progress import raise_if_cancelled
from tests.support.engines import starter_path
from tests.support.late_answers import Late
from tests.support.quality_desk import QualityDesk, Stores
from tests.support.waiting import wait_until
from tests.unit.app.bench.quality.test_comparison import RUN, maths, other, part

LABELS = ["greeting", "question"]
MOST_IN_A_STEP = 0.5
"""Of the widgets of the page."""


class SmallSuites(QualitySuites):
    """Two questions, so that a run takes seconds."""

    def collections(self, *_: Any, **__: Any) -> list[Collection]:
        items = [
            Item(
                id=f"intent/{place}",
                kind="intent",
                turns=[intent_question(text, LABELS)],
                expected=[label],
                labels=LABELS,
            )
            for place, (text, label) in enumerate([("Hello!", "greeting"), ("Where is it?", "question")])
        ]
        return [Collection(kind="intent", name="two intents", licence="CC0-1.0", items=items)]


@pytest.fixture(scope="module")
def desk(qapp: QApplication) -> Iterator[QualityDesk]:
    desk = QualityDesk(qapp)
    yield desk
    desk.close()


@pytest.fixture
def stores(desk: QualityDesk, tmp_path: Path) -> Iterator[Stores]:
    stores = Stores(desk, tmp_path)
    yield stores
    desk.settle()
    stores.close()


@pytest.fixture
def notices(qapp: QApplication) -> Iterator[Notices]:
    host = QWidget()
    host.resize(1000, 900)
    host.show()
    notices = Notices(host, lambda: "")
    yield notices
    host.deleteLater()


@pytest.fixture
def job(desk: QualityDesk) -> Iterator[LastingJob]:
    job = LastingJob(desk.session, desk.bridge)
    yield job
    job.deleteLater()


@pytest.fixture
def make_page(
    desk: QualityDesk, stores: Stores, notices: Notices, job: LastingJob, tmp_path: Path
) -> Iterator[Callable[..., QualityPage]]:
    made: list[QualityPage] = []

    def make_one(*, in_steps: bool = False) -> QualityPage:
        suites = SmallSuites(tmp_path / "data-sets")
        plots = PlotLibrary(desk.bridge)
        ui = UiContext(desk.session, stores.settings, desk.theme, desk.bridge, notices, plots)
        made.append(QualityPage(ui, stores.quality, stores.quality_runs, suites, job=job, in_steps=in_steps))
        return made[-1]

    yield make_one
    for page in made:
        page.deleteLater()


@pytest.fixture
def page(make_page: Callable[..., QualityPage]) -> QualityPage:
    page = make_page()
    page.resize(1000, 900)
    page.show()
    return page


def test_no_step_makes_most_of_the_page(make_page: Callable[..., QualityPage]) -> None:
    page = make_page(in_steps=True)
    # It may be laid out before it is whole.
    page.resize(1000, 900)
    counts = [len(page.findChildren(QWidget))]
    for _ in page.making():
        counts.append(len(page.findChildren(QWidget)))
    counts.append(len(page.findChildren(QWidget)))
    steps = [after - before for before, after in pairwise(counts)]
    assert max(steps) < MOST_IN_A_STEP * sum(steps), steps
    assert runs_shown(page) == []


def press(page: QualityPage, text: str) -> None:
    next(button for button in page.findChildren(QPushButton) if button.text() == text).click()


def table(page: QualityPage, name: str) -> QTableView:
    return next(view for view in page.findChildren(QTableView) if view.accessibleName() == name)


def runs_shown(page: QualityPage) -> list[list[str]]:
    model = table(page, "All runs").model()
    return [
        [str(model.index(row, column).data()) for column in range(model.columnCount())]
        for row in range(model.rowCount())
    ]


def select_runs(page: QualityPage, *rows: int) -> None:
    view = table(page, "All runs")
    view.clearSelection()
    view.setSelectionMode(QTableView.SelectionMode.MultiSelection)
    for row in rows:
        view.selectRow(row)


def keep(stores: Stores, run: QualityRun, results: list[ItemResult], *, ended: bool = True) -> None:
    stores.quality_runs.begin(run, run.id)
    for result in results:
        stores.quality_runs.add(run.id, result)
    if ended:
        stores.quality_runs.end(run.id, run.started_at)


def keep_three(stores: Stores) -> None:
    for number, (kind, rights, nll) in enumerate(
        [("F16", "r" * 9, 3.0), ("Q8_0", "r" * 9, 3.01), ("Q4_K_M", "w" * 9, 3.5)]
    ):
        run = msgspec.structs.replace(
            RUN,
            id=kind,
            started_at=f"2026-11-26T1{number}:00:00Z",
            model=msgspec.structs.replace(RUN.model, quantisation=kind),
        )
        keep(stores, run, [*maths(rights), *part(nll)], ended=kind != "Q4_K_M")


def shown(page: QualityPage) -> list[str]:
    return [label.text() for label in page.findChildren(QLabel) if label.isVisible()]


def test_a_run_is_shown_and_each_item_can_be_read(
    desk: QualityDesk, page: QualityPage, stores: Stores, notices: Notices
) -> None:
    assert "How good are its answers?" in shown(page)
    desk.load(starter_path())
    press(page, "Run the quality suite")
    wait_until(lambda: desk.session.reserved_for == "benchmark")
    assert "How good are its answers?" not in shown(page), "nobody is told to run what runs"
    wait_until(lambda: desk.session.reserved_for == "" and bool(runs_shown(page)))
    [(run, finished)] = stores.quality_runs.runs()
    assert finished
    items = table(page, "Items of the run")
    # The run is listed at once and read beside the window.
    wait_until(lambda: items.model().rowCount() == 2)
    wait_until(lambda: "INTENTS" in shown(page))
    texts = shown(page)
    assert "INTENTS" in texts
    assert "not conclusive" in texts
    assert any("two intents (CC0-1.0)" in text for text in texts)
    items.selectRow(0)
    answer = stores.quality_runs.results(run.id)[0].turns[0].answer or "(nothing)"
    assert {"PROMPT", "ANSWER", "EXPECTED", answer} <= set(shown(page))
    press(page, "Delete")
    wait_until(lambda: "How good are its answers?" in shown(page))
    assert stores.quality_runs.runs() == []
    assert "How good are its answers?" in shown(page)
    next(button for button in notices.findChildren(QPushButton) if button.text() == "Undo").click()
    wait_until(lambda: "INTENTS" in shown(page))
    assert stores.quality_runs.runs() == [(run, True)]
    assert "INTENTS" in shown(page)
    assert not desk.problems


def test_a_cancelled_run_is_named_unfinished_and_goes_on(
    desk: QualityDesk, page: QualityPage, stores: Stores
) -> None:
    desk.load(starter_path())
    press(page, "Run the quality suite")
    wait_until(lambda: desk.session.reserved_for == "benchmark")
    press(page, "Cancel")
    wait_until(lambda: desk.session.reserved_for == "")
    for row in runs_shown(page):
        assert row[-1] == "not finished"
    page.run()
    wait_until(lambda: any(finished for _, finished in stores.quality_runs.runs()))
    wait_until(lambda: desk.session.reserved_for == "")
    assert len(stores.quality_runs.runs()) == 1
    assert not desk.problems


def named(page: QualityPage, text: str) -> list[QPushButton]:
    return [made for made in page.findChildren(QPushButton) if made.text() == text and made.isVisible()]


def stop_after_one(desk: QualityDesk, page: QualityPage, stores: Stores) -> None:
    """Cancel a run once one of its two questions is answered."""
    desk.load(starter_path())
    press(page, "Run the quality suite")
    wait_until(lambda: bool(page.state.shown))
    press(page, "Cancel")
    wait_until(lambda: desk.session.reserved_for == "")
    [(run, finished)] = stores.quality_runs.runs()
    assert (len(stores.quality_runs.results(run.id)), finished) == (1, False)


def test_the_button_says_that_a_stopped_run_goes_on(
    desk: QualityDesk, page: QualityPage, stores: Stores
) -> None:
    stop_after_one(desk, page, stores)
    wait_until(lambda: named(page, "Go on"))
    assert any("Results of it that are kept: 1. Go on asks what is missing." in text for text in shown(page))
    [size] = [box for box in page.findChildren(QComboBox) if box.isVisible() and box.findData(0) >= 0]
    # Other questions are another run; with so few they are the same ones.
    size.setCurrentIndex(size.findData(0))
    wait_until(lambda: named(page, "Go on"))
    press(page, "Go on")
    wait_until(lambda: named(page, "Running"))
    assert not named(page, "Start anew")
    wait_until(lambda: desk.session.reserved_for == "")
    wait_until(lambda: named(page, "Run the quality suite"))
    assert [finished for _, finished in stores.quality_runs.runs()] == [True]
    assert not desk.problems


def test_a_stopped_run_is_left_for_one_that_starts_anew(
    desk: QualityDesk, page: QualityPage, stores: Stores
) -> None:
    stop_after_one(desk, page, stores)
    wait_until(lambda: named(page, "Start anew"))
    press(page, "Start anew")
    wait_until(lambda: desk.session.reserved_for == "benchmark")
    wait_until(lambda: desk.session.reserved_for == "")
    assert [finished for _, finished in stores.quality_runs.runs()] == [True, False]
    wait_until(lambda: named(page, "Run the quality suite"))
    desk.settle()
    assert named(page, "Run the quality suite"), "the one that was left is not gone on with"
    assert not desk.problems


def test_its_figures_grow_while_it_runs(desk: QualityDesk, page: QualityPage, stores: Stores) -> None:
    desk.load(starter_path())
    press(page, "Run the quality suite")
    wait_until(lambda: bool(page.state.shown))
    assert desk.session.reserved_for == "benchmark"
    press(page, "Cancel")
    wait_until(lambda: desk.session.reserved_for == "")
    [(run, finished)] = stores.quality_runs.runs()
    assert (page.state.shown, finished) == (run.id, False)
    assert not desk.problems


class Growth:
    """A stand-in for a run: it tells a result whenever the test gives one."""

    def __init__(self, desk: QualityDesk, stores: Stores, job: LastingJob, run: QualityRun) -> None:
        self.run = run
        self._store = stores.quality_runs
        self._job = job
        self._over = threading.Event()
        job.start(self._work, None)
        wait_until(lambda: desk.session.reserved_for)

    def give(self, *results: ItemResult) -> None:
        for result in results:
            self._store.add(self.run.id, result)
            self._job.tell(QualityProgress("ask", 1, 9, result=result, run=self.run))

    def stop(self) -> None:
        self._job.cancel()
        self._over.set()
        wait_until(lambda: not self._job.running)

    def end(self) -> None:
        self._store.end(self.run.id, "2026-11-26T13:00:00Z")
        self._over.set()
        wait_until(lambda: not self._job.running)

    def _work(self, cancel: threading.Event) -> QualityRun:
        assert self._over.wait(60)
        raise_if_cancelled(cancel)
        return self.run


def test_the_run_that_goes_on_is_the_one_shown(
    desk: QualityDesk, page: QualityPage, stores: Stores, job: LastingJob
) -> None:
    older = msgspec.structs.replace(RUN, id="older", started_at="2026-11-25T10:00:00Z")
    newer = msgspec.structs.replace(RUN, id="newer", started_at="2026-11-26T10:00:00Z")
    first, second, third, fourth = maths("rwrr")
    keep(stores, older, [first], ended=False)
    keep(stores, newer, [first], ended=False)
    page.refresh()
    assert page.state.shown == "newer"
    growth = Growth(desk, stores, job, older)
    growth.give(second)
    wait_until(lambda: page.state.shown == "older")
    assert table(page, "Items of the run").model().rowCount() == 2
    select_runs(page, 0)
    assert page.state.shown == "newer"
    growth.give(third)
    wait_until(lambda: isinstance(job.progress, QualityProgress) and job.progress.result == third)
    assert page.state.shown == "newer"
    select_runs(page, 1)
    assert page.state.shown == "older"
    wait_until(lambda: table(page, "Items of the run").model().rowCount() == 3)
    growth.give(fourth)
    wait_until(lambda: table(page, "Items of the run").model().rowCount() == 4)
    growth.stop()
    assert page.state.shown == "older"


def test_a_run_that_is_stopped_takes_nothing_from_the_one_that_is_read(
    desk: QualityDesk, page: QualityPage, stores: Stores, job: LastingJob
) -> None:
    older = msgspec.structs.replace(RUN, id="older", started_at="2026-11-25T10:00:00Z")
    newer = msgspec.structs.replace(RUN, id="newer", started_at="2026-11-26T10:00:00Z")
    first, second = maths("rw")
    keep(stores, older, [first], ended=False)
    keep(stores, newer, [first])
    page.refresh()
    growth = Growth(desk, stores, job, older)
    growth.give(second)
    wait_until(lambda: page.state.shown == "older")
    select_runs(page, 0)
    growth.stop()
    assert page.state.shown == "newer"


def test_the_answer_that_is_read_stays_while_the_run_grows_and_ends(
    desk: QualityDesk,
    page: QualityPage,
    stores: Stores,
    job: LastingJob,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reads: list[str] = []
    results = QualityStore.results

    def counted(store: QualityStore, run_id: str) -> list[ItemResult]:
        reads.append(run_id)
        return results(store, run_id)

    monkeypatch.setattr(QualityStore, "results", counted)
    answers = maths("rrwrr")
    stores.quality_runs.begin(RUN, RUN.id)
    growth = Growth(desk, stores, job, RUN)
    growth.give(answers[0])
    items = table(page, "Items of the run")
    wait_until(lambda: items.model().rowCount() == 1)
    assert reads == [RUN.id]
    items.selectRow(0)
    read = page.findChild(QualityItemView).widget()
    for number, answer in enumerate(answers[1:], start=2):
        growth.give(answer)
        wait_until(lambda number=number: items.model().rowCount() == number)
    assert reads == [RUN.id]
    wait_until(lambda: "80.0%" in shown(page))
    growth.end()
    wait_until(lambda: runs_shown(page) != [] and runs_shown(page)[0][-1] == "")
    assert [index.row() for index in items.selectionModel().selectedRows()] == [0]
    assert page.findChild(QualityItemView).widget() is read


def test_all_runs_stand_in_a_table_with_their_figures(
    desk: QualityDesk, page: QualityPage, stores: Stores
) -> None:
    keep_three(stores)
    page.refresh()
    wait_until(lambda: runs_shown(page)[0][3] != "–")
    rows = runs_shown(page)
    assert [row[1] for row in rows] == ["R1-Qwen-7B Q4_K_M", "R1-Qwen-7B Q8_0", "R1-Qwen-7B F16"]
    assert [row[3] for row in rows] == ["0.0%", "100.0%", "100.0%"]
    assert [row[-1] for row in rows] == ["not finished", "", ""]
    select_runs(page, 2)
    wait_until(lambda: "100.0%" in shown(page))
    assert "VERDICT" in shown(page), "the first question's answer is there to be read"


def test_the_window_waits_for_no_run_that_is_read(
    desk: QualityDesk, page: QualityPage, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its items are many megabytes, and another program may be writing to the file. The run that was chosen
    last is shown, whichever was read first."""
    keep_three(stores)
    results, reads, let_go = QualityStore.results, list[str](), threading.Event()

    def slow(store: QualityStore, run_id: str) -> list[ItemResult]:
        assert threading.current_thread() is not threading.main_thread()
        reads.append(run_id)
        if run_id == "F16":
            assert let_go.wait(60)
        return results(store, run_id)

    monkeypatch.setattr(QualityStore, "results", slow)
    page.refresh("F16")
    wait_until(lambda: "F16" in reads)
    assert "100.0%" not in shown(page)
    select_runs(page, 0)
    wait_until(lambda: "0.0%" in shown(page))
    let_go.set()
    desk.settle()
    assert page.state.shown == "Q4_K_M"
    assert "0.0%" in shown(page)
    assert not desk.problems


def test_what_a_smaller_file_keeps_of_the_right_answers_is_said(
    desk: QualityDesk, page: QualityPage, stores: Stores
) -> None:
    keep_three(stores)
    page.refresh()
    [compare] = [one for one in page.findChildren(QPushButton) if one.text() == "Compare…"]
    select_runs(page, 0, 1)
    compare.click()
    card = page.findChild(QualityComparisonCard)
    assert card is not None
    wait_until(lambda: len(card.runs) == 2)
    assert any("Keeps 0% (0 to 43) of the right answers" in one.text() for one in card.findChildren(QLabel))


def test_three_runs_are_compared_and_saved(
    desk: QualityDesk, page: QualityPage, stores: Stores, notices: Notices, tmp_path: Path
) -> None:
    keep_three(stores)
    page.refresh()
    [compare] = [one for one in page.findChildren(QPushButton) if one.text() == "Compare…"]
    assert not compare.isEnabled()
    select_runs(page, 0, 1, 2)
    compare.click()
    card = page.findChild(QualityComparisonCard)
    assert card is not None
    wait_until(lambda: len(card.runs) == 3)
    assert [run.id for run in card.runs] == ["F16", "Q8_0", "Q4_K_M"]
    labels = {one.text(): one for one in card.findChildren(QLabel)}
    assert "−100.0 points" in labels
    assert labels["−100.0 points"].property("look") == "danger"
    assert "0 more right, 9 no longer" in labels["−100.0 points"].toolTip()
    assert "+64.9%" in labels
    menu = next(one.menu() for one in card.findChildren(QPushButton) if one.text() == "Save or copy")
    next(action for action in menu.actions() if action.text() == "Save as a web page…").trigger()
    dialog = page.findChild(QFileDialog)
    assert dialog is not None
    target = tmp_path / "side.html"
    dialog.fileSelected.emit(str(target))
    wait_until(target.exists)
    assert "-100.0 points" in target.read_text("utf-8")
    dialog.reject()
    next(one for one in card.findChildren(QPushButton) if one.text() == "✕").click()
    assert card.isHidden()


def test_a_compared_run_that_is_deleted_takes_the_comparison_away(
    desk: QualityDesk, page: QualityPage, stores: Stores
) -> None:
    keep_three(stores)
    page.refresh()
    select_runs(page, 1, 2)
    press(page, "Compare…")
    card = page.findChild(QualityComparisonCard)
    assert card is not None
    wait_until(lambda: bool(card.runs))
    wait_until(lambda: "within chance" in shown(page))
    select_runs(page, 2)
    press(page, "Delete")
    wait_until(card.isHidden)
    assert card.isHidden()
    assert len(runs_shown(page)) == 2


def test_of_two_comparisons_the_one_that_was_asked_for_later_is_shown(
    desk: QualityDesk, page: QualityPage, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    comparing = Late(quality_page.compare_quality)
    monkeypatch.setattr(quality_page, "compare_quality", comparing)
    keep_three(stores)
    page.refresh()
    select_runs(page, 0, 1)
    press(page, "Compare…")
    wait_until(lambda: comparing.waiting == 1)
    select_runs(page, 1, 2)
    press(page, "Compare…")
    wait_until(lambda: comparing.waiting == 2)
    comparing.let(1)
    card = page.findChild(QualityComparisonCard)
    assert card is not None
    wait_until(lambda: bool(card.runs))
    later = [run.id for run in card.runs]
    comparing.let(0)
    desk.settle()
    assert [run.id for run in card.runs] == later


def test_a_comparison_that_is_ready_late_is_not_shown_of_a_run_that_was_deleted(
    desk: QualityDesk, page: QualityPage, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    comparing = Late(quality_page.compare_quality)
    monkeypatch.setattr(quality_page, "compare_quality", comparing)
    keep_three(stores)
    page.refresh()
    select_runs(page, 1, 2)
    press(page, "Compare…")
    wait_until(lambda: comparing.waiting == 1)
    select_runs(page, 2)
    press(page, "Delete")
    wait_until(lambda: len(runs_shown(page)) == 2)
    comparing.let_all()
    desk.settle()
    card = page.findChild(QualityComparisonCard)
    assert card is None or card.isHidden()


def test_a_run_that_comes_back_late_is_not_gone_to_over_the_one_that_was_chosen_since(
    desk: QualityDesk,
    make_page: Callable[..., QualityPage],
    stores: Stores,
    notices: Notices,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    restoring = Late(QualityStore.restore)
    monkeypatch.setattr(QualityStore, "restore", lambda *asked: restoring(*asked))
    keep_three(stores)
    page = make_page()
    page.refresh()
    select_runs(page, 2)
    press(page, "Delete")
    wait_until(lambda: len(runs_shown(page)) == 2)
    wait_until(lambda: any(one.text() == "Undo" for one in notices.findChildren(QPushButton)))
    next(one for one in notices.findChildren(QPushButton) if one.text() == "Undo").click()
    wait_until(lambda: restoring.waiting == 1)
    before = page.state.shown
    select_runs(page, 1)
    wait_until(lambda: page.state.shown != before)
    chosen = page.state.shown
    restoring.let_all()
    wait_until(lambda: len(runs_shown(page)) == 3)
    desk.settle()
    assert page.state.shown == chosen


def keep_trend(stores: Stores, *rights: str) -> None:
    """Runs of one file; Stillroom is newer in the last one."""
    for number, right in enumerate(rights):
        run = msgspec.structs.replace(
            RUN,
            id=str(number),
            started_at=f"2026-11-2{number}T10:00:00Z",
            stillroom_version="0.2.0" if number == len(rights) - 1 else "0.1.0",
        )
        keep(stores, run, maths(right))


def test_a_figure_goes_run_by_run_with_what_had_changed(
    desk: QualityDesk, page: QualityPage, stores: Stores
) -> None:
    keep_trend(stores, "rrrrrrrrw", "rrrrrrrww", "rrrrrrrrr")
    page.refresh()
    card = page.findChild(TrendCard)
    assert card is not None
    wait_until(lambda: [len(line.points) for line in card.plot.lines[:1]] == [3])
    points = card.plot.lines[0].points
    assert [round(point.y) for point in points] == [89, 78, 100]
    assert all(point.low < point.y <= point.high for point in points)
    assert card.plot.marks == [(2.5, "1")]
    assert "1: Stillroom 0.1.0 → 0.2.0" in shown(page)
    assert any("n = 9" in text for text in shown(page))
    assert "88.9% (56.5% to 98.0%, n = 9)" in card.plot.accessibleDescription()


def test_one_run_alone_has_no_line(desk: QualityDesk, page: QualityPage, stores: Stores) -> None:
    keep_trend(stores, "rrrrrrrrw")
    page.refresh()
    card = page.findChild(TrendCard)
    assert card is not None
    wait_until(lambda: card.isVisible())
    assert card.plot.isHidden()
    assert any(text.startswith("One run has this figure so far.") for text in shown(page))


def test_an_unfinished_run_has_no_trend(page: QualityPage, stores: Stores) -> None:
    keep(stores, RUN, maths("rw"), ended=False)
    page.refresh()
    card = page.findChild(TrendCard)
    assert card is not None
    wait_until(lambda: table(page, "Items of the run").model().rowCount() == 2)
    assert card.isHidden()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_run_is_saved_and_copied_as_a_picture(
    theme: Literal["light", "dark"], desk: QualityDesk, page: QualityPage, stores: Stores, tmp_path: Path
) -> None:
    keep_three(stores)
    page.refresh()
    wait_until(lambda: "0.0%" in shown(page))
    desk.theme.choose(theme)
    export = next(one for one in page.findChildren(QPushButton) if one.text() == "Export")
    actions = {action.text(): action for action in export.menu().actions()}
    actions["Save as a picture…"].trigger()
    dialog = page.findChild(QFileDialog)
    assert dialog is not None
    assert dialog.selectedFiles()[0].endswith("quality-R1-Qwen-7B-Q4_K_M-2026-11-26.png")
    target = tmp_path / "run.png"
    dialog.fileSelected.emit(str(target))
    wait_until(target.exists)
    picture = QImage(str(target))
    assert (picture.width(), picture.height()) == (1200, 630)
    assert picture.pixelColor(2, 2) == desk.theme.colour("ground")
    dialog.reject()
    actions["Copy as a picture"].trigger()
    assert QGuiApplication.clipboard().image().size() == picture.size()
    desk.theme.choose("light")


def test_a_run_is_shown_part_by_part_and_painted_as_a_whole(
    desk: QualityDesk, page: QualityPage, stores: Stores
) -> None:
    visible: list[int] = []
    loop = asyncio.get_event_loop()

    def look() -> None:
        tables = page.findChildren(QTableView)
        visible.append(-1 if page.viewport().updatesEnabled() else sum(each.isVisible() for each in tables))
        loop.call_soon(look)

    look()
    keep(stores, RUN, maths("rrw"))
    page.refresh()
    wait_until(lambda: 2 in visible and page.viewport().updatesEnabled())
    assert {0, 1, 2} <= set(visible)


LONG = "W" * 2000
TURN = TurnResult(
    question="q" * 2_000_000,
    thinking="\u202eright to left\u200f \x1b[31m",
    answer="<b>x</b>" * 100_000,
    expected=LONG,
    prompt_tokens=1 << 31,
    completion_tokens=1 << 31,
    thinking_tokens=1 << 31,
    seconds=1e7,
    finish_reason=LONG,
    seed=10**18,
)
EXTREMES: dict[str, list[ItemResult]] = {
    "nothing": [],
    "very many": [ItemResult(id=f"maths/{n}", kind="maths", verdict="right") for n in range(5000)],
    "long texts": [
        ItemResult(id="maths/" + "n" * 190, kind="maths", verdict="right", turns=[TURN], found=LONG),
        ItemResult(id="intent/1", kind="intent", verdict="wrong", turns=[TURN] * 3, found="x" * 2_000_000),
        ItemResult(id="dialogue/1", kind="dialogue", verdict="scored", turns=[TURN], scores={"rouge_l": 1.0}),
    ],
    "a text at the end of its scale": [
        ItemResult(
            id=f"perplexity/{n}",
            kind="perplexity",
            verdict="scored",
            scores={"scored_tokens": 1, "nll": 50.0 * n, "nll_squares": 2500.0},
        )
        for n in (0, 1)
    ],
    "lengths without number": [
        ItemResult(id=f"retention/{n}", kind="retention", verdict="right", words=10**17 + n)
        for n in range(500)
    ],
    "ratios beyond all": [
        ItemResult(id=f"code/{n}", kind="code", verdict="right", scores={"length_ratio": 1e18 * n})
        for n in range(2)
    ],
    "less than nothing": [
        ItemResult(id=f"code/{n}", kind="code", verdict="right", scores={"length_ratio": -0.0})
        for n in range(2)
    ],
}


@pytest.mark.parametrize("name", EXTREMES)
def test_a_run_with_extremes_stays_within_the_page(
    name: str, desk: QualityDesk, page: QualityPage, stores: Stores
) -> None:
    hostile = msgspec.structs.replace(
        RUN,
        id="forged",
        started_at="9999-12-31T23:59:59-23:59",
        stillroom_version=LONG,
        model=msgspec.structs.replace(RUN.model, name=LONG, file="\u202e" + LONG, size_bytes=10**18),
        protocol=msgspec.structs.replace(RUN.protocol, max_tokens=10**18, seed=-(10**18)),
        collections=[
            msgspec.structs.replace(RUN.collections[0], name=LONG, licence="\u202e" + LONG, items=10**18)
        ],
    )
    keep(stores, hostile, EXTREMES[name])
    keep(stores, other("plain"), [*maths("rw"), *part(3.0)])
    watch = CallbackWatch()
    watch.start(desk.loop)  # type: ignore[arg-type]  # Qt's events alone are measured
    try:
        page.refresh("forged")
        wait_until(lambda: page.state.shown == "forged" and len(runs_shown(page)) == 2)
        desk.settle()
        items = table(page, "Items of the run")
        for row in range(min(3, items.model().rowCount())):
            items.selectRow(row)
            QApplication.processEvents()
        select_runs(page, 0, 1)
        press(page, "Compare…")
        desk.settle()
        for width in (500, 1000):
            page.resize(width, 900)
            QApplication.processEvents()
            page.grab()
            inside = page.widget()
            assert inside is not None
            assert inside.width() <= page.viewport().width()
            buttons = [button for button in inside.findChildren(QPushButton) if button.isVisible()]
            ends = [button.mapTo(inside, button.rect().topRight()).x() for button in buttons]
            assert max(ends) <= inside.width()
    finally:
        watch.stop()
    for callback in watch.figures().most_computed[:2]:
        print(f"{name}: {1000 * callback.cpu_s:.0f} ms {callback.what} {callback.stack[:300]}")
    assert desk.problems == []
    [report] = [
        quality_report(run, stores.quality_runs.results(run.id), ended)
        for run, ended in stores.quality_runs.runs()
        if run.id == "forged"
    ]
    forms = quality_forms(report)
    assert "</html>" in forms.html()
    assert forms.markdown()
    assert quality_to_png(report, desk.theme).startswith(b"\x89PNG")
