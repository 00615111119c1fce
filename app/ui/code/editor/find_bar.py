"""Find and replace, below the editor's head."""

from PySide6.QtCore import QEvent, QRegularExpression, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut, QTextCursor, QTextDocument
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QToolButton, QWidget

from app.ui.base import shortcuts
from app.ui.base.add_action import with_keys
from app.ui.base.field_escape import keeps_escape
from app.ui.base.plain_text import set_tip
from app.ui.base.theme import Theme
from app.ui.code.editor.code_view import CodeView
from app.ui.widgets.card import button, label
from app.ui.widgets.flow_row import FlowRow

MARKED_AT_MOST = 2000
"""More hits than this are counted as "many" and not all marked."""


class FindBar(QWidget):
    """Finds and replaces in one editor. Hidden until `open_find` or `open_replace`."""

    closed = Signal()

    def __init__(self, editor: CodeView, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._editor = editor
        self._theme = theme
        self._find = self._field(self.tr("Find"))
        self._replacement = self._field(self.tr("Replace with"))
        self._count = label("", "small")
        self._case = self._toggle("Aa", self.tr("Match upper and lower case"), shortcuts.MATCH_CASE)
        self._words = self._toggle("W", self.tr("Whole words only"), shortcuts.WHOLE_WORDS)
        self._pattern = self._toggle(".*", self.tr("Regular expression"), shortcuts.PATTERN)
        self._previous = button(kind="quiet", name=self.tr("Find previous (Shift+Enter)"))
        self._next = button(kind="quiet", name=self.tr("Find next (Enter)"))
        self._close = button(kind="quiet", name=with_keys(self.tr("Close"), "Escape"))
        self._replace_one = button(self.tr("Replace"), tip=self.tr("Replace what is selected (Enter)"))
        self._replace_all = button(self.tr("Replace all"))
        for made in (self._previous, self._next, self._close, self._replace_one, self._replace_all):
            # A click leaves the focus in the field.
            made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._lay_out()
        # From what is found to what it becomes, with all that can be switched behind.
        QWidget.setTabOrder(self._find, self._replacement)
        self._find.textChanged.connect(self._search)
        self._find.returnPressed.connect(self.find_next)
        self._replacement.returnPressed.connect(self.replace)
        self._previous.clicked.connect(self.find_previous)
        self._next.clicked.connect(self.find_next)
        self._close.clicked.connect(self.close_bar)
        self._replace_one.clicked.connect(self.replace)
        self._replace_all.clicked.connect(self.replace_all)
        editor.edited.connect(self._on_edited)
        theme.changed.connect(self._draw_icons)
        self._draw_icons()
        self.hide()

    def open_find(self) -> None:
        """Show the bar for finding; a selection within a line becomes the text to find."""
        self._open(replace=False)

    def open_replace(self) -> None:
        """Show the bar for replacing."""
        self._open(replace=True)

    def close_bar(self) -> None:
        """Hide the bar and go back to the text."""
        self._editor.show_found([])
        self.hide()
        self._editor.setFocus()
        self.closed.emit()

    def find_next(self) -> None:
        """Go to the next hit, from the end on to the first."""
        self._step(forward=True)

    def find_previous(self) -> None:
        """Go to the hit before, from the start on to the last."""
        self._step(forward=False)

    def replace(self) -> None:
        """Replace the hit that is selected, then go to the next."""
        cursor = self._editor.textCursor()
        for hit in self._hits():
            if (hit.selectionStart(), hit.selectionEnd()) == (cursor.selectionStart(), cursor.selectionEnd()):
                cursor.insertText(self._replacement_for(hit.selectedText()))
                break
        self.find_next()

    def replace_all(self) -> None:
        """Replace every hit, as one undo step."""
        hits = self._hits(at_most=None)
        edit = QTextCursor(self._editor.document())
        edit.beginEditBlock()
        for hit in reversed(hits):
            hit.insertText(self._replacement_for(hit.selectedText()))
        edit.endEditBlock()
        self._count.setText(self.tr("{count} replaced").format(count=len(hits)))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Esc closes; Shift+Enter goes back."""
        if event.key() == Qt.Key.Key_Escape:
            self.close_bar()
        elif event.key() == Qt.Key.Key_Return and event.modifiers() == Qt.KeyboardModifier.ShiftModifier:
            self.find_previous()
        else:
            super().keyPressEvent(event)
            return
        event.accept()

    def _open(self, *, replace: bool) -> None:
        selected = self._editor.textCursor().selectedText()
        self._replacing.setVisible(replace and not self._editor.isReadOnly())
        # As wide as its longest words in the present size, so that nothing moves while something is typed.
        self._count.setMinimumWidth(max(map(self._count.fontMetrics().horizontalAdvance, self._counts())))
        self.show()
        if selected and "\u2029" not in selected:
            self._find.setText(selected)
        self._find.selectAll()
        self._find.setFocus()
        self._search()

    def _search(self) -> None:
        """Mark all hits, and go to the first one from the selection's start on."""
        hits = self._hits()
        self._editor.show_found(hits)
        start = self._editor.textCursor().selectionStart()
        self._go_to(hits, next((i for i, hit in enumerate(hits) if hit.selectionStart() >= start), 0))

    def _on_edited(self) -> None:
        if self.isVisible():
            hits = self._hits()
            self._editor.show_found(hits)
            self._tell(hits, None)

    def _step(self, *, forward: bool) -> None:
        hits = self._hits()
        cursor = self._editor.textCursor()
        if forward:
            after = (i for i, hit in enumerate(hits) if hit.selectionStart() >= cursor.selectionEnd())
            self._go_to(hits, next(after, 0))
        else:
            before = [i for i, hit in enumerate(hits) if hit.selectionEnd() <= cursor.selectionStart()]
            self._go_to(hits, before[-1] if before else len(hits) - 1)

    def _go_to(self, hits: list[QTextCursor], index: int) -> None:
        if hits:
            self._editor.setTextCursor(hits[index])
        self._tell(hits, index)

    def _tell(self, hits: list[QTextCursor], index: int | None) -> None:
        if not self._find.text():
            self._count.clear()
        elif not hits:
            valid = not self._pattern.isChecked() or self._expression().isValid()
            self._count.setText(self.tr("not found") if valid else self.tr("not a valid pattern"))
        elif len(hits) >= MARKED_AT_MOST:
            self._count.setText(self.tr("{count} or more").format(count=MARKED_AT_MOST))
        elif index is None:
            self._count.setText(self.tr("{count} found").format(count=len(hits)))
        else:
            self._count.setText(self.tr("{index} of {count}").format(index=index + 1, count=len(hits)))

    def _hits(self, at_most: int | None = MARKED_AT_MOST) -> list[QTextCursor]:
        wanted = self._find.text()
        document = self._editor.document()
        if not wanted:
            return []
        flags = QTextDocument.FindFlag(0)
        if self._case.isChecked():
            flags |= QTextDocument.FindFlag.FindCaseSensitively
        if self._words.isChecked():
            flags |= QTextDocument.FindFlag.FindWholeWords
        expression = self._expression()
        if self._pattern.isChecked() and not expression.isValid():
            return []
        hits: list[QTextCursor] = []
        position = 0
        while at_most is None or len(hits) < at_most:
            if self._pattern.isChecked():
                hit = document.find(expression, position, flags)
            else:
                hit = document.find(wanted, position, flags)
            if hit.isNull():
                break
            if not hit.hasSelection():  # an expression that matches nothing, such as `x*`
                position = hit.position() + 1
                continue
            hits.append(hit)
            position = hit.selectionEnd()
        return hits

    def _expression(self) -> QRegularExpression:
        options = QRegularExpression.PatternOption.NoPatternOption
        if not self._case.isChecked():
            options = QRegularExpression.PatternOption.CaseInsensitiveOption
        return QRegularExpression(self._find.text(), options)

    def _replacement_for(self, found: str) -> str:
        """The replacement; with a regular expression, `\\1` stands for its first group."""
        replacement = self._replacement.text()
        if not self._pattern.isChecked():
            return replacement
        match = self._expression().match(found)
        for group in range(match.lastCapturedIndex(), -1, -1):
            replacement = replacement.replace(f"\\{group}", match.captured(group))
        return replacement

    def _field(self, hint: str) -> QLineEdit:
        field = _Field()
        field.setPlaceholderText(hint)
        field.setAccessibleName(hint)
        return field

    def _toggle(self, sign: str, meaning: str, shortcut: str) -> QToolButton:
        made = QToolButton()
        made.setText(sign)
        made.setCheckable(True)
        made.setProperty("kind", "quiet")
        set_tip(made, with_keys(meaning, shortcut))
        made.setAccessibleName(meaning)
        made.toggled.connect(lambda _on: self._search())
        keys = QShortcut(QKeySequence(shortcut), self)
        keys.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        keys.activated.connect(made.toggle)
        return made

    def _lay_out(self) -> None:
        layout = FlowRow(self)
        layout.setContentsMargins(14, 0, 14, 8)
        layout.add(_together(self._find, self._previous, self._next, self._close), stretch=True)
        layout.add(_together(self._case, self._words, self._pattern, self._count))
        self._replacing = _together(self._replacement, self._replace_one, self._replace_all)
        layout.add(self._replacing, stretch=True)

    def _counts(self) -> tuple[str, ...]:
        return (
            self.tr("{count} or more").format(count=MARKED_AT_MOST),
            self.tr("{index} of {count}").format(index=MARKED_AT_MOST, count=MARKED_AT_MOST),
            self.tr("{count} replaced").format(count=MARKED_AT_MOST),
            self.tr("not a valid pattern"),
        )

    def _draw_icons(self) -> None:
        self._previous.setIcon(self._theme.icon("caret-up"))
        self._next.setIcon(self._theme.icon("caret-down"))
        self._close.setIcon(self._theme.icon("x"))


class _Field(QLineEdit):
    """A field to which Escape means to close the bar, also while a reply could be stopped."""

    def event(self, event: QEvent) -> bool:
        return keeps_escape(event) or super().event(event)


def _together(*widgets: QWidget) -> QWidget:
    """Put widgets into a part of a row that is not broken."""
    part = QWidget()
    row = QHBoxLayout(part)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(4)
    for widget in widgets:
        row.addWidget(widget)
    return part
