"""The message field: it grows with the text, and says what sending costs and why it is not possible."""

from collections.abc import Callable
from enum import Enum, auto

from PySide6.QtCore import QEvent, QMimeData, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetricsF, QKeyEvent, QKeySequence, QResizeEvent, QTextLayout
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.ui.base import shortcuts
from app.ui.base.add_action import allow, keys_text, with_keys
from app.ui.base.announce import announce
from app.ui.base.field_escape import keeps_escape
from app.ui.base.plain_text import set_tip
from app.ui.base.stray_typing import type_into
from app.ui.base.theme import Theme
from app.ui.chat.composing.context_meter import ContextMeter
from app.ui.chat.composing.prompt_suggestions import PromptSuggestions
from app.ui.chat.composing.thinking_effort import ThinkingEffort
from app.ui.chat.conversation.attachment_chips import AttachmentChips
from app.ui.widgets.card import Card, button
from app.ui.widgets.collapsing_buttons import CollapsingButtons
from app.ui.widgets.dropped import dropped_files, dropped_without_models
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.push_buttons import SingleClicks
from app.ui.widgets.text_field import LONGEST_LINE, TextField

LEAST_LINES, MOST_LINES = 2, 12
REASON_PX = 120
"""The room that a message that waits has for saying so, before the buttons have theirs for words."""


class ComposerState(Enum):
    """The states of the composer."""

    READY = auto()
    RUNNING = auto()
    """A reply is coming in: it can be stopped."""
    WAITING = auto()
    """Nothing is answered for the moment; what is sent waits. `set_state` was told for what."""
    QUEUED = auto()
    """The message that is written was sent and waits; it can be taken back."""
    BLOCKED = auto()
    """Nothing can be sent; `set_state` was told why."""


