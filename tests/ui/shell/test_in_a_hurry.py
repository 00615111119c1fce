"""Two things at once in the whole window: typing beside the page, choosing a model in mid-measurement."""

import asyncio
import contextlib
import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QKeyCombination, QObject, Qt, QTimer
from PySide6.QtGui import (
    QAction,
    QGuiApplication,
    QInputMethodEvent,
    QKeyEvent,
    QPlatformSurfaceEvent,
    QWindow,
)
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QWidget

from app.base.errors import Cancelled, EngineError
from app.base.paths import app_paths
from app.code.draft import Draft, DraftFile
from app.code.open_texts import TextsFolder
from app.engine.protocol import Generate, LoadSettings, Part
from app.settings import LoadChoice
from app.ui.base.add_action import add_action
from app.ui.benchmark.benchmark_tab import BenchmarkTab
from app.ui.benchmark.drift.drift_page import DriftPage
from app.ui.benchmark.quality.quality_page import QualityPage
from app.ui.chat.chat_tab import ChatTab
from app.ui.code.code_tab import CodeTab
from app.ui.code.conversation.code_conversation import CodeConversation
from app.ui.live_panel.loaded_line import LoadedLine
from app.ui.load_settings.load_settings_dialog import LoadSettingsDialog
from app.ui.models.list.model_rows import row_key
from app.ui.models.list.models_table import HERE
from app.ui.models.models_tab import ModelsTab
from app.ui.settings.audit_dialog import AuditDialog
from app.ui.shell.commands.command_palette import CommandPalette
from app.ui.shell.main_window import MainWindow
from app.ui.shell.window_application import WindowApplication
from app.ui.widgets.notices import Notices
from models.store.manifest import BuiltFile
from tests.support.engines import starter_path
from tests.support.late_answers import Late
from tests.support.pages.command_palette_page import CommandPalettePage
from tests.support.pages.models_page import ModelsPage
from tests.support.starter_variants import write_unreadable_model
from tests.support.waiting import until
from tests.support.window import run_with_window, settle, told

NONE = Qt.KeyboardModifier.NoModifier
RETURN = QKeyCombination(NONE, Qt.Key.Key_Return)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    return tmp_path


def bar_button(application: WindowApplication, name: str) -> QPushButton:
    found = application.window.findChildren(QPushButton)
    return next(made for made in found if name in (made.accessibleName(), made.text()))


def loaded_line(application: WindowApplication) -> str:
    """The words at the foot of the live panel, which may be too narrow to be seen."""
    [line] = application.window.findChildren(LoadedLine)
    return " ".join(label.text() for label in line.findChildren(QLabel))


def test_what_is_typed_after_a_click_in_the_bar_goes_to_the_message(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        tab = application.window.show_page("chat")
        assert isinstance(tab, ChatTab)
        application.window.activateWindow()
        await until(application.window.isActiveWindow, "the keyboard")
        for name in ("Chat", "Settings", "How the model is loaded"):
            button = bar_button(application, name)
            button.clicked.disconnect()
            QTest.mouseClick(button, Qt.MouseButton.LeftButton)
            assert not button.hasFocus(), name
            button.setFocus(Qt.FocusReason.TabFocusReason)
            QTest.keyClick(button, "a")
            assert tab.composer.text() == "a", name
            tab.composer.set_text("")

    run_with_window(scene)


def test_the_keys_of_a_page_do_what_they_say_from_beside_it(qapp: QApplication) -> None:
    held = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier

    async def scene(application: WindowApplication) -> None:
        tab = application.window.show_page("chat")
        assert isinstance(tab, ChatTab)
        application.window.activateWindow()
        await until(application.window.isActiveWindow, "the keyboard")
        tab.chats.search.setText("lamp")
        for name in ("Chat", "Settings", "How the model is loaded"):
            beside = bar_button(application, name)
            beside.setFocus(Qt.FocusReason.TabFocusReason)
            QTest.keyClick(beside, Qt.Key.Key_F, held)
            assert tab.chats.search.hasFocus(), name
            beside.setFocus(Qt.FocusReason.TabFocusReason)
            QTest.keyClick(beside, Qt.Key.Key_Escape)
            QTest.keyClick(beside, Qt.Key.Key_Delete)
            assert beside.hasFocus(), name

    run_with_window(scene)


def press(window: QWindow, *keys: QKeyCombination) -> None:
    """Press keys as the system does, with no turn of the event loop in between."""
    for key in keys:
        named = {Qt.Key.Key_Return: "\r", Qt.Key.Key_Escape: "\x1b"}.get(key.key())
        text = named or ("" if key.keyboardModifiers() else chr(key.key()))
        for kind in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress):
            QApplication.sendEvent(window, QKeyEvent(kind, key.key(), key.keyboardModifiers(), text))


