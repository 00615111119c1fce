"""The load settings and tuning, in the real window with the real engine and the starter model."""

import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QTableView,
)
from pytestqt.qtbot import QtBot

from app.engine.planning.load_history import Lowered, Remembered, Tuned
from app.engine.protocol import LoadNotice, LoadSettings
from app.settings import LoadChoice
from app.tuning.report import Speed, TuningReport, TuningRow
from app.tuning.tuner import Tuner, TuningProgress
from app.ui.base.bridge import Bridge
from app.ui.load_settings.context_slider import ContextSlider
from app.ui.load_settings.load_settings_dialog import LoadSettingsDialog, LoadSubject, drafts_for
from app.ui.load_settings.memory_bars import MemoryNeedView
from app.ui.load_settings.tuning_dialog import TuningDialog
from app.ui.shell.window_application import WindowApplication
from models.store.store import InstalledModel
from tests.support.waiting import until
from tests.support.window import run_with_window, settle

TUNED = Tuned(threads=1, prompt_threads=1, batch_tokens=128, flash_attention="auto", kv_type="f16")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLROOM_HOME", str(tmp_path))
    return tmp_path


async def opened(application: WindowApplication) -> LoadSettingsDialog:
    await until(lambda: application.session.info is not None, "the starter model")
    application.window.load_settings_asked.emit()

    def shown() -> list[LoadSettingsDialog]:
        return [each for each in application.window.findChildren(LoadSettingsDialog) if each.isVisible()]

    await until(lambda: bool(shown()), "the dialog")
    [dialog] = shown()
    assert isinstance(dialog, LoadSettingsDialog)
    return dialog


def texts(widget: QLabel | LoadSettingsDialog | MemoryNeedView | TuningDialog) -> str:
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if not label.isHidden())


def field(dialog: LoadSettingsDialog, kind: type[QSpinBox] | type[QComboBox], name: str) -> QSpinBox:
    [found] = [one for one in dialog.findChildren(kind) if one.accessibleName() == name]
    return found  # type: ignore[return-value] # or a QComboBox, as asked


