"""Edit how a model is loaded: context and memory on the left, speed on the right, memory needed beside."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec
from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.base.errors import StillroomError
from app.engine.planning.load_history import Remembered
from app.engine.protocol import LoadSettings, ModelInfo, Planned, SpeculationMode
from app.settings import LIMITS
from app.ui.base.bridge import Bridge
from app.ui.base.plain_text import set_tip
from app.ui.load_settings.context_slider import ContextSlider
from app.ui.load_settings.memory_need import MemoryNeedView
from app.ui.widgets.card import NUMBER_MARGINS_PX, Card, button, label
from models.store.store import InstalledModel

SETTLE_MS = 150
STRETCHES = (1.0, 2.0, 4.0, 8.0)

PlanLoad = Callable[[LoadSettings], Awaitable[Planned]]


class LoadSettingsDialog(QDialog):
    """Edits a `LoadSettings`. `plan` tells what they would come to for the model that is loaded, None where
    there is none; `remembered` is what is known of it. GUI thread."""

    applied = Signal(object, int, str)
    """The new `LoadSettings`, the minutes without use after which the memory is given back, and the
    `SpeculationMode` of replies."""
    tune_asked = Signal()
    table_asked = Signal()
    """Show what was measured for the fastest settings."""
    forget_asked = Signal()
    """Forget what had to be given up for this model, and load it again."""

    def __init__(
        self,
        present: LoadSettings,
        idle_minutes: int,
        remembered: Remembered,
        plan: PlanLoad | None,
        bridge: Bridge,
        parent: QWidget | None = None,
        *,
        speculation: SpeculationMode = "off",
        drafts: Sequence[InstalledModel] = (),
    ) -> None:
        """`drafts` are the models that could guess ahead for the one that is loaded."""
        super().__init__(parent)
        self._present = present
        self._plan = plan
        self._bridge = bridge
        self._asked = 0
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._ask_plan)
        self.setWindowTitle(self.tr("How the model is loaded"))
        self.setMinimumWidth(860)
        automatic = self.tr("automatic")
        self._context = ContextSlider()
        self._stretch = QComboBox()
        for stretch in STRETCHES:
            text = self.tr("off") if stretch == 1 else self.tr("up to {times}×").format(times=int(stretch))
            self._stretch.addItem(text, stretch)
        self._kv = _choice((("auto", automatic), ("f16", "f16"), ("q8_0", "q8_0"), ("q4_0", "q4_0")))
        self._weights = _choice(
            (
                ("auto", automatic),
                ("copied", self.tr("copied into memory")),
                ("mapped", self.tr("read through the file")),
            )
        )
        self._sequences = _number("sequences", 1, automatic)
        self._idle = QSpinBox()
        self._idle.setRange(0, 1440)
        self._idle.setSingleStep(5)
        self._idle.setSpecialValueText(self.tr("never"))
        self._idle.setSuffix(self.tr(" min"))
        self._idle.lineEdit().setTextMargins(*NUMBER_MARGINS_PX)
        self._idle.setValue(idle_minutes)
        self._gpu_layers = _number("gpu_layers", 1, automatic)
        self._threads = _number("threads", 1, automatic)
        self._prompt_threads = _number("prompt_threads", 1, automatic)
        self._batch = _number("batch_tokens", 128, automatic)
        self._flash = _choice((("auto", automatic), ("on", self.tr("on")), ("off", self.tr("off"))))
        self._guess = _choice((("off", self.tr("off")), ("lookup", self.tr("from what was said before"))))
        for draft in drafts:
            self._guess.addItem(
                self.tr("by {model}").format(model=f"{draft.name} {draft.type}"), str(draft.path)
            )
        chosen = present.draft_path if speculation == "draft" else speculation
        if self._guess.findData(chosen) < 0:
            self._guess.addItem(self.tr("by {model}").format(model=Path(chosen).stem), chosen)
        self._guess.setCurrentIndex(self._guess.findData(chosen))
        self._need = MemoryNeedView()

        cards = QHBoxLayout()
        cards.setSpacing(16)
        cards.addWidget(self._make_memory(), 1)
        cards.addWidget(self._make_speed(remembered), 1)
        body = QVBoxLayout(self)
        body.setContentsMargins(20, 20, 20, 20)
        body.setSpacing(16)
        body.addLayout(cards)
        body.addWidget(self._need)
        if remembered.lowered is not None:
            body.addWidget(self._make_lowered())
        body.addLayout(self._make_buttons())
        self._show(present)
        self._context.changed.connect(self._on_changed)
        for choice in (self._stretch, self._kv, self._weights, self._flash, self._guess):
            choice.currentIndexChanged.connect(self._on_changed)
        for number in (self._sequences, self._gpu_layers, self._threads, self._batch):
            number.valueChanged.connect(self._on_changed)
        self._ask_plan()

    def done(self, result: int) -> None:
        """Close, and show no plan that comes later."""
        self._plan = None
        super().done(result)

    def settings(self) -> LoadSettings:
        """Return the settings as chosen now."""
        guess = self._guess.currentData()
        return msgspec.structs.replace(
            self._present,
            draft_path="" if guess in ("off", "lookup") else guess,
            context_tokens=self._context.tokens(),
            context_stretch=self._stretch.currentData(),
            kv_type=self._kv.currentData(),
            weights=self._weights.currentData(),
            sequences=self._sequences.value(),
            gpu_layers=self._gpu_layers.value(),
            threads=self._threads.value(),
            prompt_threads=self._prompt_threads.value(),
            batch_tokens=self._batch.value(),
            flash_attention=self._flash.currentData(),
        )

    def _make_memory(self) -> Card:
        card = Card()
        card.body.addWidget(label(self.tr("CONTEXT AND MEMORY"), "caption"))
        card.body.addLayout(
            _form(
                (
                    self.tr("Context"),
                    self._context,
                    self.tr("Tokens that the model can see at once. More needs more memory."),
                ),
                (
                    self.tr("Beyond its limit"),
                    self._stretch,
                    self.tr("YaRN stretches the context beyond what the model was made for, less exactly."),
                ),
                (
                    self.tr("Cache type"),
                    self._kv,
                    self.tr("q8_0 halves the memory of the context at a hardly measurable loss."),
                ),
                (
                    self.tr("Weights"),
                    self._weights,
                    self.tr("A copy is read faster on the processor. It needs ample memory."),
                ),
                (
                    self.tr("Replies side by side"),
                    self._sequences,
                    self.tr("Each has a whole context of its own. Chats that rest keep theirs."),
                ),
                (
                    self.tr("Give memory back after"),
                    self._idle,
                    self.tr("Without use. The model comes back by itself with the next message."),
                ),
            )
        )
        card.body.addStretch(1)
        return card

    def _make_speed(self, remembered: Remembered) -> Card:
        card = Card()
        card.body.addWidget(label(self.tr("SPEED"), "caption"))
        card.body.addLayout(
            _form(
                (
                    self.tr("GPU layers"),
                    self._gpu_layers,
                    self.tr("Layers on the graphics card. Automatic takes as many as fit."),
                ),
                (
                    self.tr("Threads"),
                    self._threads,
                    self.tr("For replies. Automatic takes one for each physical core."),
                ),
                (
                    self.tr("Threads for prompts"),
                    self._prompt_threads,
                    self.tr("Automatic takes as many as for replies."),
                ),
                (
                    self.tr("Batch"),
                    self._batch,
                    self.tr("Tokens of a prompt that are evaluated in one step."),
                ),
                (
                    self.tr("Flash attention"),
                    self._flash,
                    self.tr(
                        "Less memory, and faster on graphics cards; slower in long chats on the processor."
                    ),
                ),
                (
                    self.tr("Guess ahead"),
                    self._guess,
                    self.tr("Several tokens in one step where the guess was right. The text stays the same."),
                ),
            )
        )
        card.body.addStretch(1)
        tuned = remembered.tuned
        said = (
            self.tr("Not measured for this model yet. It takes less than two minutes.")
            if tuned is None
            else self.tr("Automatic values are the fastest, as measured on {date}.").format(
                date=tuned.at[:10]
            )
        )
        tune = button(self.tr("Find the fastest"))
        tune.setObjectName("tune")
        tune.setEnabled(self._plan is not None)
        tune.clicked.connect(self._tune)
        row = QHBoxLayout()
        row.addWidget(label(said, "small", wrap=True), 1)
        if remembered.table is not None:
            table = button(self.tr("Show the table"))
            table.setObjectName("table")
            table.clicked.connect(self._show_table)
            row.addWidget(table)
        row.addWidget(tune)
        card.body.addLayout(row)
        return card

    def _make_lowered(self) -> Card:
        card = Card(look="notice")
        forget = button(self.tr("Try again from the start"))
        forget.setObjectName("forget")
        forget.clicked.connect(self._forget)
        row = QHBoxLayout()
        row.addWidget(
            label(
                self.tr(
                    "Memory was too short for this model, so it is loaded with less than these settings ask "
                    "for."
                ),
                wrap=True,
            ),
            1,
        )
        row.addWidget(forget)
        card.body.addLayout(row)
        return card

    def _make_buttons(self) -> QHBoxLayout:
        defaults = button(self.tr("Defaults"), "quiet")
        defaults.clicked.connect(self._show_defaults)
        cancel = button(self.tr("Cancel"))
        cancel.clicked.connect(self.reject)
        apply = button(self.tr("Apply and load again"), "primary")
        apply.setObjectName("apply")
        apply.setDefault(True)
        apply.clicked.connect(self._apply)
        buttons = QHBoxLayout()
        buttons.addWidget(defaults)
        buttons.addStretch(1)
        buttons.addWidget(cancel)
        buttons.addWidget(apply)
        return buttons

    def _show(self, settings: LoadSettings) -> None:
        self._context.set_tokens(settings.context_tokens)
        self._stretch.setCurrentIndex(max(0, self._stretch.findData(settings.context_stretch)))
        self._kv.setCurrentIndex(self._kv.findData(settings.kv_type))
        self._weights.setCurrentIndex(self._weights.findData(settings.weights))
        self._sequences.setValue(settings.sequences)
        self._gpu_layers.setValue(settings.gpu_layers)
        self._threads.setValue(settings.threads)
        self._prompt_threads.setValue(settings.prompt_threads)
        self._batch.setValue(settings.batch_tokens)
        self._flash.setCurrentIndex(self._flash.findData(settings.flash_attention))

    def _speculation(self) -> str:
        guess = self._guess.currentData()
        return guess if guess in ("off", "lookup") else "draft"

    def _show_defaults(self) -> None:
        self._show(LoadSettings())
        self._guess.setCurrentIndex(self._guess.findData("lookup"))

    def _on_changed(self, _value: int) -> None:
        # A timer's own start would take the value for its milliseconds.
        self._settle.start()

    def _ask_plan(self) -> None:
        if self._plan is not None:
            self._asked += 1
            self._bridge.start(self._show_plan(self._plan, self.settings(), self._asked))

    async def _show_plan(self, plan: PlanLoad, settings: LoadSettings, asked: int) -> None:
        try:
            planned = await plan(settings)
        except StillroomError as error:
            if self._plan is not None and asked == self._asked:
                self._need.show_problem(error)
            return
        # The next question's answer may be here already, or the dialog closed.
        if self._plan is None or asked != self._asked:
            return
        self._need.show_plan(planned)
        self._context.set_limit(int(planned.context_limit * settings.context_stretch))
        self._stretch.setEnabled(planned.can_stretch)
        self._gpu_layers.setEnabled(planned.vram_free_bytes > 0)

    def _tune(self) -> None:
        self.reject()
        self.tune_asked.emit()

    def _show_table(self) -> None:
        self.reject()
        self.table_asked.emit()

    def _forget(self) -> None:
        self.reject()
        self.forget_asked.emit()

    def _apply(self) -> None:
        settings, idle, speculation = self.settings(), self._idle.value(), self._speculation()
        self.accept()
        self.applied.emit(settings, idle, speculation)


def drafts_for(info: ModelInfo, installed: Sequence[InstalledModel]) -> list[InstalledModel]:
    """The models that could guess ahead for the loaded one: less than half its size. Whether their
    vocabularies agree, the engine says when it loads them.
    """
    file = next((model for model in installed if str(model.path) == info.path), None)
    return [model for model in installed if file is not None and 2 * model.bytes < file.bytes]


def _form(*rows: tuple[str, QWidget, str]) -> QFormLayout:
    form = QFormLayout()
    form.setHorizontalSpacing(16)
    form.setVerticalSpacing(12)
    for title, field, explanation in rows:
        field.setAccessibleName(title)
        set_tip(field, explanation)
        cell = QVBoxLayout()
        cell.setSpacing(2)
        cell.addWidget(field)
        cell.addWidget(label(explanation, "small", wrap=True))
        form.addRow(label(title), cell)
    return form


def _choice(items: tuple[tuple[str, str], ...]) -> QComboBox:
    field = QComboBox()
    for value, text in items:
        field.addItem(text, value)
    return field


def _number(name: str, step: int, lowest_text: str) -> QSpinBox:
    field = QSpinBox()
    low, high = LIMITS[name]
    field.setRange(int(low), int(high))
    field.setSingleStep(step)
    field.setSpecialValueText(lowest_text)
    field.setGroupSeparatorShown(True)
    field.lineEdit().setTextMargins(*NUMBER_MARGINS_PX)
    return field
