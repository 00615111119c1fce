"""A tab's first show: made where it stands, as Qt works out the style of all that is moved anew."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QDoubleSpinBox,
    QPushButton,
    QScrollArea,
    QTableView,
    QWidget,
)

from app.base.errors import StillroomError
from app.base.paths import app_paths
from app.bench.results.history import BenchmarkHistory
from app.bench.results.report import Report
from app.settings import SettingsFile
from app.ui.benchmark.benchmark_tab import BenchmarkTab
from app.ui.benchmark.frame.run_history_view import RunHistoryView
from app.ui.benchmark.quality.quality_page import QualityPage
from app.ui.benchmark.speed.benchmark_speed_page import BenchmarkSpeedPage
from app.ui.chat.chat_tab import ChatTab
from app.ui.chat.comparison.comparison_dialog import ComparisonDialog
from app.ui.code.code_tab import CodeTab
from app.ui.code.conversation.code_conversation import CodeConversation
from app.ui.code.files.code_editor_card import CodeEditorCard
from app.ui.code.files.open_files import OpenFiles
from app.ui.code.running.code_run_card import CodeRunCard
from app.ui.load_settings.load_form import LoadForm
from app.ui.load_settings.load_settings_dialog import LoadSettingsDialog
from app.ui.models.add_model_card import AddModelCard
from app.ui.models.model_detail import ModelDetail
from app.ui.models.models_tab import ModelsTab
from app.ui.models.outlook_card import OutlookCard
from app.ui.models.quality.quality_card import QualityCard
from app.ui.models.recommendation_card import RecommendationCard
from app.ui.models.search.search_card import SearchCard
from app.ui.reply.chat_column import ChatColumn
from app.ui.reply.reply_view import ReplyView
from app.ui.settings.audit_dialog import AuditDialog
from app.ui.settings.filter_rule_form import FilterRuleForm
from app.ui.settings.filter_rule_table import FilterRuleTable
from app.ui.settings.filter_trial import FilterTrial
from app.ui.settings.filters_dialog import FiltersDialog
from app.ui.settings.hugging_face_page import HuggingFacePage
from app.ui.settings.server_dialog import ServerDialog
from app.ui.settings.settings_dialog import SettingsDialog
from app.ui.shell.window_application import WindowApplication
from app.ui.widgets.card import Card
from app.ui.widgets.filtered_table import FilteredTable
from app.ui.widgets.scrolled_page import ScrolledPage
from tests.support.bench_reports import make_report
from tests.support.pages.benchmark_page import open_page
from tests.support.waiting import until
from tests.support.widgets import click, seen_button
from tests.support.window import run_with_window, settle, told

CONTENTS: tuple[type[QWidget], ...] = (
    CodeTab,
    OpenFiles,
    CodeEditorCard,
    CodeRunCard,
    CodeConversation,
    BenchmarkTab,
    BenchmarkSpeedPage,
    QualityPage,
    RunHistoryView,
    FilteredTable,
    ModelsTab,
    ModelDetail,
    QualityCard,
    AddModelCard,
    SearchCard,
    OutlookCard,
)
PARTS: tuple[type[QWidget], ...] = (
    Card,
    LoadForm,
    FilterRuleForm,
    FilterTrial,
    FilterRuleTable,
    ScrolledPage,
    ChatColumn,
    ReplyView,
)
"""Of the dialogs."""
MANY = 8
MOST_IN_A_STEP = 0.5
"""Of the widgets of a page."""
MOST_AT_ONCE = 0.7
"""Of the widgets of the Models page, made before the window lives again."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))


