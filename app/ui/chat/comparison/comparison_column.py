"""One of the answers that are compared: whose it is to be, the reply as it comes, its figures."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.chat.library.reply_choices import ReplyChoices
from app.chat.store.records import StoredMessage
from app.engine.protocol import GenerationStats, Sampling
from app.settings import LIMITS
from app.ui.base import shortcuts
from app.ui.base.add_action import with_keys
from app.ui.base.plain_text import set_tip
from app.ui.base.theme import Theme
from app.ui.chat.composing.thinking_effort import ThinkingEffort
from app.ui.chat.conversation import conversation_texts
from app.ui.reply.chat_column import ChatColumn
from app.ui.reply.child_order import put_before
from app.ui.reply.reply_view import ReplyView
from app.ui.reply.selectable_text import ShownText
from app.ui.widgets.card import NUMBER_MARGINS_PX, Card, button, label, name_field, set_look
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.wheel_proof import ComboBox, DoubleSpinBox

LEAST_PX = 280


@dataclass(frozen=True, slots=True)
class ModelOffer:
    """A model that can answer: its file, the name that chats remember, and the name to load it by, which is
    empty where it was loaded before."""

    path: str
    name: str
    load_name: str = ""
    is_elsewhere: bool = False
    """It is not on this computer."""


class ComparisonColumn(Card):
    """First the fields that say who answers and how, then the reply. GUI thread."""

    stop_requested = Signal()
    keep_requested = Signal()
    remove_requested = Signal()

    def __init__(self, theme: Theme, offers: Sequence[ModelOffer], parent: QWidget | None = None) -> None:
        """Without `offers` it is for a reply that is there already."""
        super().__init__(parent, margin_px=12)
        self._theme = theme
        self._tokens: int | None = None
        self._offers = list(offers)
        self.setMinimumWidth(theme.pixels(LEAST_PX))
        self.message: StoredMessage | None = None
        """The reply in the store, once there is one."""
        self.is_stopped = self.is_running = False
        self.title = ElidedLabel("title")
        self._how = label("", "small", wrap=True)
        self._how.hide()
        self._remove = button("", "inline", name=self.tr("Take this column away"))
        self._remove.clicked.connect(self.remove_requested)
        head = QHBoxLayout()
        head.setSpacing(4)
        head.addWidget(self.title, 1)
        head.addWidget(self._remove)
        self.body.addLayout(head)
        self.body.addWidget(self._how)
        # From the outside to the inside: for what moves, Qt works out the style of all that is in it anew.
        self._fields = QWidget(self)
        self.body.addWidget(self._fields)
        self._fill_fields(self._fields)
        self._state = label("", "muted", wrap=True)
        self.body.addWidget(self._state)
        self._area: _AnswerArea | None = None
        self._blank = QWidget()
        self._blank.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.body.addWidget(self._blank, 1)
        self._figures = label("", "small", wrap=True, selectable=True)
        self._stop = button(self.tr("Stop"))
        self._stop.clicked.connect(self.stop)
        self._keep = button(self.tr("Keep this one"))
        self._keep.clicked.connect(self.keep_requested)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addStretch(1)
        foot.addWidget(self._stop)
        foot.addWidget(self._keep)
        self.body.addWidget(self._figures)
        self.body.addLayout(foot)
        self._figures.hide()
        self._stop.hide()
        self._keep.hide()
        theme.changed.connect(self._draw_icons)
        self._draw_icons()

    @property
    def state(self) -> str:
        """The sentence above the reply: what it waits for, or why there is none."""
        return self._state.text()

    @property
    def figures(self) -> str:
        """The length of the reply and its speed, in words; empty until it has ended."""
        return self._figures.text()

    @property
    def offer(self) -> ModelOffer:
        """The model that is chosen."""
        return self._offers[self._model.currentIndex()]

    @property
    def area(self) -> "_AnswerArea":
        """The area that scrolls the reply. It is made when it is first asked for: until there is a reply, the
        dialog is there sooner without it."""
        if self._area is None:
            self._area = _AnswerArea(self._theme, self)
            self._area.hide()
            self._area.setAccessibleName(self.accessibleName())
            self.body.insertWidget(self.body.indexOf(self._blank), self._area, 1)
            put_before(self._area, self._blank)
        return self._area

    @property
    def view(self) -> ReplyView:
        """The reply as it is shown."""
        return self.area.view

    @property
    def can_be_kept(self) -> bool:
        """Tell whether it has ended, with something to keep."""
        return self._keep.isVisibleTo(self) and self._keep.isEnabled()

    @property
    def can_be_stopped(self) -> bool:
        """Tell whether it is answered, or waits for that, and nobody has stopped it."""
        return self._stop.isVisibleTo(self) and not self.is_stopped

    def number(self, place: int, *, removable: bool) -> None:
        """Say which column it is, from 1 on; `removable` lets it be taken away before it begins."""
        name = self.tr("Answer {number}").format(number=place)
        self.setAccessibleName(name)
        if self._area is not None:
            self._area.setAccessibleName(name)
        if not self._fields.isHidden():
            self.title.setText(name)
        self._remove.setVisible(removable)
        keys = with_keys(self.tr("Keep this one"), shortcuts.KEEP_ANSWER.format(number=place))
        self._keep.setAccessibleName(keys)
        set_tip(self._keep, keys)

    def show_choices(self, choices: ReplyChoices, usual: Sampling, path: str) -> None:
        """Begin with the settings of the chat, and with the model of a file."""
        places = [place for place, offer in enumerate(self._offers) if offer.path == path]
        self._model.setCurrentIndex(places[0] if places else 0)
        self._choose_effort(choices.thinking.tokens)
        self._temperature.setValue((choices.sampling or usual).temperature)

    def choices(self, of_chat: ReplyChoices, usual: Sampling) -> ReplyChoices:
        """Give the choices of the chat with those of this column in their place."""
        sampling = of_chat.sampling or usual
        temperature = round(self._temperature.value(), 3)
        return msgspec.structs.replace(
            of_chat,
            thinking=msgspec.structs.replace(of_chat.thinking, tokens=self._tokens),
            # Where nothing is changed, it goes on following the recommendation.
            sampling=of_chat.sampling
            if temperature == sampling.temperature
            else msgspec.structs.replace(sampling, temperature=temperature),
        )

    def give_keyboard(self) -> None:
        """Let the keyboard go on here: in the first field, or in the reply."""
        (self._model if not self._fields.isHidden() else self.area).setFocus(Qt.FocusReason.OtherFocusReason)

    def lock(self) -> None:
        """Show what was chosen in place of the fields: from now on it is being answered."""
        self._fields.hide()
        self._remove.hide()
        self.title.setText(self.offer.name)
        self._how.setText(
            self.tr("{effort} · temperature {temperature}").format(
                effort=self._effort.words, temperature=f"{self._temperature.value():g}"
            )
        )
        self._how.show()
        self.wait(self.tr("Waits for its turn."))
        self._stop.show()

    def wait(self, text: str) -> None:
        """Say what it waits for."""
        set_look(self._state, "muted")
        self._state.setText(text)
        self._state.show()

    def fail(self, text: str) -> None:
        """Say why there is no answer."""
        self.is_running = False
        set_look(self._state, "danger")
        self._state.setText(text)
        self._state.show()
        self._stop.hide()

    def begin(self, message: StoredMessage) -> ReplyView:
        """Give the view into which the reply comes that is kept as `message`."""
        self.message, self.is_running = message, True
        self._state.hide()
        self.view.follow_schema(message.json_schema)
        self._show_area()
        return self.view

    def end(self, message: StoredMessage) -> None:
        """Show the figures of a reply that has ended, as it was kept."""
        self.message, self.is_running = message, False
        had_keyboard = self._stop.hasFocus()
        self._stop.hide()
        self._figures.setText(self._in_words(message.stats) if message.stats is not None else "")
        self._figures.setVisible(message.stats is not None)
        self._keep.setEnabled(bool((message.content + message.thinking).strip()))
        self._keep.show()
        if had_keyboard:
            self._keep.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_kept(self, message: StoredMessage) -> None:
        """Show a reply that was there before."""
        self._fields.hide()
        self._remove.hide()
        self.title.setText(message.model)
        self._how.setText(self.tr("The answer that is there already"))
        self._how.show()
        self._state.hide()
        view = self.view
        view.follow_schema(message.json_schema)
        view.show_kept(message.content, message.thinking, message.outcome, message.stats, message.error)
        self._show_area()
        self.end(message)

    def stop(self) -> None:
        """Stop its reply, or do not begin it; what has come is kept."""
        if self.is_stopped or (self.message is not None and not self.is_running):
            return
        self.is_stopped = True
        self.stop_requested.emit()

    def _fill_fields(self, fields: QWidget) -> None:
        self._model = ComboBox(fields)
        self._model.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._model.setMinimumContentsLength(12)
        elsewhere = self.tr("{model} (not on this computer)")
        self._model.addItems(
            [elsewhere.format(model=one.name) if one.is_elsewhere else one.name for one in self._offers]
        )
        name_field(self._model, self.tr("Model"))
        # Its words stand below those of the model.
        self._effort = ThinkingEffort(self._theme, has_icon=False)
        self._effort.setProperty("kind", "choice")
        self._effort.words_changed.connect(self._effort.setText)
        self._effort.chosen.connect(self._choose_effort)
        self._temperature = DoubleSpinBox()
        self._temperature.setRange(*LIMITS["temperature"])
        self._temperature.setSingleStep(0.1)
        name_field(self._temperature, self.tr("Temperature"))
        self._temperature.lineEdit().setTextMargins(*NUMBER_MARGINS_PX)
        rows = QVBoxLayout(fields)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(8)
        # Without a word before it: in a narrow column its name needs all the room.
        rows.addWidget(self._model)
        rows.addWidget(self._effort)
        row = QHBoxLayout()
        row.addWidget(label(self.tr("Temperature"), "muted"))
        row.addWidget(self._temperature, 1)
        rows.addLayout(row)

    def _choose_effort(self, tokens: object) -> None:
        self._tokens = tokens if isinstance(tokens, int) else None
        self._effort.show_tokens(self._tokens)

    def _show_area(self) -> None:
        self._blank.hide()
        self.area.show()

    def _in_words(self, stats: GenerationStats) -> str:
        if stats.completion_tokens == 1:
            return self.tr("1 token · {seconds} s").format(seconds=f"{stats.ttft_s:,.1f}")
        return self.tr("{tokens} tokens · {seconds} s · {rate} tok/s").format(
            tokens=f"{stats.completion_tokens:,}",
            seconds=f"{stats.ttft_s + stats.decode_s:,.1f}",
            rate=f"{stats.decode_tok_per_s:.1f}",
        )

    def _draw_icons(self) -> None:
        self._remove.setIcon(self._theme.icon("x", active="text"))
        self._stop.setIcon(self._theme.icon("stop-fill", "text"))


class _AnswerArea(ChatColumn):
    """Scrolls one reply, whose text can be selected and copied."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(theme, parent, side_px=2, above_px=4)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.view = ReplyView(
            theme, self._column, offers_to_code=False, offers_regenerate=False, has_foot=False
        )
        self.view.selected_by_keys.connect(self.select_by_keys)
        self.view.thinking.toggled.connect(self.show_selection)
        self.add(self.view)

    def shown_texts(self) -> list[ShownText]:
        """The texts of the reply."""
        return conversation_texts.shown_texts([(0, self.view)])
