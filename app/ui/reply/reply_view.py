"""One reply of the model: its thinking, its answer, how it ended, and how fast it was."""

import time
from collections import deque
from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.chat.markdown.text_selection import Part
from app.chat.prompting.answer_schema import problem_of, schema_title
from app.chat.store.records import CUT_OFF, Outcome
from app.engine.protocol import Channel, GenerationStats
from app.ui.base.announce import announce
from app.ui.base.bridge import FRAME_S
from app.ui.base.theme import Theme
from app.ui.reply.markdown_view import MarkdownView
from app.ui.reply.reply_editor import ReplyEditor
from app.ui.reply.reply_foot import OtherModels, ReplyFoot
from app.ui.reply.reply_notice import ReplyNotice
from app.ui.reply.sources_line import SourcesLine
from app.ui.reply.thinking_line import ThinkingLine
from app.ui.widgets.card import label, set_look
from app.ui.widgets.notices import translated
from app.ui.widgets.text_field import refuses_to_edit

FRAME_MS = round(1000 * FRAME_S)
EARLY_MS = 5
"""The bridge brings text with each of its frames, now and then a little earlier."""
PAUSE_SHARE = 2
"""A pause takes twice as long as the frame before it: frames take a third of the time at most."""
COMPARED_FRAMES = 4
"""Frames become rarer when all of the last few were slow: a single one had more to lay out, or waited for the
processor."""
COUNT_MS = 250
JSON_FENCE = "```json\n"


