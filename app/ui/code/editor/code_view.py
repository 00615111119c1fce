"""Code on the screen: colours, line numbers, matching brackets, marks, text size."""

from collections.abc import Callable

from PySide6.QtCore import QMimeData, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QColor,
    QFontMetricsF,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextCursor,
    QTextFormat,
    QTextOption,
    QWheelEvent,
)
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit, QWidget

from app.code.languages import PLAIN_TEXT, Language
from app.code.line_edits import detect_indent
from app.code.text_file import LONGEST_LINE
from app.ui.base.theme import Theme
from app.ui.code.editor.brackets import bracket_pair
from app.ui.reply.code_formats import code_formats
from app.ui.reply.highlighter import CodeHighlighter
from app.ui.widgets.dropped import dropped_files, dropped_without_models
from app.ui.widgets.text_field import TextField

GUTTER_PADDING_PX = 14


class CodeView(TextField):
    """Plain text with the look of a code editor; `CodeEditor` adds the keys. GUI thread only."""

    longest_line = LONGEST_LINE

    edited = Signal()
    """The text was changed, by a key or by a program; not by `load_text`, never for colours alone."""

    language_changed = Signal()

    files_dropped = Signal(list)
    """Files or folders were dropped on the text or pasted: their paths."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._language = PLAIN_TEXT
        self._indent = PLAIN_TEXT.indent
        self._found: list[QTextCursor] = []
        self._inserted: QTextCursor | None = None
        self._error_line = 0
        self._loading = False
        self._marks_current_line = True
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setWordWrapMode(QTextOption.WrapMode.NoWrap)
        self.setProperty("look", "bare")
        self.setAccessibleName(self.tr("Code editor"))
        self._gutter = _Gutter(self)
        self._highlighter = CodeHighlighter(self, code_formats(theme))
        self.document().contentsChange.connect(self._on_contents_change)
        self.blockCountChanged.connect(self._place_gutter)
        self.updateRequest.connect(self._on_update_request)
        self.cursorPositionChanged.connect(self._mark)
        self.selectionChanged.connect(self._mark)
        theme.changed.connect(self._on_theme_changed)
        self._set_font()
        self._mark()

    def text(self) -> str:
        """The text with line feeds; unlike `toPlainText` it keeps no-break spaces."""
        return self.document().toRawText().replace("\u2029", "\n")

    def load_text(self, text: str, language: Language) -> None:
        """Show another text; the undo history starts anew."""
        self._error_line = 0
        self._inserted = None
        self._found = []
        self._loading = True
        self.setPlainText(text)
        self._loading = False
        self.set_language(language)
        self._mark()

    @property
    def language(self) -> Language:
        """The language the text is coloured and commented as."""
        return self._language

    def set_language(self, language: Language) -> None:
        """Colour, comment and indent as `language`."""
        self._language = language
        self._highlighter.set_language(language)
        self._indent = detect_indent(self.text().split("\n"), language.indent)
        self.language_changed.emit()

    @property
    def colouring(self) -> bool:
        """Tell whether lines still wait for their colours."""
        return self._highlighter.pending

    def selected_range(self) -> tuple[int, int]:
        """Start and end of the selection as indexes of `text()`; both the cursor when nothing is selected."""
        cursor = self.textCursor()
        raw = self.document().toRawText()
        return (
            _python_index(raw, cursor.selectionStart()),
            _python_index(raw, cursor.selectionEnd()),
        )

    def cursor_for(self, start: int, end: int) -> QTextCursor:
        """A cursor that selects `text()[start:end]` and stays there while the text around it changes."""
        raw = self.document().toRawText()
        cursor = QTextCursor(self.document())
        cursor.setPosition(_qt_position(raw, start))
        cursor.setPosition(_qt_position(raw, end), QTextCursor.MoveMode.KeepAnchor)
        return cursor

    def go_to(self, line: int, column: int = 1) -> None:
        """Put the cursor on a line and column, counted from 1, and show it in the middle."""
        block = self.document().findBlockByNumber(min(max(line, 1), self.blockCount()) - 1)
        cursor = QTextCursor(block)
        cursor.setPosition(block.position() + min(max(column, 1) - 1, block.length() - 1))
        self.setTextCursor(cursor)
        self.centerCursor()
        self.setFocus()

    def go_to_position(self, position: int) -> None:
        """Put the cursor on a position as Qt counts them, or on the nearest there is."""
        cursor = self.textCursor()
        cursor.setPosition(min(max(position, 0), self.document().characterCount() - 1))
        self.setTextCursor(cursor)
        self.centerCursor()

    def show_error(self, line: int) -> None:
        """Mark a line (from 1) as the one a checker complains about; 0 marks none."""
        self._error_line = line
        self._mark()

    def show_found(self, cursors: list[QTextCursor]) -> None:
        """Mark what a search found."""
        self._found = cursors
        self._mark()

    def show_inserted(self, cursor: QTextCursor) -> None:
        """Mark what has just been put in, until the next edit."""
        self._inserted = cursor
        self._mark()

    def canInsertFromMimeData(self, source: QMimeData) -> bool:  # noqa: N802
        """Files and folders too; models are for the window."""
        if dropped_files(source):
            return bool(dropped_without_models(source))
        return super().canInsertFromMimeData(source)

    def insertFromMimeData(self, source: QMimeData) -> None:  # noqa: N802
        """Files are to be opened, not their addresses to be written into the text."""
        if dropped_files(source):
            self.files_dropped.emit(dropped_without_models(source))
        else:
            super().insertFromMimeData(source)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Ctrl with the wheel is for the window, which changes the size of everything."""
        if event.modifiers() == Qt.KeyboardModifier.ControlModifier:
            event.ignore()
        else:
            super().wheelEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Keep the line numbers as tall as the text."""
        super().resizeEvent(event)
        self._place_gutter()

    def _on_contents_change(self, _position: int, removed: int, added: int) -> None:
        if self._highlighter.painting or self._loading or removed == added == 0:
            return
        self._error_line = 0
        self._inserted = None
        self.edited.emit()

    def _on_update_request(self, area: QRect, scrolled_by: int) -> None:
        if scrolled_by:
            self._gutter.scroll(0, scrolled_by)
        else:
            self._gutter.update(0, area.y(), self._gutter.width(), area.height())

    def add_action(
        self, text: str, shortcut: str | QKeySequence.StandardKey, slot: Callable[[], None]
    ) -> None:
        """Offer `slot` under a shortcut that works while the editor has the focus."""
        action = QAction(text, self)
        action.setShortcut(QKeySequence(shortcut))
        action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        action.triggered.connect(slot)
        self.addAction(action)

    def _set_font(self) -> None:
        font = self._theme.code_font()
        # The window's style sheet sets a size for every widget, which only another style sheet overrides.
        self.setStyleSheet(
            f"QPlainTextEdit {{ font-size: {font.pointSizeF():.3f}pt; }}"
            "QAbstractScrollArea::corner { background: transparent; border: none; }"
        )
        self.setFont(font)
        self.setTabStopDistance(4 * QFontMetricsF(font).horizontalAdvance(" "))
        self._place_gutter()

    def _on_theme_changed(self) -> None:
        self._highlighter.set_formats(code_formats(self._theme))
        self._set_font()
        self._mark()

    def gutter_width(self) -> int:
        """Pixels that the line numbers need."""
        digits = max(3, len(str(self.blockCount())))
        return self.fontMetrics().horizontalAdvance("9") * digits + 2 * GUTTER_PADDING_PX

    def gutter_label(self, number: int) -> tuple[str, str]:
        """Return the label before a line (counted from 0), and its colour in the theme."""
        if number + 1 == self._error_line:
            return str(number + 1), "danger"
        return str(number + 1), "text" if number == self.textCursor().blockNumber() else "muted"

    def line_marks(self) -> list[QTextEdit.ExtraSelection]:
        """Return what is to be drawn behind whole lines, below the usual marks."""
        return []

    def paint_gutter(self, event: QPaintEvent) -> None:
        """Draw the line numbers; called by the gutter."""
        with QPainter(self._gutter) as painter:
            painter.setFont(self.font())
            block = self.firstVisibleBlock()
            top = self.blockBoundingGeometry(block).translated(self.contentOffset()).top()
            width = self._gutter.width() - GUTTER_PADDING_PX
            while block.isValid() and top <= event.rect().bottom():
                height = self.blockBoundingRect(block).height()
                if top + height >= event.rect().top():
                    text, colour = self.gutter_label(block.blockNumber())
                    painter.setPen(self._theme.colour(colour))
                    painter.drawText(
                        QRect(0, round(top), width, self.fontMetrics().height()),
                        Qt.AlignmentFlag.AlignRight,
                        text,
                    )
                block = block.next()
                top += height

    def _place_gutter(self) -> None:
        width = self.gutter_width()
        self.setViewportMargins(width, 0, 0, 0)
        area = self.contentsRect()
        self._gutter.setGeometry(area.left(), area.top(), width, area.height())

    def _mark(self) -> None:
        """Everything that is drawn behind the text."""
        marks = self.line_marks()
        cursor = self.textCursor()
        # The mark would hide the placeholder of an empty text.
        if self._marks_current_line and not cursor.hasSelection() and not self.document().isEmpty():
            line = QTextCursor(cursor)
            line.clearSelection()
            marks.append(marked(line, self._theme.colour("raised"), full_width=True))
        if self._inserted is not None:
            marks.append(marked(self._inserted, self._theme.colour("good_soft")))
        marks += [marked(found, self._theme.colour("selection")) for found in self._found]
        pair = bracket_pair(cursor)
        if pair is not None:
            for position in pair:
                if position is not None:
                    at = QTextCursor(self.document())
                    at.setPosition(position)
                    at.movePosition(QTextCursor.MoveOperation.Right, QTextCursor.MoveMode.KeepAnchor)
                    marks.append(
                        marked(at, self._theme.colour("selection" if pair[1] is not None else "warning"))
                    )
        self.setExtraSelections(marks)
        self._gutter.update()


class _Gutter(QWidget):
    """The margin with the line numbers."""

    def __init__(self, editor: CodeView) -> None:
        super().__init__(editor)
        self._editor = editor

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(self._editor.gutter_width(), 0)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        self._editor.paint_gutter(event)


def marked(cursor: QTextCursor, colour: QColor, *, full_width: bool = False) -> QTextEdit.ExtraSelection:
    """A background for what `cursor` selects, or for its whole line."""
    mark = QTextEdit.ExtraSelection()
    mark.cursor = cursor
    mark.format.setBackground(colour)
    if full_width:
        mark.format.setProperty(QTextFormat.Property.FullWidthSelection, True)
    return mark


def _python_index(raw: str, position: int) -> int:
    """Index of a Python string for a position that Qt counts in UTF-16 units."""
    if raw.isascii() or len(raw) == len(raw.encode("utf-16-le", "surrogatepass")) // 2:
        return position
    return len(raw.encode("utf-16-le", "surrogatepass")[: 2 * position].decode("utf-16-le", "surrogatepass"))


def _qt_position(raw: str, index: int) -> int:
    return len(raw[:index].encode("utf-16-le", "surrogatepass")) // 2
