"""The fields of a model's load settings: context and memory on the left, speed on the right."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from app.engine.planning.load_history import Remembered
from app.engine.protocol import Planned
from app.settings import LIMITS, LoadChoice
from app.ui.base.plain_text import set_tip
from app.ui.base.resource_words import setting_words
from app.ui.load_settings.card_fields import CardFields
from app.ui.load_settings.context_slider import ContextSlider
from app.ui.widgets.card import NUMBER_MARGINS_PX, Card, button, label, name_field
from app.ui.widgets.wheel_proof import ComboBox, SpinBox
from models.store.store import InstalledModel

STRETCHES = (1.0, 2.0, 4.0, 8.0)
CARD_ROWS = (1, 2)
"""The rows of the form of speed that are shown with several graphics cards only."""


class LoadForm(QWidget):
    """Edits a `LoadChoice` and the minutes without use after which the memory is given back. GUI thread."""

    changed = Signal()
    tune_asked = Signal()
    table_asked = Signal()
    """Show what was measured for the fastest settings."""

    def __init__(
        self,
        present: LoadChoice,
        idle_minutes: int,
        remembered: Remembered | None,
        drafts: Sequence[InstalledModel] = (),
        parent: QWidget | None = None,
    ) -> None:
        """`remembered` is what is known of the model, None where the settings are for no certain one;
        `drafts` are the models that could guess ahead for it."""
        super().__init__(parent)
        self._present = present
        automatic = setting_words("auto")
        self._context = ContextSlider()
        self._stretch = ComboBox()
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
        self._idle = SpinBox()
        self._idle.setRange(0, 1440)
        self._idle.setSingleStep(5)
        self._idle.setSpecialValueText(self.tr("never"))
        self._idle.setSuffix(self.tr(" min"))
        self._idle.lineEdit().setTextMargins(*NUMBER_MARGINS_PX)
        self._idle.setValue(idle_minutes)
        self._gpu_layers = _number("gpu_layers", 1, automatic)
        self._cards = CardFields(present.load, self)
        self._threads = _number("threads", 1, automatic)
        self._prompt_threads = _number("prompt_threads", 1, automatic)
        self._batch = _number("batch_tokens", 128, automatic)
        self._flash = _choice(
            (("auto", automatic), ("on", setting_words("on")), ("off", setting_words("off")))
        )
        self._guess = _choice((("off", self.tr("off")), ("lookup", self.tr("from what was said before"))))
        for draft in drafts:
            self._guess.addItem(
                self.tr("by {model}").format(model=f"{draft.name} {draft.type}"), str(draft.path)
            )
        cards = QHBoxLayout(self)
        cards.setContentsMargins(0, 0, 0, 0)
        cards.setSpacing(16)
        # From the outside to the inside: for what moves, Qt works out the style of all that is in it anew.
        memory, speed = Card(self), Card(self)
        cards.addWidget(memory, 1)
        cards.addWidget(speed, 1)
        self._fill_memory(memory)
        self._fill_speed(speed, remembered)
        self.show_choice(present)
        self._context.changed.connect(lambda _: self.changed.emit())
        self._cards.changed.connect(self.changed)
        for choice in (self._stretch, self._kv, self._weights, self._flash, self._guess):
            choice.currentIndexChanged.connect(lambda _: self.changed.emit())
        for number in (self._sequences, self._gpu_layers, self._threads, self._prompt_threads, self._batch):
            number.valueChanged.connect(lambda _: self.changed.emit())

    @property
    def choice(self) -> LoadChoice:
        """The choice as the fields have it now."""
        guess = self._guess.currentData()
        by_model = guess not in ("off", "lookup")
        load = msgspec.structs.replace(
            self._present.load,
            draft_path=guess if by_model else "",
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
        load = self._cards.choice(load)
        return LoadChoice(load=load, speculation="draft" if by_model else guess)

    @property
    def idle_minutes(self) -> int:
        """The minutes without use after which the models' memory is given back; 0 is never."""
        return self._idle.value()

    def show_choice(self, choice: LoadChoice) -> None:
        """Put a choice into the fields."""
        settings = choice.load
        self._context.set_tokens(settings.context_tokens)
        self._stretch.setCurrentIndex(max(0, self._stretch.findData(settings.context_stretch)))
        self._kv.setCurrentIndex(self._kv.findData(settings.kv_type))
        self._weights.setCurrentIndex(self._weights.findData(settings.weights))
        self._sequences.setValue(settings.sequences)
        self._gpu_layers.setValue(settings.gpu_layers)
        self._cards.show_choice(settings)
        self._show_cards()
        self._threads.setValue(settings.threads)
        self._prompt_threads.setValue(settings.prompt_threads)
        self._batch.setValue(settings.batch_tokens)
        self._flash.setCurrentIndex(self._flash.findData(settings.flash_attention))
        guess = settings.draft_path if choice.speculation == "draft" else choice.speculation
        if self._guess.findData(guess) < 0:
            self._guess.addItem(self.tr("by {model}").format(model=Path(guess).stem), guess)
        self._guess.setCurrentIndex(self._guess.findData(guess))

    def show_plan(self, planned: Planned) -> None:
        """Offer what is possible for the model."""
        stretch: float = self._stretch.currentData()
        self._context.set_limit(int(planned.context_limit * stretch))
        self._stretch.setEnabled(planned.can_stretch)
        self._gpu_layers.setEnabled(planned.vram_free_bytes > 0)
        self._cards.offer(planned.cards)
        self._show_cards()

    def _show_cards(self) -> None:
        for row in CARD_ROWS:
            self._speed.setRowVisible(row, self._cards.several)

    def _fill_memory(self, card: Card) -> None:
        card.body.addWidget(label(self.tr("CONTEXT AND MEMORY"), "caption"))
        _add_form(
            card,
            (
                self.tr("Context"),
                self._context,
                self.tr(
                    "How much of a chat the model can see at once, in tokens (a word has one "
                    "or two). More needs more memory."
                ),
            ),
            (
                self.tr("Beyond its limit"),
                self._stretch,
                self.tr(
                    "Lets the context be longer than the model was made for (YaRN); it then "
                    "reads less exactly."
                ),
            ),
            (
                self.tr("Cache type"),
                self._kv,
                self.tr(
                    "How exactly the context is kept in memory (KV cache): q8_0 takes half the "
                    "memory of f16 at a hardly measurable loss, q4_0 a quarter at some loss."
                ),
            ),
            (
                self.tr("Weights"),
                self._weights,
                self.tr("A copy is read faster on the processor. It needs ample memory."),
            ),
            (
                self.tr("Replies side by side"),
                self._sequences,
                self.tr("How many chats can be answered at once. Each takes the memory of a whole context."),
            ),
            (
                self.tr("Give memory back after"),
                self._idle,
                self.tr("Without use, for all models. They come back by themselves with the next message."),
            ),
        )
        card.body.addStretch(1)

    def _fill_speed(self, card: Card, remembered: Remembered | None) -> None:
        card.body.addWidget(label(self.tr("SPEED"), "caption"))
        self._speed = _add_form(
            card,
            (
                self.tr("GPU layers"),
                self._gpu_layers,
                self.tr(
                    "How many layers of the model the graphics card computes; the others run "
                    "on the processor. Automatic takes as many as fit."
                ),
            ),
            (
                self.tr("Graphics cards"),
                self._cards.use,
                self.tr("Automatic takes one where the model fits, and shares it among several where not."),
            ),
            (
                self.tr("Main card"),
                self._cards.main,
                self.tr("It is taken first. Automatic takes the fastest."),
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
                self.tr(
                    "How many tokens of a message are read in one step. More is faster and needs more memory."
                ),
            ),
            (
                self.tr("Flash attention"),
                self._flash,
                self.tr("Less memory, and faster on graphics cards; slower in long chats on the processor."),
            ),
            (
                self.tr("Guess ahead"),
                self._guess,
                self.tr(
                    "Writes several words in one step where a guess was right (speculative "
                    "decoding). The text stays the same."
                ),
            ),
        )
        card.body.addStretch(1)
        if remembered is not None:
            card.body.addLayout(self._make_tuning(remembered))

    def _make_tuning(self, remembered: Remembered) -> QHBoxLayout:
        tuned = remembered.tuned
        said = (
            self.tr("Not measured for this model yet. It takes less than two minutes.")
            if tuned is None
            else self.tr("Automatic values are the fastest, as measured on {date}.").format(
                date=tuned.at[:10]
            )
        )
        row = QHBoxLayout()
        row.addWidget(label(said, "small", wrap=True), 1)
        if remembered.table is not None:
            table = button(self.tr("Show the table"))
            table.setObjectName("table")
            table.clicked.connect(self.table_asked)
            row.addWidget(table)
        tune = button(self.tr("Find the fastest"))
        tune.setObjectName("tune")
        tune.clicked.connect(self.tune_asked)
        row.addWidget(tune)
        return row


def _add_form(card: Card, *rows: tuple[str, QWidget, str]) -> QFormLayout:
    form = QFormLayout()
    card.body.addLayout(form)
    form.setHorizontalSpacing(16)
    form.setVerticalSpacing(12)
    for title, field, explanation in rows:
        name_field(field, title)
        set_tip(field, explanation)
        cell = QVBoxLayout()
        cell.setSpacing(2)
        cell.addWidget(field)
        cell.addWidget(label(explanation, "small", wrap=True))
        form.addRow(label(title), cell)
    return form


def _choice(items: tuple[tuple[str, str], ...]) -> QComboBox:
    field = ComboBox()
    for value, text in items:
        field.addItem(text, value)
    return field


def _number(name: str, step: int, lowest_text: str) -> QSpinBox:
    field = SpinBox()
    low, high = LIMITS[name]
    field.setRange(int(low), int(high))
    field.setSingleStep(step)
    field.setSpecialValueText(lowest_text)
    field.setGroupSeparatorShown(True)
    field.lineEdit().setTextMargins(*NUMBER_MARGINS_PX)
    return field
