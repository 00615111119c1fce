"""The page Drift and the watch that checks by itself, with the real engine."""

import asyncio
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QTableView, QWidget

from app.bench.drift.checker import DriftChecker
from app.bench.drift.comparison import DriftReport
from app.engine.protocol import Delta, Event, Generate, Part
from app.telemetry.host import HostSample
from app.telemetry.nvml import GpuReading
from app.telemetry.rates import RateMeter
from app.telemetry.sampler import History, TelemetrySnapshot
from app.ui.base import engine_session, figures
from app.ui.benchmark.drift.drift_page import DriftPage
from app.ui.benchmark.drift.drift_watch import DriftWatch
from app.ui.benchmark.drift.drift_words import DRIFT, DriftWords
from app.ui.live_panel.live_panel import WIDTH_PX, LivePanel
from app.ui.widgets.notices import Notices
from app.ui.widgets.plot_library import PlotLibrary
from app.ui.widgets.ui_context import UiContext
from tests.support.engines import starter_path
from tests.support.perturbed import perturbed_copy
from tests.support.quality_desk import QualityDesk, Stores
from tests.support.waiting import WAIT_S, wait_until
from tests.support.widgets import seen, seen_button, seen_words


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


def shown(page: DriftPage) -> list[str]:
    return [label.text() for label in page.findChildren(QLabel) if label.isVisible()]


def test_one_click_keeps_answers_and_the_next_tells_of_a_changed_file(
    desk: QualityDesk, stores: Stores, tmp_path: Path
) -> None:
    model = Path(shutil.copy(starter_path(), tmp_path / "model.gguf"))
    host = QWidget()
    notices = Notices(host, lambda: "")
    ui = UiContext(
        desk.session,
        stores.settings,
        desk.theme,
        desk.bridge,
        notices,
        PlotLibrary(desk.bridge),
    )
    page = DriftPage(ui, stores.drift)
    page.resize(1000, 900)
    page.show()
    assert "Does it still answer as it did?" in shown(page)
    desk.load(str(model))
    check = next(button for button in page.findChildren(QPushButton) if button.text() == "Check now")
    check.click()
    wait_until(lambda: "Kept" in shown(page))
    # The page scrolls, not the table in it; beside a bar that scrolls sideways, too.
    table = seen(page, QTableView)
    sideways = table.horizontalScrollBar()
    for width_px in (1000, 420):
        page.resize(width_px, 900)
        wait_until(lambda: table.verticalScrollBar().maximum() == 0)
        wait_until(lambda narrow=width_px < 1000: (sideways.maximum() > 0) == narrow)
        assert table.verticalScrollBar().maximum() == 0
    (tmp_path / "other").mkdir()
    shutil.move(perturbed_copy(model, tmp_path / "other"), model)

    # What the window's own watch does after a load: nothing else has to be pressed.
    told: list[DriftReport] = []
    watch = DriftWatch(stores.drift, desk.session, desk.bridge, idle_s=0.05)
    watch.checked.connect(told.append)
    desk.load(str(model))
    wait_until(lambda: told)
    assert told[0].answers != "same"
    assert DriftWords().notice(told[0])
    watch.stop()
    assert page.show_checked()
    wait_until(lambda: "Content of the file (SHA-256)" in " ".join(shown(page)))
    # What this page shows is not said beside it, nor after it was seen.
    page.hide()
    assert not page.show_checked()
    notices.warn(DriftWords().notice(told[0]), about=DRIFT)
    assert DriftWords().notice(told[0]) in seen_words(notices)
    page.show()
    assert not seen_words(notices)
    accept = next(
        button
        for button in page.findChildren(QPushButton)
        if button.text() == "Expect these answers from now on"
    )
    assert accept.isVisible()
    accept.click()
    wait_until(lambda: "Kept" in shown(page))
    assert "have been checked" not in seen_words(notices)
    # At another page the end is told, and leads back.
    asked: list[bool] = []
    page.show_asked.connect(lambda: asked.append(True))
    page.hide()
    check.click()
    wait_until(lambda: "The answers have been checked." in seen_words(notices))
    seen_button(notices, "Show").click()
    assert asked
    assert not desk.problems
    page.deleteLater()


