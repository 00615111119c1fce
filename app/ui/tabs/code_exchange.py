"""One question about code with its reply, and what can be done with the code in it."""

import asyncio

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QSizePolicy, QVBoxLayout, QWidget

from app.code.ask import Excerpt
from app.code.check import SyntaxReport, check_syntax
from app.code.extract import CodeBlock, code_blocks
from app.ui.tabs.code_assistant import FittedQuestion
from app.ui.tabs.code_verdict import error_sentence, unchecked_sentence
from app.ui.theme import Theme
from app.ui.widgets.card import Card, button, label, set_look
from app.ui.widgets.reply_view import ReplyView


class CodeExchange(QWidget):
    """Shows what was asked, word for word on a click, and the reply. GUI thread only."""

    insert_requested = Signal(str)
    replace_requested = Signal(str)

    def __init__(
        self, theme: Theme, title: str, fitted: FittedQuestion, excerpt: Excerpt, model: str
    ) -> None:
        super().__init__()
        self._theme = theme
        self.fitted = fitted
        self._excerpt = excerpt
        self.rows: list[BlockRow] = []
        self.reply = ReplyView(theme, offers_to_code=False, offers_regenerate=False)
        self.sent = _SentPrompt(theme, fitted)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(8)
        self._layout.addWidget(label(self.tr("YOU"), "caption"))
        self._layout.addWidget(label(title, wrap=True, selectable=True))
        for sentence in self._left_out(fitted):
            self._layout.addWidget(label(sentence, "warning", wrap=True))
        self._layout.addWidget(self.sent)
        self._layout.addSpacing(8)
        self._layout.addWidget(label(model.upper(), "caption"))
        self._layout.addWidget(self.reply)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)

    async def offer_code(self) -> None:
        """List the code blocks of the finished answer, and check each one's syntax."""
        blocks = code_blocks(self.reply.answer)
        for number, block in enumerate(blocks, start=1):
            name = block.file_name
            if not name and len(blocks) > 1:
                name = self.tr("Code {number}").format(number=number)
            row = BlockRow(block, block.language or self._excerpt.language.key, name)
            row.insert_requested.connect(self.insert_requested)
            row.replace_requested.connect(self.replace_requested)
            self.rows.append(row)
            self._layout.addWidget(row)
        for row in self.rows:
            row.show_report(
                await asyncio.to_thread(check_syntax, row.block.code, row.language, fragment=True)
            )

    def _left_out(self, fitted: FittedQuestion) -> list[str]:
        question = fitted.question
        sentences = []
        if question.omitted_lines:
            sentences.append(
                self.tr(
                    "Only lines {first} to {last} of {total} fit into the model's context and were sent."
                ).format(
                    first=f"{question.first_line_sent:,}",
                    last=f"{question.last_line_sent:,}",
                    total=f"{question.total_lines:,}",
                )
            )
        if fitted.dropped_turns:
            sentences.append(
                self.tr("{count} earlier questions no longer fit into the context and were left out.").format(
                    count=fitted.dropped_turns
                )
            )
        sentences += [
            self.tr("Sent without what the rule “{rule}” took out: {count} places.").format(
                rule=rule, count=count
            )
            for rule, count in fitted.screened.found("redact").items()
        ]
        sentences += [
            self.tr("The rule “{rule}” found something. The question was sent as it is.").format(rule=rule)
            for rule in fitted.screened.found("flag")
        ]
        return sentences


class BlockRow(QWidget):
    """A code block's verdict, and the ways to use it."""

    insert_requested = Signal(str)
    replace_requested = Signal(str)

    def __init__(self, block: CodeBlock, language: str, name: str) -> None:
        super().__init__()
        self.block = block
        self.language = language
        self._name = name
        self.verdict = label(self.tr("Checking the syntax…"), "small", wrap=True, selectable=True)
        self.insert = button(self.tr("Insert"), tip=self.tr("Insert at the cursor (Ctrl+Shift+I)"))
        self.insert.clicked.connect(lambda: self.insert_requested.emit(block.code))
        self.replace = button(self.tr("Replace"), tip=self.tr("Replace the selection (Ctrl+Shift+R)"))
        self.replace.clicked.connect(lambda: self.replace_requested.emit(block.code))
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.insert)
        buttons.addWidget(self.replace)
        buttons.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 4)
        layout.setSpacing(6)
        layout.addWidget(self.verdict)
        layout.addLayout(buttons)

    def show_report(self, report: SyntaxReport) -> None:
        """Say what the checker found, or honestly that nothing was checked."""
        match report.verdict:
            case "ok":
                set_look(self.verdict, "good")
                sentence = self.tr("✓ valid {rules}").format(rules=report.checker)
            case "error":
                set_look(self.verdict, "danger")
                sentence = f"✗ {error_sentence(report)}"
            case "unchecked":
                sentence = unchecked_sentence(report)
        self.verdict.setText(f"{self._name} · {sentence}" if self._name else sentence)
        doubts = [f"{line}: {message}" for line, message in report.warnings]
        self.verdict.setToolTip("\n".join([self.tr("Checked without running it."), *doubts]))


class _SentPrompt(Card):
    """The prompt as it was sent, folded under one line."""

    def __init__(self, theme: Theme, fitted: FittedQuestion) -> None:
        super().__init__(look="sunken", margin_px=0)
        self._theme = theme
        self.head = button(
            self.tr("What was sent: {tokens} tokens").format(tokens=f"{fitted.tokens:,}"), "quiet"
        )
        self.head.setCheckable(True)
        self.head.toggled.connect(self._on_toggled)
        self.text = QPlainTextEdit(fitted.question.prompt)
        self.text.setReadOnly(True)
        self.text.setProperty("look", "bare")
        font = theme.code_font(11.5)
        self.text.setStyleSheet(f"QPlainTextEdit {{ font-size: {font.pointSizeF():.3f}pt; }}")
        self.text.setFont(font)
        self.text.setFixedHeight(220)
        self.text.document().setDocumentMargin(12)
        self.text.setAccessibleName(self.tr("The prompt"))
        self.text.hide()
        self.body.setSpacing(0)
        self.body.addWidget(self.head, 0, Qt.AlignmentFlag.AlignLeft)
        self.body.addWidget(self.text)
        theme.changed.connect(self._draw_icon)
        self._draw_icon()

    def _on_toggled(self, is_open: bool) -> None:
        self.text.setVisible(is_open)
        self._draw_icon()

    def _draw_icon(self) -> None:
        self.head.setIcon(self._theme.icon("caret-down" if self.head.isChecked() else "caret-right"))
        self.head.setIconSize(QSize(12, 12))
