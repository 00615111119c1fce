"""The right column of the Code tab: ask about the code, and read the replies."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.base.errors import Cancelled, EngineError, StillroomError
from app.code.ask import Excerpt, Task, whole_lines
from app.code.check import check_syntax
from app.code.kept_conversation import AskedQuestion, ConversationFile
from app.engine.protocol import Delta, Notice, PromptProgress, ReplyEvent
from app.ui.base import shortcuts
from app.ui.base.add_action import allow, keys_text, with_keys
from app.ui.base.announce import announce
from app.ui.base.bridge import while_waited_for
from app.ui.base.engine_session import Reply
from app.ui.base.plain_text import set_tip
from app.ui.base.stray_typing import means_text, type_into
from app.ui.code.conversation.code_assistant import CodeAssistant, FittedQuestion
from app.ui.code.conversation.code_exchange import CodeExchange
from app.ui.code.conversation.code_history import CodeHistory
from app.ui.code.conversation.code_memory import CodeMemory
from app.ui.code.conversation.code_request import CodeRequest
from app.ui.code.conversation.mention_list import MentionList
from app.ui.code.conversation.question_count import NameableFiles, QuestionCount, find_named
from app.ui.reply.code_verdict import error_sentence
from app.ui.widgets.card import Card, button, label
from app.ui.widgets.flow_row import FlowRow
from app.ui.widgets.notices import error_text, filled
from app.ui.widgets.push_buttons import SingleClicks
from app.ui.widgets.remote_line import ElsewhereLine
from app.ui.widgets.text_field import TextField
from app.ui.widgets.ui_context import UiContext
from models.system.shown_text import shown

FIELD_PX = 64
"""In the editor alone: elsewhere they send what is written."""


@dataclass(frozen=True, slots=True)
class EditorAccess:
    """The conversation's access to the editor: the place that a question is about, a way to mark it, and the
    files that a question can name."""

    excerpt: Callable[[], Excerpt]
    select: Callable[[int, int], None]
    named: NameableFiles


class CodeConversation(QWidget):
    """Asks one question at a time; GUI thread only."""

    code_used = Signal(object)
    """A `CodeUse`: what somebody wants done with a block of a reply."""
    files_used = Signal(object)
    """As in `CodeExchange`."""
    answered = Signal(object, str)
    """A `CodeExchange` whose reply is whole and checked, and its task."""
    running_changed = Signal(bool)
    left = Signal()
    """Esc in the question field: back to the editor."""

    def __init__(
        self,
        ui: UiContext,
        editor: EditorAccess,
        file: ConversationFile,
        answering: Callable[[], str],
        parent: QWidget | None = None,
    ) -> None:
        """`file` is where the conversation outlives the program; `memory` is to be restored and closed.
        `answering` is as in `CodeRequest`."""
        super().__init__(parent)
        self._session = session = ui.session
        self._bridge = ui.bridge
        self._theme = theme = ui.theme
        self._settings = ui.settings
        self._editor = editor
        self._assistant = CodeAssistant(session, self)
        self._request = CodeRequest(session, self._assistant, answering, self)
        self._closed = self._held_back = False
        self._jobs: set[asyncio.Task[None]] = set()
        self.history = CodeHistory()
        self.tasks: dict[Task, QPushButton] = {}
        self.field = TextField()
        self.ask_button = button(self.tr("Ask"), "primary")
        self.state = label("", "small", wrap=True)
        self._lay_out()
        self.memory = CodeMemory(file, theme, self.history, self._assistant, self.field, self._take_in, self)
        self._counter = QuestionCount(self._assistant, ui.bridge, editor.named, self._counted_question, self)
        self._counter.counted.connect(self._on_counted)
        self._request.changed.connect(self._refresh)
        self.field.textChanged.connect(self.count_soon)
        self.field.installEventFilter(self)
        self.mentions = MentionList(self.field, editor.named.names)
        self._field_card.body.insertWidget(0, self.mentions)
        self.ask_button.clicked.connect(self._on_ask_clicked)
        for signal in (session.loaded, session.unloaded, session.load_failed, session.engine_died):
            signal.connect(self._refresh)
        session.loading.connect(self._refresh)
        session.model_expected.connect(self._refresh)
        session.reservation_changed.connect(self._refresh)
        theme.changed.connect(self._draw_icons)
        self._refresh()

    @property
    def exchanges(self) -> list[CodeExchange]:
        """All of them, the oldest first."""
        return self.history.exchanges

    @property
    def running(self) -> bool:
        """Tell whether a question is being prepared or answered."""
        return self._request.running

    def ask(self, task: Task) -> None:
        """Ask about the selection; `ask` takes the words from the field."""
        if self.running or self._refusal():
            return
        words = self.field.toPlainText().strip()
        if task == "ask" and not words:
            self.field.setFocus()
            return
        excerpt = self._editor.excerpt()
        if task != "ask" and not excerpt.text.strip():
            self.state.setText(self.tr("Open a file or write some code first."))
            return
        if excerpt.selection.strip() or task in ("explain", "refactor", "fix", "tests"):
            excerpt = whole_lines(excerpt)
            if self._editor.excerpt().start != self._editor.excerpt().end:
                self._editor.select(excerpt.start, excerpt.end)
        self._request.begin()
        self._start(self._run(task, excerpt, words))

    def stop(self) -> None:
        """Stop the question, which is then never sent, or its reply, of which stays what has come."""
        self._request.stop()

    def close_conversation(self) -> Callable[[], None]:
        """Stop everything before the widgets are deleted. The returned function waits for the disk, on
        another thread."""
        self._closed = True
        self._counter.stop()
        for job in self._jobs:
            job.cancel()
        return self.memory.close()

    def start_over(self) -> None:
        """Forget what was said; the old replies stay above a line."""
        if self.exchanges and not self.running:
            self._assistant.start_over()
            self.history.start_over()
            self.memory.keep()
            self.count_soon()
            self.field.setFocus()

    def count_soon(self) -> None:
        """The selection, the text or the question changed: count the tokens once that settles."""
        if not self.running:
            self._counter.count_soon()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Typing among the replies goes into the question."""
        if means_text(event):
            type_into(self.field, event)
        else:
            super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Enter asks, Shift+Enter breaks the line, Esc goes back to the editor."""
        if watched is self.field and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not (
                event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            ):
                self.ask("ask")
                return True
            if event.key() == Qt.Key.Key_Escape and not self.running:
                self.left.emit()
                return True
        return super().eventFilter(watched, event)

    def _start(self, job: Coroutine[Any, Any, None]) -> None:
        task = self._bridge.start(job)
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)

    async def repair(self, excerpt: Excerpt, problem: str, title: str) -> CodeExchange | None:
        """Send a program back with what went wrong; None while another question is asked, and where this one
        was stopped before it was sent.

        Raises `StillroomError`, such as when no model is loaded, or it does not fit into the context.
        """
        if self.running:
            return None
        if refusal := self._refusal():
            raise StillroomError(refusal)
        self._request.begin()
        return await self._converse("repair", excerpt, title, problem)

    async def _run(self, task: Task, excerpt: Excerpt, words: str) -> None:
        exchange = await self._converse(task, excerpt, words)
        if exchange is not None and exchange.ended == "stop":
            self.answered.emit(exchange, task)

    async def _converse(
        self, task: Task, excerpt: Excerpt, words: str, problem: str = ""
    ) -> CodeExchange | None:
        """Ask, and wait for the end of the reply; None where it was stopped before it was sent."""
        try:
            fitted = await self._request.prepare(self._fit(task, excerpt, words, problem))
            if fitted is None:
                return None
            exchange = self._add_exchange(task, fitted, excerpt, words)
            # Other words may have been typed meanwhile.
            if task == "ask" and self.field.toPlainText().strip() == words:
                self.field.clear()
            await self._receive(exchange, fitted)
        finally:
            if not self._closed:
                self._request.end()
        await exchange.offer_code()
        return exchange

    async def _fit(self, task: Task, excerpt: Excerpt, words: str, problem: str) -> FittedQuestion:
        await self.memory.restored.wait()
        if task == "fix":
            problem = await self._problem(excerpt)
        named = (await find_named(words, self._editor.named)).files if task == "ask" else ()
        return await self._assistant.fit(task, excerpt, question=words, problem=problem, files=named)

    async def _receive(self, exchange: CodeExchange, fitted: FittedQuestion) -> None:
        view = exchange.reply

        def on_event(event: ReplyEvent) -> None:
            if not view.running:
                view.begin()
            if isinstance(event, Delta):
                view.add(event.channel, event.text, event.tokens)
            elif isinstance(event, Notice):
                view.show_remark(filled(event.message, event.values))
            elif isinstance(event, PromptProgress):
                view.show_prompt_progress(event.done_tokens, event.total_tokens)

        def on_asked(reply: Reply) -> None:
            view.answer_now_requested.connect(reply.answer_now)
            if not self._request.waits_for:
                view.begin()

        try:
            finished = await self._request.answer(fitted, self._settings.values.sampling, on_asked, on_event)
        except Cancelled:
            # It was stopped before the engine had it.
            exchange.end("cancelled")
        except EngineError as error:
            exchange.end("failed", error=error_text(error))
        else:
            exchange.end(finished.reason, finished.stats)
        announce(self, self.tr("The reply is complete."))
        if self._assistant.remember(fitted.question.prompt, view.answer):
            self.history.remember(exchange)
        self.memory.keep()

    async def _problem(self, excerpt: Excerpt) -> str:
        """Return a checker's error in the whole file, for the model to start from; empty without one."""
        report = await while_waited_for(
            lambda cancel: check_syntax(excerpt.text, excerpt.language.key, cancel=cancel)
        )
        return error_sentence(report) if report.verdict == "error" else ""

    def _counted_question(self) -> tuple[str, Excerpt] | None:
        if self._closed or self.running or self._refusal():
            return None
        return self.field.toPlainText().strip(), self._editor.excerpt()

    def _on_counted(self, sentence: str, dropped: int) -> None:
        self.state.setText(sentence)
        self.history.strike(dropped)

    def _add_exchange(self, task: Task, fitted: FittedQuestion, excerpt: Excerpt, words: str) -> CodeExchange:
        asked = AskedQuestion(
            title=self._title(task, excerpt, words),
            question=fitted.question,
            tokens=fitted.tokens,
            model=self._assistant.model.name if self._assistant.model else "",
            file_name=excerpt.file_name,
            language=excerpt.language.key,
            text=excerpt.text,
            start=excerpt.start,
            end=excerpt.end,
            dropped_turns=fitted.dropped_turns,
            redacted=fitted.screened.found("redact"),
            flagged=tuple(fitted.screened.found("flag")),
            key=excerpt.key,
        )
        exchange = CodeExchange(self._theme, asked)
        self._take_in(exchange)
        self.memory.keep()
        return exchange

    def _take_in(self, exchange: CodeExchange) -> None:
        """Make an exchange part of the conversation."""
        exchange.code_used.connect(self.code_used)
        exchange.files_used.connect(self.files_used)
        exchange.changed.connect(self.memory.keep_soon)
        self.history.add(exchange)

    def _title(self, task: Task, excerpt: Excerpt, words: str) -> str:
        if task == "repair" or (task == "ask" and not excerpt.selection.strip()):
            return words
        is_one_line = excerpt.first_line == excerpt.last_line
        texts = self._titles_of_a_line() if is_one_line else self._titles_of_lines()
        if task == "complete" and not excerpt.selection.strip():
            texts["complete"] = self.tr("Complete {file} at line {first}")
        return texts[task].format(
            first=f"{excerpt.first_line:,}",
            last=f"{excerpt.last_line:,}",
            file=excerpt.file_name or self.tr("Untitled"),
            question=words,
        )

    def _titles_of_lines(self) -> dict[Task, str]:
        return {
            "ask": self.tr("Lines {first} to {last}: {question}"),
            "explain": self.tr("Explain lines {first} to {last} of {file}"),
            "complete": self.tr("Complete lines {first} to {last} of {file}"),
            "refactor": self.tr("Refactor lines {first} to {last} of {file}"),
            "fix": self.tr("Fix lines {first} to {last} of {file}"),
            "tests": self.tr("Write tests for lines {first} to {last} of {file}"),
        }

    def _titles_of_a_line(self) -> dict[Task, str]:
        return {
            "ask": self.tr("Line {first}: {question}"),
            "explain": self.tr("Explain line {first} of {file}"),
            "complete": self.tr("Complete line {first} of {file}"),
            "refactor": self.tr("Refactor line {first} of {file}"),
            "fix": self.tr("Fix line {first} of {file}"),
            "tests": self.tr("Write tests for line {first} of {file}"),
        }

    def _refusal(self) -> str:
        """Say why nothing can be asked now; empty when it can."""
        if self._session.reserved_for:
            return self.tr("The model is being measured. Ask again when that is done.")
        none = self._assistant.model is None
        if self._session.is_loading or (none and self._session.expects_model):
            return self.tr("The model is being loaded.")
        if none:
            return self.tr("No model is loaded. Choose one at the top ({keys}).").format(
                keys=keys_text(shortcuts.CHOOSE_MODEL)
            )
        return ""

    def _refresh(self, *_: object) -> None:
        refusal = self._refusal()
        busy = self.tr("A reply is being written") if self.running else ""
        for made in self.tasks.values():
            allow(made, refusal or busy)
        self.ask_button.setText(self.tr("Stop") if self.running else self.tr("Ask"))
        set_tip(
            self.ask_button,
            with_keys(self.tr("Stop"), shortcuts.STOP) if self.running else self.tr("Ask (Enter)"),
        )
        self.ask_button.setEnabled(self.running or not refusal)
        allow(self._start_over, busy)
        self.running_changed.emit(self.running)
        self._draw_icons()
        if self.running and self._request.waits_for:
            self.state.setText(
                self.tr("Waiting for the reply in “{title}”. {keys} ends the wait.").format(
                    keys=keys_text(shortcuts.STOP), title=shown(self._request.waits_for)
                )
            )
        elif self.running:
            self.state.setText(self.tr("{keys} stops the reply.").format(keys=keys_text(shortcuts.STOP)))
        elif refusal:
            self.state.setText(refusal)
        else:
            if self._held_back:
                # It holds no more; what the question costs comes in a moment.
                self.state.clear()
            self.count_soon()
        self._held_back = self.running or bool(refusal)

    def _on_ask_clicked(self) -> None:
        if self.running:
            self.stop()
        else:
            self.field.setFocus()
            self.ask("ask")
        if self.ask_button.hasFocus():
            self.field.setFocus()

    def _lay_out(self) -> None:
        tasks: tuple[tuple[Task, str, str, str], ...] = (
            ("explain", self.tr("Explain"), self.tr("Explain the selection"), shortcuts.EXPLAIN),
            ("complete", self.tr("Complete"), self.tr("Complete at the cursor"), shortcuts.COMPLETE),
            ("refactor", self.tr("Refactor"), self.tr("Refactor the selection"), shortcuts.REFACTOR),
            ("tests", self.tr("Tests"), self.tr("Write tests for the selection"), shortcuts.WRITE_TESTS),
            ("fix", self.tr("Fix"), self.tr("Fix the selection"), shortcuts.FIX),
        )
        head = FlowRow()
        for task, text, meaning, keys in tasks:
            made = button(text, tip=f"{meaning} ({keys})")
            made.setAccessibleName(meaning)
            if task != "complete":
                made.setShortcut(keys)
            # A click leaves the focus in the editor, where the selection is.
            made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            made.clicked.connect(lambda _checked=False, task=task: self.ask(task))
            self.tasks[task] = made
            head.add(made)

        field_card = self._field_card = Card(margin_px=8)
        self.field.setProperty("look", "bare")
        self.field.setPlaceholderText(self.tr("Ask about the selection; @ names a file that goes along"))
        self.field.setAccessibleName(self.tr("Question about the selection"))
        self.field.setTabChangesFocus(True)
        self.field.setFixedHeight(FIELD_PX)
        field_card.body.addWidget(self.field)
        self._start_over = button(kind="quiet", name=self.tr("Start over: forget what was said"))
        self._start_over.clicked.connect(self.start_over)
        self.ask_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        # It asks and stops.
        SingleClicks(self.ask_button)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.state, 1)
        foot.addWidget(self._start_over)
        foot.addWidget(self.ask_button)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addLayout(head)
        layout.addWidget(self.history, 1)
        layout.addWidget(ElsewhereLine(self._session, self._theme))
        layout.addWidget(field_card)
        layout.addLayout(foot)

    def _draw_icons(self) -> None:
        self._start_over.setIcon(self._theme.icon("eraser"))
        self.ask_button.setIcon(self._theme.icon("stop" if self.running else "arrow-up", "on_accent"))
