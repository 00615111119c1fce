"""One item of a quality run: what was asked, thought and answered, and the verdict on it."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from app.bench.quality.result import ItemResult
from app.ui.base.plain_text import without_blank_ends
from app.ui.benchmark.quality.quality_words import QualityWords
from app.ui.widgets.card import LabelLook, label
from app.ui.widgets.scrolled_page import KeyboardRing, ScrolledPage

LONGEST_CHARACTERS = 12_000
"""Of all long texts of an item together: a label lays out its whole text. Of a longer one the beginning and
the end are shown."""
_LONG_CHARACTERS = 1000


class QualityItemView(QScrollArea):
    """Sections from top to bottom, all of which can be selected and copied; GUI thread."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = QualityWords()
        self._most = LONGEST_CHARACTERS
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        KeyboardRing(self)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(self.tr("The chosen item"))
        self.show_item(None)

    def show_item(self, result: ItemResult | None) -> None:
        """Show an item, or what to do where none is chosen."""
        page = ScrolledPage(self.viewport())
        body = QVBoxLayout(page)
        body.setContentsMargins(16, 8, 16, 16)
        body.setSpacing(4)
        if result is None:
            body.addWidget(label(self.tr("Choose an item to see its prompt and answer."), "muted", wrap=True))
        else:
            self._fill(body, result)
        body.addStretch(1)
        self.setWidget(page)

    def _fill(self, body: QVBoxLayout, result: ItemResult) -> None:
        looks: dict[str, LabelLook] = {"right": "good", "wrong": "danger", "scored": "muted"}
        verdict = self._words.verdict(result.verdict)
        if result.scores:
            verdict = self.tr("ROUGE-L {rouge}, BLEU {bleu}").format(
                rouge=f"{result.scores.get('rouge_l', 0.0):.2f}", bleu=f"{result.scores.get('bleu', 0.0):.1f}"
            )
        self._section(body, self.tr("VERDICT"), verdict, looks.get(result.verdict, "warning"))
        texts = [result.found]
        for turn in result.turns:
            texts += (turn.question, turn.thinking, turn.answer, turn.expected)
        long = sum(len(text) > _LONG_CHARACTERS for text in texts)
        self._most = max(_LONG_CHARACTERS, LONGEST_CHARACTERS // max(1, long))
        self._section(body, self.tr("READ AS"), result.found)
        for turn in result.turns:
            self._section(body, self.tr("PROMPT"), turn.question, "muted")
            self._section(body, self.tr("THINKING"), turn.thinking, "muted")
            answer = turn.answer if turn.answer.strip() else self.tr("(nothing)")
            self._section(body, self.tr("ANSWER"), answer)
            self._section(body, self.tr("EXPECTED"), turn.expected)
            self._section(
                body,
                self.tr("FIGURES"),
                self.tr("{tokens} tokens ({thinking} thinking) in {seconds} s, seed {seed}, {ending}").format(
                    tokens=f"{turn.completion_tokens:,}",
                    thinking=f"{turn.thinking_tokens:,}",
                    seconds=f"{turn.seconds:.1f}",
                    seed=turn.seed,
                    ending=self._words.ending(turn.finish_reason),
                ),
                "small",
            )

    def _section(self, body: QVBoxLayout, caption: str, text: str, look: LabelLook = "body") -> None:
        """Add a text and what it is; nothing where there are no words."""
        if len(text) > self._most:
            half = self._most // 2
            text = f"{text[:half]}\n…\n{text[-half:]}"
        text = without_blank_ends(text)
        if not text:
            return
        head = label(caption, "caption")
        head.setContentsMargins(0, 8, 0, 0)
        body.addWidget(head)
        body.addWidget(label(text, look, wrap=True, selectable=True))
