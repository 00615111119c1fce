"""Proposed changes in a text: old and new lines, one hunk after the other to accept or reject."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QKeySequence, QTextCursor
from PySide6.QtWidgets import QTextEdit, QWidget

from app.code.changes.proposal import Proposal, ProposedLine
from app.code.languages import Language
from app.ui.base.add_action import keys_text
from app.ui.base.field_escape import keeps_escape
from app.ui.base.theme import Theme
from app.ui.code.editor.code_view import CodeView, marked
from app.ui.widgets.scrolled_page import KeyboardRing

ACCEPT_ALL_KEYS = "Shift+A"
UNDO_KEYS = QKeySequence.StandardKey.Undo
AGAIN_MS = 1_000
"""So long after the last decision a key that decides writes nothing into the text."""
_DECIDING = (Qt.Key.Key_A, Qt.Key.Key_R, Qt.Key.Key_N, Qt.Key.Key_P, Qt.Key.Key_Return, Qt.Key.Key_Delete)
_MODIFIERS = (Qt.Key.Key_Shift, Qt.Key.Key_Control, Qt.Key.Key_Alt, Qt.Key.Key_Meta)
SOFT, STRONG = 34, 72
"""The opacity of a changed line's background, in other hunks and in the one in question (of 255)."""


class CodeProposalView(CodeView):
    """Shows a `Proposal` until all of it is decided. GUI thread only."""

    changed = Signal()
    """Another hunk is in question, or one was decided."""
    finished = Signal()
    """Nothing waits any more; `proposal` says what became of it."""
    left = Signal()
    """Esc: what still waits is not wanted."""
    decided_by_key = Signal(object)
    """After `finished`, where a key was the last decision: the desktop's time of it in ms, an `int`."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        self._lines: list[ProposedLine] = []
        self.proposal = Proposal("", "")
        self.current = -1
        super().__init__(theme, parent)
        # It would hide whether the line comes or goes.
        self._marks_current_line = False
        self.setReadOnly(True)
        # Read-only text has no cursor of its own, and its keys are these.
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        KeyboardRing(self)
        self.setAccessibleName(self.tr("Proposed changes"))
        self.setAccessibleDescription(
            self.tr(
                "A accepts a change, R rejects it, N goes to the next one, {keys} takes a decision back."
            ).format(keys=keys_text(UNDO_KEYS))
        )

    def show_proposal(self, proposal: Proposal, language: Language) -> None:
        """Begin with the first change of `proposal`, which has one at least."""
        self.proposal = proposal
        self.current = proposal.waiting[0]
        self._draw(language)

    def accept(self) -> None:
        """Accept the change in question, and go on to the next."""
        self._decide(accept=True)

    def reject(self) -> None:
        """Reject the change in question, and go on to the next."""
        self._decide(accept=False)

    def accept_all(self) -> None:
        """Accept every change that waits."""
        self.proposal.decide_rest(accept=True)
        self.finished.emit()

    def undo_decision(self) -> None:
        """Take the last decision back."""
        hunk = self.proposal.undo()
        if hunk >= 0:
            self.current = hunk
            self._draw(self.language)

    def go_on(self, step: int = 1) -> None:
        """Go to the next change, or back with -1; from the last to the first."""
        waiting = self.proposal.waiting
        if waiting:
            self.current = waiting[(waiting.index(self.current) + step) % len(waiting)]
            self._show_current()

    def event(self, event: QEvent) -> bool:
        """Escape leaves the changes, also while a reply could be stopped."""
        return keeps_escape(event) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """One letter each, as nothing can be typed here."""
        actions: dict[Qt.Key, Callable[[], None]] = {
            Qt.Key.Key_A: self.accept,
            Qt.Key.Key_Return: self.accept,
            Qt.Key.Key_R: self.reject,
            Qt.Key.Key_Delete: self.reject,
            Qt.Key.Key_N: self.go_on,
            Qt.Key.Key_P: lambda: self.go_on(-1),
            Qt.Key.Key_Escape: lambda: self.left.emit(),
        }
        if event.matches(UNDO_KEYS):
            self.undo_decision()
        elif event.modifiers() == Qt.KeyboardModifier.NoModifier and event.key() in actions:
            actions[Qt.Key(event.key())]()
        elif QKeySequence(event.keyCombination()) == QKeySequence(ACCEPT_ALL_KEYS):
            self.accept_all()
        else:
            super().keyPressEvent(event)
        if _decides(event) and not self.proposal.waiting:
            self.decided_by_key.emit(event.timestamp())

    def gutter_label(self, number: int) -> tuple[str, str]:
        """The line's number in the text as it would be, + or − for one that is only proposed."""
        if number >= len(self._lines):
            return "", "muted"
        line = self._lines[number]
        match line.kind:
            case "added":
                return "+", "good"
            case "removed":
                return "−", "danger"
            case "same":
                return str(line.number), "muted"

    def line_marks(self) -> list[QTextEdit.ExtraSelection]:
        """Green and red grounds, stronger for the change in question."""
        marks = []
        for number, line in enumerate(self._lines):
            if line.kind != "same":
                block = self.document().findBlockByNumber(number)
                ground = QColor(self._theme.colour("good" if line.kind == "added" else "danger"))
                ground.setAlpha(STRONG if line.hunk == self.current else SOFT)
                marks.append(marked(QTextCursor(block), ground, full_width=True))
        return marks

    def _decide(self, *, accept: bool) -> None:
        waiting = self.proposal.waiting
        if not waiting:
            return
        place = waiting.index(self.current)
        self.proposal.decide(self.current, accept=accept)
        waiting = self.proposal.waiting
        if not waiting:
            self.finished.emit()
            return
        self.current = waiting[place % len(waiting)]
        self._draw(self.language)

    def _draw(self, language: Language) -> None:
        scrolled = self.verticalScrollBar().value()
        self._lines = self.proposal.lines()
        self.load_text("\n".join(line.text for line in self._lines), language)
        self.verticalScrollBar().setValue(scrolled)
        self._show_current()

    def _show_current(self) -> None:
        first = next((i for i, line in enumerate(self._lines) if line.hunk == self.current), 0)
        cursor = QTextCursor(self.document().findBlockByNumber(first))
        self.setTextCursor(cursor)
        self.ensureCursorVisible()
        self._mark()
        self.changed.emit()


class LateDecisions(QObject):
    """Keeps keys that decide changes out of `editor` for a moment once the last one is decided: whoever
    decides one after the other presses one more before it is seen that the text is back. GUI thread."""

    def __init__(self, view: CodeProposalView, editor: QWidget) -> None:
        super().__init__(editor)
        self._until_ms = 0
        self._editor = editor
        view.decided_by_key.connect(self._begin)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Take the decisions that follow quickly on each other; anything else that is pressed is meant."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if _decides(event) and event.timestamp() < self._until_ms:
                self._until_ms = event.timestamp() + AGAIN_MS
                return True
            if event.key() not in _MODIFIERS:
                self._editor.removeEventFilter(self)
        return False

    def _begin(self, at_ms: int) -> None:
        self._until_ms = at_ms + AGAIN_MS
        self._editor.installEventFilter(self)


def _decides(event: QKeyEvent) -> bool:
    """Tell whether a key decides a change, or goes to another one."""
    if event.modifiers() == Qt.KeyboardModifier.NoModifier:
        return event.key() in _DECIDING
    return QKeySequence(event.keyCombination()) == QKeySequence(ACCEPT_ALL_KEYS)
