"""The settings of one chat: its system prompt and how its replies are made."""

import msgspec
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.chat.library.reply_choices import ReplyChoices, WhenFull
from app.chat.prompting.answer_schema import schema_title
from app.engine.protocol import Sampling, ThinkingLimits
from app.settings import LIMITS
from app.ui.base.add_action import allow
from app.ui.base.plain_text import set_tip
from app.ui.base.theme import Theme
from app.ui.chat.behaviour.adapter_list import AdapterList
from app.ui.widgets.card import NUMBER_MARGINS_PX, button, label, name_field
from app.ui.widgets.elided_button import ElidedButton
from app.ui.widgets.scrolled_page import ScrolledPage
from app.ui.widgets.text_field import TextField
from app.ui.widgets.wheel_proof import ComboBox, DoubleSpinBox, SpinBox
from models.catalogue.catalogue import is_r1

WIDTH_PX = 300
STOP_PX = 58
MOST_STOPS = 16
SETTLE_MS = 400
MOST_TOKENS = 1 << 20
MOST_SECONDS = 24 * 3600


class ReplySettings(QFrame):
    """The drawer of a chat's settings. `changed` comes when the user has paused. GUI thread."""

    changed = Signal(object)
    """The new `ReplyChoices`."""
    edited = Signal()
    """Something else is shown than before, whoever changed it."""
    schema_asked = Signal()
    """The user wants to see or change the JSON schema."""
    close_requested = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._recommended = Sampling()
        self._showing = False
        self._follows = True
        self._is_r1 = True
        self._json_schema = ""
        self.setProperty("look", "side-right")
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._tell)
        self._close = button("", "quiet", name=self.tr("Close"))
        self._close.clicked.connect(self.close_requested)
        head = QHBoxLayout()
        head.addWidget(label(self.tr("Model behaviour"), "title"))
        head.addStretch()
        head.addWidget(self._close)

        self.preset = ElidedButton(kind="choice")
        self.preset.setAccessibleDescription(self.tr("Presets: choose, save and change them"))
        self._system = TextField()
        self._system.setProperty("look", "field")
        self._system.setAccessibleName(self.tr("System prompt"))
        self._system.setPlaceholderText(self.tr("None"))
        self._system.setTabChangesFocus(True)
        self._system.setFixedHeight(110)
        self._system.textChanged.connect(self._on_edited)
        self._temperature = self._decimal("temperature", 0.1, self.tr("Temperature"))
        self._top_p = self._decimal("top_p", 0.05, self.tr("Top-p"))
        self._top_k = self._whole(LIMITS["top_k"], self.tr("Top-k"), self.tr("off"))
        self._min_p = self._decimal("min_p", 0.01, self.tr("Min-p"))
        self._min_p.setSpecialValueText(self.tr("off"))
        self._repeat_penalty = self._decimal("repeat_penalty", 0.05, self.tr("Repeat penalty"))
        self._max_tokens = self._whole((0, MOST_TOKENS), self.tr("Longest reply"), self.tr("as fits"))
        self._seed = QLineEdit()
        self._seed.setPlaceholderText(self.tr("random"))
        self._seed.setAccessibleName(self.tr("Seed"))
        self._seed.setValidator(_SeedValidator(self))
        self._seed.textEdited.connect(self._on_sampling_edited)
        form = _form()
        for text, field, tip in (
            (
                self.tr("Temperature"),
                self._temperature,
                self.tr("How freely words are chosen: at 0 always the likeliest one, higher is more varied."),
            ),
            (
                self.tr("Top-p"),
                self._top_p,
                self.tr(
                    "Chooses only among the likeliest words that make "
                    "up this share of all chances. 1 is no limit."
                ),
            ),
            (self.tr("Top-k"), self._top_k, self.tr("Chooses only among so many of the likeliest words.")),
            (
                self.tr("Min-p"),
                self._min_p,
                self.tr("Leaves out words that are less likely than this share of the likeliest one."),
            ),
            (
                self.tr("Repeat penalty"),
                self._repeat_penalty,
                self.tr(
                    "Lets words that were just said come less often: 1 is off, and above 1.2 answers get odd."
                ),
            ),
            (
                self.tr("Longest reply"),
                self._max_tokens,
                self.tr("In tokens, of which a word has one or two; thinking included."),
            ),
            (
                self.tr("Seed"),
                self._seed,
                self.tr("The same number gives the same reply again; empty gives another one each time."),
            ),
        ):
            set_tip(field, tip)
            _add_row(form, text, field)
        self._thinks = QCheckBox(self.tr("Think before the answer"))
        self._thinks.setToolTip(self.tr("Without thinking the answer comes at once, and is often worse."))
        self._thinks.toggled.connect(self._on_thinking_edited)
        no_limit = self.tr("no limit")
        self._thinking_tokens = self._whole((0, MOST_TOKENS), self.tr("Most thinking in tokens"), no_limit)
        self._thinking_seconds = self._whole((0, MOST_SECONDS), self.tr("Most thinking in seconds"), no_limit)
        for field in (self._thinking_tokens, self._thinking_seconds):
            field.valueChanged.disconnect(self._on_sampling_edited)
            field.valueChanged.connect(self._on_thinking_edited)
        budget = _form()
        tip = self.tr("Then the thinking is closed and the answer begins.")
        for text, field in (
            (self.tr("At most, tokens"), self._thinking_tokens),
            (self.tr("At most, seconds"), self._thinking_seconds),
        ):
            set_tip(field, tip)
            _add_row(budget, text, field)
        self._schema = ElidedButton()
        self._schema.setAccessibleDescription(self.tr("Let answers be JSON in a form that you describe"))
        self._schema.clicked.connect(self.schema_asked)
        self._stop = TextField()
        self._stop.setProperty("look", "field")
        self._stop.setAccessibleName(self.tr("Stop texts"))
        self._stop.setPlaceholderText(self.tr("None. One in each line."))
        set_tip(self._stop, self.tr("An answer ends before the first of these texts that would come."))
        self._stop.setTabChangesFocus(True)
        self._stop.setFixedHeight(STOP_PX)
        self._stop.textChanged.connect(self._on_edited)
        self._when_full = ComboBox()
        name_field(self._when_full, self.tr("When the chat outgrows the context"))
        for choice, text in (
            ("ask", self.tr("Ask me")),
            ("drop", self.tr("Leave out the oldest messages")),
            ("summarise", self.tr("Summarise the oldest messages")),
            ("stop", self.tr("Send nothing more")),
        ):
            self._when_full.addItem(text, choice)
        self._when_full.currentIndexChanged.connect(self._on_edited)
        self.adapters = AdapterList(theme)
        self.adapters.changed.connect(self._on_edited)
        self._advice = label("", "small", wrap=True)
        self._reset = button(self.tr("Use the recommendation"))
        self._reset.clicked.connect(self._on_reset)

        page = ScrolledPage()
        body = QVBoxLayout(page)
        body.setContentsMargins(16, 12, 16, 16)
        body.setSpacing(8)
        body.addLayout(head)
        body.addWidget(label(self.tr("PRESET"), "caption"))
        body.addWidget(self.preset)
        body.addSpacing(8)
        body.addWidget(label(self.tr("SYSTEM PROMPT"), "caption"))
        body.addWidget(self._system)
        self._r1_hint = label(
            self.tr("R1 models work best without one: put instructions into the message."), "small", wrap=True
        )
        body.addWidget(self._r1_hint)
        body.addSpacing(8)
        body.addWidget(label(self.tr("THINKING"), "caption"))
        body.addWidget(self._thinks)
        body.addLayout(budget)
        body.addSpacing(8)
        body.addWidget(label(self.tr("SAMPLING"), "caption"))
        body.addLayout(form)
        body.addSpacing(4)
        body.addWidget(self._advice)
        body.addWidget(self._reset)
        body.addSpacing(8)
        body.addWidget(label(self.tr("ANSWER FORMAT"), "caption"))
        body.addWidget(self._schema)
        body.addSpacing(8)
        body.addWidget(label(self.tr("STOP AT"), "caption"))
        body.addWidget(self._stop)
        body.addSpacing(8)
        body.addWidget(label(self.tr("WHEN THE CONTEXT IS FULL"), "caption"))
        body.addWidget(self._when_full)
        body.addSpacing(8)
        body.addWidget(label(self.tr("ADAPTERS (LORA)"), "caption"))
        body.addWidget(self.adapters)
        body.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(page)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scroll)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        theme.changed.connect(self._follow_theme)
        self._follow_theme()

    @property
    def choices(self) -> ReplyChoices:
        """The settings as they are now."""
        seed = self._seed.text()
        sampling = Sampling(
            temperature=round(self._temperature.value(), 3),
            top_p=round(self._top_p.value(), 3),
            top_k=self._top_k.value(),
            min_p=round(self._min_p.value(), 3),
            repeat_penalty=round(self._repeat_penalty.value(), 3),
            repeat_last_tokens=self._recommended.repeat_last_tokens,
            seed=int(seed) if seed else None,
        )
        return ReplyChoices(
            system_prompt=self._system.toPlainText(),
            sampling=None if self._follows else sampling,
            max_tokens=self._max_tokens.value(),
            thinking=ThinkingLimits(
                tokens=(self._thinking_tokens.value() or None) if self._thinks.isChecked() else 0,
                seconds=self._thinking_seconds.value() or None,
            ),
            loras=self.adapters.loras,
            json_schema=self._json_schema,
            when_full=self._when_full.currentData(),
            stop=tuple(line for line in self._stop.toPlainText().split("\n") if line)[:MOST_STOPS],
        )

    def show_choices(self, choices: ReplyChoices, recommended: Sampling) -> None:
        """Show a chat's settings beside what is recommended; tells nobody."""
        self._settle.stop()
        self._showing = True
        self._recommended = recommended
        self._follows = choices.sampling is None
        shown = choices.sampling or recommended
        if self._system.toPlainText() != choices.system_prompt:
            self._system.setPlainText(choices.system_prompt)
        self._temperature.setValue(shown.temperature)
        self._top_p.setValue(shown.top_p)
        self._top_k.setValue(shown.top_k)
        self._min_p.setValue(shown.min_p)
        self._repeat_penalty.setValue(shown.repeat_penalty)
        self._max_tokens.setValue(choices.max_tokens)
        self._seed.setText("" if shown.seed is None else str(shown.seed))
        limits = choices.thinking
        self._thinks.setChecked(limits.tokens != 0)
        self._thinking_tokens.setValue(limits.tokens or 0)
        self._thinking_seconds.setValue(round(limits.seconds or 0))
        self._enable_budget()
        self.adapters.show_loras(choices.loras)
        self._show_schema(choices.json_schema)
        self._when_full.setCurrentIndex(self._when_full.findData(choices.when_full))
        if self._stop.toPlainText() != "\n".join(choices.stop):
            self._stop.setPlainText("\n".join(choices.stop))
        self._showing = False
        self._show_advice()
        self.edited.emit()

    def follow_model(self, name: str) -> None:
        """Give the advice that fits the model of this name: DeepSeek's is for R1 models."""
        self._is_r1 = is_r1(name)
        self._r1_hint.setVisible(self._is_r1)
        self._show_advice()

    def choose_schema(self, schema: str) -> None:
        """Set the JSON schema of the answers from now on, empty for none; `changed` comes at once."""
        self._show_schema(schema)
        self._tell()

    def _show_schema(self, schema: str) -> None:
        self._json_schema = schema
        title = schema_title(schema) if schema else ""
        if title:
            text = self.tr("JSON: {title}").format(title=title)
        else:
            text = self.tr("JSON by a schema") if schema else self.tr("Free text")
        self._schema.set_words(text)

    def choose_when_full(self, when_full: WhenFull) -> None:
        """Set what is done from now on when the chat outgrows the context; `changed` comes at once."""
        self._when_full.setCurrentIndex(self._when_full.findData(when_full))
        self.flush()

    def choose_thinking(self, tokens: int | None) -> None:
        """Set the most tokens of a thought, 0 for none and None for no limit; `changed` comes at once."""
        self._thinks.setChecked(tokens != 0)
        self._thinking_tokens.setValue(tokens or 0)
        self._settle.stop()
        self._tell()

    @property
    def pending(self) -> bool:
        """Tell whether a change still waits for the user to pause."""
        return self._settle.isActive()

    def flush(self) -> None:
        """Tell a change that still waits for the user to pause."""
        if self.pending:
            self._settle.stop()
            self._tell()

    def _tell(self) -> None:
        self.edited.emit()
        self.changed.emit(self.choices)

    def _on_edited(self) -> None:
        if not self._showing:
            self._settle.start()

    def _on_thinking_edited(self) -> None:
        self._enable_budget()
        self._on_edited()

    def _enable_budget(self) -> None:
        for field in (self._thinking_tokens, self._thinking_seconds):
            field.setEnabled(self._thinks.isChecked())

    def _on_sampling_edited(self) -> None:
        if not self._showing:
            self._follows = False
            self._show_advice()
            self._settle.start()

    def _on_reset(self) -> None:
        kept = msgspec.structs.replace(self.choices, sampling=None, max_tokens=0, thinking=ThinkingLimits())
        self.show_choices(kept, self._recommended)
        self._tell()

    def _show_advice(self) -> None:
        authors = Sampling()
        is_authors = self._is_r1 and (self._recommended.temperature, self._recommended.top_p) == (
            authors.temperature,
            authors.top_p,
        )
        self._reset.setText(
            self.tr("Use the recommendation") if is_authors else self.tr("Use the usual settings")
        )
        values = {
            "temperature": f"{self._recommended.temperature:g}",
            "top_p": f"{self._recommended.top_p:g}",
        }
        if is_authors and self._follows:
            advice = self.tr(
                "This chat follows DeepSeek's authors, who recommend temperature {temperature} and top-p"
                " {top_p} for R1 models."
            )
        elif is_authors:
            advice = self.tr(
                "DeepSeek's authors recommend temperature {temperature} and top-p {top_p} for R1 models."
            )
        else:
            advice = self.tr("Your settings start chats with temperature {temperature} and top-p {top_p}.")
        self._advice.setText(advice.format(**values))
        differs = not self._follows or self._max_tokens.value() > 0
        allow(self._reset, "" if differs else self.tr("This chat follows them already"))

    def _decimal(self, name: str, step: float, title: str) -> QDoubleSpinBox:
        field = DoubleSpinBox()
        field.setRange(*LIMITS[name])
        field.setSingleStep(step)
        field.setDecimals(2)
        field.setAccessibleName(title)
        field.lineEdit().setTextMargins(*NUMBER_MARGINS_PX)
        field.valueChanged.connect(self._on_sampling_edited)
        return field

    def _whole(self, limits: tuple[float, float], title: str, zero_text: str) -> QSpinBox:
        field = SpinBox()
        field.setRange(int(limits[0]), int(limits[1]))
        field.setSpecialValueText(zero_text)
        field.setGroupSeparatorShown(True)
        field.setAccessibleName(title)
        field.lineEdit().setTextMargins(*NUMBER_MARGINS_PX)
        field.valueChanged.connect(self._on_sampling_edited)
        return field

    def _follow_theme(self) -> None:
        self.setFixedWidth(self._theme.pixels(WIDTH_PX))
        self._close.setIcon(self._theme.icon("x"))


def _form() -> QGridLayout:
    """Names at the left, fields of one width at the right, whatever the names are."""
    form = QGridLayout()
    form.setHorizontalSpacing(12)
    form.setVerticalSpacing(8)
    form.setColumnStretch(0, 1)
    form.setColumnStretch(1, 1)
    return form


def _add_row(form: QGridLayout, text: str, field: QWidget) -> None:
    row = form.rowCount()
    form.addWidget(label(text, "muted"), row, 0)
    # Not as wide as its largest value: the drawer has the width it has.
    field.setMinimumWidth(1)
    form.addWidget(field, row, 1)


class _SeedValidator(QIntValidator):
    """Digits up to the largest seed, which Qt's 32-bit range does not hold."""

    def validate(self, text: str, position: int) -> tuple[QIntValidator.State, str, int]:
        """Accept an empty field or a seed."""
        if not text or (text.isascii() and text.isdigit() and int(text) <= LIMITS["seed"][1]):
            return QIntValidator.State.Acceptable, text, position
        return QIntValidator.State.Invalid, text, position