@pytest.mark.parametrize("looks_s", [engine_session.QUIET_S, 1.0], ids=["as ever", "on a busy computer"])
def test_a_check_of_its_own_gives_way_to_one_that_is_asked_for(
    desk: QualityDesk, stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looks_s: float
) -> None:
    monkeypatch.setattr(engine_session, "QUIET_S", looks_s)
    model = Path(shutil.copy(starter_path(), tmp_path / "model.gguf"))
    host = QWidget()
    notices = Notices(host, lambda: "")
    ui = UiContext(desk.session, stores.settings, desk.theme, desk.bridge, notices, PlotLibrary(desk.bridge))
    page = DriftPage(ui, stores.drift)
    page.show()
    desk.load(str(model))
    check = next(button for button in page.findChildren(QPushButton) if button.text() == "Check now")
    check.click()
    wait_until(lambda: "Kept" in shown(page))
    (tmp_path / "other").mkdir()
    shutil.move(perturbed_copy(model, tmp_path / "other"), model)
    told: list[DriftReport] = []
    watch = DriftWatch(stores.drift, desk.session, desk.bridge, idle_s=0.05)
    watch.checked.connect(told.append)
    writes, asked = threading.Event(), threading.Event()

    def hold(event: Event) -> None:
        # Its first answer ends after the click, however late that comes on a busy computer.
        if isinstance(event, Delta) and desk.session.own_check is not None and not asked.is_set():
            writes.set()
            asked.wait(WAIT_S)

    desk.client.observe_events(hold)
    desk.load(str(model))
    wait_until(writes.is_set)
    check.click()
    asked.set()
    assert desk.session.make_quiet(lambda: None)  # it is on its way already
    wait_until(lambda: "Content of the file (SHA-256)" in " ".join(shown(page)))
    wait_until(lambda: not desk.session.reserved_for)
    assert not told
    assert not seen_words(notices)
    assert not watch.waits
    assert not desk.problems
    page.deleteLater()


def test_a_check_of_its_own_is_work_beside_every_page_and_not_the_last_reply(
    desk: QualityDesk, stores: Stores, tmp_path: Path
) -> None:
    meter = RateMeter()
    desk.client.observe_asked(lambda request: meter.on_asked(request, time.monotonic()))
    desk.client.observe_events(lambda event: meter.on_event(event, time.monotonic()))
    panel = LivePanel(desk.theme, desk.session, PlotLibrary(desk.bridge))
    panel.resize(WIDTH_PX, 860)
    panel.show()

    def beside() -> str:
        now_s = time.monotonic()
        host = HostSample(10**9, 10**10, 10**8, 14.2, 3.0)
        rates = meter.rates(now_s)
        panel.show_snapshot(TelemetrySnapshot(now_s, host, GpuReading("pending"), None, rates, History()))
        return seen_words(panel)

    model = Path(shutil.copy(starter_path(), tmp_path / "model.gguf"))
    desk.load(str(model))
    assert desk.session.here is not None
    desk.run(asyncio.to_thread(stores.drift.check, desk.session.here, lambda _: None))
    (tmp_path / "other").mkdir()
    shutil.move(perturbed_copy(model, tmp_path / "other"), model)
    desk.load(str(model))
    request = Generate(
        request_id=0, parts=[Part("Once upon a time")], ignore_eog=True, max_tokens=40, model=str(model)
    )
    reply = desk.session.generate(request, lambda _: None, "chat")
    desk.run(reply.finished())
    last = meter.rates(time.monotonic())
    assert last.last_generation_tok_per_s
    assert "tok/s, last reply" in beside()

    told: list[DriftReport] = []
    watch = DriftWatch(stores.drift, desk.session, desk.bridge, idle_s=0.05)
    watch.checked.connect(told.append)
    desk.session.loaded.emit(desk.session.here)
    wait_until(lambda: meter.rates(time.monotonic()).unasked)
    assert "Stillroom checks this model for drift." in beside()
    wait_until(lambda: told)
    wait_until(lambda: not watch.waits)
    assert meter.rates(time.monotonic()) == last
    assert f"{figures.rate(last.last_generation_tok_per_s)}\ntok/s, last reply" in beside()
    assert "Stillroom checks this model for drift." not in beside()
    watch.stop()
    assert not desk.problems
    panel.deleteLater()


def test_a_file_that_was_never_checked_is_left_alone(
    desk: QualityDesk, stores: Stores, tmp_path: Path
) -> None:
    told: list[DriftReport] = []
    watch = DriftWatch(stores.drift, desk.session, desk.bridge, idle_s=0.01)
    watch.checked.connect(told.append)
    desk.load(starter_path())
    wait_until(lambda: not watch.waits)
    assert not told
    watch.stop()


def test_checks_are_compared_off_the_gui_thread(
    desk: QualityDesk, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    newest = DriftChecker.newest

    def noted(checker: DriftChecker, path: str) -> DriftReport | None:
        threads.append(threading.get_ident())
        return newest(checker, path)

    monkeypatch.setattr(DriftChecker, "newest", noted)
    desk.load(starter_path())
    host = QWidget()
    ui = UiContext(
        desk.session,
        stores.settings,
        desk.theme,
        desk.bridge,
        Notices(host, lambda: ""),
        PlotLibrary(desk.bridge),
    )
    page = DriftPage(ui, stores.drift)
    page.resize(1000, 900)
    page.show()
    # Neither one nor the other is said before it is known.
    assert "Does it still answer as it did?" not in shown(page)
    wait_until(lambda: "Does it still answer as it did?" in shown(page))
    assert threads
    assert threading.get_ident() not in threads
    page.deleteLater()
