"""A code block of a reply: its language, its code in colours, and what can be done with it."""

from PySide6.QtCore import QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QWidget

from app.chat.documents.hidden_characters import with_hidden_shown
from app.code.check import SyntaxReport
from app.code.languages import PLAIN_TEXT, language_named
from app.ui.base.theme import Theme
from app.ui.reply.code.code_text import CodeText
from app.ui.reply.code_formats import code_formats
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
    selected_by_keys = Signal(int, int)
    """With the keyboard in the code: from which offset it was selected, and where that ends now."""

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
        self._head = head
        self._preview: QPushButton | None = None
        self._text = CodeText(theme)
        self._text.height_changed.connect(self.height_changed)
        self._text.selected_by_keys.connect(self.selected_by_keys)
        self._highlighter = CodeHighlighter(self._text.field, code_formats(theme))
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
    def verdict(self) -> str:
        """The words about the syntax; empty before it was checked, and where nothing can be said."""
        return self._verdict.text()

    def show_selected(self, start: int, end: int) -> None:
        """Show these characters of the code as selected."""
        self._text.show_selected(start, end)

    def offset_at(self, point: QPoint) -> int:
        """The offset that is nearest to a point; the code's start beside its head."""
        return self._text.offset_at(self._text.mapFrom(self, point))

    def caret_rect(self, offset: int) -> QRect:
        """Where a caret would stand before the character at an offset."""
        return self._text.caret_rect(offset).translated(self._text.pos())

    def reveal(self, offset: int) -> None:
        """Scroll sideways to where a caret would stand."""
        self._text.reveal(offset)

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
            self._text.field.setAccessibleName(
                self.tr("Code in {language}").format(language=self._title.text())
            )
            self._offer_preview(known is not None and known.key == "html")
        if code != self._code:
            self._text.change(with_hidden_shown(self._code), with_hidden_shown(code))
            self._code = code
            self._verdict.setText("")

    def _offer_preview(self, offered: bool) -> None:
        """Only cards of HTML have the button."""
        if offered and self._preview is None:
            self._preview = button(self.tr("Preview"), "quiet", name=self.tr("Preview without scripts"))
            self._preview.clicked.connect(self._show_preview)
            self._head.insertWidget(self._head.indexOf(self._copy), self._preview)
            self._draw_icons()
        elif self._preview is not None:
            self._preview.setVisible(offered)

    def _show_preview(self) -> None:
        # Imported when it is first shown.
        from app.ui.reply.html_preview import HtmlPreview

        dialog = HtmlPreview(self._code, self.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self._code)
        self._copy.setText(self.tr("Copied"))
        self._copied.start()

    def _on_theme_changed(self) -> None:
        self._highlighter.set_formats(code_formats(self._theme))
        self._text.follow_theme()
        self._draw_icons()

    def _draw_icons(self) -> None:
        self._copy.setIcon(self._theme.icon("copy"))
        self._to_code.setIcon(self._theme.icon("arrow-up-right"))
        if self._preview is not None:
            self._preview.setIcon(self._theme.icon("eye"))