class Composer(QWidget):
    """A text field with its buttons. Enter sends, Shift+Enter breaks the line. GUI thread."""

    send_requested = Signal(str)
    stop_requested = Signal()
    text_changed = Signal(str)
    settings_toggled = Signal(bool)
    attach_requested = Signal()
    compare_requested = Signal()
    """Several models are to answer beside each other."""
    files_given = Signal(list)
    """Files (`Path`) were dropped or pasted."""
    refused = Signal(str)
    """Something was not put in, for this reason."""
    remedy_requested = Signal()
    """The button that mends what blocks sending was pressed."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._state = ComposerState.BLOCKED
        self._field = _Field()
        self._text: str | None = None
        """The text of the field, once somebody has asked for it since its last change."""
        # Some changes share a revision of the document with the next one, so it does not tell.
        self._field.document().contentsChange.connect(self._forget_text)
        self._field.document().contentsChanged.connect(self._forget_text)
        self._field.submitted.connect(self._on_submit)
        self._field.textChanged.connect(lambda: self.text_changed.emit(self.text()))
        self._field.textChanged.connect(self._show_state)
        self.settings = button(
            self.tr("Model behaviour"),
            "quiet",
            name=with_keys(self.tr("Model behaviour"), shortcuts.BEHAVIOUR),
            tip=with_keys(
                self.tr("System prompt, thinking, how freely words are chosen"), shortcuts.BEHAVIOUR
            ),
        )
        self.settings.setCheckable(True)
        self.settings.toggled.connect(self.settings_toggled)
        self.effort = ThinkingEffort(theme)
        self.effort.setText(self.effort.words)
        self.attach = button("", "quiet", name=with_keys(self.tr("Attach files"), shortcuts.ATTACH))
        self.attach.clicked.connect(self.attach_requested)
        self.compare = button("", "quiet", name=with_keys(self.tr("Compare answers"), shortcuts.COMPARE))
        self.compare.clicked.connect(self.compare_requested)
        self.attachments = AttachmentChips(theme, removable=True, margins=(12, 10, 12, 0))
        self._field.files_given.connect(self.files_given)
        self._field.line_refused.connect(self._refuse_line)
        self.suggestions = PromptSuggestions()
        self._field.key_taker = self.suggestions.take_key
        self._field.uses_escape = self.suggestions.isVisible
        self._field.textChanged.connect(lambda: self.suggestions.follow(self.text()))
        self._reason = ElidedLabel("small")
        self._reason.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._reason.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._remedy = button("")
        self._remedy.clicked.connect(self.remedy_requested)
        self.meter = ContextMeter(theme)
        self._send = button(self.tr("Send"), "primary", tip=self.tr("Send (Enter)"))
        self._send.clicked.connect(self._on_submit)
        self._stop = button(self.tr("Stop"), tip=with_keys(self.tr("Stop the reply"), shortcuts.STOP))
        self._stop.clicked.connect(self.stop_requested)
        for pressed in (self._send, self._stop):
            # It goes, or is switched off, and the next words are typed.
            pressed.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            pressed.clicked.connect(self._field.setFocus)
        # One stands where the other stood.
        SingleClicks(self._send, self._stop)
        card = Card(margin_px=0)
        card.body.setSpacing(0)
        card.body.addWidget(self.attachments)
        card.body.addWidget(self.suggestions)
        card.body.addWidget(self._field)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.attach)
        row.addWidget(self.settings)
        row.addWidget(self.effort)
        row.addWidget(self.compare)
        row.addWidget(self._reason, 1)
        row.addWidget(self.meter)
        for made in (self._remedy, self._stop, self._send):
            row.addWidget(made)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(card)
        layout.addLayout(row)
        words = CollapsingButtons(self, [self.settings, self.effort])
        self.effort.words_changed.connect(lambda text: words.set_words(self.effort, text))
        self.setFocusProxy(self._field)
        theme.changed.connect(self._draw_icons)
        self._draw_icons()
        self.set_state(ComposerState.BLOCKED)

    @property
    def state(self) -> ComposerState:
        """The present state."""
        return self._state

    @property
    def reason(self) -> str:
        """The reason why nothing can be sent; empty when something can."""
        return self._reason.text()

    def text(self) -> str:
        """Return the text in the field."""
        # Asked for by many with each letter; Qt would put it together anew each time.
        if self._text is None:
            self._text = self._field.toPlainText()
        return self._text

    def _forget_text(self, *_: int) -> None:
        self._text = None

    def set_text(self, text: str) -> None:
        """Write something into it, such as a kept draft."""
        if text != self.text():
            self._field.setPlainText(text)
            self._field.moveCursor(self._field.textCursor().MoveOperation.End)

    def insert_text(self, text: str) -> None:
        """Put something where the cursor is, and go on typing there."""
        self._field.insert(text)
        self._field.setFocus()

    def take_key(self, event: QKeyEvent) -> None:
        """Go on with a key that was pressed where nothing can be typed."""
        type_into(self._field, event)

    def set_state(self, state: ComposerState, reason: str = "", remedy: str = "") -> None:
        """Show what can be done; `reason` says why nothing can be sent and `remedy` names the way out."""
        if state is ComposerState.QUEUED and self._state is not state:
            # In place of the reply, whose beginning is announced.
            announce(self, reason)
        self._state = state
        self._reason.setText(reason)
        set_tip(self._reason, reason)
        waits = state in (ComposerState.WAITING, ComposerState.QUEUED)
        self._reason.setMinimumWidth(self._theme.pixels(REASON_PX) if waits else 0)
        self._remedy.setText(remedy)
        self._show_state()

    def _show_state(self) -> None:
        running = self._state in (ComposerState.RUNNING, ComposerState.QUEUED)
        self._send.setVisible(not running)
        if running:
            refusal = self.tr("A reply is being written")
        elif self._state is ComposerState.BLOCKED and self.reason:
            refusal = self.reason
        else:
            refusal = "" if self.text().strip() else self.tr("Nothing is written yet")
        allow(self._send, refusal)
        if self._state is ComposerState.QUEUED:
            self._stop.setText(self.tr("Take back"))
            set_tip(self._stop, with_keys(self.tr("Take the message back"), shortcuts.STOP))
        else:
            self._stop.setText(self.tr("Stop"))
            set_tip(self._stop, with_keys(self.tr("Stop the reply"), shortcuts.STOP))
        self._stop.setVisible(running)
        self._remedy.setVisible(bool(self._remedy.text()))
        self.meter.setVisible(self._state is ComposerState.READY)
        match self._state:
            case ComposerState.READY:
                hint = self.tr("Ask anything. Enter sends, Shift+Enter for a new line, / for a prompt.")
            case ComposerState.WAITING:
                hint = self.tr("You can ask already. Enter sends it as soon as the model answers.")
            case _:
                hint = self.tr("You can write already; it is kept until you can send it.")
        self._field.show_hint(hint)

    def _on_submit(self) -> None:
        if not self.text().strip():
            return
        match self._state:
            case ComposerState.READY | ComposerState.WAITING:
                self.send_requested.emit(self.text())
            case ComposerState.RUNNING if not self.reason:
                self._tell(
                    self.tr("Send it when the reply has ended, or stop the reply ({keys}).").format(
                        keys=keys_text(shortcuts.STOP)
                    )
                )
            case ComposerState.BLOCKED | ComposerState.QUEUED:
                self._tell(self.reason)

    def _tell(self, reason: str) -> None:
        self._reason.setText(reason)
        set_tip(self._reason, reason)
        announce(self, reason)

    def _refuse_line(self) -> None:
        self.refused.emit(
            self.tr("A line of more than {count} characters is too long here; attach it as a file.").format(
                count=f"{LONGEST_LINE:,}"
            )
        )

    def _draw_icons(self) -> None:
        self.settings.setIcon(self._theme.icon("sliders-horizontal", "muted", "accent"))
        self._send.setIcon(self._theme.icon("arrow-up", "on_accent"))
        self.attach.setIcon(self._theme.icon("paperclip"))
        self.compare.setIcon(self._theme.icon("columns"))
        self._stop.setIcon(self._theme.icon("stop-fill", "text"))


class _Field(TextField):
    """Grows with its text up to twelve lines. Files dropped or pasted into it are given on, not typed."""

    submitted = Signal()
    files_given = Signal(list)
    line_refused = Signal()
    """A text was not put in, as it would have made a line longer than `LONGEST_LINE`."""

    def __init__(self) -> None:
        super().__init__()
        self.key_taker: Callable[[int], bool] = lambda _: False
        """Gets the keys first, and says whether it has used them."""
        self.uses_escape: Callable[[], bool] = lambda: False
        """Tells whether Escape means something to the taker."""
        self.setProperty("look", "bare")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabChangesFocus(True)
        self.setAccessibleName(self.tr("Message"))
        self.document().setDocumentMargin(0)
        self.setViewportMargins(15, 11, 8, 11)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().documentLayout().documentSizeChanged.connect(self._fit)
        self._fit()

    def event(self, event: QEvent) -> bool:
        """Take Escape ahead of the shortcuts while it means something here."""
        return (self.uses_escape() and keeps_escape(event)) or super().event(event)

    def show_hint(self, text: str) -> None:
        """Set the text that is shown while nothing is typed."""
        if text != self.placeholderText():
            self.setPlaceholderText(text)
            # Qt draws a hint that takes another's place only where the cursor blinks.
            self.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Enter sends; with Shift it breaks the line. An input method's Enter never comes here."""
        if not event.modifiers() & Qt.KeyboardModifier.ShiftModifier and self.key_taker(event.key()):
            return
        typed = event.text().strip()
        if typed and typed.isprintable() and event.modifiers() == Qt.KeyboardModifier.AltModifier:
            # Keys such as those that keep an answer, pressed once more: Qt would type the digit.
            event.ignore()
            return
        if event.matches(QKeySequence.StandardKey.Copy) and not self.textCursor().hasSelection():
            # What is selected elsewhere is meant.
            event.ignore()
            return
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if not event.modifiers() & (Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.AltModifier):
                self.submitted.emit()
                return
            self.insertPlainText("\n")
            return
        super().keyPressEvent(event)

    def canInsertFromMimeData(self, source: QMimeData) -> bool:  # noqa: N802
        """Files too; models are for the window."""
        if dropped_files(source):
            return bool(dropped_without_models(source))
        return super().canInsertFromMimeData(source)

    def insertFromMimeData(self, source: QMimeData) -> None:  # noqa: N802
        """Dropped or pasted: files are attached."""
        files = dropped_files(source)
        if files:
            self.files_given.emit(files)
        else:
            super().insertFromMimeData(source)

    def refuse_line(self) -> None:
        """Tell that a line would have become too long."""
        self.line_refused.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Lines may wrap otherwise now."""
        super().resizeEvent(event)
        self._fit()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(400, self.height())

    def _fit(self) -> None:
        # The plain text layout counts its height in lines.
        lines = round(self.document().size().height())
        shown = min(max(lines, LEAST_LINES), MOST_LINES)
        scrolls = lines > MOST_LINES
        policy = Qt.ScrollBarPolicy.ScrollBarAsNeeded if scrolls else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        if self.verticalScrollBarPolicy() != policy:
            self.setVerticalScrollBarPolicy(policy)
        height = round(_line_px(self.font()) * shown) + 23
        if height != self.height():
            self.setFixedHeight(height)


def _line_px(font: QFont) -> float:
    """The height of a line that may hold Chinese, whose font is taller than the Latin one."""
    layout = QTextLayout("国", font)
    layout.beginLayout()
    line = layout.createLine()
    layout.endLayout()
    return max(line.height(), QFontMetricsF(font).lineSpacing())