def action_of(window: MainWindow, title: str) -> QAction:
    return next(action for action in window.actions() if action.text() == title)


def test_what_is_typed_is_for_the_page_that_was_asked_for_and_is_still_made(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        window = application.window
        chat = window.show_page("chat")
        assert isinstance(chat, ChatTab)
        window.activateWindow()
        await until(window.isActiveWindow, "the keyboard")
        action_of(window, "Code").trigger()
        assert window.current_page == "chat"
        typed = (Qt.Key.Key_A, Qt.Key.Key_Return, Qt.Key.Key_B)
        press(window.windowHandle(), *(QKeyCombination(NONE, key) for key in typed))
        code = window.current_content
        assert isinstance(code, CodeTab)
        assert code.editor.hasFocus()
        # What was open the last time is still read.
        assert code.editor.isReadOnly()
        await until(lambda: code.editor.text() == "A\nB", "the text")
        assert chat.composer.text() == ""

    run_with_window(scene)


def compose(*events: tuple[str, str]) -> None:
    """Write as an input method does, with what it puts together and what it commits."""
    for composed, committed in events:
        event = QInputMethodEvent(composed, [])
        event.setCommitString(committed)
        focused = QGuiApplication.focusObject()
        assert focused is not None
        QApplication.sendEvent(focused, event)


def test_what_an_input_method_writes_is_for_the_page_that_is_still_made(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        window = application.window
        chat = window.show_page("chat")
        assert isinstance(chat, ChatTab)
        window.activateWindow()
        await until(window.isActiveWindow, "the keyboard")
        action_of(window, "Code").trigger()
        compose(("ni", ""), ("", "你"))
        await asyncio.sleep(0)
        compose(("", "好"))
        await until(lambda: window.current_page == "code", "the page")
        code = window.current_content
        assert isinstance(code, CodeTab)
        compose(("", "，"))
        await until(lambda: code.editor.text() == "你好，", "the text")
        assert chat.composer.text() == ""
        window.show_page("chat")
        compose(("", "问"))
        assert chat.composer.text() == "问"

    run_with_window(scene)


def test_what_is_typed_after_code_was_taken_is_not_for_the_text_of_the_last_time(qapp: QApplication) -> None:
    DraftFile(TextsFolder(app_paths().data).draft(1)).save(Draft(text="last"))

    async def scene(application: WindowApplication) -> None:
        window = application.window
        code = window.show_page("code")
        assert isinstance(code, CodeTab)
        code.take_code("x = 1", "python")
        await asyncio.sleep(0)
        assert code.editor.isReadOnly()
        press(window.windowHandle(), QKeyCombination(NONE, Qt.Key.Key_A))
        await until(lambda: code.editor.text() == "x = 1", "the code")
        assert [file.editor.text() for file in code.files.files] == ["last", "x = 1"]

    run_with_window(scene)


def test_who_goes_on_to_another_page_does_not_wait_for_the_one_before(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        window = application.window
        control = Qt.KeyboardModifier.ControlModifier
        action_of(window, "Code").trigger()
        press(
            window.windowHandle(),
            QKeyCombination(control, Qt.Key.Key_Control),
            QKeyCombination(control, Qt.Key.Key_1),
        )
        assert not window.findChildren(CodeConversation)
        action_of(window, "Chat").trigger()
        await settle(3)
        assert window.current_page == "chat"

    run_with_window(scene)


def test_no_model_is_asked_for_while_one_is_about_to_be_loaded(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        code = application.window.show_page("code")
        assert isinstance(code, CodeTab)
        assert not application.session.loading_path
        assert code.conversation.state.text() == "The model is being loaded."
        application.session.expect_model(False)
        assert code.conversation.state.text().startswith("No model is loaded.")

    run_with_window(scene)


def test_a_model_that_is_asked_for_while_it_is_loaded_is_loaded_once(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(application: WindowApplication) -> None:
        session, picker = application.session, application.window.picker
        await until(lambda: session.info is not None, "the starter model")
        picker.unload_asked.emit("")
        await until(lambda: session.info is None, "its end")
        reading = Late(session.client.prepare_load)
        monkeypatch.setattr(session.client, "prepare_load", reading)
        [starter] = application.parts.store.present.models
        picker.chosen.emit(starter)
        await until(lambda: reading.waiting == 1, "the load")
        picker.chosen.emit(starter)
        await settle(20)
        assert reading.waiting == 1
        # With other settings it is another load, and so it is after one that was stopped.
        choices = application.parts.load_choices
        choices.choose(starter.path, LoadChoice(load=LoadSettings(context_tokens=512)))
        picker.chosen.emit(starter)
        await until(lambda: reading.waiting == 2, "the load with other settings")
        session.cancel_load()
        picker.chosen.emit(starter)
        await until(lambda: reading.waiting == 3, "the load after the stopped one")
        reading.let_all()
        await until(lambda: session.info is not None, "the starter model again")

    run_with_window(scene)


@pytest.mark.parametrize("is_stopped", [True, False])
def test_the_model_of_before_answers_everywhere_after_a_load_that_came_to_nothing(
    qapp: QApplication, home: Path, is_stopped: bool
) -> None:
    file = home / "other.gguf"
    if is_stopped:
        shutil.copy(starter_path(), file)
    else:
        write_unreadable_model(file)

    async def scene(application: WindowApplication) -> None:
        session = application.session
        code = application.window.show_page("code")
        assert isinstance(code, CodeTab)
        await until(lambda: session.info is not None, "the starter model")
        before = loaded_line(application)
        if is_stopped:
            session.loading.connect(lambda _, fraction: session.cancel_load() if fraction else None)
        with pytest.raises(Cancelled if is_stopped else EngineError):
            await session.load(file, LoadSettings(context_tokens=512))
        await until(lambda: session.info is not None, "the starter model again")
        if is_stopped:
            assert loaded_line(application) == before
        assert code.conversation.state.text() == ""
        assert code.conversation.ask_button.isEnabled()

    run_with_window(scene)


def test_no_page_is_made_in_a_window_that_is_closed(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        window = application.window
        window.show_page("benchmark")
        application.commands.open_palette()
        action_of(window, "Code").trigger()
        [code] = window.findChildren(CodeTab)
        window.close()
        made = len(window.findChildren(QWidget))
        await settle(5)
        assert window.current_page == "benchmark"
        assert not window.findChildren(ModelsTab)
        assert len(window.findChildren(QWidget)) <= made
        assert code.isHidden()

    run_with_window(scene)


def test_no_model_is_loaded_or_unloaded_while_one_is_measured(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        session = application.session
        await until(lambda: session.info is not None, "the starter model")
        before = session.info
        [starter] = application.parts.store.listing().models
        session.reserve("benchmark")
        loads: list[object] = []
        session.loading.connect(lambda *_: loads.append("load"))
        for ask in (
            lambda: application.window.picker.chosen.emit(starter),
            lambda: application.window.picker.unload_asked.emit(""),
            lambda: application.dialogs.make_load_settings().applied.emit(
                application.parts.load_choices.default, 30
            ),
        ):
            ask()
            await until(lambda: "being measured" in told(application), "the reason")
            application.window.findChildren(Notices)[0].dismiss()
        assert loads == []
        assert session.info is before
        await asyncio.wrap_future(session.client.unload())
        await until(lambda: session.info is None, "the unloading of the measurement")
        assert application.window.picker.accessibleDescription() == "Measuring…"
        assert "Choose one above" not in loaded_line(application)
        session.reserve("")
        assert application.window.picker.accessibleDescription() == "Choose a model"
        assert "Choose one above" in loaded_line(application)

    run_with_window(scene)


def test_a_model_that_is_deleted_while_it_is_loaded_does_not_answer(qapp: QApplication, home: Path) -> None:
    file = home / "made.gguf"
    shutil.copy(starter_path(), file)

    async def scene(application: WindowApplication) -> None:
        session, parts = application.session, application.parts
        await until(lambda: session.info is not None, "the starter model")
        [model] = parts.store.add("Mine", [BuiltFile("Q4_1", file, "0" * 64, file.stat().st_size)])
        tab = application.window.show_page("models")
        assert isinstance(tab, ModelsTab)
        tab.reload(row_key(model))
        await until(lambda: tab.selected_key == row_key(model), "the row")
        pressed: list[float] = []

        def on_loading(path: str, fraction: float) -> None:
            if path == str(model.path) and fraction > 0 and not pressed:
                pressed.append(fraction)
                ModelsPage(tab).press(Qt.Key.Key_Delete)

        session.loading.connect(on_loading)
        tab.load_asked.emit(model)
        await until(lambda: not model.path.exists(), "the deletion")
        await until(lambda: not session.loading_path and session.info is not None, "the end of the load")
        assert [Path(info.path) for info in session.models] == [Path(starter_path())]
        assert "Loading" not in application.window.picker.accessibleDescription()
        assert parts.settings.values.last_model != model.reference

    run_with_window(scene)


def test_a_load_is_told_in_the_row_of_its_model_until_it_is_stopped(qapp: QApplication, home: Path) -> None:
    file = home / "made.gguf"
    shutil.copy(starter_path(), file)

    async def scene(application: WindowApplication) -> None:
        session, parts = application.session, application.parts
        await until(lambda: session.info is not None, "the starter model")
        [model] = parts.store.add("Mine", [BuiltFile("Q4_1", file, "0" * 64, file.stat().st_size)])
        tab = application.window.show_page("models")
        assert isinstance(tab, ModelsTab)
        tab.reload(row_key(model))
        await until(lambda: tab.selected_key == row_key(model), "the row")

        def said() -> str:
            return tab.table.text(tab.table.number_of(row_key(model)), HERE)

        meanwhile: list[str] = []

        def on_loading(path: str, fraction: float) -> None:
            if path == str(model.path) and fraction > 0 and not meanwhile:
                meanwhile.append(said())
                session.cancel_load()

        session.loading.connect(on_loading)
        tab.load_asked.emit(model)
        await until(lambda: bool(meanwhile) and session.info is not None, "the model of before")
        assert meanwhile == ["Loading…"]
        await until(lambda: "Loading" not in said(), "the end of the load")

    run_with_window(scene)


def test_nothing_is_measured_while_a_reply_is_asked_for(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        session, window = application.session, application.window
        await until(lambda: session.info is not None, "the starter model")
        tab = window.show_page("benchmark")
        assert isinstance(tab, BenchmarkTab)
        for page in ("speed", "quality", "drift"):
            tab.show_page(page)
        quality, drift = tab.findChild(QualityPage), tab.findChild(DriftPage)
        assert quality is not None
        assert drift is not None
        for measure in (tab.run, quality.run, drift.check, application.dialogs.open_tuning):
            reply = session.generate(
                Generate(request_id=0, parts=[Part("Count to a thousand.")], ignore_eog=True), lambda _: None
            )
            measure()
            assert "A reply is being written." in told(application)
            assert not session.reserved_for
            window.findChildren(Notices)[0].dismiss()
            reply.cancel()
            with contextlib.suppress(Cancelled):
                await reply.finished()
        assert session.info is not None

    run_with_window(scene)


def test_nobody_asks_for_a_model_while_one_comes_back(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        session = application.session
        await until(lambda: session.info is not None, "the starter model")
        benchmark = application.window.show_page("benchmark")
        assert isinstance(benchmark, BenchmarkTab)
        code = application.window.show_page("code")
        assert isinstance(code, CodeTab)
        await settle()
        said: list[str] = []
        session.loading.connect(
            lambda *_: said.append(f"{code.conversation.state.text()} {benchmark.speed.refusal}")
        )
        assert session.client.rest()
        await asyncio.wrap_future(session.client.count_tokens([Part("Hello")]))
        await until(lambda: session.info is not None, "the model")
        assert said
        assert {"The model is being loaded. The model is being loaded."} == set(said)

    run_with_window(scene)


def test_an_early_escape_closes_the_load_settings_and_stops_no_reply(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        tab = application.window.show_page("chat")
        assert isinstance(tab, ChatTab)
        await until(lambda: application.session.info is not None, "the model")
        tab.send("Write a long story about a lighthouse keeper.")
        await until(lambda: tab.running_view is not None, "the reply")
        application.window.activateWindow()
        await until(application.window.isActiveWindow, "the keyboard")
        button = bar_button(application, "How the model is loaded")
        escaped = asyncio.Event()

        def hurry() -> None:
            button.click()
            QTest.keyClick(application.window.windowHandle(), Qt.Key.Key_Escape)
            escaped.set()

        # Not in a task: the key is looked for among the shortcuts, for which Qt handles other events, too.
        QTimer.singleShot(0, hurry)
        await escaped.wait()
        await settle()
        assert not any(made.isVisible() for made in application.window.findChildren(LoadSettingsDialog))
        assert tab.running_view is not None
        # It opens again.
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        dialogs = application.window.findChildren
        await until(lambda: any(made.isVisible() for made in dialogs(LoadSettingsDialog)), "the dialog")
        tab.stop()

    run_with_window(scene)


class SystemWindow(QObject):
    """Notes when the system's window of a `QWindow` goes: keys on their way to it are lost then."""

    def __init__(self, handle: QWindow) -> None:
        super().__init__()
        self.gone = False
        handle.installEventFilter(self)

    def eventFilter(self, _: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        destroyed = QPlatformSurfaceEvent.SurfaceEventType.SurfaceAboutToBeDestroyed
        self.gone |= isinstance(event, QPlatformSurfaceEvent) and event.surfaceEventType() == destroyed
        return False


def test_keys_on_their_way_to_the_palette_are_not_lost_with_it(qapp: QApplication) -> None:
    done: list[bool] = []

    async def scene(application: WindowApplication) -> None:
        window = application.window
        window.activateWindow()
        await until(window.isActiveWindow, "the keyboard")
        add_action(window, "Slow as a dialog", "", lambda: done.append(system.gone))
        action_of(window, "Commands").trigger()
        [palette] = window.findChildren(CommandPalette)
        await until(palette.isActiveWindow, "the palette")
        person = CommandPalettePage(palette)
        person.type("Slow as")
        system = SystemWindow(palette.windowHandle())
        # The second is on its way as the first is taken up.
        person.press(Qt.Key.Key_Return, Qt.Key.Key_Return)
        assert (done, palette.isVisible(), system.gone) == ([False], False, False)
        await until(lambda: not window.findChildren(CommandPalette), "the end of the palette")
        assert system.gone

    run_with_window(scene)


async def type_into_palette(application: WindowApplication, words: str) -> QWindow:
    """Open the command palette and find the command of these words in it; gives its window of the system."""
    window = application.window
    window.activateWindow()
    await until(window.isActiveWindow, "the keyboard")
    action_of(window, "Commands").trigger()
    [palette] = [each for each in window.findChildren(CommandPalette) if each.isVisible()]
    await until(palette.isActiveWindow, "the palette")
    CommandPalettePage(palette).type(words)
    assert palette.titles[0] == words
    return palette.windowHandle()


def test_an_escape_right_after_return_takes_back_what_the_palette_opens(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        window = application.window
        palette = await type_into_palette(application, "Audit log")
        press(palette, RETURN, QKeyCombination(NONE, Qt.Key.Key_Escape))
        await settle()
        assert not any(made.isVisible() for made in window.findChildren(AuditDialog))
        await until(lambda: not window.findChildren(CommandPalette), "the end of the palette")
        press(await type_into_palette(application, "Audit log"), RETURN)
        await until(lambda: any(made.isVisible() for made in window.findChildren(AuditDialog)), "the log")

    run_with_window(scene)


def test_what_is_typed_right_after_return_is_for_the_page_in_front(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        chat = application.window.show_page("chat")
        assert isinstance(chat, ChatTab)
        palette = await type_into_palette(application, "New chat")
        press(palette, RETURN, QKeyCombination(NONE, Qt.Key.Key_H), QKeyCombination(NONE, Qt.Key.Key_I))
        await until(lambda: chat.composer.text() == "HI", "the text")
        palette = await type_into_palette(application, "New chat")
        pressed = asyncio.Event()

        def hurry() -> None:
            press(palette, RETURN)
            QTest.keyClick(palette, Qt.Key.Key_4, Qt.KeyboardModifier.ControlModifier)
            pressed.set()

        # Not in a task: the key is looked for among the shortcuts, for which Qt handles other events, too.
        QTimer.singleShot(0, hurry)
        await pressed.wait()
        await until(lambda: application.window.current_page == "models", "the page")

    run_with_window(scene)


def test_the_load_settings_are_those_of_the_model_that_is_being_loaded(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        session = application.session
        await until(lambda: session.info is not None, "the starter model")
        assert session.info is not None
        path = Path(session.info.path)
        named = application.dialogs.make_load_settings().windowTitle()
        load = asyncio.ensure_future(session.load(path, LoadSettings(context_tokens=512)))
        await asyncio.sleep(0)
        assert session.info is None
        assert application.dialogs.load_subject == str(path)
        dialog = application.dialogs.make_load_settings()
        assert dialog.windowTitle() == named
        dialog.deleteLater()
        await load

    run_with_window(scene)
