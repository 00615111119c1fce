"""One reply of the model: its thinking, its answer, how it ended, and how fast it was."""

import time
from collections import deque
from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.chat.markdown.text_selection import Part
from app.chat.prompting.answer_schema import problem_of, schema_title
from app.chat.store.records import Outcome
from app.engine.protocol import Channel, GenerationStats
from app.ui.base.bridge import FRAME_S
from app.ui.base.plain_text import set_tip
from app.ui.base.theme import Theme
from app.ui.reply.markdown_view import MarkdownView
from app.ui.reply.reply_notice import ReplyNotice
from app.ui.reply.sources_line import SourcesLine
from app.ui.reply.thinking_line import ThinkingLine
from app.ui.reply.version_switch import VersionSwitch
from app.ui.widgets.card import button, label, set_look

FRAME_MS = round(1000 * FRAME_S)
EARLY_MS = 5
"""The bridge brings text with each of its frames, now and then a little earlier."""
PAUSE_SHARE = 2
"""A pause takes twice as long as the frame before it: frames take a third of the time at most."""
COMPARED_FRAMES = 4
"""Frames become rarer when all of the last few were slow: a single one had more to lay out, or waited for the
processor."""
COUNT_MS = 250
COPIED_MS = 1500
BEARING_PX = 2
"""The icons begin where the text above them does, with what is drawn of them."""
JSON_FENCE = "```json\n"


