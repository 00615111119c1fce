"""The page Quality: a real small run, browsed, cancelled and gone on with."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QPushButton, QTableView, QWidget

from app.bench.quality.built_in import intent_question
from app.bench.quality.item import Collection, Item
from app.quality_suites import QualitySuites
from app.ui.tabs.quality_page import QualityPage
from app.ui.widgets.notices import Notices
from tests.support.engines import starter_path
from tests.support.quality_desk import QualityDesk, Stores

LABELS = ["greeting", "question"]


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
def page(desk: QualityDesk, stores: Stores, notices: Notices, tmp_path: Path) -> Iterator[QualityPage]:
    suites = SmallSuites(tmp_path / "data-sets")
    page = QualityPage(
        stores.quality,
        stores.quality_runs,
        suites,
        desk.session,
        stores.settings,
        desk.theme,
        desk.bridge,
        notices,
    )
    page.resize(1000, 900)
    page.show()
    yield page
    page.deleteLater()


def press(page: QualityPage, text: str) -> None:
    next(button for button in page.findChildren(QPushButton) if button.text() == text).click()


def shown(page: QualityPage) -> list[str]:
    return [label.text() for label in page.findChildren(QLabel) if label.isVisible()]


def test_a_run_is_shown_and_each_item_can_be_read(
    desk: QualityDesk, page: QualityPage, stores: Stores, notices: Notices
) -> None:
    assert "How good are its answers?" in shown(page)
    desk.load(starter_path())
    press(page, "Run the quality suite")
    desk.until(lambda: desk.session.reserved_for == "benchmark")
    desk.until(lambda: desk.session.reserved_for == "" and not page.findChild(QTableView).isHidden())
    [(run, finished)] = stores.quality_runs.runs()
    assert finished
    table = page.findChild(QTableView)
    assert table.model().rowCount() == 2
    texts = shown(page)
    assert "INTENTS" in texts
    assert "not conclusive" in texts
    assert any("two intents (CC0-1.0)" in text for text in texts)
    table.selectRow(0)
    answer = stores.quality_runs.results(run.id)[0].turns[0].answer
    assert {"PROMPT", "ANSWER", "EXPECTED", answer} <= set(shown(page))
    press(page, "Delete")
    assert stores.quality_runs.runs() == []
    assert "How good are its answers?" in shown(page)
    next(button for button in notices.findChildren(QPushButton) if button.text() == "Undo").click()
    assert stores.quality_runs.runs() == [(run, True)]
    assert "INTENTS" in shown(page)
    assert not desk.problems


def test_a_cancelled_run_is_named_unfinished_and_goes_on(
    desk: QualityDesk, page: QualityPage, stores: Stores
) -> None:
    desk.load(starter_path())
    press(page, "Run the quality suite")
    desk.until(lambda: desk.session.reserved_for == "benchmark")
    press(page, "Cancel")
    desk.until(lambda: desk.session.reserved_for == "")
    choice = next(box for box in page.findChildren(QComboBox) if box.accessibleName() == "Quality runs")
    if choice.count():
        assert "not finished" in choice.itemText(0)
    page.run()
    desk.until(lambda: any(finished for _, finished in stores.quality_runs.runs()))
    desk.until(lambda: desk.session.reserved_for == "")
    assert len(stores.quality_runs.runs()) == 1
    assert not desk.problems
