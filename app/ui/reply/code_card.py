"""A code block of a reply: its language, its code in colours, and what can be done with it."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QResizeEvent, QTextCursor, QTextOption, QWheelEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QSizePolicy, QWidget

from app.chat.documents.hidden_characters import with_hidden_shown
from app.code.check import SyntaxReport
from app.code.languages import PLAIN_TEXT, language_named
from app.ui.base.theme import Theme
from app.ui.reply.code_colours import code_formats
from app.ui.reply.code_verdict import error_sentence
from app.ui.reply.highlighter import CodeHighlighter
from app.ui.widgets.card import Card, button, label, set_look
from app.ui.widgets.elided_label import ElidedLabel

COPIED_MS = 1500


class CodeCard(Card):
    """Shows a code block that may still be growing. GUI thread only."""

    to_code_requested = Signal(str, str)
    """The code, and the language as the fence named it."""
    height_changed = Signal()
    """The card needs another height than before."""

    def __init__(self, theme: Theme, parent: QWidget | None = None, *, offers_to_code: bool = True) -> None:
        super().__init__(parent, look="code", margin_px=0)
        self._theme = theme
        self._code = ""
        self._language = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._title = label("", "small")
        self._verdict = ElidedLabel("good")
        self._verdict.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self._verdict.setContentsMargins(8, 0, 8, 0)
        self._copy = button(self.tr("Copy"), "quiet", name=self.tr("Copy code"))
        self._copy.clicked.connect(self._on_copy)
        self._copied = QTimer(self, singleShot=True, interval=COPIED_MS)
        self._copied.timeout.connect(lambda: self._copy.setText(self.tr("Copy")))
        self._to_code = button(self.tr("To Code"), "quiet", name=self.tr("Put this into the Code tab"))
        self._to_code.clicked.connect(lambda: self.to_code_requested.emit(self._code, self._language))
        head = QHBoxLayout()
        head.setContentsMargins(14, 6, 8, 0)
        head.setSpacing(4)
        head.addWidget(self._title)
        head.addWidget(self._verdict, 1)
        head.addWidget(self._copy)
        head.addWidget(self._to_code)
        if not offers_to_code:
            self._to_code.hide()
        self._text = _CodeText(theme)
        self._text.height_changed.connect(self.height_changed)
        self._highlighter = CodeHighlighter(self._text.document(), code_formats(theme))
        self.body.setSpacing(0)
        self.body.addLayout(head)
        self.body.addWidget(self._text)
        theme.changed.connect(self._on_theme_changed)
        self._draw_icons()

    @property
    def code(self) -> str:
        """The code as it is now."""
        return self._code

    @property
    def language(self) -> str:
        """The language as the fence named it."""
        return self._language

    @property
    def has_selection(self) -> bool:
        """Tell whether some of the code is selected."""
        return self._text.textCursor().hasSelection()

    @property
    def verdict(self) -> str:
        """The words about the syntax; empty before it was checked, and where nothing can be said."""
        return self._verdict.text()

    def show_report(self, report: SyntaxReport) -> None:
        """Say whether the syntax is valid."""
        match report.verdict:
            case "ok":
                set_look(self._verdict, "good")
                self._verdict.setText(self.tr("✓ valid {rules}").format(rules=report.checker))
            case "error":
                set_look(self._verdict, "danger")
                self._verdict.setText(f"✗ {error_sentence(report)}")
            case "unchecked":
                self._verdict.setText("")

    def set_code(self, code: str, language: str) -> None:
        """Show `code`; what only grew is only added to."""
        if language != self._language or not self._title.text():
            self._language = language
            known = language_named(language)
            self._title.setText(language or self.tr("text"))
            self._highlighter.set_language(known or PLAIN_TEXT)
            self._text.setAccessibleName(self.tr("Code in {language}").format(language=self._title.text()))
        if code != self._code:
            self._text.change(with_hidden_shown(self._code), with_hidden_shown(code))
            self._code = code
            self._verdict.setText("")

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self._code)
        self._copy.setText(self.tr("Copied"))
        self._copied.start()

    def _on_theme_changed(self) -> None:
        self._highlighter.set_formats(code_formats(self._theme))
        self._text.set_font()
        self._draw_icons()

    def _draw_icons(self) -> None:
        self._copy.setIcon(self._theme.icon("copy"))
        self._to_code.setIcon(self._theme.icon("arrow-up-right"))


class _CodeText(QPlainTextEdit):
    """As tall as its lines; scrolls sideways only, and leaves the wheel to the page."""

    height_changed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setProperty("look", "bare")
        self._theme = theme
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setReadOnly(True)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setWordWrapMode(QTextOption.WrapMode.NoWrap)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabChangesFocus(True)
        self.setUndoRedoEnabled(False)
        self.document().setDocumentMargin(0)
        self.setViewportMargins(14, 4, 14, 10)
        self.horizontalScrollBar().rangeChanged.connect(self._fit)
        self.blockCountChanged.connect(self._fit)
        self.set_font()

    def set_font(self) -> None:
        """Take the theme's code font in its present size."""
        font = self._theme.code_font()
        # The window's sheet sets every widget's font size; only a sheet of its own overrides it.
        families = ", ".join(f'"{family}"' for family in font.families())
        self.setStyleSheet(f"font-family: {families}; font-size: {font.pointSizeF()}pt;")
        self._fit()

    def change(self, old: str, new: str) -> None:
        """Make the text `new`, which mostly is `old` and more."""
        if not new.startswith(old) or not old:
            self.setPlainText(new)
            return
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(new[len(old) :])

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Sideways here, everything else to the page."""
        if abs(event.angleDelta().x()) > abs(event.angleDelta().y()):
            super().wheelEvent(event)
        else:
            event.ignore()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """The horizontal bar may have come or gone."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        line = self.blockBoundingRect(self.document().firstBlock()).height()
        bar = self.horizontalScrollBar()
        bar_height = bar.sizeHint().height() if bar.maximum() > bar.minimum() else 0
        height = round(line * self.blockCount()) + 14 + bar_height
        if height != self.height() or self.minimumHeight() != height:
            self.setFixedHeight(height)
            self.height_changed.emit()