class ReplyView(QWidget):
    """Shows a reply while it streams, or one that has ended. GUI thread only.

    Live: `begin`, then `show_prompt_progress` and `add` as events come, then `finish`. Kept: `show_kept`.
    """

    regenerate_requested = Signal()
    retry_requested = Signal()
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
    ) -> None:
        """`offers_regenerate` False leaves out what asks for the reply anew."""
        super().__init__(parent)
        self._theme = theme
        self._pieces: list[str] = []
        self._waiting: dict[Channel, list[str]] = {"thinking": [], "answer": []}
        self._thinking_tokens = 0
        self._thinking_since_s: float | None = None
        self._thinking_s: float | None = None
        self._running = self._waits = False
        self._painted_s = self._pause_ms = 0.0
        self._paints_ms: deque[float] = deque(maxlen=COMPARED_FRAMES)

        self.thinking = ThinkingLine(theme, self)
        self.thinking.hide()
        self.thinking.answer_now_requested.connect(self.answer_now_requested)
        self._remark = ReplyNotice(theme)
        self._remark.hide()
        self._state = label("", "muted")
        self._state.hide()
        self._answer = MarkdownView(theme, self, offers_to_code=offers_to_code)
        self._answer.hide()
        self._answer.to_code_requested.connect(self.to_code_requested)
        for text in (self.thinking, self._answer):
            text.selected_by_keys.connect(self.selected_by_keys)
        self._notice = ReplyNotice(theme)
        self._retry = self._notice.add_button(self.tr("Retry"))
        self._retry.clicked.connect(self.retry_requested)
        self._notice.hide()
        self._offers_another = offers_regenerate
        self._ended_badly = False
        self._schema = ""
        self._verdict = label("", "small", wrap=True, selectable=True)
        self._verdict.hide()
        self._foot = self._make_foot()
        self._regenerate.setVisible(offers_regenerate)
        self._foot.hide()

        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        self.sources = SourcesLine()
        for widget in (self.thinking, self._state, self._answer, self._verdict, self._remark, self._notice):
            layout.addWidget(widget)
        layout.addWidget(self.sources)
        layout.addWidget(self._foot)

        self._frame = QTimer(self, singleShot=True, timerType=Qt.TimerType.PreciseTimer)
        self._frame.timeout.connect(self._paint)
        self._counter = QTimer(self, interval=COUNT_MS)
        self._counter.timeout.connect(self._count)
        theme.changed.connect(self._draw_icons)
        self._draw_icons()

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
        """The line of figures under the reply."""
        return self._stats.text()

    @property
    def notice_text(self) -> str:
        """The sentence that says why the reply ended early; empty when it did not."""
        return "" if self._notice.isHidden() else self._notice.text.text()

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
        self._state.setText(
            self.tr("Waiting until another chat's reply is done…")
            if waits
            else self.tr("Reading the prompt…")
        )
        self._state.show()

    def show_prompt_progress(self, done_tokens: int, total_tokens: int) -> None:
        """Show how much of the prompt has been evaluated."""
        if not self._state.isHidden():
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
                self._thinking_since_s = time.monotonic()
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
        self._remark.text.setText(text)
        self._remark.show()

    @property
    def remark_text(self) -> str:
        """That sentence; empty where there is none."""
        return "" if self._remark.isHidden() else self._remark.text.text()

    def finish(self, outcome: Outcome, stats: GenerationStats | None, error: str = "") -> None:
        """End the reply; `error` is the sentence for an engine failure."""
        self._frame.stop()
        self._paint()
        self._running = False
        self._counter.stop()
        self._state.hide()
        self._answer.finish()
        if self.thinking.text:
            if stats is not None:
                self.thinking.finish(stats.thinking_s, stats.thinking_tokens)
            else:
                self.thinking.finish(self._thinking_s, self._thinking_tokens)
        self._show_end(outcome, stats, error)

    def show_kept(
        self, content: str, thinking: str, outcome: Outcome, stats: GenerationStats | None, error: str = ""
    ) -> None:
        """Show a reply that was kept."""
        if thinking.strip():
            self.thinking.set_text(thinking)
            self.thinking.finish(
                stats.thinking_s if stats else None,
                stats.thinking_tokens if stats else None,
                answered=bool(content.strip()),
            )
            self.thinking.show()
        self._pieces = [content]
        self._answer.set_text(answer_markdown(content, self._schema))
        self._answer.setVisible(bool(content.strip()))
        self._show_end(outcome, stats, error)

    def follow_schema(self, schema: str) -> None:
        """The answer is JSON as this schema says, or free where it is empty; before anything is shown."""
        self._schema = schema

    @property
    def verdict(self) -> str:
        """The verdict on an answer that follows a schema, in words; empty for others."""
        return "" if self._verdict.isHidden() else self._verdict.text()

    def offer_another(self, offered: bool) -> None:
        """Set whether this reply can be asked for anew: the last one of a chat can."""
        self._offers_another = offered
        self._regenerate.setVisible(offered)
        self._retry.setVisible(offered and self._ended_badly)

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
        self._copy.setIcon(self._theme.icon("check", "good", bearing_px=BEARING_PX))
        QTimer.singleShot(COPIED_MS, self._copy, self._draw_icons)

    def _paint(self) -> None:
        started_s = time.perf_counter()
        thinking, answer = ("".join(self._waiting[channel]) for channel in ("thinking", "answer"))
        for pieces in self._waiting.values():
            pieces.clear()
        if thinking:
            if self.thinking.isHidden() and (self.thinking.text + thinking).strip():
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

    def _cut_remark(self, stats: GenerationStats) -> str:
        if stats.thinking_closed == "loop":
            return self.tr("The thoughts only repeated themselves and were cut after {tokens} tokens.")
        if stats.thinking_closed == "room":
            return self.tr(
                "The context is nearly full, so the thoughts were ended after {tokens} tokens, to leave room "
                "for an answer. With a larger context, in the load settings, they can go on for longer."
            )
        return ""

    def _show_end(self, outcome: Outcome, stats: GenerationStats | None, error: str) -> None:
        sentence = self._end_sentence(outcome, error)
        self._notice.text.setText(sentence)
        self._ended_badly = outcome in ("failed", "interrupted")
        self._retry.setVisible(self._offers_another and self._ended_badly)
        self._notice.setVisible(bool(sentence))
        self._foot.setVisible(outcome != "running")
        self._show_verdict(outcome)
        if stats is not None and (remark := self._cut_remark(stats)):
            self.show_remark(remark.format(tokens=f"{stats.thinking_tokens:,}"))
        if stats is None or not stats.completion_tokens:
            self._stats.setText("")
            return
        if stats.accepted_tokens:
            text = self.tr("{tokens} tokens · {rate} tok/s · first token {seconds} s · {share} guessed ahead")
        else:
            text = self.tr("{tokens} tokens · {rate} tok/s · first token {seconds} s")
        self._stats.setText(
            text.format(
                tokens=f"{stats.completion_tokens:,}",
                rate=f"{stats.decode_tok_per_s:.1f}",
                seconds=f"{stats.ttft_s:.2f}",
                share=f"{stats.accepted_tokens / max(1, stats.completion_tokens):.0%}",
            )
        )
        tip = self.tr("Prompt: {tokens} tokens at {rate} tok/s. Seed: {seed}.").format(
            tokens=f"{stats.prompt_tokens:,}", rate=f"{stats.prompt_tok_per_s:,.1f}", seed=stats.seed
        )
        if stats.drafted_tokens:
            guesses = self.tr("Of {drafted} tokens guessed ahead {accepted} were right.").format(
                drafted=f"{stats.drafted_tokens:,}", accepted=f"{stats.accepted_tokens:,}"
            )
            tip = f"{tip}\n{guesses}"
        set_tip(self._stats, tip)

    def _show_verdict(self, outcome: Outcome) -> None:
        """Show whether the answer is as its schema says."""
        checked = bool(self._schema and self.answer.strip()) and outcome != "running"
        self._verdict.setVisible(checked)
        if not checked:
            return
        problem = problem_of(self.answer, self._schema)
        set_look(self._verdict, "danger" if problem else "good")
        title = schema_title(self._schema)
        if problem:
            text = self.tr("Not as the schema says: {problem}").format(problem=problem)
        elif title:
            text = self.tr("Valid JSON of the schema “{title}”").format(title=title)
        else:
            text = self.tr("Valid JSON of the schema")
        self._verdict.setText(text)

    def _end_sentence(self, outcome: Outcome, error: str) -> str:
        match outcome:
            case "failed":
                return error or self.tr("The engine stopped before the reply was complete.")
            case "interrupted":
                return self.tr("Stillroom was closed before this reply was complete. What had come is kept.")
            case "length":
                return self.tr("The reply reached the most tokens that this chat allows.")
            case "context":
                return self.tr("The context is full, so the reply ends here.")
            case "loop":
                return self.tr("The answer only repeated itself, so it was ended here.")
            case "cancelled":
                return "" if self.answer.strip() or self.thinking.text else self.tr("Stopped.")
            case _:
                return "" if self.answer.strip() else self.tr("The model gave no answer.")

    def _make_foot(self) -> QWidget:
        foot = QWidget()
        self._copy = button("", "inline", name=self.tr("Copy the reply"))
        self._copy.clicked.connect(self.copy)
        self._regenerate = button("", "inline", name=self.tr("Regenerate the reply"))
        self._regenerate.clicked.connect(self.regenerate_requested)
        # It wraps in a narrow column, which would otherwise be as wide as its figures.
        self._stats = label("", "small", wrap=True, selectable=True)
        self._stats.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.versions = VersionSwitch(self._theme)
        self.versions.chosen.connect(self.version_chosen)
        row = QHBoxLayout(foot)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self._copy)
        row.addWidget(self._regenerate)
        row.addWidget(self.versions)
        row.addWidget(self._stats, 1)
        return foot

    def _draw_icons(self) -> None:
        for shown, name in ((self._copy, "copy"), (self._regenerate, "arrows-clockwise")):
            shown.setIcon(self._theme.icon(name, active="text", bearing_px=BEARING_PX))


def answer_markdown(content: str, schema: str) -> str:
    """An answer as it is shown: one that follows a schema is code."""
    return f"{JSON_FENCE}{content.strip()}\n```" if schema and content.strip() else content