def test_no_page_is_moved_once_it_is_made(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[str] = []

    def on_change(widget: QWidget, event: QEvent) -> None:
        if event.type() == QEvent.Type.ParentChange:
            moved.append(type(widget).__name__)

    for content in CONTENTS:
        monkeypatch.setattr(content, "changeEvent", on_change)

    async def scene(application: WindowApplication) -> None:
        for key in ("code", "benchmark", "models"):
            application.window.show_page(key)
            await settle(5)
        tab = application.window.show_page("benchmark")
        assert isinstance(tab, BenchmarkTab)
        open_page(tab, "quality", QualityPage)
        made = [each for content in CONTENTS for each in application.window.findChildren(content)]
        assert {type(each) for each in made} == set(CONTENTS)
        # The event would be heard.
        other = QScrollArea()
        made[0].setParent(other)
        assert moved == ["CodeTab"]
        made[0].setParent(application.window)
        other.deleteLater()

    run_with_window(scene)


def test_no_part_of_a_page_is_ever_a_window_of_its_own(qapp: QApplication) -> None:
    SettingsFile(app_paths().settings).update(last_page="code")

    async def scene(application: WindowApplication) -> None:
        application.window.activateWindow()
        with shown_windows(qapp) as windows:
            for key in ("chat", "benchmark", "models", "chat"):
                application.window.show_page(key)
                await settle(5)
                assert QApplication.focusWidget() is not None, "the window has the keyboard still"
            assert windows == []
            # It would be seen.
            other = QWidget()
            other.show()
            assert windows == ["QWidget"]
            other.close()
            other.deleteLater()

    run_with_window(scene)


@contextmanager
def shown_windows(qapp: QApplication) -> Iterator[list[str]]:
    """List the windows that are shown meanwhile."""
    windows: list[str] = []

    class Watch(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
            is_shown = event.type() == QEvent.Type.Show and isinstance(watched, QWidget)
            if is_shown and watched.isWindow():
                windows.append(type(watched).__name__)
            return False

    watch = Watch()
    qapp.installEventFilter(watch)
    try:
        yield windows
    finally:
        qapp.removeEventFilter(watch)


@pytest.mark.parametrize("name", ["load settings", "filter", "local API", "shortcuts", "answers compared"])
def test_no_part_of_a_dialog_is_moved_once_it_is_made(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    moved: list[QWidget] = []

    def on_change(widget: QWidget, event: QEvent) -> None:
        if event.type() == QEvent.Type.ParentChange and has_many(widget):
            moved.append(widget)

    for part in PARTS:
        monkeypatch.setattr(part, "changeEvent", on_change, raising=False)

    async def scene(application: WindowApplication) -> None:
        dialogs, commands = application.dialogs, application.commands
        make: dict[str, Callable[[], QDialog]] = {
            "load settings": dialogs.make_load_settings,
            "filter": dialogs.make_filters,
            "local API": dialogs.make_server,
            "shortcuts": commands.open_shortcuts,
            "answers compared": partial(compared, application),
        }
        await until(lambda: bool(application.parts.store.present.models), "the models")
        moved.clear()
        dialog = make[name]()
        part = next(each for kind in PARTS for each in dialog.findChildren(kind) if has_many(each))
        assert moved == []
        # The event would be heard.
        part.setParent(application.window)
        assert moved == [part]
        part.deleteLater()
        dialog.done(0)
        dialog.deleteLater()

    run_with_window(scene)


def has_many(widget: QWidget) -> bool:
    """Tell whether it holds many widgets."""
    return len(widget.findChildren(QWidget)) >= MANY


def compared(application: WindowApplication) -> QDialog:
    """The dialog of answers beside each other."""
    tab = application.window.show_page("chat")
    assert isinstance(tab, ChatTab)
    tab.composer.set_text("Why?")
    tab.comparison.open()
    dialog = tab.comparison.dialog
    assert dialog is not None
    return dialog


def test_what_shows_an_answer_is_made_when_one_comes(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the starter model")
        dialog = compared(application)
        assert dialog.isHidden()
        await until(dialog.isVisible, "the dialog")
        assert isinstance(dialog, ComparisonDialog)
        assert not dialog.findChildren(ReplyView)
        column = dialog.columns[0]
        view = column.view
        assert dialog.findChildren(ReplyView) == [view]
        assert column.area.accessibleName() == "Answer 1"
        stops = chain_of(column)
        last_field, stop = (
            stops.index(next(each for each in stops if isinstance(each, kind) and is_named(each)))
            for kind, is_named in (
                (QDoubleSpinBox, lambda _: True),
                (QPushButton, lambda button: button.text() == "Stop"),
            )
        )
        places = [stops.index(each) for each in stops if column.area.isAncestorOf(each)]
        assert places
        assert last_field < min(places)
        assert max(places) < stop
        dialog.done(0)

    run_with_window(scene)


def test_a_page_is_made_in_one_turn_and_shown_in_the_next(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        window = application.window
        [key] = [action for action in window.actions() if action.text() == "Code"]
        key.trigger()
        [code] = window.findChildren(CodeTab)
        assert code.isHidden()
        await until(code.isVisible, "the page of the key")
        tab = window.show_page("benchmark")
        assert isinstance(tab, BenchmarkTab)
        click(seen_button(tab, "Quality"))
        [quality] = tab.findChildren(QualityPage)
        assert not quality.isVisible()
        await until(quality.isVisible, "the page of the button")
        click(seen_button(tab, "Drift"))
        # Whoever is quicker than the page gets what he asks for.
        click(seen_button(tab, "Speed"))
        await settle(2)
        assert tab.speed.isVisible()

    run_with_window(scene)


@pytest.mark.parametrize("key", ["code", "chat", "benchmark"])
def test_no_step_makes_most_of_a_page(qapp: QApplication, key: str) -> None:
    SettingsFile(app_paths().settings).update(last_page="models" if key == "benchmark" else "benchmark")

    async def scene(application: WindowApplication) -> None:
        window = application.window
        made = [len(qapp.allWidgets())]
        for _ in window.making(key):
            made.append(len(qapp.allWidgets()))
        page = window.content_of(key)
        made.append(len(qapp.allWidgets()))
        assert page.isHidden()
        steps = [after - before for before, after in pairwise(made)]
        assert sum(steps) >= len(page.findChildren(QWidget)) > MANY
        assert max(steps) < MOST_IN_A_STEP * sum(steps), steps

    run_with_window(scene)


def test_a_page_that_is_being_made_is_there_when_somebody_asks(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        window = application.window
        [key] = [action for action in window.actions() if action.text() == "Code"]
        key.trigger()
        assert not window.findChildren(CodeConversation)
        code = window.show_page("code")
        assert isinstance(code, CodeTab)
        assert window.findChildren(CodeConversation) == [code.conversation]
        await settle(2)
        assert window.findChildren(CodeTab) == [code]

    run_with_window(scene)


def test_a_page_that_is_left_while_it_is_made_is_not_shown(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        window = application.window
        click(seen_button(window, "Code"))
        click(seen_button(window, "Benchmark"))
        await until(lambda: window.current_page == "benchmark", "the page that was clicked last")
        await settle(2)
        assert window.current_page == "benchmark"
        click(seen_button(window, "Code"))
        await until(lambda: window.current_page == "code", "the page that was left")
        assert len(window.findChildren(CodeConversation)) == 1

    run_with_window(scene)


def test_a_window_ends_while_a_page_is_made(qapp: QApplication, tmp_path: Path) -> None:
    async def scene(application: WindowApplication) -> None:
        click(seen_button(application.window, "Code"))

    run_with_window(scene)


def test_load_settings_are_opened_once_however_often_they_are_asked_for(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        window = application.window
        for _ in range(2):
            window.load_settings_asked.emit()
        await until(
            lambda: any(each.isVisible() for each in window.findChildren(LoadSettingsDialog)), "the dialog"
        )
        await settle(2)
        [dialog] = window.findChildren(LoadSettingsDialog)
        dialog.reject()

    run_with_window(scene)


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Settings", SettingsDialog),
        ("Input filter", FiltersDialog),
        ("Audit log", AuditDialog),
        ("Local API", ServerDialog),
    ],
)
def test_a_dialog_is_made_in_one_turn_and_shown_in_a_later_one(
    qapp: QApplication, title: str, kind: type[QDialog]
) -> None:
    async def scene(application: WindowApplication) -> None:
        window = application.window
        [action] = [action for action in window.actions() if action.text() == title]
        turns = [0]
        counter = QTimer(interval=0)
        counter.timeout.connect(lambda: turns.append(turns[-1] + 1))
        seen: list[tuple[QEvent.Type, int]] = []

        class Noted(QObject):
            def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
                if event.type() in (QEvent.Type.WindowTitleChange, QEvent.Type.Show) and isinstance(
                    watched, kind
                ):
                    seen.append((event.type(), turns[-1]))
                return False

        noted = Noted()
        qapp.installEventFilter(noted)
        counter.start()
        for _ in range(2):
            action.trigger()
            assert not window.findChildren(kind), "not in the turn that asks"
        await until(lambda: any(each.isVisible() for each in window.findChildren(kind)), "the dialog")
        await settle(2)
        qapp.removeEventFilter(noted)
        counter.stop()
        [dialog] = window.findChildren(kind)
        dialog.reject()
        (first, made), (second, shown) = seen
        assert (first, second) == (QEvent.Type.WindowTitleChange, QEvent.Type.Show)
        assert made < shown

    run_with_window(scene)


def test_no_step_makes_most_of_the_filter(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        made = [len(qapp.allWidgets())]
        dialog = application.dialogs.make_filters(in_steps=True)
        made.append(len(qapp.allWidgets()))
        for _ in dialog.making():
            made.append(len(qapp.allWidgets()))
        made.append(len(qapp.allWidgets()))
        steps = [after - before for before, after in pairwise(made)]
        assert sum(steps) >= len(dialog.findChildren(QWidget))
        assert max(steps) < MOST_IN_A_STEP * sum(steps), steps
        dialog.done(0)
        dialog.deleteLater()

    run_with_window(scene)


def test_the_models_page_is_made_in_steps(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        tab = application.window.show_page("models")
        assert isinstance(tab, ModelsTab)
        at_once = len(tab.findChildren(QWidget))
        assert not tab.findChildren(SearchCard)
        assert tab.focusProxy() is not None
        await until(lambda: tab.table.rowCount() and tab.viewport().updatesEnabled(), "the rows")
        await until(lambda: bool(tab.findChildren(OutlookCard)), "the last card")
        assert at_once < MOST_AT_ONCE * len(tab.findChildren(QWidget))
        # The list of types above is made anew for each model.
        cards = (RecommendationCard, QualityCard, AddModelCard, SearchCard, OutlookCard)
        made = [tab.findChildren(card)[0] for card in cards]
        page = tab.widget()
        column = page.layout() if page is not None else None
        assert column is not None
        assert (order := [column.indexOf(card) for card in made]) == sorted(order)
        stops = [widget for widget in chain_of(tab) if any(card.isAncestorOf(widget) for card in made)]
        places = [next(n for n, card in enumerate(made) if card.isAncestorOf(stop)) for stop in stops]
        assert places == sorted(places)

    run_with_window(scene)


def test_a_card_of_the_models_page_is_there_when_somebody_asks(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        tab = application.window.show_page("models")
        assert isinstance(tab, ModelsTab)
        assert tab.search in tab.findChildren(SearchCard)
        assert tab.outlooks in tab.findChildren(OutlookCard)

    run_with_window(scene)


def test_a_page_of_the_settings_is_made_when_it_is_shown(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        dialog = application.dialogs.open_settings_page("general")
        assert isinstance(dialog, SettingsDialog)
        assert not dialog.findChildren(HuggingFacePage)
        dialog.show_page("hugging face")
        [made] = dialog.findChildren(HuggingFacePage)
        dialog.show_page("general")
        dialog.show_page("hugging face")
        assert dialog.findChildren(HuggingFacePage) == [made]
        dialog.done(0)

    run_with_window(scene)


def chain_of(widget: QWidget) -> list[QWidget]:
    """The widgets that the Tab key comes to, in its order."""
    found, stop = [], widget.nextInFocusChain()
    while stop is not None and stop is not widget:
        if widget.isAncestorOf(stop) and stop.focusPolicy() & Qt.FocusPolicy.TabFocus:
            found.append(stop)
        stop = stop.nextInFocusChain()
    return found


def test_the_page_of_speeds_is_filled_in_steps(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        application.parts.benchmarks.add(make_report("run-1"))
        tab = application.window.show_page("benchmark")
        assert isinstance(tab, BenchmarkTab)
        view = tab.speed.findChild(QTableView)
        assert view is not None
        assert view.model().rowCount() == 0
        assert not tab.speed.viewport().updatesEnabled()
        await until(lambda: tab.speed.viewport().updatesEnabled(), "the runs")
        assert view.model().rowCount() == 1
        assert tab.speed.state.shown == "run-1"

    run_with_window(scene)


def test_runs_that_cannot_be_read_are_told(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    def reports(_: BenchmarkHistory) -> list[Report]:
        raise StillroomError("The runs are away.")

    async def scene(application: WindowApplication) -> None:
        monkeypatch.setattr(BenchmarkHistory, "reports", reports)
        tab = application.window.show_page("benchmark")
        assert isinstance(tab, BenchmarkTab)
        await until(lambda: "The runs are away." in told(application), "the failure")

        def can_run() -> bool:
            buttons = tab.findChildren(QPushButton)
            return any(each.isVisible() and each.text().startswith("Run") for each in buttons)

        # It comes with the rest of the page, in a later turn.
        await until(can_run, "what measures the model")

    run_with_window(scene)


def test_the_runs_are_there_when_somebody_asks(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        application.parts.benchmarks.add(make_report("run-1"))
        tab = application.window.show_page("benchmark")
        assert isinstance(tab, BenchmarkTab)
        assert tab.speed.state.shown == "run-1"
        assert tab.speed.viewport().updatesEnabled()

    run_with_window(scene)