class ReplyView(QWidget):
    """Shows a reply while it streams, or one that has ended. GUI thread only.

    Live: `begin`, then `show_prompt_progress` and `add` as events come, then `finish`. Kept: `show_kept`. One
    that was cut off goes on with `go_on`, in the same widgets, and is live again.
    """

    regenerate_requested = Signal()
    continue_requested = Signal()
    """The reply is to go on where it was cut off."""
    load_settings_requested = Signal()
    """The model is to be loaded with a larger context."""
    edited = Signal(str)
    """The reply is to stand in these words, as another version."""
    edit_typed = Signal(str)
    """As `ReplyEditor.typed`."""
    editing_ended = Signal()
    """The field is gone, and with it the keyboard's place."""
    answer_now_requested = Signal()
    to_code_requested = Signal(str, str)
    """Code of a block and its language as the model named it."""
    version_chosen = Signal(int)
    """Another version of this reply is to be shown."""
    painted = Signal()
    """New text has just been put into the widgets."""
    selected_by_keys = Signal(object, object, object)
    """As `MarkdownView.selected_by_keys`."""

    def __init__(
        self,
        theme: Theme,
        parent: QWidget | None = None,
        *,
        offers_to_code: bool = True,
        offers_regenerate: bool = True,
        has_foot: bool = True,
    ) -> None:
        """`offers_regenerate` False leaves out what asks for it anew, goes on with it or changes it, and
        `has_foot` False the line below it."""
        super().__init__(parent)
        self._theme = theme
        self._has_foot = has_foot
        self._pieces: list[str] = []
        self._waiting: dict[Channel, list[str]] = {"thinking": [], "answer": []}
        self._thinking_tokens = 0
        self._thinking_since_s: float | None = None
        self._thinking_s: float | None = None
        self._thought_s = 0.0
        """Before the reply was cut off."""
        self._running = self._waits = False
        self._set_aside = ""
        """The words to which it was being changed when it went on: the field is open again at its end."""
        self._painted_s = self._pause_ms = 0.0
        self._paints_ms: deque[float] = deque(maxlen=COMPARED_FRAMES)

        self.thinking = ThinkingLine(theme, self)
        self.thinking.hide()
        self.thinking.answer_now_requested.connect(self.answer_now_requested)
        self._state = label("", "muted")
        self._state.hide()
        self._answer = MarkdownView(theme, self, offers_to_code=offers_to_code)
        self._answer.hide()
        self._answer.to_code_requested.connect(self.to_code_requested)
        for text in (self.thinking, self._answer):
            text.selected_by_keys.connect(self.selected_by_keys)
        self._notice = ReplyNotice(theme, offers_ways=offers_regenerate)
        self._notice.retry_requested.connect(self.regenerate_requested)
        self._notice.continue_requested.connect(self.continue_requested)
        self._notice.load_settings_requested.connect(self.load_settings_requested)
        self._stats: GenerationStats | None = None
        self._schema = ""
        self._verdict = label("", "small", wrap=True, selectable=True)
        self._verdict.hide()
        self.editor = ReplyEditor()
        self.editor.saved.connect(self.edited)
        self.editor.typed.connect(self.edit_typed)
        self.editor.ended.connect(self._on_editing_ended)
        self.foot = ReplyFoot(theme, offers_ways=offers_regenerate)
        self.foot.copy_requested.connect(self.copy)
        self.foot.regenerate_requested.connect(self.regenerate_requested)
        self.foot.edit_requested.connect(self.start_editing)
        self.versions = self.foot.versions
        self.versions.chosen.connect(self.version_chosen)
        self.foot.hide()

        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        self.sources = SourcesLine()
        for widget in (self.thinking, self._answer, self.editor, self._state, self._verdict, self._notice):
            layout.addWidget(widget)
        layout.addWidget(self.sources)
        layout.addWidget(self.foot)
        # Takes what is left while the reply goes on.
        layout.addStretch(1)

        self._frame = QTimer(self, singleShot=True, timerType=Qt.TimerType.PreciseTimer)
        self._frame.timeout.connect(self._paint)
        self._counter = QTimer(self, interval=COUNT_MS)
        self._counter.timeout.connect(self._count)

    @property
    def answer(self) -> str:
        """The answer's Markdown so far."""
        return "".join([*self._pieces, *self._waiting["answer"]])

    @property
    def running(self) -> bool:
        """Tell whether the reply is still coming in."""
        return self._running

    @property
    def waits_for_others(self) -> bool:
        """Tell whether it is shown that other replies have to end before this one begins."""
        return self._waits and not self._state.isHidden()

    @property
    def stats_text(self) -> str:
        """The figures under the reply."""
        return self.foot.figures

    @property
    def notice_text(self) -> str:
        """The sentence that says why the reply ended early; empty when it did not."""
        return self._notice.end

    @property
    def texts(self) -> list[tuple[Part, MarkdownView]]:
        """The texts that are shown, from the top."""
        thinking = self.thinking.view
        shown = [(Part.THINKING, thinking)] if thinking is not None and not self.thinking.isHidden() else []
        return [*shown, (Part.ANSWER, self._answer)] if not self._answer.isHidden() else shown

    def begin(self, *, waits: bool = False) -> None:
        """Show that a reply has been asked for, which `waits` for others where the model has no room beside
        them."""
        self._running, self._waits = True, waits
        text = self.tr("Waiting until another reply is done…") if waits else self.tr("Reading the prompt…")
        self._state.setText(text)
        announce(self, text if waits else self.tr("The model is answering."))
        self._state.show()

    def hold_back_end(self, held: bool) -> None:
        """Set whether nothing is said of how the reply ended, as it is about to go on."""
        self._notice.hold_back(held)

    def go_on(self, *, waits: bool = False) -> None:
        """Show that the reply goes on where it was cut off; the rest as in `begin`."""
        if self.isVisible():
            # What stands of it stays in its place, although there is less below it now.
            self.setMinimumHeight(self.height())
        self._set_aside = self.editor.set_aside()
        self._notice.go_on()
        self._verdict.hide()
        self.foot.hide()
        if self._stats is not None:
            self._thought_s, self._thinking_tokens = self._stats.thinking_s, self._stats.thinking_tokens
        self._thinking_since_s = self._thinking_s = None
        shown = self.answer
        self._pieces = [shown] if shown else []
        if shown.strip():
            self._answer.go_on(f"{JSON_FENCE}{shown}" if self._schema else shown)
        self.begin(waits=waits)

    def show_prompt_progress(self, done_tokens: int, total_tokens: int) -> None:
        """Show how much of the prompt has been evaluated."""
        if not self._state.isHidden():
            if self._waits:
                announce(self, self.tr("The model is answering."))
            self._waits = False
            self._state.setText(
                self.tr("Reading the prompt… {done} of {total} tokens").format(
                    done=f"{done_tokens:,}", total=f"{total_tokens:,}"
                )
            )

    def add(self, channel: Channel, text: str, tokens: int) -> None:
        """Add text of the reply; it is painted with the next frame."""
        self._waiting[channel].append(text)
        if channel == "thinking":
            self._thinking_tokens += tokens
            if self._thinking_since_s is None:
                self._thinking_since_s = time.monotonic() - self._thought_s
        elif self._thinking_since_s is not None and self._thinking_s is None:
            self._thinking_s = time.monotonic() - self._thinking_since_s
        if self.isVisible():
            self._paint_soon()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Paint what came while nobody could see it."""
        super().showEvent(event)
        if self._waiting["thinking"] or self._waiting["answer"]:
            self._paint_soon()

    def _paint_soon(self) -> None:
        if not self._frame.isActive():
            # What comes is batched already: it waits only for what is left of the last frame's time.
            since_ms = (time.perf_counter() - self._painted_s) * 1000
            self._frame.start(max(0, round(self._pause_ms - since_ms)))

    def show_remark(self, text: str) -> None:
        """Show a sentence about the reply while it is on its way, such as why its thinking was cut."""
        self._notice.show_remark(text)

    @property
    def remark_text(self) -> str:
        """That sentence; empty where there is none."""
        return self._notice.remark

    def finish(self, outcome: Outcome, stats: GenerationStats | None, error: str = "") -> None:
        """End the reply; `error` is the sentence for an engine failure."""
        self._frame.stop()
        self._paint()
        self._running = False
        self._counter.stop()
        self._state.hide()
        self._answer.finish()
        self.setMinimumHeight(0)
        if self.thinking.text:
            if stats is not None:
                self._end_thinking(stats)
            else:
                self.thinking.finish(self._thinking_s, self._thinking_tokens)
        self._show_end(outcome, stats, error)
        if self._set_aside:
            self.go_on_editing(self._set_aside)
            self._set_aside = ""

    def show_kept(
        self, content: str, thinking: str, outcome: Outcome, stats: GenerationStats | None, error: str = ""
    ) -> None:
        """Show a reply that was kept."""
        if thinking.strip():
            self.thinking.set_text(thinking)
            self._pieces = [content]
            self._end_thinking(stats)
            self.thinking.show()
        self._pieces = [content]
        self._answer.set_text(answer_markdown(content, self._schema, outcome))
        self._answer.setVisible(bool(content.strip()))
        self._show_end(outcome, stats, error)

    def follow_schema(self, schema: str) -> None:
        """The answer is JSON as this schema says, or free where it is empty; before anything is shown."""
        self._schema = schema
        self._answer.says_syntax = not schema

    @property
    def verdict(self) -> str:
        """The verdict on an answer that follows a schema, in words; empty for others."""
        return "" if self._verdict.isHidden() else self._verdict.text()

    def show_origin(self, model: str, at_s: float, others: OtherModels) -> None:
        """As `ReplyFoot.show_origin`."""
        self.foot.show_origin(model, at_s, others)

    def offer_ways_on(self, offered: bool) -> None:
        """Set whether this reply can go on or be tried again: the last one of a chat can."""
        self._notice.offer_ways(offered)

    def offer(self, why_not: str, why_not_continue: str, *, can_edit: bool) -> None:
        """Set why no other reply can be asked for now, and why this one cannot go on; empty where it can."""
        self.foot.offer(why_not, can_edit=can_edit)
        self._notice.offer(why_not, why_not_continue)

    def start_editing(self) -> None:
        """Change the answer's Markdown in its place."""
        answer = self.answer.strip()
        if not self._running and not refuses_to_edit(answer, self):
            self._answer.hide()
            self.editor.open(answer)

    def go_on_editing(self, text: str) -> None:
        """Show the field as it was left, with this text, and leave the keyboard where it is."""
        self._answer.hide()
        self.editor.go_on(self.answer.strip(), text)

    def _on_editing_ended(self) -> None:
        self._answer.setVisible(bool(self.answer.strip()))
        self.editing_ended.emit()

    def show_versions(self, versions: Sequence[int], shown: int) -> None:
        """Show which of its versions this reply is."""
        self.versions.show_versions(versions, shown)

    def copy(self, *, with_thinking: bool = False) -> None:
        """Put the answer on the clipboard, as Markdown; the thinking too, quoted, where asked for."""
        text, thinking = self.answer.strip(), self.thinking.text.strip()
        if with_thinking and thinking:
            quoted = "\n".join(f"> {line}".rstrip() for line in thinking.splitlines())
            text = f"{quoted}\n\n{text}".strip()
        QGuiApplication.clipboard().setText(text)
        self.foot.show_copied()

    def _paint(self) -> None:
        started_s = time.perf_counter()
        thinking, answer = ("".join(self._waiting[channel]) for channel in ("thinking", "answer"))
        for pieces in self._waiting.values():
            pieces.clear()
        if thinking:
            if not self._counter.isActive() and (self.thinking.text + thinking).strip():
                self.thinking.begin()
                self.thinking.show()
                self._counter.start()
            self.thinking.add(thinking)
            self._count()
        if answer:
            if not self._pieces:
                answer = answer.lstrip("\n")
            if self._thinking_s is not None and self._counter.isActive():
                self._counter.stop()
                self.thinking.finish(self._thinking_s, self._thinking_tokens)
            if answer:
                if self._schema and not self._pieces:
                    self._answer.append(JSON_FENCE)
                self._pieces.append(answer)
                self._answer.append(answer)
                if self._answer.isHidden():
                    self._answer.show()
        if thinking or answer:
            self._state.hide()
            self.painted.emit()
        self._painted_s = time.perf_counter()
        self._paints_ms.append((self._painted_s - started_s) * 1000)
        self._pause_ms = max(FRAME_MS - EARLY_MS, PAUSE_SHARE * min(self._paints_ms))

    def _count(self) -> None:
        if self._thinking_since_s is not None and self._thinking_s is None:
            self.thinking.count(time.monotonic() - self._thinking_since_s, self._thinking_tokens)

    def _end_thinking(self, stats: GenerationStats | None) -> None:
        answered = bool(self.answer.strip())
        if stats is None or stats.is_partly:
            self.thinking.finish(None, None, answered=answered)
        else:
            self.thinking.finish(stats.thinking_s, stats.thinking_tokens, answered=answered)

    def _show_end(self, outcome: Outcome, stats: GenerationStats | None, error: str) -> None:
        self._stats = stats
        has_answer = bool(self.answer.strip())
        has_text = has_answer or bool(self.thinking.text.strip())
        self._notice.show_end(outcome, stats, error, has_answer=has_answer, has_text=has_text)
        self.foot.setVisible(self._has_foot and outcome != "running")
        self._show_verdict(outcome)
        self.foot.show_end(outcome, stats)

    def _show_verdict(self, outcome: Outcome) -> None:
        """Show whether the answer is as its schema says; one that was cut off cannot be."""
        checked = bool(self._schema and self.answer.strip()) and outcome in ("stop", "edited")
        self._verdict.setVisible(checked)
        if not checked:
            return
        problem = problem_of(self.answer, self._schema)
        set_look(self._verdict, "danger" if problem else "good")
        title = schema_title(self._schema)
        if problem:
            text = self.tr("Not as the schema says: {problem}").format(problem=translated(problem)[0])
        elif title:
            text = self.tr("Valid JSON of the schema “{title}”").format(title=title)
        else:
            text = self.tr("Valid JSON of the schema")
        self._verdict.setText(text)


def answer_markdown(content: str, schema: str, outcome: Outcome) -> str:
    """An answer as it is shown: one that follows a schema is code, whose block ends where the answer did."""
    if not schema or not content.strip():
        return content
    return f"{JSON_FENCE}{content.strip()}" + ("" if outcome in CUT_OFF else "\n```")
