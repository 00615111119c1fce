"""Another language makes another window: work goes on in it, and the user finds what he had before him."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QLineEdit, QPushButton, QWidget

from app.base.errors import Cancelled
from app.base.paths import app_paths
from app.bench.results.history import BenchmarkHistory
from app.bench.run.run_progress import BenchmarkProgress, OnBenchmarkProgress
from app.chat.store.store import ChatStore
from app.chat.transfer import import_chats
from app.ui.benchmark.benchmark_tab import BenchmarkTab
from app.ui.benchmark.frame.run_history_view import RunHistoryView
from app.ui.benchmark.quality.quality_head import SIZES
from app.ui.benchmark.quality.quality_page import QualityPage
from app.ui.benchmark.speed.benchmark_comparison import ComparisonCard
from app.ui.chat.chat_tab import ChatTab
from app.ui.models.models_tab import ModelsTab
from app.ui.settings.settings_dialog import SettingsDialog
from app.ui.shell.main_window import MainWindow
from app.ui.shell.window_application import WindowApplication
from app.ui.shell.window_tabs import WindowTabs
from app.ui.widgets.notices import INFORM_MS, Notices
from models.store.manifest import BuiltFile
from tests.support.bench_reports import make_report
from tests.support.late_answers import Late
from tests.support.pages.benchmark_page import open_page
from tests.support.tiny_gguf import write_tiny_gguf
from tests.support.waiting import until
from tests.support.widgets import all_seen, click, seen_button, seen_words
from tests.support.window import run_with_window, settle, told

CHINESE, ENGLISH = "zh_CN", "en"
KEEPING_S = 1.0
"""Longer than the rest takes to end, once the engine has."""
MANY_MS = 3_600_000


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    return tmp_path


async def change(application: WindowApplication, language: str) -> None:
    before = application.window
    application.parts.settings.update(language=language)
    await until(lambda: application.window is not before, "the window in this language")


def benchmark(application: WindowApplication) -> BenchmarkTab:
    tab = application.window.current_content
    assert isinstance(tab, BenchmarkTab)
    return tab


def choose_suite(tab: BenchmarkTab, suite: str) -> None:
    [choice] = [box for box in tab.findChildren(QComboBox) if box.findData(suite) >= 0]
    choice.setCurrentIndex(choice.findData(suite))


def seen(widget: QWidget) -> list[str]:
    return [label.text() for label in widget.findChildren(QLabel) if label.isVisible() and label.text()]


def test_a_benchmark_goes_on_and_ends_in_the_new_window(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the starter model")
        application.window.show_page("benchmark")
        tab = benchmark(application)
        choose_suite(tab, "quick")
        tab.run()
        await until(lambda: bool(application.session.reserved_for), "the run")
        await until(lambda: any("1 of 3" in text for text in seen(tab)), "its first repeat")
        await change(application, CHINESE)
        tab = benchmark(application)
        assert application.session.reserved_for == "benchmark"
        await until(lambda: any("取消" in button for button in _buttons(tab)), "its progress in Chinese")
        await until(lambda: not application.session.reserved_for, "its end", turn_s=60)
        [report] = application.parts.benchmarks.reports()
        assert (report.suite, report.interruptions) == ("quick", 0)
        assert tab.speed.state.shown == report.id
        assert tab.speed.state.suite == "quick"

    run_with_window(scene)


def test_the_step_of_a_benchmark_is_told_in_the_new_language_on_every_page(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_step(*_: object, on_progress: OnBenchmarkProgress, cancel: threading.Event, **__: object) -> None:
        """Tell of a step that lasts until it is cancelled."""
        on_progress(BenchmarkProgress("prompt", 1, 3, 0.1, None))
        cancel.wait()
        raise Cancelled

    async def scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the starter model")
        monkeypatch.setattr(application.parts.benchmark_runner, "run", one_step)
        application.window.show_page("benchmark")
        benchmark(application).run()
        await until(lambda: "Benchmark: " in application.session.work_text, "its step")
        application.window.show_page("chat")
        await change(application, CHINESE)
        assert "基准测试：" in application.session.work_text
        application.window.show_page("benchmark")
        benchmark(application).speed.cancel()
        await until(lambda: not application.session.reserved_for, "its end")

    run_with_window(scene)


def test_a_page_that_was_not_seen_yet_begins_as_ever(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        application.window.show_page("benchmark")
        await change(application, CHINESE)
        tab = benchmark(application)
        assert tab.state.quality is None
        assert open_page(tab, "quality", QualityPage).state.size == SIZES[0]
        await change(application, ENGLISH)
        assert benchmark(application).state.page == "quality"

    run_with_window(scene)


def test_a_quality_suite_goes_on_and_can_be_stopped_in_the_new_window(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the starter model")
        application.window.show_page("benchmark")
        tab = benchmark(application)
        tab.show_page("quality")
        page = tab.findChild(QualityPage)
        assert isinstance(page, QualityPage)
        page.run()
        await until(lambda: bool(application.session.work_text), "the suite's first word")
        await change(application, CHINESE)
        tab = benchmark(application)
        assert tab.state.page == "quality"
        page = tab.findChild(QualityPage)
        assert isinstance(page, QualityPage)
        assert page.measuring
        assert application.session.reserved_for == "benchmark"
        page.cancel()
        await until(lambda: not application.session.reserved_for, "its end")
        assert not page.measuring

    run_with_window(scene)


def test_a_reply_goes_on_in_the_new_window(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the starter model")
        tab = application.window.show_page("chat")
        assert isinstance(tab, ChatTab)
        tab.send("Write a long story about a lighthouse keeper and her dog.")
        await until(lambda: tab.running_view is not None and len(tab.running_view.answer) > 40, "some text")
        begun = tab.running_view.answer[:40]
        application.window.show_page("models")
        await change(application, CHINESE)
        assert application.window.current_page == "models"
        tab = application.window.show_page("chat")
        assert isinstance(tab, ChatTab)
        await until(lambda: tab.running_view is not None, "its going on")
        tab.stop()
        await until(lambda: tab.running_view is None, "its end")
        reply = tab.conversation.branch[-1]
        assert reply.content.startswith(begun)

    run_with_window(scene)


def test_the_replies_of_all_chats_go_on_in_the_new_window(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the starter model")
        tab = application.window.show_page("chat")
        assert isinstance(tab, ChatTab)
        for number, name in enumerate(("a lighthouse keeper", "a ship"), start=1):
            tab.open_chat(None)
            tab.send(f"Write a long story about {name}.")
            await until(lambda number=number: len(tab.answered_chats) == number, "its reply")
        asked = tab.answered_chats
        shown = tab.chat
        await change(application, CHINESE)
        tab = application.window.show_page("chat")
        assert isinstance(tab, ChatTab)
        assert (tab.chat.id if tab.chat else 0) == (shown.id if shown else 0)
        await until(lambda: set(tab.answered_chats) == set(asked), "both going on")
        for chat in asked:
            tab.exchange.stop_in(chat)
        await until(lambda: not tab.answered_chats, "their end")

    run_with_window(scene)


def test_it_ends_with_the_program(qapp: QApplication, home: Path) -> None:
    async def scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the starter model")
        application.window.show_page("benchmark")
        benchmark(application).run()
        await until(lambda: bool(application.session.reserved_for), "the run")

    run_with_window(scene)
    history = BenchmarkHistory(app_paths().benchmarks)
    assert history.reports() == []
    history.close()


def test_page_comparison_selection_and_settings_come_back(qapp: QApplication) -> None:
    history = BenchmarkHistory(app_paths().benchmarks)
    history.add(make_report("old", started_at="2026-11-01T10:00:00Z"))
    history.add(make_report("new", started_at="2026-11-02T10:00:00Z", generation=[40.0, 40.2, 40.4]))
    history.close()

    async def scene(application: WindowApplication) -> None:
        models = application.window.show_page("models")
        assert isinstance(models, ModelsTab)
        models.select("r1-qwen-7b")
        application.window.show_page("benchmark")
        tab = benchmark(application)
        choose_suite(tab, "full")
        # The page is filled in steps.
        await until(lambda: "Against the last run" in _buttons(tab), "the newest run")
        _press(tab, "Against the last run")
        await until(lambda: tab.findChild(ComparisonCard).isVisible(), "the comparison")
        application.dialogs.open_settings_page("other computers")
        for language in (CHINESE, ENGLISH):
            await change(application, language)
            tab = benchmark(application)
            state = tab.speed.state
            assert (state.suite, state.shown, state.compared) == ("full", "new", ("old", "new"))
            assert tab.findChild(ComparisonCard).isVisible()
            dialog = application.window.findChild(SettingsDialog)
            assert isinstance(dialog, SettingsDialog)
            assert dialog.isVisible()
            assert dialog.page == "other computers"
        dialog.reject()
        models = application.window.show_page("models")
        assert isinstance(models, ModelsTab)
        assert models.selected_key == "r1-qwen-7b"

    run_with_window(scene)


def test_the_keyboard_stays_where_it_was_in_the_settings(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        application.window.activateWindow()
        dialog = application.dialogs.open_settings_page("general")
        [field] = [box for box in dialog.findChildren(QComboBox) if box.accessibleName() == "Language"]
        await until(dialog.isActiveWindow, "the settings in front")
        field.setFocus()
        await change(application, CHINESE)
        dialog = application.window.findChild(SettingsDialog)
        assert isinstance(dialog, SettingsDialog)
        here = dialog.focusWidget()
        assert isinstance(here, QComboBox)
        assert (here.accessibleName(), here.currentData()) == ("语言", CHINESE)
        await until(here.hasFocus, "the keyboard in that field")
        seen_button(dialog, "关于").setFocus()
        await change(application, ENGLISH)
        dialog = application.window.findChild(SettingsDialog)
        assert isinstance(dialog, SettingsDialog)
        assert dialog.focusWidget() is seen_button(dialog, "General"), "the list of pages again"

    run_with_window(scene)


def test_the_chat_that_was_opened_just_before_comes_back(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settings have not kept it yet."""
    monkeypatch.setattr("app.ui.shell.window_place.KEEP_MS", MANY_MS)

    async def scene(application: WindowApplication) -> None:
        store = application.parts.chats
        older, newer = (store.create_conversation(title=title) for title in ("older", "newer"))
        tab = chat_tab(application)
        tab.open_chat(newer.id)
        tab.open_chat(older.id)
        await change(application, CHINESE)
        tab = chat_tab(application)
        assert tab.chat is not None
        assert tab.chat.id == older.id

    run_with_window(scene)


