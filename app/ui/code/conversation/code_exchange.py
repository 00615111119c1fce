"""One question about code with its reply, and what can be done with the code in it."""

import threading
from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QPlainTextEdit, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.code.changes.file_changes import blocks_by_file
from app.code.check import SyntaxReport, check_syntax
from app.code.extract import code_blocks
from app.code.kept_conversation import AskedQuestion, Ended, KeptExchange
from app.engine.protocol import GenerationStats
from app.ui.base.bridge import while_waited_for
from app.ui.base.resource_words import rule_words
from app.ui.base.theme import Theme
from app.ui.code.conversation.code_block_row import BlockRow
from app.ui.reply.reply_view import ReplyView
from app.ui.widgets.card import Card, button, label
from app.ui.widgets.scrolled_page import KeyboardRing

SENT_PX = 11.5


class CodeExchange(QWidget):
    """Shows what was asked, word for word on a click, and the reply. GUI thread only."""

    code_used = Signal(object)
    """A `CodeUse`: what somebody wants done with a block of the reply."""
    files_used = Signal(object)
    """The blocks of the reply by the files that they name, to be shown as changes of them."""
    changed = Signal()
    """There is something else to keep."""

    def __init__(self, theme: Theme, asked: AskedQuestion) -> None:
        super().__init__()
        self._theme = theme
        self.asked = asked
        self.excerpt = asked.excerpt
        self.rows: list[BlockRow] = []
        self.files_button: QPushButton | None = None
        """Only under a reply with code for several files."""
        self.ended: Ended = ""
        """The reason why the reply ended; empty while it comes."""
        self._stats: GenerationStats | None = None
        self._error = ""
        self.reply = ReplyView(theme, offers_to_code=False, offers_regenerate=False)
        self.reply.painted.connect(self.changed)
        self.sent = _SentPrompt(theme, asked)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(8)
        self._layout.addWidget(label(self.tr("YOU"), "caption"))
        self._layout.addWidget(label(asked.title, wrap=True, selectable=True))
        for sentence in self._left_out(asked):
            self._layout.addWidget(label(sentence, "warning", wrap=True))
        self._layout.addWidget(self.sent)
        self._layout.addSpacing(8)
        self._layout.addWidget(label(asked.model, "caption"))
        self._layout.addWidget(self.reply)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)

    def end(self, ended: Ended, stats: GenerationStats | None = None, error: str = "") -> None:
        """End the reply; `error` is the sentence for a failure."""
        self.ended, self._stats, self._error = ended, stats, error
        self.reply.finish(ended or "stop", stats, error)
        self.changed.emit()

    def show_kept(self, kept: KeptExchange) -> None:
        """Show a reply of the last run of the program, whose end interrupted what was still coming."""
        self.ended, self._stats, self._error = kept.ended or "interrupted", kept.stats, kept.error
        self.reply.show_kept(kept.answer, kept.thinking, self.ended, kept.stats, kept.error)
        self._list_code()
        for row, known in zip(self.rows, kept.blocks, strict=False):
            row.show_known(known)

    def kept(self, *, remembered: bool) -> KeptExchange:
        """Return what is kept of it; `remembered` as in `KeptExchange`."""
        return KeptExchange(
            asked=self.asked,
            thinking=self.reply.thinking.text,
            answer=self.reply.answer,
            ended=self.ended,
            error=self._error,
            stats=self._stats,
            blocks=tuple(row.known for row in self.rows),
            remembered=remembered,
        )

    async def offer_code(self) -> None:
        """List the code blocks of the finished answer, and check each one's syntax."""
        self._list_code()
        await self.check_code()

    async def check_code(self) -> None:
        """Check the syntax of the blocks where that is not known yet."""
        for row in self.rows:
            if row.known.report is None:
                row.show_report(await while_waited_for(partial(_report_on, row)))

    def _list_code(self) -> None:
        blocks = code_blocks(self.reply.answer)
        for number, block in enumerate(blocks, start=1):
            name = block.file_name
            if not name and len(blocks) > 1:
                name = self.tr("Code {number}").format(number=number)
            row = BlockRow(block, block.language or self.excerpt.language.key, name, self.excerpt)
            row.used.connect(self.code_used)
            row.changed.connect(self.changed)
            self.rows.append(row)
            self._layout.addWidget(row)
        files = blocks_by_file(blocks)
        if len(files) > 1:
            self.files_button = button(
                self.tr("Show changes in {count} files").format(count=len(files)),
                tip=self.tr("Show the code as changes of the files that it names"),
            )
            self.files_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            self.files_button.clicked.connect(lambda: self.files_used.emit(files))
            self._layout.addWidget(self.files_button, 0, Qt.AlignmentFlag.AlignLeft)

    def _left_out(self, asked: AskedQuestion) -> list[str]:
        question = asked.question
        sentences = []
        if question.last_line_sent < question.first_line_sent:
            sentences.append(
                self.tr("Nothing of the file fits into the model's context, so none of it was sent.")
            )
        elif question.omitted_lines:
            sentences.append(
                self.tr(
                    "Only lines {first} to {last} of {total} fit into the model's context and were sent."
                ).format(
                    first=f"{question.first_line_sent:,}",
                    last=f"{question.last_line_sent:,}",
                    total=f"{question.total_lines:,}",
                )
            )
        if asked.dropped_turns:
            sentences.append(
                self.tr(
                    "Earlier questions that no longer fit into the context and were left out: {count}."
                ).format(count=asked.dropped_turns)
            )
        sentences += [
            self.tr("Sent without what the rule “{rule}” took out ({count}).").format(
                rule=rule_words(rule), count=count
            )
            for rule, count in asked.redacted.items()
        ]
        sentences += [
            self.tr("The rule “{rule}” found something. The question was sent as it is.").format(
                rule=rule_words(rule)
            )
            for rule in asked.flagged
        ]
        return sentences


def _report_on(row: BlockRow, cancel: threading.Event) -> SyntaxReport:
    return check_syntax(row.block.code, row.language, fragment=True, cancel=cancel)


class _SentPrompt(Card):
    """The prompt as it was sent, folded under one line."""

    def __init__(self, theme: Theme, asked: AskedQuestion) -> None:
        super().__init__(look="sunken", margin_px=0)
        self._theme = theme
        self.head = button(
            self.tr("What was sent: {tokens} tokens").format(tokens=f"{asked.tokens:,}"), "quiet"
        )
        self.head.setCheckable(True)
        self.head.toggled.connect(self._on_toggled)
        self.text = QPlainTextEdit(asked.question.prompt)
        self.text.setReadOnly(True)
        self.text.setProperty("look", "bare")
        self.text.setFixedHeight(220)
        self.text.document().setDocumentMargin(12)
        self.text.setAccessibleName(self.tr("The prompt"))
        KeyboardRing(self.text)
        self.text.hide()
        self.body.setSpacing(0)
        self.body.addWidget(self.head, 0, Qt.AlignmentFlag.AlignLeft)
        self.body.addWidget(self.text)
        theme.changed.connect(self._follow_theme)
        self._follow_theme()

    def _follow_theme(self) -> None:
        self._theme.set_code_font(self.text, SENT_PX)
        self._draw_icon()

    def _on_toggled(self, is_open: bool) -> None:
        self.text.setVisible(is_open)
        self._draw_icon()

    def _draw_icon(self) -> None:
        self.head.setIcon(self._theme.icon("caret-down" if self.head.isChecked() else "caret-right"))
        self.head.setIconSize(QSize(12, 12))
