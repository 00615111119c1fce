"""The text editor of the Code tab."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QTextCursor
from PySide6.QtWidgets import QWidget

from app.code.line_edits import (
    dedent_lines,
    indent_lines,
    leading_space,
    next_line_indent,
    toggle_comment,
)
from app.ui.base import shortcuts
from app.ui.base.add_action import keys_text
from app.ui.base.theme import Theme
from app.ui.code.editor.code_view import CodeView


class CodeEditor(CodeView):
    """A code view with the usual keys of a code editor. GUI thread only."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self.setAccessibleDescription(
            self.tr("Tab indents. {keys} leaves the text for the next part of the window.").format(
                keys=keys_text(shortcuts.NEXT_PART)
            )
        )
        self.add_action(self.tr("Comment or uncomment lines"), shortcuts.COMMENT, self.toggle_comment)
        self.add_action(self.tr("Indent lines"), shortcuts.INDENT, self.indent)
        self.add_action(self.tr("Dedent lines"), shortcuts.DEDENT, self.dedent)

    def change_text(self, text: str) -> None:
        """Make the whole text another one, as one undo step that touches only what differs."""
        before = self.text()
        start = 0
        while start < min(len(before), len(text)) and before[start] == text[start]:
            start += 1
        end = 0
        while end < min(len(before), len(text)) - start and before[-1 - end] == text[-1 - end]:
            end += 1
        cursor = self.cursor_for(start, len(before) - end)
        first = cursor.selectionStart()
        cursor.insertText(text[start : len(text) - end])
        self._show_inserted(first, cursor)

    def toggle_comment(self) -> None:
        """Make the selected lines comments, or code again."""
        self._change_lines(lambda lines: toggle_comment(lines, self._language))

    def indent(self) -> None:
        """Move the selected lines one level in."""
        self._change_lines(lambda lines: indent_lines(lines, self._indent))

    def dedent(self) -> None:
        """Move the selected lines one level out."""
        self._change_lines(lambda lines: dedent_lines(lines, self._indent))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Tab, Enter and Backspace know about indentation; the rest is the text edit's own."""
        plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
        shift = event.modifiers() == Qt.KeyboardModifier.ShiftModifier
        handled = not self.isReadOnly()
        if handled and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and (plain or shift):
            self._break_line()
        elif handled and event.key() == Qt.Key.Key_Tab and plain:
            self._tab()
        elif handled and event.key() == Qt.Key.Key_Backtab:
            self.dedent()
        elif handled and event.key() == Qt.Key.Key_Backspace and plain and self._stands_in_indent():
            self._remove_level()
        else:
            super().keyPressEvent(event)
            return
        event.accept()

    def _show_inserted(self, start: int, cursor: QTextCursor) -> None:
        inserted = QTextCursor(self.document())
        inserted.setPosition(start)
        inserted.setPosition(cursor.position(), QTextCursor.MoveMode.KeepAnchor)
        self.setTextCursor(cursor)
        self.show_inserted(inserted)

    def _change_lines(self, change: Callable[[list[str]], list[str]]) -> None:
        """Apply `change` to the lines the selection touches, as one undo step; the selection stays."""
        if self.isReadOnly():
            return
        cursor = self.textCursor()
        first = self.document().findBlock(cursor.selectionStart())
        last = self.document().findBlock(cursor.selectionEnd())
        if last != first and cursor.selectionEnd() == last.position():
            last = last.previous()
        blocks = [first]
        while blocks[-1] != last:
            blocks.append(blocks[-1].next())
        old = [block.text() for block in blocks]
        edit = QTextCursor(self.document())
        edit.beginEditBlock()
        for block, before, after in zip(blocks, old, change(old), strict=True):
            _replace_differing(edit, block.position(), before, after)
        edit.endEditBlock()

    def _break_line(self) -> None:
        cursor = self.textCursor()
        cursor.beginEditBlock()
        cursor.removeSelectedText()
        before = cursor.block().text()[: cursor.positionInBlock()]
        after = cursor.block().text()[cursor.positionInBlock() :]
        space = next_line_indent(before, self._language, self._indent)
        cursor.insertText("\n" + space)
        if before.rstrip().endswith(("(", "[", "{")) and after.lstrip().startswith((")", "]", "}")):
            position = cursor.position()
            cursor.insertText("\n" + leading_space(before))
            cursor.setPosition(position)
        cursor.endEditBlock()
        self.setTextCursor(cursor)

    def _tab(self) -> None:
        cursor = self.textCursor()
        if "\u2029" in cursor.selectedText():
            self.indent()
        elif self._indent == "\t":
            cursor.insertText("\t")
        else:
            width = len(self._indent)
            cursor.insertText(" " * (width - cursor.positionInBlock() % width))

    def _stands_in_indent(self) -> bool:
        cursor = self.textCursor()
        before = cursor.block().text()[: cursor.positionInBlock()]
        width = len(self._indent)
        return (
            not cursor.hasSelection()
            and len(before) >= width
            and len(before) % width == 0
            and not before.strip(" ")
            and self._indent != "\t"
        )

    def _remove_level(self) -> None:
        cursor = self.textCursor()
        cursor.movePosition(
            QTextCursor.MoveOperation.Left, QTextCursor.MoveMode.KeepAnchor, len(self._indent)
        )
        cursor.removeSelectedText()


def _replace_differing(edit: QTextCursor, position: int, before: str, after: str) -> None:
    """Turn `before` (which starts at `position`) into `after` by changing only what differs."""
    if before == after:
        return
    same_start = 0
    while same_start < min(len(before), len(after)) and before[same_start] == after[same_start]:
        same_start += 1
    same_end = 0
    while (
        same_end < min(len(before), len(after)) - same_start and before[-1 - same_end] == after[-1 - same_end]
    ):
        same_end += 1
    edit.setPosition(position + same_start)
    edit.setPosition(position + len(before) - same_end, QTextCursor.MoveMode.KeepAnchor)
    edit.insertText(after[same_start : len(after) - same_end])