def test_the_memory_that_is_needed_stands_beside_the_context(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        dialog = await opened(application)
        need = dialog.findChild(MemoryNeedView)
        assert isinstance(need, MemoryNeedView)
        await until(lambda: "8,192 tokens of context" in texts(need), "the plan")
        [bar] = [bar for bar in need.findChildren(QProgressBar) if bar.accessibleName() == "RAM"]
        before = bar.value()
        slider = dialog.findChild(ContextSlider)
        assert isinstance(slider, ContextSlider)
        slider.set_tokens(1024)
        await until(lambda: "1,024 tokens of context" in texts(need), "the smaller plan")
        assert bar.value() < before
        slider.set_tokens(100_000)
        await until(lambda: "was lowered to that" in texts(need), "the notice")
        field(dialog, QComboBox, "Beyond its limit").setCurrentIndex(1)  # type: ignore[attr-defined]
        await until(lambda: "by YaRN" in texts(need), "the longer context")
        dialog.reject()

    run_with_window(scene)


def test_settings_that_exclude_each_other_are_said_at_once(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        dialog = await opened(application)
        field(dialog, QComboBox, "Cache type").setCurrentText("q8_0")  # type: ignore[attr-defined]
        field(dialog, QComboBox, "Flash attention").setCurrentText("off")  # type: ignore[attr-defined]
        await until(lambda: "needs flash attention" in texts(dialog), "the problem")
        dialog.reject()

    run_with_window(scene)


def test_everything_that_is_chosen_is_kept(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        dialog = await opened(application)
        slider = dialog.findChild(ContextSlider)
        assert isinstance(slider, ContextSlider)
        slider.set_tokens(2048)
        for name, value in (
            ("Replies side by side", 2),
            ("Threads", 1),
            ("Threads for prompts", 2),
            ("Batch", 64),
            ("Give memory back after", 5),
        ):
            field(dialog, QSpinBox, name).setValue(value)
        weights = field(dialog, QComboBox, "Weights")
        weights.setCurrentText("read through the file")  # type: ignore[attr-defined]
        dialog.findChild(QPushButton, "apply").click()
        await until(
            lambda: application.session.info is not None and application.session.info.context_tokens == 2048,
            "the model with the settings",
        )
        info = application.session.info
        assert info is not None
        assert application.parts.load_choices.of(info.path).load == LoadSettings(
            context_tokens=2048,
            sequences=2,
            threads=1,
            prompt_threads=2,
            batch_tokens=64,
            weights="mapped",
        )
        values = application.parts.settings.values
        assert values.load == LoadSettings()
        assert values.idle_unload_minutes == 5

    run_with_window(scene)


def test_what_had_to_be_given_up_can_be_tried_again(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the starter model")
        info = application.session.info
        assert info is not None
        lowered = Lowered(asked=LoadSettings(), plan=info.plan, given_up=("sequences",))
        application.parts.memory.note_lowered(info.path, lowered)
        dialog = await opened(application)
        assert "Memory was too short for this model" in texts(dialog)
        loads: list[object] = []
        application.session.loaded.connect(loads.append)
        dialog.findChild(QPushButton, "forget").click()
        await until(lambda: bool(loads), "the model again")
        assert application.parts.memory.of(info.path).lowered is None

    run_with_window(scene)


def test_a_model_that_rests_says_so_and_comes_back(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        await until(lambda: application.session.info is not None, "the starter model")
        # It may not while the window still asks it for something.
        await until(application.parts.client.rest, "the rest")
        await until(
            lambda: any(
                "its memory is free again" in label.text()
                for label in application.window.findChildren(QLabel)
            ),
            "the loaded line",
        )
        assert application.session.info is not None
        await application.session.count_tokens([])
        await until(lambda: application.parts.client.state.phase == "loaded", "the model again")

    run_with_window(scene)


def report() -> TuningReport:
    def row(value: int, tok_per_s: float, *, chosen: bool) -> TuningRow:
        return TuningRow(
            knob="threads",
            value=value,
            speed=Speed(decode_tok_per_s=tok_per_s),
            repeats=5,
            gain=0.25,
            noise=0.01,
            chosen=chosen,
            why=LoadNotice("{percent}% faster.", {"percent": 25.0}),
        )

    return TuningReport(
        file="model.gguf",
        model="A model",
        quantisation="Q4_1",
        backend="CPU",
        llama_cpp_version="0",
        seconds=60.0,
        before=Speed(prompt_tok_per_s=100.0, decode_tok_per_s=8.0),
        after=Speed(prompt_tok_per_s=100.0, decode_tok_per_s=10.0),
        chosen=TUNED,
        rows=[row(2, 8.0, chosen=False), row(1, 10.0, chosen=True)],
    )


def stand_in_for_measuring(application: WindowApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result in place of two minutes of measuring; what is around it is real."""

    def run(
        tuner: Tuner,
        path: Path,
        asked: LoadSettings,
        on_progress: Callable[[TuningProgress], None],
        cancel: threading.Event | None = None,
    ) -> TuningReport:
        on_progress(TuningProgress("threads", 0.5, 30.0))
        application.parts.memory.note_tuned(str(path), TUNED)
        return report()

    monkeypatch.setattr(Tuner, "run", run)


@pytest.mark.parametrize("use", [True, False])
def test_what_tuning_found_is_used_or_discarded(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch, use: bool
) -> None:
    async def scene(application: WindowApplication) -> None:
        stand_in_for_measuring(application, monkeypatch)
        application.parts.settings.update(load=LoadSettings(threads=2, context_tokens=512))
        dialog = await opened(application)
        info = application.session.info
        assert info is not None
        dialog.findChild(QPushButton, "tune").click()
        tuning = application.window.findChild(TuningDialog)
        assert isinstance(tuning, TuningDialog)
        await until(lambda: tuning.waits_for_choice, "the result")
        assert "Replies at 10.0 tok/s instead of 8.00" in texts(tuning)
        assert application.session.reserved_for == ""
        table = tuning.findChild(QTableView)
        assert table.model().index(1, 1).data() == "✓ 1"
        loads: list[object] = []
        application.session.loaded.connect(loads.append)
        if use:
            tuning.findChild(QPushButton, "use").click()
        else:
            tuning.reject()
        await until(lambda: bool(loads), "the model again")
        now = application.session.info
        assert now is not None
        tuned = application.parts.memory.of(info.path).tuned
        if use:
            assert tuned == TUNED
            assert now.plan.threads == 1
            own = application.parts.load_choices.of(info.path)
            assert own.load == LoadSettings(context_tokens=512)
            assert application.parts.settings.values.load == LoadSettings(threads=2, context_tokens=512)
        else:
            assert tuned is None
            assert now.plan.threads == 2
        await settle(5)

    run_with_window(scene)


def test_the_table_of_the_last_tuning_can_be_shown_again(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        dialog = await opened(application)
        info = application.session.info
        assert info is not None
        assert dialog.findChild(QPushButton, "table") is None
        dialog.reject()
        dialog.deleteLater()
        application.parts.memory.note_tuned(info.path, TUNED, msgspec.to_builtins(report()))
        application.dialogs.open_load_settings()
        shown = application.window.findChildren(LoadSettingsDialog)[-1]
        shown.findChild(QPushButton, "table").click()
        tuning = application.window.findChild(TuningDialog)
        assert isinstance(tuning, TuningDialog)
        assert "Replies at 10.0 tok/s instead of 8.00" in texts(tuning)
        assert tuning.findChild(QTableView).model().index(1, 1).data() == "✓ 1"
        assert tuning.findChild(QPushButton, "use").isHidden()
        tuning.reject()
        assert application.session.reserved_for == ""
        assert application.parts.memory.of(info.path).tuned == TUNED

    run_with_window(scene)


def test_cancelling_tuning_loads_the_model_again(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        application.parts.settings.update(load=LoadSettings(context_tokens=512))
        dialog = await opened(application)
        info = application.session.info
        assert info is not None
        dialog.findChild(QPushButton, "tune").click()
        tuning = application.window.findChild(TuningDialog)
        assert isinstance(tuning, TuningDialog)
        assert application.session.reserved_for == "tuning"
        await until(lambda: "Measures" in texts(tuning), "the beginning")
        tuning.reject()
        await until(
            lambda: (
                application.session.info is not None
                and application.session.info.plan.sequences > 1
                and not application.session.reserved_for
            ),
            "the model again",
        )
        assert application.parts.memory.of(info.path).tuned is None

    run_with_window(scene)


def test_a_small_model_can_guess_ahead(qtbot: QtBot, tmp_path: Path) -> None:
    small = InstalledModel("Small", "Q8_0", tmp_path / "small.gguf", 10)
    large = InstalledModel("Large", "Q8_0", tmp_path / "large.gguf", 30)
    assert drafts_for(str(large.path), [small, large]) == [small]
    dialog = dialog_for("Large", [small])
    qtbot.addWidget(dialog)
    chosen: list[tuple[LoadChoice, int]] = []
    dialog.applied.connect(lambda *what: chosen.append(what))
    guess = field(dialog, QComboBox, "Guess ahead")
    assert guess.currentData() == "lookup"  # type: ignore[attr-defined]
    guess.setCurrentText("by Small Q8_0")  # type: ignore[attr-defined]
    dialog.findChild(QPushButton, "apply").click()
    drafted = LoadChoice(load=LoadSettings(draft_path=str(small.path)), speculation="draft")
    assert chosen == [(drafted, 30)]


def test_the_dialog_names_its_model_and_makes_a_default(qtbot: QtBot) -> None:
    dialog = dialog_for("Large")
    qtbot.addWidget(dialog)
    assert "Large" in dialog.windowTitle()
    assert "Large" in texts(dialog)
    back = dialog.findChild(QPushButton, "defaults")
    make = dialog.findChild(QPushButton, "make-default")
    assert (back.isEnabled(), make.isEnabled()) == (False, False)
    field(dialog, QSpinBox, "Threads").setValue(3)
    assert (back.isEnabled(), make.isEnabled()) == (True, True)
    defaults: list[LoadChoice] = []
    dialog.default_chosen.connect(defaults.append)
    make.click()
    assert defaults == [LoadChoice(load=LoadSettings(threads=3))]
    assert (back.isEnabled(), make.isEnabled()) == (False, False)
    field(dialog, QSpinBox, "Threads").setValue(1)
    back.click()
    assert dialog.choice == defaults[0]


def test_the_buttons_stand_where_they_stood(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        dialog = await opened(application)
        need = dialog.findChild(MemoryNeedView)
        apply = dialog.findChild(QPushButton, "apply")

        async def place() -> tuple[int, int]:
            await settle(5)
            corner = apply.mapTo(dialog, apply.rect().topLeft())
            return corner.x(), corner.y()

        before = await place()
        await until(lambda: "8,192 tokens of context" in texts(need), "the plan")
        slider = dialog.findChild(ContextSlider)
        slider.set_tokens(100_000)
        await until(lambda: "was lowered to that" in texts(need), "the notice")
        assert await place() == before
        field(dialog, QComboBox, "Cache type").setCurrentText("q8_0")  # type: ignore[attr-defined]
        field(dialog, QComboBox, "Flash attention").setCurrentText("off")  # type: ignore[attr-defined]
        await until(lambda: "needs flash attention" in texts(dialog), "the problem")
        assert await place() == before
        dialog.reject()
        dialog.deleteLater()
        info = application.session.info
        assert info is not None
        lowered = Lowered(asked=LoadSettings(), plan=info.plan, given_up=("sequences",))
        application.parts.memory.note_lowered(info.path, lowered)
        application.parts.memory.note_tuned(info.path, TUNED, msgspec.to_builtins(report()))
        application.dialogs.open_load_settings()
        other = application.window.findChildren(LoadSettingsDialog)[-1]
        assert "Memory was too short" in texts(other)
        apply, dialog = other.findChild(QPushButton, "apply"), other
        assert await place() == before
        other.reject()

    run_with_window(scene)


def test_two_models_have_settings_of_their_own(qapp: QApplication, tmp_path: Path) -> None:
    async def scene(application: WindowApplication) -> None:
        dialog = await opened(application)
        starter = application.session.info
        assert starter is not None
        copy = tmp_path / "other.gguf"
        copy.write_bytes(Path(starter.path).read_bytes() + bytes(64))
        slider = dialog.findChild(ContextSlider)
        slider.set_tokens(2048)
        dialog.findChild(QPushButton, "make-default").click()
        slider.set_tokens(1024)
        dialog.findChild(QPushButton, "apply").click()
        await until(
            lambda: application.session.info is not None and application.session.info.context_tokens == 1024,
            "the starter with its own",
        )
        other = application.parts.store.import_file(copy)
        application.window.picker.chosen.emit(other)
        await until(
            lambda: application.session.info is not None and application.session.info.path == str(copy),
            "the other one",
        )
        assert application.session.info is not None
        assert application.session.info.context_tokens == 2048
        await application.session.unload()
        application.dialogs.open_load_settings()
        shown = application.window.findChildren(LoadSettingsDialog)[-1]
        assert shown.windowTitle() == "How new models are loaded"
        assert shown.choice.load.context_tokens == 2048
        shown.findChild(QPushButton, "defaults").click()
        shown.findChild(QPushButton, "apply").click()
        choices = application.parts.load_choices
        await until(lambda: choices.default == LoadChoice(), "the default")
        assert choices.of(copy).load.context_tokens == 2048
        assert choices.of(starter.path).load.context_tokens == 1024

    run_with_window(scene)


def dialog_for(name: str, drafts: list[InstalledModel] | None = None) -> LoadSettingsDialog:
    """The dialog for a model of which nothing is known."""
    subject = LoadSubject(name, Remembered(), drafts=drafts or [])
    return LoadSettingsDialog(subject, LoadChoice(), LoadChoice(), 30, Bridge(pytest.fail))


def test_the_tab_key_brings_what_it_comes_to_into_sight(qapp: QApplication) -> None:
    async def scene(application: WindowApplication) -> None:
        dialog = await opened(application)
        dialog.resize(dialog.width(), 320)
        await settle()
        for button in dialog.findChildren(QPushButton):
            if button.isVisible() and not dialog.findChild(QScrollArea).isAncestorOf(button):
                button.setFocus()
        passed = 0
        for _ in range(40):
            QTest.keyClick(QApplication.focusWidget() or dialog, Qt.Key.Key_Tab)
            focused = QApplication.focusWidget()
            assert focused is not None
            assert not focused.visibleRegion().isEmpty(), focused.accessibleName()
            passed += dialog.findChild(QScrollArea).isAncestorOf(focused)
        assert passed > 10

    run_with_window(scene)