def test_a_new_chat_stays_open_and_what_is_typed_there_too(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        application.parts.chats.create_conversation(title="older")
        tab = chat_tab(application)
        tab.open_chat(None)
        await change(application, CHINESE)
        tab = chat_tab(application)
        assert tab.chat is None
        tab.composer.set_text("Half a ques")
        await change(application, ENGLISH)
        tab = chat_tab(application)
        assert tab.chat is not None
        assert (tab.chat.title, tab.composer.text()) == ("", "Half a ques")

    run_with_window(scene)


def chat_tab(application: WindowApplication) -> ChatTab:
    tab = application.window.show_page("chat")
    assert isinstance(tab, ChatTab)
    return tab


def test_what_a_window_leaves_is_kept_where_it_is_closed_meanwhile(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The databases are closed after that."""
    begun, engine_closed, stores_closed = (threading.Event() for _ in range(3))
    too_late: list[bool] = []
    close_tabs, close_store = WindowTabs.close_down, ChatStore.close

    def keep() -> None:
        begun.set()
        engine_closed.wait()
        too_late.append(stores_closed.wait(KEEPING_S))

    def close_store_noted(store: ChatStore) -> None:
        stores_closed.set()
        close_store(store)

    async def scene(application: WindowApplication) -> None:
        monkeypatch.setattr(WindowTabs, "close_down", lambda tabs: [*close_tabs(tabs), keep])
        client = application.parts.client
        close_engine = client.close

        def close_engine_noted() -> None:
            close_engine()
            engine_closed.set()

        monkeypatch.setattr(client, "close", close_engine_noted)
        monkeypatch.setattr(ChatStore, "close", close_store_noted)
        application.parts.settings.update(language=CHINESE)
        await until(begun.is_set, "the end of the tabs")
        monkeypatch.setattr(WindowTabs, "close_down", close_tabs)

    run_with_window(scene)
    assert too_late == [False]


def toast(application: WindowApplication) -> Notices:
    notices = application.window.findChild(Notices)
    assert isinstance(notices, Notices)
    return notices


async def press_undo(application: WindowApplication, words: str, undo: str) -> None:
    """Press the button of the toast that says this."""
    notices = toast(application)
    await until(lambda: words in seen_words(notices).splitlines(), words)
    place = [line for line in seen_words(notices).splitlines() if "gone" in line or "Mine" in line]
    click(all_seen(notices, QPushButton, undo)[place.index(words)])


def test_what_was_done_can_be_taken_back_in_the_new_window(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        store = application.parts.chats
        gone = store.create_conversation(title="gone")
        tab = chat_tab(application)
        tab.presets.save("Mine")
        [saved] = toast(application).give_undos()
        assert 0 < saved.left_ms < 2 * INFORM_MS
        tab.presets.delete("Mine")
        tab.chats.delete_requested.emit(gone.id)
        await until(lambda: "“gone” is deleted." in seen_words(toast(application)), "the toast of the chat")
        # However long the windows take to be made.
        undos = [replace(undo, left_ms=MANY_MS) for undo in toast(application).give_undos()]
        toast(application).take_undos(undos, lambda undo: undo.action())
        for language in (CHINESE, ENGLISH, CHINESE):
            await change(application, language)
        tab = chat_tab(application)
        tab.presets.save("Another")
        await press_undo(application, "已删除“gone”。", "撤销")
        await until(lambda: tab.chats.model.index_of(gone.id).isValid(), "the chat in the list")
        await press_undo(application, "预设“Mine”已删除。", "撤销")
        titles = [command.title for command in tab.presets.commands()]
        assert all(any(name in title for title in titles) for name in ("Mine", "Another")), titles
        [another] = toast(application).give_undos()
        assert another.left_ms < 2 * INFORM_MS

    run_with_window(scene)


def test_a_chat_that_is_brought_back_in_the_new_window_is_open(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        store = application.parts.chats
        gone = store.create_conversation(title="gone")
        tab = chat_tab(application)
        tab.open_chat(gone.id)
        for page in ("chat", "models"):
            tab.chats.delete_requested.emit(gone.id)
            await until(lambda: "“gone” is deleted." in seen_words(toast(application)), "the toast")
            undos = [replace(undo, left_ms=MANY_MS) for undo in toast(application).give_undos()]
            toast(application).take_undos(undos, lambda undo: undo.action())
            application.window.show_page(page)
            await change(application, CHINESE)
            await press_undo(application, "已删除“gone”。", "撤销")
            await until(lambda: any(chat.id == gone.id for chat in store.conversations()), "the chat")
            await settle(5)
            tab = chat_tab(application)
            assert tab.chat is not None
            assert tab.chat.id == gone.id
            await change(application, ENGLISH)
            tab = chat_tab(application)

    run_with_window(scene)


def test_chats_that_are_taken_out_again_in_the_new_window_are_not_open(
    qapp: QApplication, tmp_path: Path
) -> None:
    async def scene(application: WindowApplication) -> None:
        store = application.parts.chats
        chat = store.create_conversation(title="imported")
        store.add_message(chat.id, None, "user", "Hello")
        tab = chat_tab(application)
        await tab.list_actions.export(chat.id, "json", False, tmp_path / "chat.json")
        store.delete(chat.id)
        await tab.list_actions.import_from(tmp_path / "chat.json")
        [imported] = [each.id for each in store.conversations() if each.title == "imported"]
        assert tab.chat is not None
        assert tab.chat.id == imported
        undos = [replace(undo, left_ms=MANY_MS) for undo in toast(application).give_undos()]
        toast(application).take_undos(undos, lambda undo: undo.action())
        await change(application, CHINESE)
        click(seen_button(toast(application), "撤销"))
        await until(lambda: all(each.id != imported for each in store.conversations()), "its end")
        tab = chat_tab(application)
        await until(lambda: tab.chat is None or tab.chat.id != imported, "another chat")
        assert "此聊天已不存在。" not in told(application)

    run_with_window(scene)


def test_chats_that_are_being_read_are_added_in_the_new_window(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = Late(import_chats.read_chats)
    monkeypatch.setattr(import_chats, "read_chats", reading)

    async def scene(application: WindowApplication) -> None:
        store = application.parts.chats
        chat = store.create_conversation(title="imported")
        store.add_message(chat.id, None, "user", "Hello")
        tab = chat_tab(application)
        await tab.list_actions.export(chat.id, "json", False, tmp_path / "chat.json")
        store.delete(chat.id)
        tab.start(tab.list_actions.import_from(tmp_path / "chat.json"))
        await until(lambda: reading.waiting == 1, "the reading")
        for language in (CHINESE, ENGLISH):
            await change(application, language)
            assert reading.waiting == 1
        reading.let_all()
        await until(lambda: "Chats added: 1." in told(application), "its end")
        assert [each.title for each in store.conversations()] == ["imported"]
        tab = chat_tab(application)
        assert tab.chat is not None
        assert tab.chat.title == "imported"

    run_with_window(scene)


def test_the_time_of_an_undo_stands_still_while_the_window_is_made(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        notices = toast(application)
        notices.inform_with_undo("It is gone.", lambda: None)
        [undo] = notices.give_undos()
        notices.take_undos([replace(undo, left_ms=MANY_MS)], lambda undo: undo.action())
        await change(application, CHINESE)
        [undo] = toast(application).give_undos()
        # Qt may round a long time up by a twentieth.
        assert MANY_MS / 2 < undo.left_ms < 2 * MANY_MS
        assert undo.words == "It is gone."

    run_with_window(scene)


def test_a_benchmark_run_is_back_in_the_new_window(qapp: QApplication) -> None:
    history = BenchmarkHistory(app_paths().benchmarks)
    history.add(make_report("old", started_at="2026-11-01T10:00:00Z"))
    history.close()

    async def scene(application: WindowApplication) -> None:
        application.window.show_page("benchmark")
        benchmark(application).speed.complete()
        [runs] = benchmark(application).findChildren(RunHistoryView)
        runs.select("old")
        runs.delete_asked.emit()
        await until(lambda: "The benchmark run is deleted." in seen_words(toast(application)), "the toast")
        undos = [replace(undo, left_ms=MANY_MS) for undo in toast(application).give_undos()]
        toast(application).take_undos(undos, lambda undo: undo.action())
        await change(application, CHINESE)
        assert benchmark(application).speed.state.shown == ""
        click(seen_button(toast(application), "撤销"))
        await until(lambda: benchmark(application).speed.state.shown == "old", "the run")

    run_with_window(scene)


def test_words_in_the_fields_of_the_pages_are_typed_in_the_new_window(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing answers there.
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    names = {
        ENGLISH: ("Hugging Face id or address", "Search Hugging Face", "Search all chats"),
        CHINESE: ("Hugging Face ID 或网址", "搜索 Hugging Face", "搜索所有聊天"),
    }
    words = ["owner/half-a-name", "qwen coder", "lighthouse"]

    def fields(application: WindowApplication, language: str) -> list[QLineEdit]:
        chat_tab(application)
        models = application.window.show_page("models")
        assert isinstance(models, ModelsTab)
        models.complete()
        found = {field.accessibleName(): field for field in application.window.findChildren(QLineEdit)}
        return [found[name] for name in names[language]]

    async def scene(application: WindowApplication) -> None:
        for field, text in zip(fields(application, ENGLISH), words, strict=True):
            field.setText(text)
        await change(application, CHINESE)
        # Of the pages that nobody has looked at there, nothing is lost with another window, either.
        await change(application, ENGLISH)
        await change(application, CHINESE)
        await until(lambda: [each.text() for each in fields(application, CHINESE)] == words, "the words")

    run_with_window(scene)


def test_the_page_of_the_models_is_scrolled_to_where_it_was(qapp: QApplication) -> None:
    async def whole(application: WindowApplication) -> ModelsTab:
        models = application.window.show_page("models")
        assert isinstance(models, ModelsTab)
        await until(lambda: models.outlooks.isVisible() and models.viewport().updatesEnabled(), "all cards")
        models.complete()
        await settle()
        return models

    def from_top(models: ModelsTab) -> int:
        return models.add_card.mapTo(models.viewport(), QPoint(0, 0)).y()

    async def scene(application: WindowApplication) -> None:
        application.window.resize(1000, 700)
        models = await whole(application)
        # The list has the keyboard, and is above what is seen.
        models.setFocus()
        models.verticalScrollBar().setValue(models.add_card.y() + 40)
        assert from_top(models) == -40
        await change(application, CHINESE)
        assert from_top(await whole(application)) == -40
        # Nobody has waited for the page in this one.
        await change(application, ENGLISH)
        await change(application, CHINESE)
        assert from_top(await whole(application)) == -40

    run_with_window(scene)


def titles(models: ModelsTab) -> list[str]:
    """Give the names of the models on the disk."""
    rows = [models.table.row(number) for number in range(models.table.rowCount())]
    return [row.title for row in rows if row.installed]


def test_a_deleted_model_is_back_in_the_new_window(qapp: QApplication, tmp_path: Path) -> None:
    path = tmp_path / "Q4_K_M.gguf"
    write_tiny_gguf(path)

    async def scene(application: WindowApplication) -> None:
        built = BuiltFile("Q4_K_M", path, "ab", path.stat().st_size)
        store = application.parts.store
        name = "DeepSeek-R1-Distill-Qwen-1.5B"
        store.add(name, [built], key="r1-qwen-1.5b", repo=f"deepseek-ai/{name}")
        models = application.window.show_page("models")
        assert isinstance(models, ModelsTab)
        models.complete()
        models.reload()
        await until(lambda: "R1 Qwen 1.5B" in titles(models), "the model")
        models.select("r1-qwen-1.5b")
        await until(lambda: models.selected_key == "r1-qwen-1.5b", "its row")
        click(seen_button(models.detail, "Delete R1 Qwen 1.5B Q4_K_M"))
        await until(lambda: f"{name} Q4_K_M was deleted." in seen_words(toast(application)), "the toast")
        assert name not in [model.name for model in store.listing().models]
        undos = [replace(undo, left_ms=MANY_MS) for undo in toast(application).give_undos()]
        toast(application).take_undos(undos, lambda undo: undo.action())
        await change(application, CHINESE)
        models = application.window.show_page("models")
        assert isinstance(models, ModelsTab)
        await until(lambda: f"已删除 {name} Q4_K_M。" in seen_words(toast(application)), "the toast")
        click(seen_button(toast(application), "撤销"))
        await until(lambda: "R1 Qwen 1.5B" in titles(models), "the model")

    run_with_window(scene)


def windows(qapp: QApplication) -> list[MainWindow]:
    return [each for each in qapp.topLevelWidgets() if isinstance(each, MainWindow)]


def test_a_window_that_is_closed_while_the_other_one_is_made_ends_it(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        before, others = application.window, windows(qapp)
        application.parts.settings.update(language=CHINESE)
        await until(lambda: len(windows(qapp)) > len(others), "the beginning of the other window")
        assert application.window is before
        before.close()
        await settle(5)
        assert application.window is before
        assert not any(each.isVisible() for each in windows(qapp))

    run_with_window(scene)


def test_another_language_is_followed_while_the_window_of_one_is_made(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        before, others = application.window, windows(qapp)
        application.parts.settings.update(language=CHINESE)
        await until(lambda: len(windows(qapp)) > len(others), "the beginning of the other window")
        application.parts.settings.update(language=ENGLISH)
        await until(
            lambda: application.window is not before and "Models" in _buttons(application.window),
            "the window in the language that was chosen last",
        )
        await until(
            lambda: [each for each in windows(qapp) if each.isVisible()] == [application.window], "one window"
        )

    run_with_window(scene)


def _buttons(widget: QWidget) -> list[str]:
    return [button.text() for button in widget.findChildren(QPushButton) if button.isVisible()]


def _press(widget: QWidget, text: str) -> None:
    [button] = [each for each in widget.findChildren(QPushButton) if each.text() == text]
    button.click()
