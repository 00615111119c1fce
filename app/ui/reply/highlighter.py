"""Colours for the code in a text document, kept up to date while it is edited."""

import time
from collections.abc import Mapping

from pygments.token import _TokenType
from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QTextBlock, QTextCharFormat, QTextCursor, QTextDocument, QTextFormat, QTextLayout
from PySide6.QtWidgets import QPlainTextEdit

from app.code.languages import PLAIN_TEXT, Language
from app.code.lexing import IncrementalLexer, LineToken
from app.ui.base.utf16 import utf16_length

SLICE_S = 0.006
"""The most time that one turn in the GUI thread may take."""

RULES_MS = 15
"""Between two looks at rules that are being compiled."""

SETTLE_MS = 1500
SETTLE_LINES = 5000
"""After a pause a text of at most so many lines is lexed again as a whole (see `IncrementalLexer`)."""

MANY_LINES = 50
"""From so many on it is quicker to read the whole text than one line after the other."""

IS_PROSE = QTextFormat.Property.UserProperty + 1
"""Set in the format of strings and comments: brackets there are no brackets."""

Formats = Mapping[_TokenType, QTextCharFormat]


class CodeHighlighter(QObject):
    """Sets the formats of a document's lines; `QSyntaxHighlighter` would lex a whole file in one go.

    The edited line gets its colours at once, the rest in slices of `SLICE_S` between events. The first text
    in a language waits for its rules, which a thread compiles. GUI thread only.
    """

    def __init__(self, edit: QPlainTextEdit, formats: Formats) -> None:
        """The document is that of `edit`, which it has for good."""
        super().__init__(edit)
        # Python's object for a document that Qt made may be that of another one, which has gone since.
        self._edit = edit
        self._formats = formats
        self._language = PLAIN_TEXT
        self._cache: dict[_TokenType, QTextCharFormat | None] = {}
        self._lexer = IncrementalLexer(PLAIN_TEXT, [""])
        self._painting = False
        self._next_slice = QTimer(self, singleShot=True, interval=0)
        self._next_slice.timeout.connect(self._paint_slice)
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._on_settle)
        self._document.contentsChange.connect(self._on_contents_change)
        self._restart()

    @property
    def _document(self) -> QTextDocument:
        return self._edit.document()

    @property
    def painting(self) -> bool:
        """True while formats are being set: the document then reports changes that are no edits."""
        return self._painting

    @property
    def pending(self) -> bool:
        """Tell whether some lines still wait for their colours."""
        return self._lexer.pending

    def set_language(self, language: Language) -> None:
        """Lex the text as `language` from now on."""
        if language.key != self._language.key:
            self._language = language
            self._restart()

    def set_formats(self, formats: Formats) -> None:
        """Use other colours."""
        self._formats = formats
        self._cache.clear()
        self._lexer.lex_again()
        self._go_on()

    def _restart(self) -> None:
        self._lexer = IncrementalLexer(self._language, self._lines())
        self._go_on()

    def _lines(self) -> list[str]:
        return self._document.toRawText().split("\u2029")

    def _on_contents_change(self, position: int, _removed: int, added: int) -> None:
        if self._painting:
            return
        document = self._document
        first = document.findBlock(position).blockNumber()
        last_block = document.findBlock(position + added)
        last = last_block.blockNumber() if last_block.isValid() else document.blockCount() - 1
        removed_lines = last - first + 1 - (document.blockCount() - self._lexer.line_count)
        if removed_lines < 1 or first + removed_lines > self._lexer.line_count:
            self._restart()
            return
        if last - first > MANY_LINES:
            cursor = QTextCursor(document)
            cursor.setPosition(document.findBlock(position).position())
            cursor.setPosition(
                last_block.position() + last_block.length() - 1
                if last_block.isValid()
                else document.characterCount() - 1,
                QTextCursor.MoveMode.KeepAnchor,
            )
            lines = cursor.selectedText().split("\u2029")
        else:
            lines = []
            block = document.findBlockByNumber(first)
            while block.isValid() and block.blockNumber() <= last:
                lines.append(block.text())
                block = block.next()
        self._lexer.replace_lines(first, removed_lines, lines)
        if self._lexer.is_ready:
            self._paint_slice()
        else:
            self._go_on()
        if self._lexer.line_count <= SETTLE_LINES:
            self._settle.start()

    def _on_settle(self) -> None:
        self._lexer.lex_again()
        self._go_on()

    def _go_on(self) -> None:
        self._next_slice.start(0 if self._lexer.is_ready else RULES_MS)

    def _paint_slice(self) -> None:
        if not self._lexer.is_ready:
            self._lexer.prepare()
            self._go_on()
            return
        self._painting = True
        document = self._document
        try:
            block = QTextBlock()
            first = end = -1
            for number, tokens in self._lexer.lex_until(time.perf_counter() + SLICE_S):
                following = block.next() if block.isValid() else block
                block = (
                    following
                    if following.isValid() and following.blockNumber() == number
                    else document.findBlockByNumber(number)
                )
                block.layout().setFormats(self._ranges(block, tokens))
                first = block.position() if first < 0 else min(first, block.position())
                end = max(end, block.position() + block.length())
            if first >= 0:
                document.markContentsDirty(first, end - first)
        finally:
            self._painting = False
        if self._lexer.pending:
            self._go_on()

    def _ranges(self, block: QTextBlock, tokens: list[LineToken]) -> list[QTextLayout.FormatRange]:
        text = block.text()
        # Qt counts UTF-16 units, Python characters.
        wide = block.length() - 1 != len(text)
        ranges: list[QTextLayout.FormatRange] = []
        last_shown: QTextCharFormat | None = None
        for start, length, kind in tokens:
            shown = self._format_of(kind)
            if shown is None:
                continue
            if wide:
                end = utf16_length(text[: start + length])
                start = utf16_length(text[:start])
                length = end - start
            if shown is last_shown and start == ranges[-1].start + ranges[-1].length:
                ranges[-1].length += length
                continue
            last_shown = shown
            span = QTextLayout.FormatRange()
            span.start, span.length, span.format = start, length, shown
            ranges.append(span)
        return ranges

    def _format_of(self, kind: _TokenType) -> QTextCharFormat | None:
        if kind not in self._cache:
            known = kind
            while known not in self._formats and known.parent is not None:
                known = known.parent
            self._cache[kind] = self._formats.get(known)
        return self._cache[kind]
